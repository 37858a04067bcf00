package e2e

import (
	"image"
	"regexp"
	"slices"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"lucarne/capture/display"
	"lucarne/perf/browser"
	"lucarne/perf/xclient"
)

// is waits until the screen has a size.
func (d *desk) is(w *xclient.Window, size image.Point) {
	d.t.Helper()
	poll(d.t, "screen of "+size.String(), func() bool {
		got, err := w.ScreenSize()
		d.check(err)
		return got == size
	})
}

// asked asks the display something.
func asked[T any](d *desk, ask func(*xgb.Conn, xproto.Window) (T, error)) T {
	d.t.Helper()
	conn, err := display.Connect(d.plan.Display)
	d.check(err)
	defer conn.Close()
	answer, err := ask(conn, xproto.Setup(conn).DefaultScreen(conn).Root)
	d.check(err)
	return answer
}

// dpi returns the resource Xft.dpi, "" where it is not set.
func (d *desk) dpi() string {
	d.t.Helper()
	reply := asked(d, func(conn *xgb.Conn, root xproto.Window) (*xproto.GetPropertyReply, error) {
		return xproto.GetProperty(conn, false, root, xproto.AtomResourceManager, xproto.AtomString, 0, 1<<16).Reply()
	})
	if found := regexp.MustCompile(`(?m)^Xft\.dpi:\s*(.*)$`).FindSubmatch(reply.Value); found != nil {
		return string(found[1])
	}
	return ""
}

// pointer returns where the display's pointer is.
func (d *desk) pointer() image.Point {
	d.t.Helper()
	reply := asked(d, func(conn *xgb.Conn, root xproto.Window) (*xproto.QueryPointerReply, error) {
		return xproto.QueryPointer(conn, root).Reply()
	})
	return image.Pt(int(reply.RootX), int(reply.RootY))
}

func newResizeDesk(t *testing.T, s setup) (*desk, *xclient.Window) {
	t.Helper()
	s.agent = []string{"--auth", "none", "--max-pixels", "6M"}
	d := newDesk(t, s)
	return d, d.window(image.Rect(0, 0, 3000, 2000), 0x40a060)
}

// The desktop is as large, and draws as large, as the tab of who leads; the others see all of it.
func TestTheScreenIsTheLeaders(t *testing.T) {
	d, w := newResizeDesk(t, setup{size: image.Pt(800, 600), tab: image.Pt(1000, 700)})
	first := d.open("?resize=remote")
	d.is(w, image.Pt(1000, 700))
	second := d.open("?resize=remote")
	second.emulate(image.Pt(600, 400), 2)
	second.wait(`devicePixelRatio === 2 && lucarne.stats().width === 1000`)
	within := `(b => b.width > 570 && b.width < 573 && b.height === 400 && b.x > 0)(document.querySelector("#screen").getBoundingClientRect())`
	second.wait(within)
	d.is(w, image.Pt(1000, 700))
	if got := d.dpi(); got != "" {
		t.Errorf("the DPI is %q before anybody has led by another", got)
	}
	d.check(second.MouseMove(d.ctx, image.Pt(300, 200), ""))
	d.is(w, image.Pt(1200, 800))
	poll(t, "DPI of 192", func() bool { return d.dpi() == "192" })
	first.wait(`lucarne.stats().width === 1200 && (b => b.width === 1000)(document.querySelector("#screen").getBoundingClientRect())`)
	d.check(second.Close())
	d.is(w, image.Pt(1000, 700))
	poll(t, "DPI of 96", func() bool { return d.dpi() == "96" })
}

// What the person holds by which they take the lead stays held: Control for the key after it.
func TestTakingTheLeadHoldsOn(t *testing.T) {
	d := newDesk(t, setup{size: image.Pt(800, 600), tab: image.Pt(1000, 700), agent: []string{"--auth", "none"}})
	w, r := d.window(image.Rect(0, 0, 1, 1), 0), d.record(image.Rect(0, 0, 3000, 2000))
	d.open("?resize=remote")
	d.is(w, image.Pt(1000, 700))
	second := d.open("?resize=remote&transport=ws")
	second.emulate(image.Pt(600, 400), 1)
	second.wait(`innerWidth === 600 && lucarne.stats().width === 1000`)
	control := browser.Key{Code: "ControlLeft", Key: "Control", Modifiers: browser.Ctrl}
	d.check(second.KeyDown(d.ctx, control))
	d.is(w, image.Pt(600, 400)) // asked for with the lead
	d.check(second.Press(d.ctx, browser.Key{Code: "KeyA", Key: "a", Modifiers: browser.Ctrl}))
	control.Modifiers = 0
	d.check(second.KeyUp(d.ctx, control))
	poll(t, "two keys", func() bool { return len(r.pressed()) >= 2 && r.held() == 0 })
	var got []uint32
	for _, e := range r.got(isKey) {
		got = append(got, e.(xclient.Key).Keysym)
	}
	if want := []uint32{0xffe3, 'a', 'a', 0xffe3}; !slices.Equal(got, want) {
		t.Errorf("keys went down and up as %x, want %x", got, want)
	}
}

