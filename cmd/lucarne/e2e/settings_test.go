package e2e

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lucarne/perf/browser"
	"lucarne/perf/xclient"
)

// choose gives a setting with several values one of them, as a person does in the panel.
func (t *tab) choose(setting, value string) {
	t.d.t.Helper()
	t.wait(fmt.Sprintf(`document.querySelector("select[name=%s] option[value='%s']:enabled")`, setting, value))
	t.d.check(t.Eval(t.d.ctx, fmt.Sprintf(`(select => {
		select.value = %q;
		select.dispatchEvent(new Event("change"));
	})(document.querySelector("select[name=%s]"))`, value, setting), nil))
}

// use presses a button of the toolbar.
func (t *tab) use(tool string) {
	t.d.t.Helper()
	t.wait(fmt.Sprintf(`document.querySelector("[data-tool=%s]")`, tool))
	t.d.check(t.Eval(t.d.ctx, fmt.Sprintf(`document.querySelector("[data-tool=%s]").click()`, tool), nil))
}

// media has the page believe in features of the system's (CSS Media Queries), name and value by turns.
func (t *tab) media(features ...string) {
	t.d.t.Helper()
	var list []map[string]string
	for pair := range slices.Chunk(features, 2) {
		list = append(list, map[string]string{"name": pair[0], "value": pair[1]})
	}
	t.d.check(t.Call(t.d.ctx, "Emulation.setEmulatedMedia", map[string]any{"features": list}, nil))
}

// keep writes a picture of the page to the folder for screenshots, if there is one.
func (t *tab) keep(name string) {
	t.d.t.Helper()
	dir := os.Getenv("E2E_SCREENSHOTS")
	if dir == "" {
		return
	}
	shot, err := t.Screenshot(t.d.ctx)
	t.d.check(err, os.WriteFile(filepath.Join(dir, name+".png"), shot, 0o644))
}

// TestSettingsAreRemembered: what is chosen holds at once, after a reload, and until it is
// reset; the language changes without a new connection.
func TestSettingsAreRemembered(t *testing.T) {
	d := newDesk(t, setup{})
	page := d.load(d.browser, d.url("?transport=ws"), connectionsScript)
	page.picture()
	page.use("settings")
	page.choose("resize", "off")
	page.choose("theme", "dark")
	page.wait(`document.documentElement.dataset.theme === "dark"`)
	page.choose("language", "fr")
	page.wait(`document.activeElement.name === "language" && document.documentElement.lang === "fr"`)
	page.wait(`document.querySelector("[role=dialog]:not([hidden])").ariaLabel === "Réglages"`)
	page.wait(`connections === 1`)
	d.check(page.Eval(d.ctx, `document.querySelector("input[name=stats]").click()`, nil))
	page.wait(`document.querySelector(".overlay").hidden === false`)

	d.check(page.Navigate(d.ctx, d.url("?transport=ws&lang=en")))
	page.picture()
	page.wait(`document.documentElement.lang === "en" && document.documentElement.dataset.theme === "dark"`)
	page.wait(`document.querySelector("select[name=resize]").value === "off"`)
	page.wait(`document.querySelector(".overlay").hidden === false`)
	d.check(page.Eval(d.ctx, `document.querySelector(".settings footer button").click()`, nil))
	page.wait(`!document.documentElement.dataset.theme && document.querySelector(".overlay").hidden`)
	page.wait(`document.querySelector("select[name=resize]").value === "remote"`)
	page.wait(`localStorage.length === 0`)
}

// TestPathIsChosenInTheSettings: the picture goes from path to path in the same page.
func TestPathIsChosenInTheSettings(t *testing.T) {
	d := newDesk(t, setup{})
	w := d.window(image.Rect(0, 0, 1280, 720), 0x40a060)
	page := d.open("?resize=off&transport=webrtc")
	page.by("webrtc")
	d.check(page.Eval(d.ctx, "window.sameDocument = true", nil))
	for _, transport := range []string{"ws", "webrtc", "ws"} {
		page.choose("transport", transport)
		page.by(transport)
		page.shows(image.Pt(400, 350), 0x40a060, atRest)
		w.Fill(image.Rect(0, 0, 1280, 720), 0xc04040)
		d.check(w.Sync())
		page.shows(image.Pt(400, 350), 0xc04040, 12)
		w.Fill(image.Rect(0, 0, 1280, 720), 0x40a060)
		d.check(w.Sync())
	}
	page.wait("window.sameDocument")
}

