package xclient

import (
	"context"
	"fmt"
	"image"
	"time"

	"github.com/jezek/xgb/xproto"
)

// Event is what a window was told of an input device: one of Key, Button and Motion.
type Event interface{ event() }

// Key is a key going down or up.
type Key struct {
	Down   bool
	Code   uint8  // X keycode
	Keysym uint32 // what it means with the modifiers held
	Time   time.Duration
}

// Button is a pointer button going down or up.
type Button struct {
	Down   bool
	Button uint8       // 1 left, 2 middle, 3 right, 4-7 wheel
	Pos    image.Point // in screen pixels
}

// Motion is the pointer at a new position.
type Motion struct {
	Pos  image.Point // in screen pixels
	Held uint16      // the X modifier and button mask
}

func (Key) event()    {}
func (Button) event() {}
func (Motion) event() {}

// Listen calls handle with each event until ctx is done, which closes the
// window, or until the display has gone. handle is called from Listen's own
// goroutine and may draw.
func (w *Window) Listen(ctx context.Context, handle func(Event)) error {
	defer context.AfterFunc(ctx, func() { w.Close() })()
	var keys keymap
	for {
		ev, err := w.conn.WaitForEvent()
		if ev == nil && err == nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("xclient: the display has gone")
		}
		switch e := ev.(type) {
		case xproto.MappingNotifyEvent:
			keys = keymap{}
		case xproto.KeyPressEvent:
			handle(w.key(&keys, e, true))
		case xproto.KeyReleaseEvent:
			handle(w.key(&keys, xproto.KeyPressEvent(e), false))
		case xproto.ButtonPressEvent:
			handle(Button{Down: true, Button: uint8(e.Detail), Pos: image.Pt(int(e.RootX), int(e.RootY))})
		case xproto.ButtonReleaseEvent:
			handle(Button{Button: uint8(e.Detail), Pos: image.Pt(int(e.RootX), int(e.RootY))})
		case xproto.MotionNotifyEvent:
			handle(Motion{Pos: image.Pt(int(e.RootX), int(e.RootY)), Held: e.State})
		}
	}
}

func (w *Window) key(keys *keymap, e xproto.KeyPressEvent, down bool) Key {
	if keys.syms == nil {
		keys.load(w)
	}
	return Key{Down: down, Code: uint8(e.Detail), Keysym: keys.keysym(e.Detail, e.State), Time: time.Duration(e.Time) * time.Millisecond}
}

// keymap is the display's keyboard mapping as of the last MappingNotify.
type keymap struct {
	first xproto.Keycode
	width int
	syms  []xproto.Keysym
}

func (k *keymap) load(w *Window) {
	setup := xproto.Setup(w.conn)
	k.first = setup.MinKeycode
	m, err := xproto.GetKeyboardMapping(w.conn, k.first, byte(setup.MaxKeycode-k.first+1)).Reply()
	if err != nil {
		return // the display has gone, and the next event will tell
	}
	k.width, k.syms = int(m.KeysymsPerKeycode), m.Keysyms
}

// keysym resolves a keycode by the rules of the X11 protocol, §5 "Keyboards",
// with Mod5 (AltGr) for the third level.
func (k *keymap) keysym(code xproto.Keycode, state uint16) uint32 {
	at := func(column int) uint32 {
		if i := int(code-k.first)*k.width + column; column < k.width && i < len(k.syms) {
			return uint32(k.syms[i])
		}
		return 0
	}
	column := 0
	if state&xproto.ModMask5 != 0 && at(4) != 0 {
		column = 4
	}
	plain, shifted := at(column), at(column+1)
	if shifted == 0 {
		shifted = plain
		if plain >= 'a' && plain <= 'z' {
			shifted = plain - 'a' + 'A'
		}
	}
	letter := plain != shifted && plain >= 'a' && plain <= 'z'
	if (state&xproto.ModMaskShift != 0) != (letter && state&xproto.ModMaskLock != 0) {
		return shifted
	}
	return plain
}

// Turn returns the nth of eight colours by turns, from 0: a change to one is known
// by it although it is shown several changes late. In this order no mixture of one
// with the next, in brightness or in colour, is near to a third: what a codec shows
// on the way is taken for none of them.
func Turn(n int) RGB {
	return [...]RGB{0x2040a0, 0x402020, 0x20a020, 0x20c0c0, 0xe0c040, 0xe0e0e0, 0xe060e0, 0xc02060}[n%8]
}

// Echo fills the window with the next colour (Turn) at each press of a key or a
// pointer button, until ctx is done: the shortest answer that a program can give.
func (w *Window) Echo(ctx context.Context) error {
	all := image.Rectangle{Max: w.Bounds.Size()}
	presses := 0
	w.Fill(all, Turn(0))
	return w.Listen(ctx, func(e Event) {
		if pressed(e) {
			presses++
			w.Fill(all, Turn(presses))
		}
	})
}

func pressed(e Event) bool {
	switch e := e.(type) {
	case Key:
		return e.Down
	case Button:
		return e.Down
	}
	return false
}