// A tab that is zoomed or turned has other pixels, and the desktop other letters, if the person wants that.
func TestTheDesktopsDPIFollows(t *testing.T) {
	d, w := newResizeDesk(t, setup{size: image.Pt(800, 600), tab: image.Pt(800, 600)})
	page := d.open("?resize=remote")
	d.is(w, image.Pt(800, 600))
	for _, c := range []struct {
		tab   image.Point
		ratio float64
		size  image.Point
		dpi   string
	}{
		{image.Pt(806, 600), 1.5, image.Pt(1209, 900), "144"},
		{image.Pt(600, 806), 1.5, image.Pt(900, 1209), "144"}, // turned
		{image.Pt(450, 600), 2, image.Pt(900, 1200), "192"},
		{image.Pt(900, 700), 1, image.Pt(900, 700), "96"},
	} {
		page.emulate(c.tab, c.ratio)
		d.is(w, c.size)
		poll(t, "DPI of "+c.dpi, func() bool { return d.dpi() == c.dpi })
	}
	page.emulate(image.Pt(450, 350), 2)
	poll(t, "DPI of 192", func() bool { return d.dpi() == "192" })
	d.check(page.Eval(d.ctx, `localStorage["lucarne.settings"] = JSON.stringify({dpi: false}), 0`, nil), page.Navigate(d.ctx, d.url("?resize=remote")))
	poll(t, "DPI of 96", func() bool { return d.dpi() == "96" })
	d.is(w, image.Pt(900, 700))
}

// What a display cannot be is said, and its picture scaled.
func TestAScreenThatCannotGrowSaysSo(t *testing.T) {
	d, w := newResizeDesk(t, setup{server: display.Xvfb, size: image.Pt(800, 600), max: image.Pt(800, 600), tab: image.Pt(1000, 700)})
	page := d.open("?resize=remote")
	page.wait(`document.querySelector(".toasts").textContent.match(/800.×.600/)`)
	d.is(w, image.Pt(800, 600))
	page.wait(`(b => b.height === 700 && Math.round(b.width) === 933)(document.querySelector("#screen").getBoundingClientRect())`)
	page.shows(image.Pt(400, 300), 0x40a060, atRest)
}

// pan is what a page says of the part that it shows.
type pan struct {
	X, Y   float64 // of the picture's corner, CSS pixels
	Across bool    // there is a scroll bar along the lower edge
	Down   bool    // and one along the right
	Now    string  // of the bars, as a screen reader hears it
}

func (t *tab) pan() (p pan) {
	t.d.t.Helper()
	t.d.check(t.Eval(t.d.ctx, `(() => { const b = document.querySelector("#screen").getBoundingClientRect();
		const [x, y] = document.querySelectorAll("[role=scrollbar]");
		return {X: b.x, Y: b.y, Across: x.checkVisibility(), Down: y.checkVisibility(), Now: [x, y].map(e => e.getAttribute("aria-valuenow")).join()}; })()`, &p))
	return p
}

// A desktop larger than the tab is reached pixel for pixel: by the pointer at the edges, scroll bars and keys.
func TestPanning(t *testing.T) {
	d, w := newResizeDesk(t, setup{size: image.Pt(1601, 1103), tab: image.Pt(700, 500)})
	s := drawStripes(w, image.Pt(1601, 1103))
	page := d.open("?resize=off&transport=ws")
	page.wait(`document.querySelector("#screen").classList.contains("exact")`)
	start := pan{Across: true, Down: true, Now: "0,0"}
	if got := page.pan(); got != start {
		t.Fatalf("at first %+v, want %+v", got, start)
	}
	page.exactly(s, image.Point{})

	d.check(page.MouseMove(d.ctx, image.Pt(350, 250), ""))
	d.check(page.MouseMove(d.ctx, image.Pt(686, 486), "")) // beside the bars, which are 12 pixels thick
	far := pan{X: -913, Y: -615, Across: true, Down: true, Now: "100,100"}
	poll(t, "far corner", func() bool { return page.pan() == far })
	page.exactly(s, image.Pt(913, 615))
	poll(t, "pointer at the pixel under the mouse", func() bool {
		return d.pointer() == image.Pt(686+913, 486+615)
	})

	// By the keyboard: the way out to the toolbar, and on from there.
	for _, k := range []browser.Key{{Code: "Home", Key: "Home"}, {Code: "ArrowRight", Key: "ArrowRight"}} {
		d.check(page.Eval(d.ctx, `document.querySelector("[role=scrollbar]").focus(), 0`, nil), page.Press(d.ctx, k))
	}
	poll(t, "part by the arrow key", func() bool { return page.pan() == pan{X: -48, Y: -615, Across: true, Down: true, Now: "5,100"} })
	d.check(page.Press(d.ctx, browser.Key{Code: "Escape", Key: "Escape"}))
	page.wait(`document.activeElement.id === "sink"`)

	// By the thumb of the bar on the right, to its upper end.
	d.check(page.MouseDown(d.ctx, image.Pt(694, 450), browser.Left), page.MouseMove(d.ctx, image.Pt(694, 10), browser.Left),
		page.MouseUp(d.ctx, image.Pt(694, 10), browser.Left))
	poll(t, "upper part", func() bool { return page.pan().Y == 0 })

	// A tab that all of it fits into needs no bars.
	page.emulate(image.Pt(1700, 1200), 1)
	poll(t, "whole picture", func() bool { return page.pan() == pan{X: 50, Y: 49, Now: "5,0"} })
}