// TestPageAsTheSystemIs: light or dark, still, and in few colours where the system is; light or
// dark by choice where the person has chosen.
func TestPageAsTheSystemIs(t *testing.T) {
	d := newDesk(t, setup{})
	page := d.open("?resize=off")
	const dark = `getComputedStyle(document.body).color === "rgb(234, 238, 246)"`
	page.media("prefers-color-scheme", "dark")
	page.wait(dark)
	page.choose("theme", "light")
	page.wait("!(" + dark + ")")
	page.media("prefers-color-scheme", "light")
	page.choose("theme", "dark")
	page.wait(dark)

	page.media("prefers-reduced-motion", "reduce")
	var moving []string
	d.check(page.Eval(d.ctx, `[...document.querySelectorAll("body *")].flatMap(e => ["", "::before", "::after"].map(part => [e, getComputedStyle(e, part)]))
		.filter(([e, s]) => !e.matches(".spinner") && (parseFloat(s.transitionDuration) > 0 || (s.animationName !== "none" && parseFloat(s.animationDuration) > 0.01)))
		.map(([e]) => e.outerHTML.slice(0, 120))`, &moving))
	if len(moving) > 0 {
		t.Errorf("what moves although nothing is to: %q", moving)
	}

	page.media("forced-colors", "active")
	page.use("settings")
	page.wait(`parseFloat(getComputedStyle(document.querySelector("[data-tool=settings]")).borderWidth) >= 2`)
	page.wait(`getComputedStyle(document.querySelector(".row input")).appearance === "auto"`)
	page.keep("forced-colors")
}

// once fails unless a text, an expression, is in one live region of the page's.
func (t *tab) once(what, text string) {
	t.d.t.Helper()
	var said []string
	t.d.check(t.Eval(t.d.ctx, `[...document.querySelectorAll("[role=status], [role=alert], [aria-live]")].filter(region =>
		region.checkVisibility({visibilityProperty: true}) && region.textContent.includes(`+text+`)).map(region => region.outerHTML)`, &said))
	if len(said) != 1 {
		t.d.t.Errorf("%s: spoken by %d live regions %q, want 1", what, len(said), said)
	}
}

// TestLimitsAreKept: the person's limit of the frame rate holds while it is chosen.
func TestLimitsAreKept(t *testing.T) {
	d := newDesk(t, setup{})
	w := d.window(image.Rect(0, 0, 1280, 720), 0x40a060)
	page := d.open("?resize=off&transport=ws")
	ctx, cancel := context.WithCancel(d.ctx)
	done := make(chan error, 1)
	go func() {
		defer close(done)
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			w.Fill(image.Rect(0, 0, 200, 200), []xclient.RGB{0xc04040, 0x4040c0}[n%2])
			if err := w.Sync(); err != nil {
				done <- err
				return
			}
			select {
			case <-ctx.Done():
			case <-pace.C:
			}
		}
	}()
	defer func() {
		cancel()
		d.check(<-done)
	}()
	page.wait("lucarne.stats().framesPerSecond > 8")
	page.choose("maxFPS", "5")
	page.wait("lucarne.stats().framesPerSecond > 0 && lucarne.stats().framesPerSecond <= 6")
	page.choose("maxFPS", "0")
	page.wait("lucarne.stats().framesPerSecond > 8")
}

// node is one of the accessibility tree.
type node struct {
	Ignored     bool
	Role, Name  struct{ Value string }
	Description struct{ Value string }
}

// operable are the roles of what a person operates.
var operable = []string{"button", "switch", "checkbox", "combobox", "textbox", "link", "menuitem", "slider", "spinbutton", "scrollbar", "radio", "tab"}

