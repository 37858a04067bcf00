package e2e

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/perf/browser"
	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

// desk is a display, an agent that serves it, and a browser.
type desk struct {
	t       *testing.T
	ctx     context.Context
	plan    *display.Plan
	kill    func() // ends the display server
	agent   *agent
	browser *browser.Browser
}

// setup says what differs from a 1280×720 Xvnc in a tab of the same size.
type setup struct {
	server string      // display.Xvnc or display.Xvfb
	size   image.Point // of the screen
	max    image.Point // of the screen, for a server that has to know
	tab    image.Point // in CSS pixels
	scale  float64     // device pixels to one of the tab's
	lang   string
	agent  []string // arguments; none: --auth none
	args   []string // further ones, of the browser

	browser *browser.Browser // that of another desk; nil: one of its own
}

// newDesk starts all three.
func newDesk(t *testing.T, s setup) *desk {
	t.Helper()
	if _, err := browser.Find(); errors.Is(err, browser.ErrNotFound) {
		t.Skip("chromium is not installed")
	}
	d := newAgentDesk(t, &s)
	if d.browser = s.browser; d.browser == nil {
		d.browser = d.startBrowser(browser.Config{Size: s.tab, Scale: s.scale, Lang: s.lang, Args: s.args})
	}
	return d
}

// newBrowserDesk starts the browser alone, for a display and an agent that are started by others, and
// a test that takes no longer than limit.
func newBrowserDesk(t *testing.T, size image.Point, limit time.Duration) *desk {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	d := &desk{t: t, ctx: ctx}
	d.browser = d.startBrowser(browser.Config{Size: size})
	return d
}

// newAgentDesk starts the display and the agent, for a browser of another kind.
// It fills in what the setup leaves open.
func newAgentDesk(t *testing.T, s *setup) *desk {
	t.Helper()
	if s.server == "" {
		s.server = display.Xvnc
	}
	if s.size == (image.Point{}) {
		s.size = image.Pt(1280, 720)
	}
	if s.tab == (image.Point{}) {
		s.tab = s.size
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	d := &desk{t: t, ctx: ctx}
	d.plan, d.kill = displaytest.StartProcess(t, display.Config{Server: s.server, Size: s.size, Max: s.max})
	if s.agent == nil {
		s.agent = []string{"--auth", "none"}
	}
	d.agent = startAgent(t, d.plan.Display, s.agent...)
	return d
}

// in returns the same desk for a test within the one that has started it.
func (d *desk) in(t *testing.T) *desk {
	inner := *d
	inner.t = t
	return &inner
}

func (d *desk) startBrowser(cfg browser.Config) *browser.Browser {
	d.t.Helper()
	b, err := browser.Start(d.ctx, cfg)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		if err := b.Close(); err != nil {
			d.t.Error(err)
		}
	})
	return b
}

// url returns the page's address with a query. A page that is to choose its path
// by itself has transport=auto in it: most tests are about something else.
func (d *desk) url(query string) string {
	if strings.HasPrefix(query, "?") && !strings.Contains(query, "transport=") {
		query += "&transport=webrtc"
	}
	return d.agent.scheme + "://" + d.agent.address + "/" + query
}

// tab is an open page.
type tab struct {
	*browser.Page
	d       *desk
	sampler *sample.Sampler
}

// errorsScript keeps what the page did not expect. That a layout took a second
// round is no error, though browsers tell it as one (Resize Observer, §3.4.5).
const errorsScript = `window.unexpected = [];
addEventListener("error", e => e.message.startsWith("ResizeObserver loop") || unexpected.push(String(e.message)));
addEventListener("unhandledrejection", e => unexpected.push(String(e.reason)));`

// open opens a page in the desk's browser and waits for the first picture.
func (d *desk) open(query string) *tab {
	d.t.Helper()
	t := d.load(d.browser, d.url(query))
	t.picture()
	return t
}

// load opens a page and waits for nothing.
func (d *desk) load(b *browser.Browser, url string, scripts ...string) *tab {
	d.t.Helper()
	sampler, page, err := sample.Open(d.ctx, b, url, append(scripts, errorsScript)...)
	if err != nil {
		d.t.Fatal(err)
	}
	t := &tab{Page: page, d: d, sampler: sampler}
	d.t.Cleanup(func() { t.report() })
	return t
}

// report fails the test if the page met something unexpected, and shows the
// page of a test that has failed.
func (t *tab) report() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var unexpected []string
	if t.Eval(ctx, "unexpected", &unexpected) == nil && len(unexpected) > 0 {
		t.d.t.Errorf("errors in the page: %q", unexpected)
	}
	dir := os.Getenv("E2E_SCREENSHOTS")
	if !t.d.t.Failed() || dir == "" {
		return
	}
	if shot, err := t.Screenshot(ctx); err == nil {
		name := strings.ReplaceAll(t.d.t.Name(), "/", "-") + ".png"
		os.WriteFile(filepath.Join(dir, name), shot, 0o644)
	}
}

