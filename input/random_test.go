package input

import (
	"fmt"
	"image"
	"math/rand/v2"
	"testing"
	"time"
)

// A display is what injection does to a real one.
type display struct {
	t       *testing.T
	keys    map[Key]bool
	buttons map[uint8]bool
}

func (d *display) inject(events []Event) {
	for _, e := range events {
		switch e := e.(type) {
		case Key:
			id := key(Up, e.Code, e.Keysym)
			if d.keys[id] == (e.Action == Down) || e.Action == Repeat {
				d.t.Fatalf("%#v while down is %v", e, d.keys[id])
			}
			d.keys[id] = e.Action == Down
		case Button:
			if d.buttons[e.Button] == (e.Action == Down) {
				d.t.Fatalf("%#v while down is %v", e, d.buttons[e.Button])
			}
			d.buttons[e.Button] = e.Action == Down
		}
	}
}

func (d *display) held() (what []string) {
	for k, down := range d.keys {
		if down {
			what = append(what, fmt.Sprintf("%q %#x", k.Code, k.Keysym))
		}
	}
	for b, down := range d.buttons {
		if down {
			what = append(what, fmt.Sprintf("button %d", b))
		}
	}
	return what
}

// A message is under way.
type message struct {
	seq, at uint32
	e       Event
}

// A viewer is a page behind a bad network. What it sends reliably arrives in
// order, some of it twice; the rest is lost and reordered.
type viewer struct {
	k        *Keyboard
	rnd      *rand.Rand
	seq      uint32
	reliable []message // not acknowledged yet
	sent     int       // how many of them are under way
	loose    []message
}

func (v *viewer) send(now uint32) {
	v.seq++
	codes := []string{"KeyA", "KeyB", "ShiftLeft", "AltRight", ""}
	syms := []uint32{'a', 'A', 0xffe1, 0x20ac}
	k := Key{Code: codes[v.rnd.IntN(len(codes))], Keysym: syms[v.rnd.IntN(len(syms))]}
	pos := image.Pt(v.rnd.IntN(100), v.rnd.IntN(100))
	m := message{seq: v.seq, at: now}
	switch n := v.rnd.IntN(16); n {
	case 0, 1, 2, 3, 4, 5:
		k.Action = Action(n % 2)
		m.e = k
	case 6, 7, 8, 9:
		m.e = Button{Action: Action(n % 2), Button: []uint8{1, 2, 3, 8, 9}[v.rnd.IntN(5)], Pos: pos}
	case 10:
		m.e = Wheel{Delta: pos, Pos: pos}
	case 11:
		m.e = Release{}
	default:
		k.Action = Repeat
		m.e = []Event{k, k, Renew{}, Motion{pos}}[n-12]
		v.loose = append(v.loose, m)
		return
	}
	v.reliable = append(v.reliable, m)
}

func (v *viewer) deliver(dst []Event, now time.Time) []Event {
	if n := len(v.loose); n > 0 && v.rnd.IntN(2) == 0 {
		i := v.rnd.IntN(n)
		m := v.loose[i]
		v.loose = append(v.loose[:i], v.loose[i+1:]...)
		if v.rnd.IntN(3) > 0 {
			dst = v.k.Handle(dst, now, m.seq, m.at, m.e)
		}
	}
	if v.sent < len(v.reliable) && v.rnd.IntN(4) > 0 {
		m := v.reliable[v.sent]
		dst = v.k.Handle(dst, now, m.seq, m.at, m.e)
		v.sent++
	}
	if v.rnd.IntN(16) == 0 { // the channel changes: what is not acknowledged is sent again
		drop := v.rnd.IntN(v.sent + 1)
		v.reliable, v.sent = v.reliable[drop:], 0
	}
	return dst
}

// Whatever two viewers do and the network does to it, each press and release
// on the display is one that can be, and in the end nothing is held.
func TestNothingStaysHeld(t *testing.T) {
	for seed := range uint64(10_000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		shared := new(Held)
		d := &display{t: t, keys: make(map[Key]bool), buttons: make(map[uint8]bool)}
		viewers := []*viewer{{k: NewKeyboard(shared), rnd: rnd}, {k: NewKeyboard(shared), rnd: rnd}}
		start, ms := time.Unix(1e9, 0), 0
		for range 60 {
			v := viewers[rnd.IntN(2)]
			ms += rnd.IntN(100)
			now := start.Add(time.Duration(ms) * time.Millisecond)
			v.send(uint32(ms))
			d.inject(v.deliver(nil, now))
			d.inject(v.k.Expire(nil, now))
			if rnd.IntN(40) == 0 {
				d.inject(v.k.Release(nil))
				*v = viewer{k: NewKeyboard(shared), rnd: rnd}
			}
		}
		late := start.Add(time.Duration(ms)*time.Millisecond + Lease)
		d.inject(viewers[0].k.Release(nil)) // leaves
		d.inject(viewers[1].k.Expire(nil, late))
		if what := d.held(); what != nil || !shared.Empty() {
			t.Fatalf("seed %d: held after the lease: %v", seed, what)
		}
	}
}
