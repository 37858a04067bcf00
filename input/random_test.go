package input

import (
	"fmt"
	"image"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A display is what injection does to a real one.
type display struct {
	t       *testing.T
	keys    map[Key]bool
	buttons map[uint8]bool
	typed   []string    // texts
	moved   image.Point // by steps
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
		case Text:
			d.typed = append(d.typed, e.Text)
		case Shift:
			d.moved = d.moved.Add(e.By)
		case Motion, Wheel, Locks:
		default:
			d.t.Fatalf("%#v is not for a display", e)
		}
	}
}

// physical is what tells a key from others.
func physical(k Key) any {
	if k.Code != "" {
		return k.Code
	}
	return k.Keysym
}

// check checks that nothing is down but what somebody holds.
func (d *display) check(viewers ...*viewer) {
	holds := func(what any) bool {
		return slices.ContainsFunc(viewers, func(v *viewer) bool { return v.hands[what] })
	}
	for k, down := range d.keys {
		if down && !holds(physical(k)) {
			d.t.Fatalf("%#v is down, and nobody holds it", k)
		}
	}
	for b, down := range d.buttons {
		if down && !holds(b) {
			d.t.Fatalf("button %d is down, and nobody holds it", b)
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
	d        *display
	k        *Keyboard
	rnd      *rand.Rand
	muted    bool // it may not control for now
	seq      uint32
	total    image.Point // of relative motion
	reliable []message   // not acknowledged yet
	sent     int         // how many of them are under way
	loose    []message

	hands    map[any]bool // the physical keys and the buttons that the person holds
	moved    image.Point  // by steps on its account
	position image.Point  // the newest total handled
}

func (v *viewer) send(now uint32) {
	v.seq++
	codes := []string{"KeyA", "KeyB", "ShiftLeft", "AltRight", ""}
	syms := []uint32{'a', 'A', 0xffe1, 0x20ac}
	k := Key{Code: codes[v.rnd.IntN(len(codes))], Keysym: syms[v.rnd.IntN(len(syms))]}
	pos := image.Pt(v.rnd.IntN(100), v.rnd.IntN(100))
	m := message{seq: v.seq, at: now}
	switch n := v.rnd.IntN(19); n {
	case 0, 1, 2, 3, 4, 5:
		k.Action = Action(n % 2)
		m.e = k
	case 6, 7, 8, 9:
		m.e = Button{Action: Action(n % 2), Button: []uint8{1, 2, 3, 8, 9}[v.rnd.IntN(5)], Pos: pos}
	case 10:
		m.e = Wheel{Delta: pos, Pos: pos}
	case 11:
		m.e = Release{}
	case 12:
		m.e = Text{Text: fmt.Sprintf("%p %d", v.k, v.seq)}
	case 13:
		m.e = Locks{Caps: v.rnd.IntN(2) == 0}
	default:
		k.Action = Repeat
		v.total = v.total.Add(pos).Sub(image.Pt(50, 50))
		m.e = []Event{k, k, Renew{}, Motion{pos}, Relative{v.total}}[n-14]
		v.loose = append(v.loose, m)
		return
	}
	v.reliable = append(v.reliable, m)
}

func (v *viewer) deliver(now time.Time) {
	if n := len(v.loose); n > 0 && v.rnd.IntN(2) == 0 {
		i := v.rnd.IntN(n)
		m := v.loose[i]
		v.loose = append(v.loose[:i], v.loose[i+1:]...)
		if v.rnd.IntN(3) > 0 {
			v.handle(now, m)
		}
	}
	if v.sent < len(v.reliable) && v.rnd.IntN(4) > 0 {
		v.handle(now, v.reliable[v.sent])
		v.sent++
	}
	if v.rnd.IntN(16) == 0 { // the channel changes: what is not acknowledged is sent again
		drop := v.rnd.IntN(v.sent + 1)
		v.reliable, v.sent = v.reliable[drop:], 0
	}
}

// handle is what a session does with a message.
func (v *viewer) handle(now time.Time, m message) {
	if v.muted {
		switch m.e.(type) {
		case Release, Renew: // these need no permission
		default:
			return
		}
	}
	if m.seq > v.k.reliable {
		switch e := m.e.(type) {
		case Key:
			if e.Action != Repeat {
				v.hands[physical(e)] = e.Action == Down
			}
		case Button:
			v.hands[e.Button] = e.Action == Down
		case Release:
			clear(v.hands)
		}
	}
	before := v.d.moved
	v.d.inject(v.k.Handle(nil, now, m.seq, m.at, m.e))
	v.moved = v.moved.Add(v.d.moved.Sub(before))
	if e, ok := m.e.(Relative); ok && m.seq == v.k.motion { // not a late one
		v.position = e.Total
	}
	rest := v.position.Sub(v.moved.Mul(step))
	if max(rest.X, -rest.X, rest.Y, -rest.Y) >= step {
		v.d.t.Fatalf("moved by %v pixels in all, where the total is %v", v.moved, v.position)
	}
}

// Whatever two viewers do, whoever of them may control, and whatever the network
// does to it, each press and release on the display is one that can be, no text is
// typed twice, and in the end nothing is held.
func TestNothingStaysHeld(t *testing.T) {
	for seed := range uint64(10_000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		shared := new(Held)
		d := &display{t: t, keys: make(map[Key]bool), buttons: make(map[uint8]bool)}
		connect := func() *viewer { return &viewer{d: d, k: NewKeyboard(shared), rnd: rnd, hands: make(map[any]bool)} }
		viewers := []*viewer{connect(), connect()}
		start, ms := time.Unix(1e9, 0), 0
		for range 60 {
			n := rnd.IntN(2)
			v := viewers[n]
			ms += rnd.IntN(100)
			now := start.Add(time.Duration(ms) * time.Millisecond)
			v.send(uint32(ms))
			v.deliver(now)
			d.check(viewers...)
			d.inject(v.k.Expire(nil, now))
			switch rnd.IntN(40) {
			case 0: // the page connects anew, and sends again what is not acknowledged
				d.inject(v.k.Release(nil))
				viewers[n] = connect()
				for _, m := range v.reliable {
					if m.seq > v.k.Acknowledged() {
						viewers[n].seq++
						m.seq = viewers[n].seq
						viewers[n].reliable = append(viewers[n].reliable, m)
					}
				}
			case 1: // control is given or taken
				d.inject(v.k.Release(nil))
				v.muted = !v.muted
			}
		}
		late := start.Add(time.Duration(ms)*time.Millisecond + Lease)
		d.inject(viewers[0].k.Release(nil)) // leaves
		d.inject(viewers[1].k.Expire(nil, late))
		if what := d.held(); what != nil || !shared.Empty() {
			t.Fatalf("seed %d: held after the lease: %v", seed, what)
		}
		typed := make(map[string]bool)
		for _, text := range d.typed {
			if typed[text] {
				t.Fatalf("seed %d: %q was typed twice", seed, text)
			}
			typed[text] = true
		}
	}
}
