package xtest

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/input"
)

func down(code string, sym uint32) input.Key {
	return input.Key{Action: input.Down, Code: code, Keysym: sym}
}

func up(code string, sym uint32) input.Key { return input.Key{Code: code, Keysym: sym} }

// usCodes are the physical keys of the printable ASCII characters on a US keyboard, plain and with Shift.
var usCodes = func() map[rune]string {
	codes := make(map[rune]string)
	for i, pair := range []string{"`~", "1!", "2@", "3#", "4$", "5%", "6^", "7&", "8*", "9(", "0)", "-_", "=+",
		"[{", "]}", "\\|", ";:", "'\"", ",<", ".>", "/?"} {
		name := []string{"Backquote", "Digit1", "Digit2", "Digit3", "Digit4", "Digit5", "Digit6", "Digit7", "Digit8",
			"Digit9", "Digit0", "Minus", "Equal", "BracketLeft", "BracketRight", "Backslash", "Semicolon", "Quote",
			"Comma", "Period", "Slash"}[i]
		codes[rune(pair[0])], codes[rune(pair[1])] = name, name
	}
	for c := 'a'; c <= 'z'; c++ {
		codes[c], codes[c-'a'+'A'] = "Key"+string(c-'a'+'A'), "Key"+string(c-'a'+'A')
	}
	codes[' '] = "Space"
	return codes
}()

// Every printable ASCII character by its physical key, as a US keyboard sends it.
func TestTypesPhysically(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		for c := ' '; c <= '~'; c++ {
			code, sym := usCodes[c], uint32(c)
			if code == "" {
				t.Fatalf("no code for %q", c)
			}
			plain := d.i.keymap.meaning(physical(code), mods{}) == keysym(c)
			if !plain {
				d.inject(down("ShiftLeft", 0xffe1))
			}
			d.inject(down(code, sym))
			if got, _ := d.pressed(); got != sym {
				t.Errorf("%q: the program got keysym %#x, want %#x", c, got, sym)
			}
			d.inject(up(code, sym), up("ShiftLeft", 0xffe1))
		}
		d.sync()
		d.nothingDown()
		if got := d.i.ring.lent(); got != nil {
			t.Errorf("spare keycodes %v were lent", got)
		}
	})
}

// Characters without a code, or with one whose key means something else.
func TestTypesByKeysym(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		for _, held := range []input.Key{{}, down("ShiftRight", 0xffe2), down("", uint32(symLevel3))} {
			if held.Action == input.Down {
				d.inject(held)
			}
			before := d.i.mods()
			text := []rune("éß€ñ日Ω")
			for c := ' '; c <= '~'; c++ {
				text = append(text, c)
			}
			for _, c := range text {
				sym := uint32(c)
				if c > 0xff {
					sym = uint32(symUnicode) + uint32(c)
				}
				for _, code := range []string{"", "KeyA"} {
					d.inject(down(code, sym))
					got, _ := d.pressed()
					if keysym(got).canonical() != keysym(sym).canonical() {
						t.Errorf("%q with code %q under %+v: the program got keysym %#x", c, code, before, got)
					}
					d.inject(up(code, sym))
				}
			}
			if got := d.i.mods(); got != before {
				t.Errorf("modifiers %+v afterwards, want %+v", got, before)
			}
			d.sync()
			pointer, err := xproto.QueryPointer(d.conn, d.root).Reply()
			if err != nil {
				t.Fatal(err)
			}
			if got := pointer.Mask&xproto.ModMaskShift != 0; got != before.shift {
				t.Errorf("Shift is down: %v, want %v", got, before.shift)
			}
			if held.Action == input.Down {
				held.Action = input.Up
				d.inject(held)
			}
		}
		d.sync()
		d.nothingDown()
	})
}

func TestCapsLockStaysPhysical(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		d.inject(down("CapsLock", 0xffe5), up("CapsLock", 0xffe5))
		for _, c := range []uint32{'A', 'Z', '1', '!'} { // '!' without Shift
			d.inject(down(usCodes[rune(c)], c), up(usCodes[rune(c)], c))
			if got, _ := d.pressed(); got != c {
				t.Errorf("the program got keysym %#x, want %#x", got, c)
			}
		}
		d.inject(down("CapsLock", 0xffe5), up("CapsLock", 0xffe5))
		d.sync()
		d.nothingDown()
	})
}

