package xtest

import (
	"slices"
	"time"
)

// A ring lends the keycodes that mean nothing to keysyms that no key has. A
// keycode keeps its meaning until it is the one unused for longest.
type ring struct {
	slots []slot // the longest unused first
}

type slot struct {
	keycode byte
	sym     keysym    // 0: never lent
	used    time.Time // when it was last; zero: never
}

func newRing(free []byte) *ring {
	r := new(ring)
	for _, kc := range free {
		r.slots = append(r.slots, slot{keycode: kc})
	}
	return r
}

// next returns the slot of the keycode that take lends; false: all are busy.
func (r *ring) next(busy func(kc byte) bool) (l slot, ok bool) {
	i := r.free(busy)
	if i < 0 {
		return slot{}, false
	}
	return r.slots[i], true
}

// latest returns when a keycode was last used that has been given a meaning, zero for
// never.
func (r *ring) latest() time.Time {
	if n := len(r.slots); n > 0 {
		return r.slots[n-1].used
	}
	return time.Time{}
}

// take lends to s the keycode unused for longest of those that are not busy; false:
// all are.
func (r *ring) take(s keysym, busy func(kc byte) bool) (kc byte, ok bool) {
	i := r.free(busy)
	if i < 0 {
		return 0, false
	}
	kc = r.slots[i].keycode
	r.slots[i].sym = s
	r.touch(kc)
	return kc, true
}

func (r *ring) free(busy func(kc byte) bool) int {
	return slices.IndexFunc(r.slots, func(l slot) bool { return !busy(l.keycode) })
}

// touch makes a keycode the latest used, if it is one of the ring's.
func (r *ring) touch(kc byte) {
	i := slices.IndexFunc(r.slots, func(l slot) bool { return l.keycode == kc })
	if i < 0 {
		return
	}
	latest := r.slots[i]
	latest.used = time.Now()
	r.slots = append(slices.Delete(r.slots, i, i+1), latest)
}

// lent returns the keycodes that have been given a meaning.
func (r *ring) lent() (keycodes []byte) {
	for _, l := range r.slots {
		if l.sym != 0 {
			keycodes = append(keycodes, l.keycode)
		}
	}
	return keycodes
}

// lends reports whether a keycode has been given a meaning.
func (r *ring) lends(kc byte) bool {
	return slices.ContainsFunc(r.slots, func(l slot) bool { return l.keycode == kc && l.sym != 0 })
}

// refit takes the ring over to a new mapping: a keycode that still means what
// it was lent for stays lent, one that somebody else gave a meaning is left to
// them, and the others are free.
func (r *ring) refit(m *keymap) {
	free := m.spares()
	kept := r.slots[:0:0]
	for _, l := range r.slots {
		if i := slices.Index(free, l.keycode); i >= 0 {
			free = slices.Delete(free, i, i+1)
			kept = append(kept, slot{keycode: l.keycode})
		} else if l.sym != 0 && m.meaning(l.keycode, mods{}) == l.sym {
			kept = append(kept, l)
		}
	}
	r.slots = append(newRing(free).slots, kept...)
}
