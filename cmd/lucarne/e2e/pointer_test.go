package e2e

import (
	"fmt"
	"image"
	"slices"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"lucarne/perf/browser"
	"lucarne/perf/cost"
	"lucarne/perf/xclient"
)

// clicks returns the buttons that have gone down and up again on the desktop, in
// order, each at its place; a button that is held or moved is an error.
func (r *recorder) clicks() []xclient.Button {
	r.d.t.Helper()
	var clicks []xclient.Button
	events := r.got(isButton)
	for i := 0; i+1 < len(events); i += 2 {
		down, up := events[i].(xclient.Button), events[i+1].(xclient.Button)
		if !down.Down || up.Down || up.Button != down.Button {
			r.d.t.Fatalf("no clicks: %v", events)
		}
		clicks = append(clicks, xclient.Button{Button: down.Button, Pos: down.Pos})
	}
	return clicks
}

// The mouse that is locked moves the desktop's pointer from where that is, also
// beyond where the tab ends.
func TestLockedMouse(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	d.check(page.Click(d.ctx, image.Pt(600, 500), browser.Left))
	poll(t, "click", func() bool { return len(r.clicks()) == 1 })
	page.wait(`document.querySelector("[data-tool=lock]")?.hidden === false`)
	var button struct{ X, Y int }
	d.check(page.MouseMove(d.ctx, image.Pt(640, 2), browser.NoButton))
	page.wait(`document.querySelector(".toolbar.shown") && document.getAnimations().length === 0`)
	d.check(page.Eval(d.ctx, `(({x, y, width, height}) => ({X: Math.round(x + width / 2), Y: Math.round(y + height / 2)}))(
		document.querySelector("[data-tool=lock]").getBoundingClientRect())`, &button))
	mouse := image.Pt(button.X, button.Y)
	d.check(page.Click(d.ctx, mouse, browser.Left))
	page.wait(`document.pointerLockElement !== null`)
	page.wait(`document.querySelector(".toolbar.shown") === null`)
	at := r.pointer()
	move := func(by image.Point, steps int) {
		for range steps {
			at, mouse = at.Add(by), mouse.Add(by)
			d.check(page.MouseMove(d.ctx, mouse, browser.NoButton))
		}
		poll(t, "pointer at "+at.String(), func() bool { return r.pointer() == at })
	}
	move(image.Pt(-10, 7), 30)
	page.wait(`(arrow => arrow && !arrow.hidden)(document.querySelector(".arrow"))`)
	r.reset()
	d.check(page.MouseDown(d.ctx, mouse, browser.Right), page.MouseUp(d.ctx, mouse, browser.Right))
	poll(t, "click", func() bool { return len(r.clicks()) == 1 })
	if got, want := r.clicks(), []xclient.Button{{Button: 3, Pos: at}}; !slices.Equal(got, want) {
		t.Errorf("clicks %v, want %v", got, want)
	}
	move(image.Pt(-3, -5), 20)

	// A program may put the pointer elsewhere. Where it is drawn is right as soon as it rests.
	x := d.cursors()
	x.show(x.block(image.Pt(16, 16), image.Point{}, image.Point{}))
	at = image.Pt(900, 600)
	d.check(xproto.WarpPointerChecked(x.conn, 0, x.root, 0, 0, 0, 0, int16(at.X), int16(at.Y)).Check())
	move(image.Pt(2, -1), 10)
	page.wait(fmt.Sprintf(`(({x, y}) => x === %d && y === %d)(document.querySelector(".arrow").getBoundingClientRect())`, at.X, at.Y))

	d.check(page.Eval(d.ctx, `document.exitPointerLock(), 1`, nil))
	page.wait(`document.pointerLockElement === null && document.querySelector(".arrow").hidden`)
	free := image.Pt(200, 100)
	d.check(page.MouseMove(d.ctx, free, browser.NoButton))
	poll(t, "free pointer", func() bool { return r.pointer() == free })
}

// A program that hides the pointer while it is dragged, as those do that turn a
// scene, has the page offer to lock the mouse.
func TestOfferToLockTheMouse(t *testing.T) {
	d := newDesk(t, setup{})
	x := d.cursors()
	page := d.open("?resize=off")
	at := image.Pt(300, 300)
	d.check(page.MouseMove(d.ctx, at, browser.NoButton))
	x.show(x.hidden())
	poll(t, "hidden cursor", func() bool { return page.cursor().equal(cursor{}) })
	x.show(x.glyph(68)) // an arrow; X11 protocol, appendix B
	poll(t, "cursor", func() bool { return page.cursor().Width > 0 })
	d.check(page.MouseDown(d.ctx, at, browser.Left))
	x.show(x.hidden())
	const offer = `document.querySelector(".toast button")`
	page.wait(offer + ` !== null`)
	d.check(page.MouseUp(d.ctx, at, browser.Left))
	d.check(page.Eval(d.ctx, offer+`.click(), 1`, nil))
	page.wait(`document.pointerLockElement !== null`)
}

