package e2e

import (
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lucarne/capture/display"
	"lucarne/perf/browser"
	"lucarne/perf/xclient"
)

func TestTypedTextArrives(t *testing.T) {
	for _, server := range []string{display.Xvnc, display.Xvfb} {
		t.Run(server, func(t *testing.T) {
			d := newDesk(t, setup{server: server})
			r := d.record(image.Rect(0, 0, 1280, 720))
			page := d.open("?resize=off")
			page.focus()
			const text = `Hello, World! ~{}@#$%^&*()_+|"<>? 0123456789 éß€ñ`
			d.check(page.Type(d.ctx, text))
			want := keysyms(text)
			poll(t, "typed text", func() bool { return len(r.printable()) >= len(want) && r.held() == 0 })
			if got := r.printable(); !slices.Equal(got, want) {
				t.Errorf("keysyms\n got %x\nwant %x", got, want)
			}
		})
	}
}

// keysyms returns the keysyms of a text (X11 protocol, appendix A): Latin-1 is
// itself, the euro has one of its own.
func keysyms(text string) []uint32 {
	var syms []uint32
	for _, r := range text {
		switch {
		case r == '€':
			syms = append(syms, 0x20ac)
		case r < 0x100:
			syms = append(syms, uint32(r))
		default:
			syms = append(syms, 0x01000000|uint32(r))
		}
	}
	return syms
}

func TestTypingIntoXterm(t *testing.T) {
	if _, err := exec.LookPath("xterm"); err != nil {
		t.Skip("xterm is not installed")
	}
	d := newDesk(t, setup{})
	file := filepath.Join(t.TempDir(), "typed")
	xterm := exec.Command("xterm", "-geometry", "100x30+100+100", "-e", "sh", "-c", "stty -echo; cat > "+file)
	xterm.Env = append(os.Environ(), "DISPLAY="+d.plan.Display, "LC_ALL=C.UTF-8")
	d.check(xterm.Start())
	t.Cleanup(func() {
		xterm.Process.Kill()
		xterm.Wait() // killed
	})
	page := d.open("?resize=off")
	poll(t, "terminal", func() bool { _, err := os.Stat(file); return err == nil })
	d.check(page.Click(d.ctx, image.Pt(300, 300), browser.Left)) // without a window manager, the pointer gives the focus
	d.check(page.Type(d.ctx, "echo \"it's typed\" | tr a-z A-Z;\n"))
	poll(t, "line in the terminal", func() bool {
		got, err := os.ReadFile(file)
		d.check(err)
		return string(got) == "echo \"it's typed\" | tr a-z A-Z;\n"
	})
}

// A path that stands still for 1.5 s while a key is held must not turn one
// letter into many.
func TestHeldKeyOverACut(t *testing.T) {
	const cut = 1500 * time.Millisecond
	cuts := map[string]func(d *desk) (page *tab, freeze, thaw func()){
		"agent stopped": func(d *desk) (*tab, func(), func()) {
			return d.open("?resize=off"), d.agent.freeze, d.agent.thaw
		},
		"path frozen": func(d *desk) (*tab, func(), func()) {
			r := newRelay(d)
			return r.open(), r.freeze, r.thaw
		},
	}
	for name, prepare := range cuts {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, setup{})
			r := d.record(image.Rect(0, 0, 1280, 720))
			page, freeze, thaw := prepare(d)
			page.focus()
			k := browser.Key{Code: "KeyK", Key: "k"}
			d.check(page.KeyDown(d.ctx, k))
			poll(t, "key", func() bool { return len(r.pressed()) == 1 })
			freeze()
			// The person holds the key on; the browser repeats it, and lets it go
			// while nothing gets through.
			again := k
			again.Repeat = true
			tick := time.NewTicker(40 * time.Millisecond)
			defer tick.Stop()
			for end := time.Now().Add(cut); time.Now().Before(end); <-tick.C {
				d.check(page.KeyDown(d.ctx, again))
			}
			d.check(page.KeyUp(d.ctx, k))
			thaw()
			poll(t, "release", func() bool { return r.held() == 0 })
			// What came late would have come before this.
			d.check(page.Press(d.ctx, browser.Key{Code: "KeyZ", Key: "z"}))
			poll(t, "key after the cut", func() bool { return slices.Contains(r.pressed(), 'z') })
			if got, want := r.pressed(), []uint32{'k', 'z'}; !slices.Equal(got, want) {
				t.Errorf("pressed %x, want %x", got, want)
			}
		})
	}
}

func TestRepeatingKey(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	page.focus()
	k := browser.Key{Code: "KeyK", Key: "k"}
	again := k
	again.Repeat = true
	d.check(page.KeyDown(d.ctx, k))
	poll(t, "three repeats", func() bool { // one that is late is dropped, so it takes as many as it takes
		d.check(page.KeyDown(d.ctx, again))
		return len(r.pressed()) >= 4
	})
	d.check(page.KeyUp(d.ctx, k))
	poll(t, "release", func() bool { return r.held() == 0 })
	if other := slices.IndexFunc(r.pressed(), func(sym uint32) bool { return sym != 'k' }); other >= 0 {
		t.Errorf("pressed %x, want k alone", r.pressed())
	}
}

func TestKeysAreLetGoWhenTheTabLosesTheFocus(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	page.focus()
	d.check(page.KeyDown(d.ctx, browser.Key{Code: "ControlLeft", Key: "Control", Modifiers: browser.Ctrl}))
	poll(t, "held key", func() bool { return r.held() == 1 })
	d.check(page.Hide(d.ctx))
	poll(t, "release", func() bool { return r.held() == 0 })
}

