package e2e

import (
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"lucarne/perf/browser"
	"lucarne/perf/xclient"
)

// keyboardOf is a script that gives the browser a keyboard of a layout, as far as
// Chromium tells of it: what keys type without a modifier. The person can choose
// another by switchKeyboard(name).
func keyboardOf(layout string) string {
	return fmt.Sprintf(`{
  const codes = ("KeyA KeyQ KeyW KeyZ KeyY KeyM Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 " +
    "Minus Equal BracketLeft BracketRight Semicolon Quote Backslash Comma Period Slash").split(" ");
  const typed = {
    us: "aqwzym1234567890-=[];'\\,./",
    fr: "qazwy,&é\"'(-è_çà)=^$mù*;:!",
    dvorak: "a',;fm1234567890[]/=s-\\wvz",
  };
  let name = %q;
  window.switchKeyboard = next => { name = next; };
  navigator.keyboard.getLayoutMap = async () => new Map(codes.map((code, i) => [code, typed[name][i]]));
}`, layout)
}

// openWith opens a page in a browser whose keyboard has a layout, and settings
// that the person has chosen before, as JSON.
func (d *desk) openWith(layout, settings string) *tab {
	d.t.Helper()
	remember := fmt.Sprintf("localStorage.setItem('lucarne.settings', %q);", settings)
	page := d.load(d.browser, d.url("?resize=off"), keyboardOf(layout)+remember)
	page.picture()
	page.focus()
	return page
}

// maps waits until a keycode of the display types a keysym without a modifier.
func (d *desk) maps(keycode uint8, keysym uint32) {
	d.t.Helper()
	poll(d.t, fmt.Sprintf("keycode %d that types %#x", keycode, keysym), func() bool {
		reply := asked(d, func(conn *xgb.Conn, _ xproto.Window) (*xproto.GetKeyboardMappingReply, error) {
			return xproto.GetKeyboardMapping(conn, xproto.Keycode(keycode), 1).Reply()
		})
		return len(reply.Keysyms) > 0 && uint32(reply.Keysyms[0]) == keysym
	})
}

// X keycodes of evdev keyboards (xkeyboard-config, keycodes/evdev).
const (
	keycodeQ = 24
	keycodeO = 32
)

// TestLayoutFollowsTheBrowser: the desktop takes on the layout of the person's
// keyboard, and keys go by their place then; those of a keyboard that it cannot
// have go by what they mean.
func TestLayoutFollowsTheBrowser(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.openWith("fr", "{}")
	d.maps(keycodeQ, 'a')
	// A key that means something else than the layout has under Shift tells which of the two counts.
	shift := browser.Key{Code: "ShiftLeft", Key: "Shift", Modifiers: browser.Shift}
	slash := func(page *tab, key string) uint32 {
		t.Helper()
		r.reset()
		d.check(page.KeyDown(d.ctx, shift), page.Press(d.ctx, browser.Key{Code: "Slash", Key: key, Modifiers: browser.Shift}))
		d.check(page.KeyUp(d.ctx, browser.Key{Code: "ShiftLeft", Key: "Shift"}))
		poll(t, "press", func() bool { return len(r.printable()) == 1 && r.held() == 0 })
		return r.printable()[0]
	}
	poll(t, "key by its place", func() bool { return slash(page, "+") == '§' })

	// The browser does not tell when the person chooses another layout: what is typed does.
	d.check(page.Eval(d.ctx, `switchKeyboard("us")`, nil))
	d.check(page.Press(d.ctx, browser.Key{Code: "KeyA", Key: "a"}))
	d.maps(keycodeQ, 'q')
	poll(t, "key by its place", func() bool { return slash(page, "+") == '?' })

	// One that the desktop cannot have leaves it as it is.
	other := d.openWith("dvorak", "{}")
	if got := slash(other, "+"); got != '+' {
		t.Errorf("with a keyboard of another layout, + is %#x", got)
	}
	r.reset()
	d.check(other.Press(d.ctx, browser.Key{Code: "KeyS", Key: "o"}))
	poll(t, "press", func() bool { return len(r.pressed()) == 1 && r.held() == 0 })
	if got := r.got(isKey)[0].(xclient.Key); got.Code != keycodeO || got.Keysym != 'o' {
		t.Errorf("with a keyboard of another layout, o is %v", got)
	}
}

