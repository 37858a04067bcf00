package xtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/jezek/xgb/xproto"

	"lucarne/input"
)

// keys are the keys that are down on the display through this injector.
type keys struct {
	pressed map[input.Key]byte // by the key with its action cleared; its keycode
	count   [256]uint8         // how many of them lie on a keycode
	order   []byte             // the keycodes that are down, in the order of their presses
}

func (k *keys) down(kc byte) bool { return k.count[kc] > 0 }

// key performs a key going up or down.
func (i *Injector) key(e input.Key) error {
	id := e
	id.Action = input.Up
	kc, held := i.keys.pressed[id]
	switch {
	case e.Action == input.Up && held:
		delete(i.keys.pressed, id)
		i.release(kc)
		return nil
	case e.Action == input.Up || held:
		return nil
	}
	kc, under, err := i.keycode(e)
	if err != nil {
		return err
	}
	if under != nil && *under != i.mods() {
		state, err := i.state()
		if err != nil {
			return err
		}
		under = i.keymap.locked(kc, under, state)
	}
	i.press(kc, under)
	i.keys.pressed[id] = kc
	return nil
}

// keycode finds the key that has to be pressed for e, and the modifiers that
// have to be in force; nil: those that are. First comes the physical key, if
// the display's layout has the browser's meaning on it, then another key with
// that meaning, then a spare keycode that is given it.
func (i *Injector) keycode(e input.Key) (kc byte, under *mods, err error) {
	kc, under, err = i.find(e)
	if kc == 0 && err == nil {
		kc, err = i.lend(keysym(e.Keysym).canonical())
	}
	return kc, under, err
}

// find is keycode without the last; 0: no keycode has that meaning.
func (i *Injector) find(e input.Key) (kc byte, under *mods, err error) {
	m := i.keymap
	kc, sym := physical(e.Code), keysym(e.Keysym).canonical()
	if m.row(kc) == nil {
		kc = 0
	}
	if sym == 0 && kc != 0 {
		return kc, nil, nil
	}
	if !sym.exists() {
		return 0, nil, fmt.Errorf("xtest: key %q, keysym %#x: %w", e.Code, e.Keysym, input.ErrInexpressible)
	}
	if kc != 0 && m.has(kc, sym) {
		if !sym.text() {
			return kc, nil, nil
		}
		if under, ok := m.reach(kc, sym, i.mods()); ok {
			return kc, &under, nil
		}
	}
	for _, kc := range m.index[sym] {
		if under, ok := m.reach(kc, sym, i.mods()); ok {
			if sym.modifier() {
				return kc, nil, nil
			}
			i.ring.touch(kc)
			return kc, &under, nil
		}
	}
	return 0, nil, nil
}

// lend gives a spare keycode the meaning sym. It waits if all of them have just
// been used.
func (i *Injector) lend(sym keysym) (byte, error) {
	for {
		kc, wait, err := i.tryLend(sym)
		if wait == 0 || err != nil {
			return kc, err
		}
		time.Sleep(wait)
	}
}

// tryLend is lend for who comes back: it returns how long to wait before, or the
// keycode. Which are to spare may be others by then.
func (i *Injector) tryLend(sym keysym) (kc byte, wait time.Duration, err error) {
	if next, ok := i.ring.next(i.keys.down); ok {
		if wait, err = i.settling(next.used); wait > 0 || err != nil {
			return 0, wait, err
		}
	}
	kc, ok := i.ring.take(sym, i.keys.down)
	if !ok {
		return 0, 0, fmt.Errorf("xtest: keysym %#x: no keycode to spare: %w", uint32(sym), input.ErrInexpressible)
	}
	i.remap(kc, sym)
	return kc, 0, nil
}

// remap gives a keycode one meaning whatever the modifiers; 0: none.
func (i *Injector) remap(kc byte, sym keysym) {
	i.keymap.set(kc, sym)
	i.pings.changed = time.Now()
	i.own[kc]++ // the server will report it
	xproto.ChangeKeyboardMapping(i.conn, 1, xproto.Keycode(kc), 2, []xproto.Keysym{xproto.Keysym(sym), xproto.Keysym(sym)})
}

// mods returns the modifiers that are held through this injector.
func (i *Injector) mods() (held mods) {
	for _, kc := range i.keys.order {
		bits := i.keymap.mods[kc]
		held.shift = held.shift || bits&xproto.ModMaskShift != 0
		held.level3 = held.level3 || bits&i.keymap.level3Mask != 0
	}
	return held
}

// press presses a keycode under modifiers; nil: those in force. Those that are
// not are put in force around the press, and what the person holds is restored
// at once: a key's meaning is settled by its press.
func (i *Injector) press(kc byte, under *mods) {
	if i.ring.lends(kc) {
		time.Sleep(spread - time.Since(i.pings.changed))
	}
	if under != nil {
		now := i.mods()
		shift := i.change(now.shift, under.shift, i.keymap.shift, xproto.ModMaskShift)
		level3 := i.change(now.level3, under.level3, i.keymap.level3, i.keymap.level3Mask)
		defer shift()
		defer level3()
	}
	if i.keys.down(kc) { // X would not show a second press
		i.fake(xproto.KeyRelease, kc)
	} else {
		i.keys.order = append(i.keys.order, kc)
	}
	i.keys.count[kc]++
	i.fake(xproto.KeyPress, kc)
}

// change puts a modifier in force, or out of it, and returns what undoes it.
func (i *Injector) change(now, want bool, modifier byte, mask uint16) (undo func()) {
	switch {
	case now == want:
		return func() {}
	case want:
		i.fake(xproto.KeyPress, modifier)
		return func() { i.fake(xproto.KeyRelease, modifier) }
	}
	var released []byte
	for _, kc := range i.keys.order {
		if i.keymap.mods[kc]&mask != 0 {
			i.fake(xproto.KeyRelease, kc)
			released = append(released, kc)
		}
	}
	return func() {
		for _, kc := range released {
			i.fake(xproto.KeyPress, kc)
		}
	}
}

// release lets a keycode go when nothing on it is held any more.
func (i *Injector) release(kc byte) {
	i.keys.count[kc]--
	if i.keys.down(kc) {
		return
	}
	i.keys.order = slices.DeleteFunc(i.keys.order, func(k byte) bool { return k == kc })
	i.fake(xproto.KeyRelease, kc)
}

// state returns the modifiers and locks in force on the display.
func (i *Injector) state() (uint16, error) {
	pointer, err := await(i, xproto.QueryPointer(i.conn, i.root).Reply)
	if err != nil {
		return 0, err
	}
	return pointer.Mask, nil
}