func TestFunctionsKeepModifiers(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		d.inject(down("ControlLeft", 0xffe3), down("ShiftLeft", 0xffe1))
		for _, k := range []input.Key{down("Tab", 0xff09), down("ArrowLeft", 0xff51), down("KeyQ", 'A'), down("F5", 0xffc2)} {
			d.inject(k)
			_, state := d.pressed()
			if want := uint16(xproto.ModMaskShift | xproto.ModMaskControl); state != want {
				t.Errorf("%+v came with modifiers %#x, want %#x", k, state, want)
			}
			k.Action = input.Up
			d.inject(k)
		}
	})
}

// More keys are held at once than there are keycodes to spare.
func TestSpareKeycodes(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		before, err := xproto.GetKeyboardMapping(d.conn, 8, 248).Reply()
		if err != nil {
			t.Fatal(err)
		}
		spares := len(d.i.ring.slots)
		sym := func(n int) uint32 { return uint32(symUnicode) + 0x4e00 + uint32(n) }
		for n := range spares {
			d.inject(down("", sym(n)))
			if got, _ := d.pressed(); got != sym(n) {
				t.Errorf("key %d: the program got keysym %#x, want %#x", n, got, sym(n))
			}
		}
		if err := d.i.Inject(down("", sym(spares))); !errors.Is(err, input.ErrInexpressible) {
			t.Errorf("with all spare keycodes held: error %v, want %v", err, input.ErrInexpressible)
		}
		d.inject(up("", sym(3)), down("", sym(spares)))
		if got, _ := d.pressed(); got != sym(spares) {
			t.Errorf("the program got keysym %#x, want %#x", got, sym(spares))
		}
		for n := range spares + 1 {
			d.inject(up("", sym(n)))
		}
		for n := range 3 * spares { // the ring turns
			d.inject(down("", sym(n)), up("", sym(n)))
			if got, _ := d.pressed(); got != sym(n) {
				t.Errorf("key %d: the program got keysym %#x, want %#x", n, got, sym(n))
			}
		}
		d.i.Close()
		after, err := xproto.GetKeyboardMapping(d.conn, 8, 248).Reply()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(trim(before), trim(after)) {
			t.Error("the keyboard's mapping is not what it was")
		}
	})
}

// trim writes a mapping in a form that does not depend on its width.
func trim(m *xproto.GetKeyboardMappingReply) (rows []string) {
	for row := range slices.Chunk(m.Keysyms, int(m.KeysymsPerKeycode)) {
		for len(row) > 0 && row[len(row)-1] == 0 {
			row = row[:len(row)-1]
		}
		rows = append(rows, fmt.Sprint(row))
	}
	return rows
}

func TestFollowsTheLayout(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		d.inject(down("", 0x1000439), up("", 0x1000439)) // й, lent
		d.pressed()
		// Somebody makes of A what a French keyboard has there.
		const keyA = 38
		err := xproto.ChangeKeyboardMappingChecked(d.conn, 1, keyA, 2, []xproto.Keysym{'q', 'Q'}).Check()
		if err != nil {
			t.Fatal(err)
		}
		d.sync()
		d.inject(down("KeyA", 'q'), up("KeyA", 'q'))
		if e, ok := d.next().(xproto.KeyReleaseEvent); !ok {
			t.Fatalf("got %v, want the release of the first key", e)
		}
		if e, ok := d.next().(xproto.KeyPressEvent); !ok || e.Detail != keyA {
			t.Errorf("got %v, want a press of %d", e, keyA)
		}
		d.inject(down("KeyA", 'a'), up("KeyA", 'a'))
		if got, _ := d.pressed(); got != 'a' {
			t.Errorf("the program got keysym %#x, want %#x", got, 'a')
		}
	})
}

func TestRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		for _, e := range []input.Event{
			down("", 0), down("Fn", 0), down("", 0xdeadbeef), down("Nonsense", 0x12345), down("", 0x0110ffff+1),
			down("", 0x0100d800), down("", 0x1f),
			input.Button{Action: input.Down, Button: 0}, input.Button{Action: input.Down, Button: 10},
			input.Release{}, input.Renew{},
		} {
			if err := d.i.Inject(e); !errors.Is(err, input.ErrInexpressible) {
				t.Errorf("Inject(%#v) = %v, want %v", e, err, input.ErrInexpressible)
			}
		}
		d.inject(up("KeyA", 'a'), down("KeyB", 0)) // what is not down; the key as it is
		if got, _ := d.pressed(); got != 'b' {
			t.Errorf("the program got keysym %#x, want %#x", got, 'b')
		}
		d.quiet()
	})
}