// touch has fingers begin a gesture, again if that took so long that the page took
// them for resting ones.
func (t *tab) touch(r *recorder, begin func()) {
	t.d.t.Helper()
	const quick = 300 * time.Millisecond
	for {
		began := time.Now()
		begin()
		if time.Since(began) < quick {
			return
		}
		_ = t.TouchEnd(t.d.ctx) // none may be down
		// A key is behind whatever came of it.
		t.d.check(t.Press(t.d.ctx, browser.Key{Code: "KeyZ", Key: "z"}))
		poll(t.d.t, "key after a slow gesture", func() bool { return slices.Contains(r.pressed(), 'z') && r.held() == 0 })
		r.reset()
	}
}

func TestFingers(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	where := page.place()
	a, b := image.Pt(300, 300), image.Pt(400, 300)
	lift := func() { d.check(page.TouchEnd(d.ctx)) }
	button := func(n uint8, at image.Point) xclient.Button { return xclient.Button{Button: n, Pos: where.remote(at)} }
	for _, c := range []struct {
		name string
		do   func()
		want []xclient.Button
	}{
		{"tap", func() {
			page.touch(r, func() {
				d.check(page.Touch(d.ctx, a))
				lift()
			})
		}, []xclient.Button{button(1, a)}},
		{"long press", func() {
			d.check(page.Touch(d.ctx, b))
			poll(t, "right button", func() bool { return len(r.clicks()) == 1 })
			lift()
		}, []xclient.Button{button(3, b)}},
		{"two fingers tap", func() {
			page.touch(r, func() {
				d.check(page.Touch(d.ctx, a), page.Touch(d.ctx, a, b))
				lift()
			})
		}, []xclient.Button{button(3, a)}},
		{"two fingers scroll by two notches", func() {
			page.touch(r, func() { d.check(page.Touch(d.ctx, a), page.Touch(d.ctx, a, b)) })
			for y := 0; y <= 100; y += 10 {
				up := image.Pt(0, -y)
				d.check(page.TouchMove(d.ctx, a.Add(up), b.Add(up)))
			}
			lift()
		}, []xclient.Button{button(5, a), button(5, a)}},
	} {
		r.reset()
		c.do()
		poll(t, c.name, func() bool { return len(r.clicks()) >= len(c.want) })
		if got := r.clicks(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if got := r.held(); got != 0 {
		t.Errorf("%d keys are held", got)
	}
}

func TestFingerDrags(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	from, to := image.Pt(300, 300), image.Pt(460, 380)
	page.touch(r, func() { d.check(page.Touch(d.ctx, from), page.TouchMove(d.ctx, from.Add(image.Pt(20, 10)))) })
	for step := 2; step <= 8; step++ {
		d.check(page.TouchMove(d.ctx, from.Add(to.Sub(from).Mul(step).Div(8))))
	}
	d.check(page.TouchEnd(d.ctx))
	poll(t, "drag", func() bool { return len(r.got(isButton)) == 2 })
	want := []xclient.Event{xclient.Button{Down: true, Button: 1, Pos: from}, xclient.Button{Button: 1, Pos: to}}
	if got := r.got(isButton); !slices.Equal(got, want) {
		t.Errorf("buttons %v, want %v", got, want)
	}

	// A finger that the browser takes away lets go.
	r.reset()
	page.touch(r, func() { d.check(page.Touch(d.ctx, from), page.TouchMove(d.ctx, to)) })
	poll(t, "button", func() bool { return len(r.got(isButton)) == 1 })
	d.check(page.Call(d.ctx, "Input.dispatchTouchEvent", map[string]any{"type": "touchCancel", "touchPoints": []any{}}, nil))
	poll(t, "release", func() bool { return len(r.got(isButton)) == 2 })
}

// A pinch zooms: by fingers, and on a trackpad, where the browser reports a wheel
// with a Control key that nobody holds.
func TestPinch(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	const control = 0xffe3
	at := image.Pt(400, 300)
	check := func(name string, button uint8) {
		t.Helper()
		poll(t, name, func() bool { return len(r.clicks()) >= 2 && len(r.pressed()) > 0 && r.held() == 0 })
		for _, c := range r.clicks() {
			if c.Button != button {
				t.Errorf("%s: button %d, want %d", name, c.Button, button)
			}
		}
		for _, sym := range r.pressed() {
			if sym != control {
				t.Errorf("%s: pressed %x, want Control alone", name, sym)
			}
		}
		r.reset()
	}
	page.touch(r, func() { d.check(page.Touch(d.ctx, at), page.Touch(d.ctx, at, at.Add(image.Pt(50, 0)))) })
	for x := 50; x <= 150; x += 10 {
		d.check(page.TouchMove(d.ctx, at, at.Add(image.Pt(x, 0))))
	}
	d.check(page.TouchEnd(d.ctx))
	check("fingers apart", 4)
	d.check(page.MouseMove(d.ctx, at, browser.NoButton))
	for range 4 {
		d.check(page.Call(d.ctx, "Input.dispatchMouseEvent", map[string]any{
			"type": "mouseWheel", "x": at.X, "y": at.Y, "deltaX": 0, "deltaY": 10, "modifiers": browser.Ctrl, "pointerType": "mouse",
		}, nil))
	}
	check("fingers together on a trackpad", 5)
}

// Buttons beside the first three reach the desktop, and do not lead the tab back
// in its history.
func TestSideButtons(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	d.check(page.Eval(d.ctx, `history.pushState(0, "", "#further"), 1`, nil))
	at := image.Pt(400, 300)
	var want []xclient.Button
	for button, n := range map[browser.Button]uint8{"back": 8, "forward": 9, "middle": 2} {
		mask := map[browser.Button]int{"middle": 4, "back": 8, "forward": 16}[button]
		for _, c := range []struct {
			kind string
			held int
		}{{"mousePressed", mask}, {"mouseReleased", 0}} {
			d.check(page.Call(d.ctx, "Input.dispatchMouseEvent", map[string]any{
				"type": c.kind, "x": at.X, "y": at.Y, "button": button, "buttons": c.held, "clickCount": 1, "pointerType": "mouse",
			}, nil))
		}
		want = append(want, xclient.Button{Button: n, Pos: at})
	}
	poll(t, "three clicks", func() bool { return len(r.clicks()) == 3 })
	if got := r.clicks(); !slices.Equal(got, want) {
		t.Errorf("clicks %v, want %v", got, want)
	}
	page.wait(`location.hash === "#further"`)
}

// A button that is held when the pointer leaves the window goes up where it is
// let go.
func TestDragBeyondTheTab(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	from := image.Pt(100, 300)
	d.check(page.MouseMove(d.ctx, from, browser.NoButton), page.MouseDown(d.ctx, from, browser.Left))
	beyond := image.Pt(-400, 310)
	d.check(page.MouseMove(d.ctx, beyond, browser.Left))
	edge := image.Pt(0, 310)
	poll(t, "pointer at the edge", func() bool { return r.pointer() == edge })
	d.check(page.MouseUp(d.ctx, beyond, browser.Left))
	want := []xclient.Event{xclient.Button{Down: true, Button: 1, Pos: from}, xclient.Button{Button: 1, Pos: edge}}
	poll(t, "release", func() bool { return len(r.got(isButton)) == 2 })
	if got := r.got(isButton); !slices.Equal(got, want) {
		t.Errorf("buttons %v, want %v", got, want)
	}
}

// floodScript moves the pointer a thousand times a second, as a gaming mouse does.
const floodScript = `(async (ms) => {
	const frame = document.querySelector("#screen");
	const end = performance.now() + ms;
	let n = 0;
	while (performance.now() < end) {
		const due = Math.floor(ms - (end - performance.now()));
		for (; n < due; n++) frame.dispatchEvent(new PointerEvent("pointerrawupdate", {
			bubbles: true, isPrimary: true, pointerType: "mouse", buttons: 0, clientX: 100 + n % 1000, clientY: 100 + n % 500,
		}));
		await new Promise(resolve => setTimeout(resolve, 0));
	}
	frame.dispatchEvent(new PointerEvent("pointerrawupdate", {
		bubbles: true, isPrimary: true, pointerType: "mouse", clientX: 333, clientY: 444,
	}));
	return n;
})(2000)`

// The last of thousands of positions is where the pointer ends up, and what lies
// between does not queue up before it.
func TestManyMotions(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	before, err := cost.CPU(d.agent.cmd.Process.Pid)
	d.check(err)
	began := time.Now()
	var sent int
	d.check(page.Eval(d.ctx, floodScript, &sent))
	poll(t, "last position", func() bool { return r.pointer() == image.Pt(333, 444) })
	took := time.Since(began)
	after, err := cost.CPU(d.agent.cmd.Process.Pid)
	d.check(err)
	t.Logf("%d motions of the page in %v: %d on the desktop, agent %.1f %% of a core",
		sent, took.Round(time.Millisecond), len(r.got(isMotion)), 100*(after-before).Seconds()/took.Seconds())
	if got := len(r.got(isMotion)); got > sent/2 {
		t.Errorf("%d motions of %d reached the desktop, want the newest now and then", got, sent)
	}
}