// named fails for what can be operated and has no name, and where there is less than so much of it.
func (t *tab) named(place string, least int) {
	t.d.t.Helper()
	var tree struct{ Nodes []node }
	t.d.check(t.Call(t.d.ctx, "Accessibility.getFullAXTree", map[string]any{}, &tree))
	seen := 0
	for _, n := range tree.Nodes {
		if n.Ignored || !slices.Contains(operable, n.Role.Value) {
			continue
		}
		seen++
		if strings.TrimSpace(n.Name.Value) == "" {
			t.d.t.Errorf("%s: a %s without a name (%q)", place, n.Role.Value, n.Description.Value)
		}
	}
	if seen < least {
		t.d.t.Errorf("%s: %d controls in the accessibility tree, want %d at least", place, seen, least)
	}
}

// TestPageForScreenReaders: whatever can be operated has a role and a name, in both languages.
func TestPageForScreenReaders(t *testing.T) {
	d := newDesk(t, setup{agent: []string{"--auth", "token"}})
	stranger := d.load(d.browser, d.url("?lang=fr"))
	stranger.wait(`document.querySelector("input[type=password]")`)
	stranger.named("sign-in", 2)
	_, secret, _ := strings.Cut(d.link(), "#")
	for _, lang := range []string{"en", "fr"} {
		page := d.load(d.browser, d.url("?stats=1&lang="+lang+"#"+secret))
		page.picture()
		page.once("state of the connection", `document.querySelector(".toolbar .state").textContent`)
		var tools []string
		d.check(page.Eval(d.ctx, `[...document.querySelectorAll("[data-tool]")].filter(b => b.offsetParent && b.hasAttribute("aria-pressed")).map(b => b.dataset.tool)`, &tools))
		for _, tool := range tools {
			page.use(tool)
			page.named(lang+", "+tool, 5)
			page.use(tool)
		}
		d.check(page.Close())
	}
}

// keyboarder operates the page by its keyboard alone.
type keyboarder struct{ *tab }

func (k keyboarder) press(key string, modifiers browser.Modifier) {
	k.d.t.Helper()
	k.d.check(k.Press(k.d.ctx, browser.Key{Code: key, Key: key, Modifiers: modifiers}))
}

// leave goes from the desktop into the toolbar.
func (k keyboarder) leave() {
	k.d.t.Helper()
	keys := []browser.Key{
		{Code: "ControlLeft", Key: "Control", Modifiers: browser.Ctrl},
		{Code: "AltLeft", Key: "Alt", Modifiers: browser.Ctrl | browser.Alt},
		{Code: "ShiftLeft", Key: "Shift", Modifiers: browser.Ctrl | browser.Alt | browser.Shift},
	}
	for _, key := range keys {
		k.d.check(k.KeyDown(k.d.ctx, key))
	}
	for _, key := range slices.Backward(keys) {
		k.d.check(k.KeyUp(k.d.ctx, key))
	}
	k.wait(`document.activeElement.closest(".pill")`)
}

// open goes along the toolbar to a button and presses it.
func (k keyboarder) open(tool string) {
	k.d.t.Helper()
	for range 20 {
		var at string
		k.d.check(k.Eval(k.d.ctx, "document.activeElement.dataset.tool", &at))
		if at == tool {
			break
		}
		k.press("ArrowRight", 0)
	}
	k.wait(fmt.Sprintf(`document.activeElement.dataset.tool === %q`, tool))
	k.wait(`getComputedStyle(document.activeElement).outlineStyle !== "none"`)
	k.press(" ", 0)
	k.wait(`document.activeElement.closest("[role=dialog]")`)
}