func TestKeycodeHeldTwice(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		d.inject(down("Digit2", '2'), down("", '2'), up("Digit2", '2'))
		d.sync()
		for n, want := range []string{"key 11 down", "key 11 up", "key 11 down"} {
			if got := describe(d.next()); got != want {
				t.Errorf("event %d: %s, want %s", n, got, want)
			}
		}
		d.quiet()
		d.inject(up("", '2'))
		if got, want := describe(d.next()), "key 11 up"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestPointer(t *testing.T) {
	at := image.Pt
	tests := []struct {
		name   string
		events []input.Event
		want   []string
	}{
		{"motion", []input.Event{input.Motion{Pos: at(100, 200)}}, []string{"motion to 100,200"}},
		{"beyond the corner", []input.Event{input.Motion{Pos: at(65535, 65535)}}, []string{"motion to 639,479"}},
		{"before the origin", []input.Event{input.Motion{Pos: at(-5, -5)}}, []string{"motion to 0,0"}},
		{"drag", []input.Event{
			input.Button{Action: input.Down, Button: 1, Pos: at(10, 20)}, input.Motion{Pos: at(30, 40)},
			input.Button{Action: input.Up, Button: 1, Pos: at(50, 60)}},
			[]string{"motion to 10,20", "button 1 down at 10,20", "motion to 30,40", "motion to 50,60", "button 1 up at 50,60"}},
		{"wheel down twice", []input.Event{input.Wheel{Delta: at(0, 240), Pos: at(50, 60)}},
			[]string{"button 5 down at 50,60", "button 5 up at 50,60", "button 5 down at 50,60", "button 5 up at 50,60"}},
		{"wheel up and left", []input.Event{input.Wheel{Delta: at(-120, -120), Pos: at(50, 60)}},
			[]string{"button 4 down at 50,60", "button 4 up at 50,60", "button 6 down at 50,60", "button 6 up at 50,60"}},
		{"wheel right", []input.Event{input.Wheel{Delta: at(120, 0), Pos: at(50, 60)}},
			[]string{"button 7 down at 50,60", "button 7 up at 50,60"}},
		{"steps", []input.Event{input.Shift{By: at(5, -7)}, input.Shift{By: at(300, 100)}, input.Shift{By: at(-1, 0)}},
			[]string{"motion to 55,53", "motion to 355,153", "motion to 354,153"}},
		{"drag where the pointer is", []input.Event{
			input.Button{Action: input.Down, Button: 1, Pos: input.Here}, input.Shift{By: at(0, 1)},
			input.Button{Action: input.Up, Button: 1, Pos: input.Here}},
			[]string{"button 1 down at 354,153", "motion to 354,154", "button 1 up at 354,154"}},
		{"wheel where the pointer is", []input.Event{input.Wheel{Delta: at(0, -120), Pos: input.Here}},
			[]string{"button 4 down at 354,154", "button 4 up at 354,154"}},
		{"a step beyond all corners", []input.Event{input.Shift{By: at(1<<20, 1<<20)}, input.Shift{By: at(-1<<20, -1<<20)},
			input.Motion{Pos: at(50, 60)}}, []string{"motion to 639,479", "motion to 0,0", "motion to 50,60"}},
	}
	for _, b := range []uint8{2, 3, 8, 9} {
		tests = append(tests, struct {
			name   string
			events []input.Event
			want   []string
		}{fmt.Sprintf("button %d", b), []input.Event{
			input.Button{Action: input.Down, Button: b, Pos: at(50, 60)}, input.Button{Action: input.Down, Button: b, Pos: at(50, 60)},
			input.Button{Action: input.Up, Button: b, Pos: at(50, 60)}},
			[]string{fmt.Sprintf("button %d down at 50,60", b), fmt.Sprintf("button %d up at 50,60", b)}})
	}
	onEach(t, func(t *testing.T, d *desktop) {
		last := ""
		for _, test := range tests {
			d.inject(test.events...)
			d.sync()
			var got []string
			for len(d.events) > 0 {
				// A motion to where the pointer is already is one to X as well.
				if e := describe(d.next()); e != last {
					got = append(got, e)
					if strings.HasPrefix(e, "motion") {
						last = e
					}
				}
			}
			if want := strings.Join(test.want, "; "); strings.Join(got, "; ") != want {
				t.Errorf("%s: got %s, want %s", test.name, strings.Join(got, "; "), want)
			}
		}
		d.nothingDown()
	})
}

func TestFollowsTheSize(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		conn, err := display.Connect(d.name, "RANDR")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		resources, err := randr.GetScreenResources(conn, d.root).Reply()
		if err != nil {
			t.Fatal(err)
		}
		size := image.Pt(400, 300)
		for _, crtc := range resources.Crtcs {
			randr.SetCrtcConfig(conn, crtc, 0, 0, 0, 0, 0, randr.RotationRotate0, nil)
		}
		if err := randr.SetScreenSizeChecked(conn, d.root, uint16(size.X), uint16(size.Y), 100, 100).Check(); err != nil {
			t.Fatal(err)
		}
		d.sync()
		d.inject(input.Motion{Pos: image.Pt(1000, 1000)})
		if d.i.size != size {
			t.Errorf("size = %v, want %v", d.i.size, size)
		}
	})
}