// picture waits until the page shows the desktop.
func (t *tab) picture() {
	t.d.t.Helper()
	t.wait(`document.documentElement.dataset.state === "connected" && lucarne.stats().width > 0`)
}

// wait waits until an expression is true in the page.
func (t *tab) wait(expression string) {
	t.d.t.Helper()
	ctx, cancel := context.WithTimeout(t.d.ctx, patience)
	defer cancel()
	if err := t.Wait(ctx, expression); err != nil {
		var text, stats string
		t.Eval(t.d.ctx, "document.body.innerText", &text)
		t.Eval(t.d.ctx, "JSON.stringify(window.lucarne?.stats())", &stats)
		t.d.t.Fatalf("%v\nthe page says %q\nstatistics %s", err, text, stats)
	}
}

// check fails the test on the first error.
func (d *desk) check(errs ...error) {
	d.t.Helper()
	for _, err := range errs {
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

// shows waits until the picture has a colour at a position of the screen.
func (t *tab) shows(at image.Point, want xclient.RGB, tolerance int) {
	t.d.t.Helper()
	got := -1
	poll(t.d.t, fmt.Sprintf("colour %06x at %v", want, at), func() bool {
		colours, err := t.sampler.Colours(t.d.ctx, at)
		t.d.check(err)
		got = colours[0]
		return sample.Near(got, int(want), tolerance)
	})
}

// place is where the picture lies in the tab, in CSS pixels, and its size in
// its own pixels.
type place struct {
	X, Y, Width, Height float64
	Remote              image.Point
}

func (t *tab) place() place {
	t.d.t.Helper()
	var p place
	t.d.check(t.Eval(t.d.ctx, `(v => { const b = v.getBoundingClientRect();
		return {X: b.x, Y: b.y, Width: b.width, Height: b.height, Remote: {X: v.videoWidth, Y: v.videoHeight}}; })(document.querySelector("video"))`, &p))
	return p
}

// remote returns the screen's pixel under a position in the tab.
func (p place) remote(at image.Point) image.Point {
	return image.Pt(
		int((float64(at.X)-p.X)*float64(p.Remote.X)/p.Width),
		int((float64(at.Y)-p.Y)*float64(p.Remote.Y)/p.Height))
}

// focus makes the page take the keyboard, as a click on the desktop does.
func (t *tab) focus() {
	t.d.t.Helper()
	t.d.check(t.Click(t.d.ctx, image.Pt(600, 500), browser.Left))
}

// window opens an X client's window on the desk's display.
func (d *desk) window(bounds image.Rectangle, background xclient.RGB) *xclient.Window {
	d.t.Helper()
	w, err := xclient.Open(d.plan.Display, bounds, background)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { w.Close() })
	return w
}

// recorder writes down the input that a window gets.
type recorder struct {
	d      *desk
	mu     sync.Mutex
	events []xclient.Event
}

// record opens a window that has the keyboard, and writes down its input.
func (d *desk) record(bounds image.Rectangle) *recorder {
	d.t.Helper()
	w := d.window(bounds, 0x303030)
	d.check(w.Focus())
	r := &recorder{d: d}
	ctx, cancel := context.WithCancel(d.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Listen(ctx, func(e xclient.Event) { // ends with the display or the test
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		})
	}()
	d.t.Cleanup(func() {
		cancel()
		<-done
	})
	return r
}

// got returns the events so far for which keep holds.
func (r *recorder) got(keep func(xclient.Event) bool) []xclient.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var events []xclient.Event
	for _, e := range r.events {
		if keep(e) {
			events = append(events, e)
		}
	}
	return events
}

// reset forgets what was written down.
func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = nil
}

// pressed returns the keysyms of the presses so far.
func (r *recorder) pressed() []uint32 {
	var syms []uint32
	for _, e := range r.got(isKey) {
		if k := e.(xclient.Key); k.Down {
			syms = append(syms, k.Keysym)
		}
	}
	return syms
}

// printable returns those of them that are no modifier.
func (r *recorder) printable() []uint32 {
	return slices.DeleteFunc(r.pressed(), func(sym uint32) bool { return sym >= 0xff00 && sym < 0x10000 })
}

// pointer returns where the pointer was seen last; zero if it has not moved.
func (r *recorder) pointer() image.Point {
	moved := r.got(isMotion)
	if len(moved) == 0 {
		return image.Point{}
	}
	return moved[len(moved)-1].(xclient.Motion).Pos
}

// held returns how many keys have been pressed and not let go.
func (r *recorder) held() int {
	held := map[uint8]bool{}
	for _, e := range r.got(isKey) {
		k := e.(xclient.Key)
		if k.Down {
			held[k.Code] = true
		} else {
			delete(held, k.Code)
		}
	}
	return len(held)
}

func isKey(e xclient.Event) bool    { _, ok := e.(xclient.Key); return ok }
func isButton(e xclient.Event) bool { _, ok := e.(xclient.Button); return ok }
func isMotion(e xclient.Event) bool { _, ok := e.(xclient.Motion); return ok }