// round goes round the panel that is open, one way and the other: each of its controls once, and
// never out of it.
func (k keyboarder) round(name string) {
	k.d.t.Helper()
	const controls = `[...document.querySelectorAll("[role=dialog]:not([hidden]) :is(button, select, input, textarea, a[href])")].filter(c => c.offsetParent && !c.disabled)`
	var all int
	k.d.check(k.Eval(k.d.ctx, controls+".length", &all))
	for _, modifiers := range []browser.Modifier{0, browser.Shift} {
		reached := map[int]bool{}
		for range all {
			k.press("Tab", modifiers)
			var at int
			k.d.check(k.Eval(k.d.ctx, controls+".indexOf(document.activeElement)", &at))
			reached[at] = true
		}
		if len(reached) != all || reached[-1] {
			k.d.t.Errorf("%s, modifiers %d: Tab has reached %v, want %d controls", name, modifiers, reached, all)
		}
	}
}

// TestPageByKeyboard: the toolbar, each panel and the way back, without a pointer.
func TestPageByKeyboard(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	page.focus()
	k := keyboarder{page}
	k.leave()
	poll(t, "keys let go", func() bool { return r.held() == 0 })
	var panels []string
	d.check(page.Eval(d.ctx, `[...document.querySelectorAll("[data-tool][aria-pressed]:not([data-tool=stats])")].filter(b => b.offsetParent).map(b => b.dataset.tool)`, &panels))
	if !slices.Contains(panels, "settings") {
		t.Errorf("panels %q", panels)
	}
	for i, panel := range panels {
		if i > 0 {
			k.leave()
		}
		k.open(panel)
		k.round(panel)
		k.press("Escape", 0)
		page.wait(`document.activeElement.id === "sink" && !document.querySelector("[role=dialog]:not([hidden])")`)
	}
	poll(t, "keys let go", func() bool { return r.held() == 0 })
	r.reset()
	d.check(page.Press(d.ctx, browser.Key{Code: "KeyZ", Key: "z"}))
	poll(t, "key", func() bool { return slices.Equal(r.pressed(), []uint32{'z'}) && r.held() == 0 })
}

// fitScript returns what does not fit: controls that reach out of the tab or of their panel,
// letters that are cut, targets too small for a finger, text too small to read.
const fitScript = `(scope => {
	const wrong = [], say = (e, what) => wrong.push((e.dataset.tool || e.name || e.textContent.trim().slice(0, 40) || e.className) + ": " + what);
	const root = document.documentElement;
	if (root.scrollWidth > innerWidth) wrong.push("the page scrolls sideways");
	for (const e of document.querySelectorAll(scope + ", " + scope + " *")) {
		if (!e.checkVisibility({visibilityProperty: true}) || e.closest("svg, option")) continue;
		const b = e.getBoundingClientRect();
		if (b.width && (b.left < -0.5 || b.right > innerWidth + 0.5)) say(e, "reaches out of the tab: " + b.left + " to " + b.right);
		if (e.matches(".panel, .card, .pill, .overlay") && (b.top < -0.5 || b.bottom > innerHeight + 0.5)) say(e, "reaches out of the tab: " + b.top + " to " + b.bottom);
		if (e.matches(".panel, .card, .pill") && e.scrollWidth > e.clientWidth) say(e, "scrolls sideways");
		if (e.matches("button, label, legend, small, select") && e.scrollWidth > e.clientWidth + 1) say(e, "is cut");
		if ([...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && parseFloat(getComputedStyle(e).fontSize) < 12) say(e, "is too small to read");
		if (e.matches("button, select, a[href], input, textarea")) {
			const [x, y] = [b.x + b.width / 2, b.y + b.height / 2];
			const hits = (dx, dy) => { const hit = document.elementFromPoint(x + dx, y + dy); return !hit || hit === e || e.contains(hit); };
			const visible = y > 60 && y < innerHeight - 20;
			if (b.width < 39.5 && !(visible && hits(-19, 0) && hits(19, 0)) && visible) say(e, "is " + b.width + " px wide");
			if (b.height < 39.5 && !e.matches(".handle") && visible && !(hits(0, -19) && hits(0, 19))) say(e, "is " + b.height + " px high");
		}
	}
	return wrong;
})`

// ours is what the page has around the picture.
const ours = "[data-ui]"