func TestCloseLetsGo(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		d.inject(down("ShiftLeft", 0xffe1), down("KeyA", 'A'), down("", uint32(symUnicode)+'日'),
			input.Button{Action: input.Down, Button: 1}, input.Button{Action: input.Down, Button: 9})
		for range 2 {
			if err := d.i.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		d.nothingDown()
		if err := d.i.Inject(down("KeyA", 'a')); !errors.Is(err, input.ErrGone) {
			t.Errorf("Inject after Close = %v, want %v", err, input.ErrGone)
		}
	})
}

// An injector that was killed could not let go: the next one does.
func TestOpenLetsGo(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		d.inject(down("ShiftLeft", 0xffe1), down("KeyA", 'A'), input.Button{Action: input.Down, Button: 3})
		d.sync()
		next := d.open()
		defer next.Close()
		if _, err := await(next, xproto.GetInputFocus(next.conn).Reply); err != nil { // after its requests
			t.Fatal(err)
		}
		d.nothingDown()
	})
}

// A server that is stopped makes errors, not a queue, and what comes after it
// goes on is injected.
func TestDisplaySilent(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		d.inject(down("ShiftLeft", 0xffe1))
		server := d.server()
		if err := server.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		defer server.Signal(syscall.SIGCONT)
		d.i.patience = 10 * time.Millisecond
		var err error
		n := 0
		for ; err == nil && n <= confirmEvery; n++ {
			err = d.i.Inject(input.Motion{Pos: image.Pt(n, n)})
		}
		for range 1000 {
			err = d.i.Inject(up("ShiftLeft", 0xffe1))
		}
		if !errors.Is(err, errSilent) {
			t.Fatalf("after %d events: %v, want %v", n, err, errSilent)
		}
		d.i.patience = maxPatience
		if err := server.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() error { return d.i.Inject(input.Motion{Pos: image.Pt(300, 200)}) })
		d.sync()
		d.nothingDown()
		last := ""
		for len(d.events) > 0 {
			last = describe(d.next())
		}
		if want := "motion to 300,200"; last != want {
			t.Errorf("at last %s, want %s", last, want)
		}
	})
}

func TestDisplayGone(t *testing.T) {
	plan, kill := displaytest.StartProcess(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 48)})
	i, err := Open(Config{Display: plan.Display, Connect: display.Connect})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	kill()
	for n := 0; err == nil; n++ {
		if n > confirmEvery {
			t.Fatalf("no error after %d events", n)
		}
		err = i.Inject(input.Motion{Pos: image.Pt(n, n)})
	}
	if !errors.Is(err, input.ErrGone) {
		t.Errorf("error %v, want %v", err, input.ErrGone)
	}
	if err := i.SetAutoRepeat(false); !errors.Is(err, input.ErrGone) {
		t.Errorf("SetAutoRepeat: error %v, want %v", err, input.ErrGone)
	}
	if _, err := Open(Config{Display: plan.Display, Connect: display.Connect}); err == nil {
		t.Error("Open of a display that has gone: no error")
	}
}
