package input

import (
	"image"
	"slices"
	"time"
)

const (
	// Lease is how long a key or a button stays down without news from the page.
	Lease = 2 * time.Second
	// maxLag is how late a repeat may come: after a cut of the network the
	// repeats of a held key arrive together and would type a word.
	maxLag = 250 * time.Millisecond
	// notch is one click of a wheel in the units of Wheel.
	notch = 120
	// maxClicks is how many clicks one message may turn a wheel by, each way.
	maxClicks = 10
	// step is one pixel in the units of Relative, and maxShift how many pixels one
	// message may move the pointer by, each way.
	step     = 16
	maxShift = 4096
	// maxHeld is how many keys one viewer may hold: more than any hands can.
	maxHeld = 32
)

// Keyboard is one viewer's keys, buttons and wheel: it turns the events that
// the page sent, with what a network does to them, into the events for an
// Injector, and knows what has to be let go when the viewer does not.
//
// Each of its methods appends to dst and returns it. What is appended is
// balanced: every Down that is not held yet on the display, every Up for what
// is, as long as all of it is injected in order. An event that an Injector
// refuses needs no undoing.
//
// It starts nothing and is used by one goroutine at a time, together with all
// keyboards of the same Held. A page that connects anew gets a new Keyboard,
// after Release of the old one.
type Keyboard struct {
	shared       *Held
	keys         []Key     // their actions cleared, in the order of their presses
	keysUntil    time.Time // when their lease runs out
	buttons      []uint8   // in the order of their presses
	buttonsUntil time.Time
	pos          image.Point // or Here
	turned       image.Point // what is left of the wheel's turn, less than a notch
	shifted      image.Point // the total of Relative that has been passed on

	flood    flood
	lag      lag
	lateAt   time.Time // when the last late message came
	reliable uint32    // newest sequences seen
	motion   uint32    // of anything with a position
	repeat   uint32
	dropped  Dropped
}

// Dropped counts the events of one viewer that were not passed on.
type Dropped struct {
	Duplicate uint64 // reliable events sent again
	Stale     uint64 // motion and repeats overtaken by newer events
	Late      uint64 // repeats held up by the network
	Flood     uint64 // events above the rate of any hands
	Refused   uint64 // repeats and releases of what is not held, presses of what is, too many keys
}

// NewKeyboard returns the keyboard of a viewer that has just connected.
func NewKeyboard(shared *Held) *Keyboard { return &Keyboard{shared: shared} }

// Acknowledged returns the newest reliable sequence handled: what the page need
// not send again.
func (k *Keyboard) Acknowledged() uint32 { return k.reliable }

// Dropped returns what has been dropped since the keyboard was made.
func (k *Keyboard) Dropped() Dropped { return k.dropped }

// Holds reports whether the viewer holds a key or a button.
func (k *Keyboard) Holds() bool { return len(k.keys) > 0 || len(k.buttons) > 0 }

// Handle takes a decoded event that arrived now.
func (k *Keyboard) Handle(dst []Event, now time.Time, seq, at uint32, e Event) []Event {
	if k.flood.over(now, e) && !releases(e) {
		k.dropped.Flood++
		if Reliable(e) {
			k.reliable = max(k.reliable, seq)
		}
		return dst
	}
	late := k.lag.of(now, at)
	if late > maxLag {
		k.lateAt = now
	}
	switch e := e.(type) {
	case Motion:
		if seq <= k.motion {
			k.dropped.Stale++
			return dst
		}
		k.place(seq, e.Pos)
		k.renewButtons(now.Add(Lease - late))
		return append(dst, e)
	case Relative:
		if seq <= k.motion {
			k.dropped.Stale++
			return dst
		}
		k.place(seq, Here)
		k.renewButtons(now.Add(Lease - late))
		return k.handleRelative(dst, e)
	case Renew:
		// A renewal that was held up says what was held then.
		k.renewKeys(now.Add(Lease - late))
		k.renewButtons(now.Add(Lease - late))
		return dst
	case Key:
		if e.Action == Repeat {
			return k.handleRepeat(dst, now, seq, e)
		}
	}
	if seq <= k.reliable {
		k.dropped.Duplicate++
		return dst
	}
	k.reliable = seq
	switch e := e.(type) {
	case Key:
		return k.handleKey(dst, now, e)
	case Button:
		k.place(seq, e.Pos)
		return k.handleButton(dst, now, e)
	case Wheel:
		k.place(seq, e.Pos)
		return k.handleWheel(dst, e)
	case Release:
		return k.Release(dst)
	case Text, Locks:
		return append(dst, e)
	}
	return dst
}