// TestTextModeLeavesTheLayoutAlone: whatever the layouts are, what is typed arrives.
func TestTextModeLeavesTheLayoutAlone(t *testing.T) {
	d := newDesk(t, setup{})
	term := d.terminal()
	page := d.openWith("us", `{"keyboard": "text"}`)
	term.focus(page)
	french := []browser.Key{
		{Code: "KeyQ", Key: "a"}, {Code: "KeyW", Key: "z"}, {Code: "Digit2", Key: "é"}, {Code: "Digit2", Key: "2", Modifiers: browser.Shift},
		{Code: "Digit0", Key: "à"}, {Code: "Semicolon", Key: "m"}, {Code: "KeyM", Key: ","}, {Code: "Slash", Key: "!"},
		{Code: "Slash", Key: "§", Modifiers: browser.Shift}, {Code: "Backslash", Key: "µ", Modifiers: browser.Shift}, {Code: "KeyE", Key: "€"},
	}
	for _, k := range french {
		d.check(page.Press(d.ctx, k))
	}
	term.got("azé2àm,!§µ€")
}

// TestAltGrThatTheDesktopHasNot: keyboards that are American but for AltGr (Polish, US
// International) type by it; the desktop's key there is Alt, which would make commands of that.
func TestAltGrThatTheDesktopHasNot(t *testing.T) {
	d := newDesk(t, setup{})
	term := d.terminal()
	page := d.openWith("us", "{}")
	term.focus(page)
	altGr := browser.Key{Code: "AltRight", Key: "AltGraph"}
	d.check(page.Type(d.ctx, "a"), page.KeyDown(d.ctx, altGr))
	d.check(page.Press(d.ctx, browser.Key{Code: "KeyA", Key: "ą"}), page.Press(d.ctx, browser.Key{Code: "KeyQ", Key: "@"}))
	d.check(page.KeyUp(d.ctx, altGr), page.Type(d.ctx, "b"))
	term.got("aą@b")
}

// TestComposedText: what the browser makes of several keys, or of none, in the
// order in which the person typed it.
func TestComposedText(t *testing.T) {
	d := newDesk(t, setup{})
	term := d.terminal()
	page := d.openWith("fr", "{}")
	d.maps(keycodeQ, 'a')
	term.focus(page)
	compose := func(text string) {
		d.check(page.Call(d.ctx, "Input.imeSetComposition",
			map[string]any{"text": text, "selectionStart": len([]rune(text)), "selectionEnd": len([]rune(text))}, nil))
	}
	insert := func(text string) {
		d.check(page.Call(d.ctx, "Input.insertText", map[string]any{"text": text}, nil))
	}
	dead := browser.Key{Code: "BracketLeft", Key: "Dead"}

	d.check(page.Type(d.ctx, "a"))
	compose("に")
	compose("日本")
	insert("日本")
	d.check(page.Type(d.ctx, "b"))
	compose("given up")
	compose("")
	insert("😀👩‍👩‍👧")
	for _, next := range []browser.Key{{Code: "KeyE", Key: "ê"}, {Code: "KeyO", Key: "ô"}, {Code: "Space", Key: "^"}} {
		d.check(page.Press(d.ctx, dead), page.Press(d.ctx, next))
	}
	d.check(page.Press(d.ctx, browser.Key{Code: "KeyE", Key: "e"}))
	shift := browser.Key{Code: "ShiftLeft", Key: "Shift", Modifiers: browser.Shift}
	d.check(page.KeyDown(d.ctx, shift), page.Press(d.ctx, dead), page.Press(d.ctx, browser.Key{Code: "KeyA", Key: "Ä", Modifiers: browser.Shift}))
	shift.Modifiers = 0
	d.check(page.KeyUp(d.ctx, shift), page.Press(d.ctx, browser.Key{Code: "KeyA", Key: "q"}))
	term.got("a日本b😀👩‍👩‍👧êô^eÄq")
	if shown := ""; page.Eval(d.ctx, `document.querySelector("#sink").value`, &shown) != nil || shown != "" {
		t.Errorf("the page's text field keeps %q", shown)
	}
}