// fits reports what does not fit in a part of the page, with a picture of it for who wants to look.
func (t *tab) fits(name, scope string) {
	t.d.t.Helper()
	var wrong []string
	t.d.check(t.Eval(t.d.ctx, fmt.Sprintf("%s(%q)", fitScript, scope), &wrong))
	if len(wrong) > 0 {
		t.d.t.Errorf("%s:\n%s", name, strings.Join(wrong, "\n"))
	}
	t.keep(name)
}

// TestPageOnAPhone: 360 pixels are enough, upright and lying, in both languages, light and dark.
func TestPageOnAPhone(t *testing.T) {
	d := newDesk(t, setup{tab: image.Pt(360, 640), agent: []string{"--auth", "token"}})
	page := d.load(d.browser, d.url(""))
	d.check(page.Call(d.ctx, "Emulation.setTouchEmulationEnabled", map[string]any{"enabled": true}, nil))
	_, secret, _ := strings.Cut(d.link(), "#")
	const shown = `getComputedStyle(document.querySelector(".veil")).opacity === "1"` // it comes late
	for i, c := range []struct{ lang, scheme string }{{"en", "light"}, {"fr", "dark"}, {"fr", "light"}, {"en", "dark"}} {
		page.media("prefers-color-scheme", c.scheme, "prefers-reduced-motion", "reduce")
		each := func(look func(name string)) {
			for _, size := range []image.Point{{X: 360, Y: 640}, {X: 640, Y: 360}} {
				d.check(page.Resize(d.ctx, size.X, size.Y))
				page.wait(fmt.Sprintf("innerWidth === %d", size.X))
				look(fmt.Sprintf("phone-%s-%s-%d", c.lang, c.scheme, size.X))
			}
		}
		query := "?resize=scale&transport=ws&lang=" + c.lang
		if i == 0 {
			each(func(name string) {
				page.wait(`document.querySelector("input[type=password]")`)
				page.wait(shown)
				page.fits(name+"-login", ours)
			})
		}
		d.check(page.Navigate(d.ctx, "about:blank"), page.Navigate(d.ctx, d.url(query+"#"+secret)))
		page.picture()
		each(func(name string) {
			var tools []string
			d.check(page.Eval(d.ctx, `[...document.querySelectorAll("[data-tool][aria-pressed]")].filter(b => b.offsetParent).map(b => b.dataset.tool)`, &tools))
			for _, tool := range tools {
				page.use(tool)
				page.fits(name+"-"+tool, ours)
				page.use(tool)
			}
		})
	}
	d.kill()
	page.wait(`document.documentElement.dataset.state === "gone"`)
	page.wait(shown)
	page.fits("phone-gone", ours)
}

// TestOtherPagesOnAPhone: so are they for the pages beside it.
func TestOtherPagesOnAPhone(t *testing.T) {
	needX11vnc(t)
	d := newDesk(t, setup{tab: image.Pt(360, 640)})
	page := d.load(d.browser, d.url("connection?lang=fr&stay=1"))
	page.media("prefers-color-scheme", "dark", "prefers-reduced-motion", "reduce")
	d.check(page.Call(d.ctx, "Emulation.setTouchEmulationEnabled", map[string]any{"enabled": true}, nil))
	page.wait(`document.documentElement.dataset.state === "done"`)
	for _, c := range []struct{ name, query, state, scope string }{
		{"connection", "", "", "main"},
		{"vnc", "vnc/?resize=scale&lang=fr", "connected", ours},
	} {
		if c.query != "" {
			d.check(page.Navigate(d.ctx, d.url(c.query)))
			page.wait(fmt.Sprintf(`document.documentElement.dataset.state === %q`, c.state))
			d.check(page.Eval(d.ctx, `document.querySelector("[aria-label=Presse-papiers]").click()`, nil))
		}
		for _, size := range []image.Point{{X: 360, Y: 640}, {X: 640, Y: 360}} {
			d.check(page.Resize(d.ctx, size.X, size.Y))
			page.wait(fmt.Sprintf("innerWidth === %d", size.X))
			page.fits(fmt.Sprintf("phone-%s-%d", c.name, size.X), c.scope)
		}
		page.named(c.name, 2)
	}
}