// Expire lets go of the buttons and of the keys whose lease has run out.
func (k *Keyboard) Expire(dst []Event, now time.Time) []Event {
	if !now.Before(k.buttonsUntil) {
		dst = k.releaseButtons(dst)
	}
	if !now.Before(k.keysUntil) {
		dst = k.releaseKeys(dst)
	}
	return dst
}

// Release lets go of every button, then of every key, the last pressed first,
// so that a drag ends with the modifiers that it was made with. It is for a
// viewer that has left, looks elsewhere or may not control any more.
func (k *Keyboard) Release(dst []Event) []Event {
	return k.releaseKeys(k.releaseButtons(dst))
}

func (k *Keyboard) releaseButtons(dst []Event) []Event {
	for len(k.buttons) > 0 {
		dst = k.releaseButton(dst, len(k.buttons)-1)
	}
	return dst
}

func (k *Keyboard) releaseKeys(dst []Event) []Event {
	for len(k.keys) > 0 {
		dst = k.releaseKey(dst, len(k.keys)-1)
	}
	return dst
}

func (k *Keyboard) handleKey(dst []Event, now time.Time, e Key) []Event {
	k.renewKeys(now.Add(Lease))
	i := k.find(e)
	if e.Action == Up {
		if i < 0 {
			k.dropped.Refused++
			return dst
		}
		return k.releaseKey(dst, i)
	}
	e.Action = Up
	if i >= 0 {
		if k.keys[i] == e {
			k.dropped.Refused++
			return dst
		}
		// The same key with another meaning: its release was lost in the page.
		dst = k.releaseKey(dst, i)
	}
	if len(k.keys) == maxHeld {
		k.dropped.Refused++
		return dst
	}
	k.keys = append(k.keys, e)
	if k.shared.press(e) {
		e.Action = Down
		dst = append(dst, e)
	}
	return dst
}

// handleRepeat makes of a repeat what X makes of it: a release and a press.
func (k *Keyboard) handleRepeat(dst []Event, now time.Time, seq uint32, e Key) []Event {
	if seq <= k.repeat || seq <= k.reliable {
		k.dropped.Stale++
		return dst
	}
	k.repeat = seq
	// Behind a late message comes what was held up with it, down to what was
	// made a moment ago.
	if !k.lateAt.IsZero() && now.Sub(k.lateAt) < maxLag {
		k.dropped.Late++
		return dst
	}
	i := k.find(e)
	if i < 0 || isModifier(e) {
		k.dropped.Refused++
		return dst
	}
	k.renewKeys(now.Add(Lease))
	up := k.keys[i]
	down := up
	down.Action = Down
	return append(dst, up, down)
}

func (k *Keyboard) handleButton(dst []Event, now time.Time, e Button) []Event {
	k.renewButtons(now.Add(Lease))
	i := slices.Index(k.buttons, e.Button)
	if e.Button > maxButton || e.Action > Down || (i >= 0) == (e.Action == Down) {
		k.dropped.Refused++
		return dst
	}
	if e.Action == Up {
		return k.releaseButton(dst, i)
	}
	k.buttons = append(k.buttons, e.Button)
	if k.shared.pressButton(e.Button) {
		dst = append(dst, e)
	}
	return dst
}