// TestKeysThatTheBrowserKeeps: the panel of special keys, and modifiers that it
// holds for the next key.
func TestKeysThatTheBrowserKeeps(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off&lang=en")
	panel := func(name string) {
		t.Helper()
		page.wait(`!!document.querySelector(".keys:not([hidden])")`)
		d.check(page.Eval(d.ctx, fmt.Sprintf(`[...document.querySelectorAll(".keys button")].find(b => b.textContent === %q).click()`, name), nil))
	}
	pressed := func(want ...uint32) {
		t.Helper()
		poll(t, "keys", func() bool { return len(r.pressed()) >= len(want) && r.held() == 0 })
		if got := r.pressed(); !slices.Equal(got, want) {
			t.Errorf("pressed %#x, want %#x", got, want)
		}
		r.reset()
	}
	const control, alt, super, tab, del = 0xffe3, 0xffe9, 0xffeb, 0xff09, 0xffff
	page.use("keys")
	panel("Ctrl+W")
	pressed(control, 'w')
	panel("Alt+Tab")
	pressed(alt, tab)
	panel("Ctrl+Alt+Del")
	pressed(control, alt, del)

	panel("Super")
	pressed(super)
	panel("Ctrl")
	panel("Alt")
	page.wait(`document.querySelectorAll(".keys [aria-pressed=true]").length === 2`)
	page.focus()
	pressed(control, alt) // with the click
	page.wait(`document.querySelectorAll(".keys [aria-pressed=true]").length === 0`)
	panel("Ctrl")
	d.check(page.Eval(d.ctx, `document.querySelector("#sink").focus()`, nil))
	d.check(page.Press(d.ctx, browser.Key{Code: "KeyC", Key: "c"}), page.Press(d.ctx, browser.Key{Code: "KeyC", Key: "c"}))
	pressed(control, 'c', 'c')
}

// A terminal shows what is typed into it, and writes it down.
type terminal struct {
	d    *desk
	file string
}

// terminal starts an xterm whose program writes each character as it comes.
func (d *desk) terminal() *terminal {
	d.t.Helper()
	if _, err := exec.LookPath("xterm"); err != nil {
		d.t.Skip("xterm is not installed")
	}
	term := &terminal{d: d, file: filepath.Join(d.t.TempDir(), "typed")}
	xterm := exec.Command("xterm", "-geometry", "100x30+100+100", "-e", "sh", "-c", "stty raw -echo; cat > "+term.file)
	xterm.Env = append(os.Environ(), "DISPLAY="+d.plan.Display, "LC_ALL=C.UTF-8")
	d.check(xterm.Start())
	d.t.Cleanup(func() {
		xterm.Process.Kill()
		xterm.Wait() // killed
	})
	poll(d.t, "terminal", func() bool { _, err := os.Stat(term.file); return err == nil })
	return term
}

// focus gives the terminal the keyboard: without a window manager, the pointer does.
func (term *terminal) focus(page *tab) {
	term.d.t.Helper()
	term.d.check(page.Click(term.d.ctx, image.Pt(300, 300), browser.Left))
}

// got waits until the terminal has got as much as is wanted, and compares.
func (term *terminal) got(want string) {
	term.d.t.Helper()
	var got []byte
	poll(term.d.t, fmt.Sprintf("%q in the terminal", want), func() bool {
		var err error
		got, err = os.ReadFile(term.file)
		term.d.check(err)
		return len(got) >= len(want)
	})
	if string(got) != want {
		term.d.t.Errorf("the terminal got %q, want %q", got, want)
	}
}

// TestHeldKeyOverAChannelChange: what the next channel carries ends what the last one began.
func TestHeldKeyOverAChannelChange(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.load(d.browser, d.url("?resize=off"), channelsScript)
	page.picture()
	page.wait(`channels.length > 1 && channels.slice(-2).every(c => c.readyState === "open")`) // of the peer that there is
	page.focus()
	k, z := browser.Key{Code: "KeyK", Key: "k"}, browser.Key{Code: "KeyZ", Key: "z"}
	d.check(page.KeyDown(d.ctx, k))
	poll(t, "key", func() bool { return r.held() == 1 })
	d.check(page.Eval(d.ctx, "window.before = channels.splice(0), before.forEach(c => c.close()), 1", nil))
	d.check(page.KeyUp(d.ctx, k), page.Press(d.ctx, z))
	page.wait(`before.every(c => c.readyState === "closed")`)
	poll(t, "release", func() bool { return r.held() == 0 && len(r.pressed()) >= 2 })
	d.check(page.Press(d.ctx, z))
	poll(t, "key afterwards", func() bool { return r.held() == 0 && len(r.pressed()) >= 3 })
	if got, want := r.pressed(), []uint32{'k', 'z', 'z'}; !slices.Equal(got, want) {
		t.Errorf("pressed %x, want %x", got, want)
	}
}

// TestShortcutsInFullScreen: the browser is asked for its own shortcuts for as long
// as the page fills the screen, if the person wants it.
func TestShortcutsInFullScreen(t *testing.T) {
	d := newDesk(t, setup{})
	page := d.load(d.browser, d.url("?resize=off"), `window.asked = [];
		navigator.keyboard.lock = async () => { asked.push("lock"); };
		navigator.keyboard.unlock = () => { asked.push("unlock"); };`)
	page.picture()
	page.use("fullscreen")
	page.wait(`document.fullscreenElement !== null && asked.join() === "lock"`)
	page.use("fullscreen")
	page.wait(`document.fullscreenElement === null && asked.join() === "lock,unlock"`)
}