func TestPointerPositions(t *testing.T) {
	for _, c := range []struct {
		name, query string
		setup       setup
	}{
		{"one to one", "?resize=off", setup{}},
		{"scaled down", "?resize=scale", setup{size: image.Pt(1600, 900), tab: image.Pt(1000, 700)}},
		{"scaled up", "?resize=scale", setup{size: image.Pt(800, 600), tab: image.Pt(1200, 800)}},
		{"dense display", "?resize=scale", setup{size: image.Pt(1280, 720), tab: image.Pt(900, 640), scale: 1.5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, c.setup)
			r := d.record(image.Rect(0, 0, 1600, 900))
			page := d.open(c.query)
			where := page.place()
			for _, at := range []image.Point{{200, 301}, {333, 222}, {501, 403}, {717, 370}, {640, 555}} {
				want := where.remote(at)
				d.check(page.MouseMove(d.ctx, at, browser.NoButton))
				poll(t, "pointer at "+want.String(), func() bool { return r.pointer() == want })
				r.reset()
				d.check(page.Click(d.ctx, at, browser.Right))
				poll(t, "click", func() bool { return len(r.got(isButton)) == 2 })
				wantButtons := []xclient.Event{
					xclient.Button{Down: true, Button: 3, Pos: want}, xclient.Button{Button: 3, Pos: want},
				}
				if got := r.got(isButton); !slices.Equal(got, wantButtons) {
					t.Errorf("click at %v: %v, want %v", at, got, wantButtons)
				}
			}
		})
	}
}

// Nobody moves the pointer again because the page was not there yet.
func TestPointerThatRestsBeforeTheDesktopIsThere(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	d.agent.kill()
	page.wait(`document.elementFromPoint(300, 200).matches(".veil")`)
	at := image.Pt(300, 200)
	d.check(page.MouseMove(d.ctx, at, browser.NoButton))
	d.agent.start()
	poll(t, "pointer at "+at.String(), func() bool { return r.pointer() == at })
}

func TestWheel(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	at := image.Pt(400, 300)
	d.check(page.MouseMove(d.ctx, at, browser.NoButton))
	for _, delta := range []image.Point{{0, 100}, {0, -100}, {100, 0}, {-100, 0}} {
		d.check(page.Wheel(d.ctx, at, delta))
	}
	poll(t, "four notches", func() bool { return len(r.got(isButton)) >= 8 })
	var got []uint8
	for _, e := range r.got(isButton) {
		if b := e.(xclient.Button); b.Down {
			got = append(got, b.Button)
		}
	}
	if want := []uint8{5, 4, 7, 6}; !slices.Equal(got, want) { // down, up, right, left
		t.Errorf("wheel buttons %v, want %v", got, want)
	}
}

// channelsScript keeps the page's data channels, to close them.
const channelsScript = `window.channels = [];
const create = RTCPeerConnection.prototype.createDataChannel;
RTCPeerConnection.prototype.createDataChannel = function (...args) {
  const channel = create.apply(this, args);
  channels.push(channel);
  return channel;
};`

func TestDragOverAChannelChange(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.load(d.browser, d.url("?resize=off"), channelsScript)
	page.picture()
	page.wait(`channels.length > 1 && channels.slice(-2).every(c => c.readyState === "open")`) // of the peer that there is
	from := image.Pt(200, 300)
	d.check(page.MouseMove(d.ctx, from, browser.NoButton), page.MouseDown(d.ctx, from, browser.Left))
	poll(t, "button", func() bool { return len(r.got(isButton)) == 1 })
	at := from
	move := func(steps int) {
		for range steps {
			at = at.Add(image.Pt(7, 3))
			d.check(page.MouseMove(d.ctx, at, browser.Left))
		}
		poll(t, "pointer at "+at.String(), func() bool { return r.pointer() == at })
	}
	move(20)
	d.check(page.Eval(d.ctx, "window.before = channels.splice(0), before.forEach(c => c.close()), 1", nil))
	move(20) // by the WebSocket now, or on the way to it
	page.wait(`before.every(c => c.readyState === "closed")`)
	move(20)
	d.check(page.MouseUp(d.ctx, at, browser.Left))
	poll(t, "release", func() bool { return len(r.got(isButton)) >= 2 })
	// Typing ends up behind whatever is still on its way.
	d.check(page.Press(d.ctx, browser.Key{Code: "KeyZ", Key: "z"}))
	poll(t, "key", func() bool { return len(r.pressed()) == 1 })
	want := []xclient.Event{xclient.Button{Down: true, Button: 1, Pos: from}, xclient.Button{Button: 1, Pos: at}}
	if got := r.got(isButton); !slices.Equal(got, want) {
		t.Errorf("buttons %v, want %v", got, want)
	}
	for _, e := range r.got(isMotion) {
		m := e.(xclient.Motion)
		if inside := m.Pos != from && m.Pos != at && m.Pos.X > from.X; inside && m.Held&0x100 == 0 {
			t.Errorf("at %v the button was not held", m.Pos)
		}
	}
}

func TestTextFieldOfThePageKeepsItsKeys(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	d.check(page.Eval(d.ctx, `document.querySelector("[aria-label=Clipboard]").click(), 1`, nil))
	page.wait(`document.activeElement.matches("textarea")`)
	d.check(page.Type(d.ctx, "private"))
	page.wait(`document.activeElement.value.includes("private")`)
	if got := r.pressed(); len(got) != 0 {
		t.Errorf("the desktop got %x", got)
	}
}