// handleRelative passes on by how many whole pixels the total has grown.
func (k *Keyboard) handleRelative(dst []Event, e Relative) []Event {
	var by image.Point
	by.X, k.shifted.X = grown(k.shifted.X, e.Total.X)
	by.Y, k.shifted.Y = grown(k.shifted.Y, e.Total.Y)
	if by == (image.Point{}) {
		return dst
	}
	return append(dst, Shift{By: by})
}

// grown returns the whole pixels, at most maxShift, between two totals, which
// wrap at 32 bits, and the total that they lead to.
func grown(passed, total int) (pixels, now int) {
	pixels = int(int32(total)-int32(passed)) / step
	if pixels < -maxShift || pixels > maxShift {
		return max(-maxShift, min(pixels, maxShift)), total
	}
	return pixels, passed + pixels*step
}

// handleWheel passes whole notches on and keeps the rest for the next turn the
// same way.
func (k *Keyboard) handleWheel(dst []Event, e Wheel) []Event {
	var clicks image.Point
	clicks.X, k.turned.X = turn(k.turned.X, e.Delta.X)
	clicks.Y, k.turned.Y = turn(k.turned.Y, e.Delta.Y)
	if clicks == (image.Point{}) {
		return dst
	}
	return append(dst, Wheel{Delta: clicks.Mul(notch), Pos: e.Pos})
}

// turn adds delta to what is left of earlier turns and splits the sum into
// clicks, at most maxClicks, and a rest.
func turn(rest, delta int) (clicks, left int) {
	if rest*delta < 0 {
		rest = 0
	}
	sum := rest + delta
	return max(-maxClicks, min(sum/notch, maxClicks)), sum % notch
}

// place notes the pointer's position, which every event that has one sets.
func (k *Keyboard) place(seq uint32, pos image.Point) {
	k.motion, k.pos = max(k.motion, seq), pos
}

func (k *Keyboard) renewKeys(until time.Time) {
	if until.After(k.keysUntil) {
		k.keysUntil = until
	}
}

func (k *Keyboard) renewButtons(until time.Time) {
	if until.After(k.buttonsUntil) {
		k.buttonsUntil = until
	}
}

// find returns the index of the held key that e is about, or -1. The physical
// key decides: what it means may change while it is held.
func (k *Keyboard) find(e Key) int {
	return slices.IndexFunc(k.keys, func(held Key) bool {
		if e.Code != "" || held.Code != "" {
			return held.Code == e.Code
		}
		return held.Keysym == e.Keysym
	})
}

func (k *Keyboard) releaseKey(dst []Event, i int) []Event {
	key := k.keys[i]
	k.keys = slices.Delete(k.keys, i, i+1)
	if k.shared.release(key) {
		dst = append(dst, key)
	}
	return dst
}

func (k *Keyboard) releaseButton(dst []Event, i int) []Event {
	n := k.buttons[i]
	k.buttons = slices.Delete(k.buttons, i, i+1)
	if k.shared.releaseButton(n) {
		dst = append(dst, Button{Action: Up, Button: n, Pos: k.pos})
	}
	return dst
}

// isModifier reports whether a key only changes what others mean. X never
// repeats such a key.
func isModifier(e Key) bool {
	switch e.Code {
	case "ShiftLeft", "ShiftRight", "ControlLeft", "ControlRight", "AltLeft", "AltRight",
		"MetaLeft", "MetaRight", "CapsLock", "NumLock", "ScrollLock", "Fn", "FnLock":
		return true
	}
	switch s := e.Keysym; {
	case s >= 0xffe1 && s <= 0xffee: // Shift_L to Hyper_R
		return true
	case s >= 0xfe01 && s <= 0xfe13: // ISO_Lock to ISO_Level5_Lock
		return true
	case s == 0xff7e || s == 0xff7f || s == 0xff14: // Mode_switch, Num_Lock, Scroll_Lock
		return true
	}
	return false
}
