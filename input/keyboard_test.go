package input

import (
	"image"
	"slices"
	"testing"
	"time"
)

// A page is the sending side of the tests: it numbers and dates events.
type page struct {
	t     *testing.T
	k     *Keyboard
	start time.Time
	seq   uint32
	got   []Event
}

func newPage(t *testing.T, shared *Held) *page {
	return &page{t: t, k: NewKeyboard(shared), start: time.Unix(1e9, 0)}
}

// send makes an event at one time and lets it arrive at another, both in ms.
func (p *page) send(made, arrives uint32, e Event) {
	p.seq++
	p.resend(p.seq, made, arrives, e)
}

func (p *page) resend(seq, made, arrives uint32, e Event) {
	p.got = p.k.Handle(p.got, p.at(arrives), seq, made, e)
}

func (p *page) at(ms uint32) time.Time { return p.start.Add(time.Duration(ms) * time.Millisecond) }

func (p *page) want(events ...Event) {
	p.t.Helper()
	if !slices.Equal(p.got, events) {
		p.t.Errorf("injected\n%v, want\n%v", p.got, events)
	}
	p.got = p.got[:0]
}

func key(a Action, code string, sym uint32) Key { return Key{Action: a, Code: code, Keysym: sym} }

var (
	aDown   = key(Down, "KeyA", 'a')
	aUp     = key(Up, "KeyA", 'a')
	aRepeat = key(Repeat, "KeyA", 'a')
	origin  image.Point
)

func TestKeyboardPassesOn(t *testing.T) {
	p := newPage(t, new(Held))
	p.send(0, 0, aDown)
	p.send(10, 10, aRepeat)
	p.send(20, 20, aUp)
	p.want(aDown, aUp, aDown, aUp)
	p.send(30, 30, Motion{image.Pt(3, 4)})
	p.send(40, 40, Button{Down, 1, image.Pt(5, 6)})
	p.send(50, 50, Button{Up, 1, image.Pt(7, 8)})
	p.want(Motion{image.Pt(3, 4)}, Button{Down, 1, image.Pt(5, 6)}, Button{Up, 1, image.Pt(7, 8)})
	if got, want := p.k.Acknowledged(), uint32(6); got != want {
		t.Errorf("Acknowledged = %d, want %d", got, want)
	}
	if p.k.Holds() || !p.k.shared.Empty() {
		t.Error("something is held at the end")
	}
}

func TestKeyboardDrops(t *testing.T) {
	p := newPage(t, new(Held))
	p.resend(5, 0, 0, aDown)
	p.want(aDown)
	p.resend(5, 0, 1, aDown)                            // sent again on another channel
	p.resend(4, 0, 1, key(Down, "KeyB", 'b'))           // before what is acknowledged
	p.resend(6, 0, 2, aDown)                            // a second press of what is held
	p.resend(7, 0, 2, key(Up, "KeyB", 'b'))             // never pressed
	p.resend(8, 0, 2, key(Repeat, "KeyC", 'c'))         // never pressed
	p.resend(3, 0, 2, aRepeat)                          // overtaken
	p.resend(9, 0, 2, Button{Up, 1, origin})            // never pressed
	p.resend(10, 0, 2, Button{Down, 200, origin})       // there is no such button
	p.resend(11, 0, 3, Button{Down, 3, image.Pt(1, 1)}) // passes
	p.resend(10, 0, 3, Motion{image.Pt(9, 9)})          // would move it off its button
	p.want(Button{Down, 3, image.Pt(1, 1)})
	if got, want := p.k.Dropped(), (Dropped{Duplicate: 2, Stale: 2, Refused: 5}); got != want {
		t.Errorf("Dropped = %+v, want %+v", got, want)
	}
}

func TestKeyboardNeverRepeatsModifiers(t *testing.T) {
	for _, k := range []Key{
		key(Down, "ShiftLeft", 0xffe1), key(Down, "ControlRight", 0), key(Down, "", 0xffe9),
		key(Down, "AltRight", 0xfe03), key(Down, "CapsLock", 0xffe5), key(Down, "", 0xff7f),
	} {
		p := newPage(t, new(Held))
		p.send(0, 0, k)
		repeat := k
		repeat.Action = Repeat
		p.send(1, 1, repeat)
		p.want(k)
	}
}

// The release of Shift before that of the letter changes the letter's keysym.
func TestKeyboardReleasesWhatWasPressed(t *testing.T) {
	p := newPage(t, new(Held))
	p.send(0, 0, key(Down, "KeyA", 'A'))
	p.send(1, 1, key(Repeat, "KeyA", 'a'))
	p.send(2, 2, key(Up, "KeyA", 'a'))
	p.want(key(Down, "KeyA", 'A'), key(Up, "KeyA", 'A'), key(Down, "KeyA", 'A'), key(Up, "KeyA", 'A'))
	p.send(3, 3, key(Down, "KeyA", 'A'))
	p.send(4, 4, key(Down, "KeyA", 'a')) // the release was lost in the page
	p.send(5, 5, aUp)
	p.want(key(Down, "KeyA", 'A'), key(Up, "KeyA", 'A'), aDown, aUp)
	p.send(6, 6, key(Down, "", 0x20ac))
	p.send(7, 7, key(Down, "", 'x'))
	p.send(8, 8, key(Up, "", 0x20ac))
	p.want(key(Down, "", 0x20ac), key(Down, "", 'x'), key(Up, "", 0x20ac))
}

func TestKeyboardLease(t *testing.T) {
	p := newPage(t, new(Held))
	expire := func(ms uint32) { p.got = p.k.Expire(p.got, p.at(ms)) }
	p.send(0, 0, key(Down, "ShiftLeft", 0xffe1))
	p.send(500, 500, aDown)
	expire(1999)
	p.send(1500, 1500, Renew{})
	expire(3499)
	p.want(key(Down, "ShiftLeft", 0xffe1), aDown)
	expire(3500)
	p.want(aUp, key(Up, "ShiftLeft", 0xffe1))
	p.send(3600, 3600, aRepeat)
	p.send(3610, 3610, Renew{})
	p.send(3620, 3620, aUp)
	p.want()
	p.send(3700, 3700, aDown)
	p.send(3800, 3900, Renew{}) // renewed as of 3800
	expire(5799)
	p.want(aDown)
	expire(5801)
	p.want(aUp)
}

func TestKeyboardLeaseOfButtons(t *testing.T) {
	shared := new(Held)
	p, other := newPage(t, shared), newPage(t, shared)
	expire := func(ms uint32) { p.got = p.k.Expire(p.got, p.at(ms)) }
	down, end := Button{Down, 1, image.Pt(1, 1)}, image.Pt(9, 9)
	p.send(0, 0, Motion{origin})
	p.send(10, 10, down)
	p.send(1000, 1000, Renew{})
	expire(2990)
	p.send(2995, 2995, Motion{end}) // a drag
	expire(4990)
	p.want(Motion{origin}, down, Motion{end})
	expire(4995)
	p.want(Button{Up, 1, end})
	p.send(5000, 5000, Renew{})
	p.send(5010, 5010, Button{Up, 1, end}) // too late: up already
	p.want()

	// A viewer that a cut has taken away does not keep the others from clicking.
	other.send(6000, 6000, down)
	other.send(6010, 6010, Button{Up, 1, end})
	other.want(down, Button{Up, 1, end})
	if p.k.Holds() || !shared.Empty() {
		t.Error("something is held at the end")
	}
}

func TestKeyboardOverACut(t *testing.T) {
	for name, downArrives := range map[string]uint32{"pressed before it": 1000, "pressed in it": 2500} {
		t.Run(name, func(t *testing.T) {
			p := newPage(t, new(Held))
			p.send(0, 0, Motion{origin})
			// Held from 1000 ms to 2480 ms; nothing arrives between 1010 ms and 2500 ms.
			p.send(1000, downArrives, aDown)
			for made := uint32(1500); made < 2480; made += 33 {
				p.send(made, 2500, aRepeat)
			}
			p.send(2480, 2500, aUp)
			p.want(Motion{origin}, aDown, aUp)
			if got := p.k.Dropped().Late; got != 30 {
				t.Errorf("%d late repeats, want 30", got)
			}
			p.send(3000, 3000, aDown)
			p.send(3500, 3500, aRepeat)
			p.want(aDown, aUp, aDown)
		})
	}
}

func TestLag(t *testing.T) {
	tests := []struct {
		name        string
		made, after []uint32 // the page's ms; our ms
		want        []time.Duration
	}{
		{"steady", []uint32{100, 200, 300}, []uint32{0, 100, 200}, []time.Duration{0, 0, 0}},
		{"late", []uint32{100, 200, 300}, []uint32{0, 400, 500}, []time.Duration{0, 300, 300}},
		{"quicker", []uint32{100, 200, 300}, []uint32{50, 100, 250}, []time.Duration{0, 0, 50}},
		{"wrapped", []uint32{1<<32 - 50, 50, 150}, []uint32{0, 100, 260}, []time.Duration{0, 0, 60}},
		{"asleep", []uint32{100, 200, 300}, []uint32{0, 3600_000, 3600_110}, []time.Duration{0, 0, 10}},
		{"drift", []uint32{0, 20_000_000, 40_000_000}, []uint32{0, 20_004_000, 40_008_000}, []time.Duration{0, 0, 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var l lag
			start := time.Unix(1e9, 0)
			for i, made := range test.made {
				got := l.of(start.Add(time.Duration(test.after[i])*time.Millisecond), made)
				if want := test.want[i] * time.Millisecond; got > want || got < want-time.Millisecond {
					t.Errorf("message %d: lag %v, want %v", i, got, want)
				}
			}
		})
	}
}

func TestKeyboardWheel(t *testing.T) {
	wheel := func(dx, dy int) Wheel { return Wheel{Delta: image.Pt(dx, dy)} }
	p := newPage(t, new(Held))
	for range 3 {
		p.send(0, 0, wheel(0, 50))
	}
	p.want(wheel(0, 120))
	p.send(0, 0, wheel(0, 89)) // 30 were left
	p.want()
	p.send(0, 0, wheel(0, -119)) // the other way starts anew
	p.want()
	p.send(0, 0, wheel(-120, -1))
	p.want(wheel(-120, -120))
	p.send(0, 0, wheel(0, 32767))
	p.want(wheel(0, 1200))
	p.send(0, 0, wheel(0, 113)) // 32767 is 273 notches and 7; what was cut off is forgotten
	p.want(wheel(0, 120))
}

func TestKeyboardRelease(t *testing.T) {
	p := newPage(t, new(Held))
	ctrl := key(Down, "ControlLeft", 0xffe3)
	p.send(0, 0, ctrl)
	p.send(0, 0, aDown)
	p.send(0, 0, Button{Down, 1, image.Pt(1, 2)})
	p.send(0, 0, Button{Down, 9, image.Pt(1, 2)})
	p.send(0, 0, Motion{image.Pt(3, 4)})
	p.got = p.got[:0]
	p.send(0, 0, Release{})
	ctrl.Action = Up
	p.want(Button{Up, 9, image.Pt(3, 4)}, Button{Up, 1, image.Pt(3, 4)}, aUp, ctrl)
	p.send(0, 0, Release{})
	p.want()
}

func TestKeyboardsShareKeys(t *testing.T) {
	shared := new(Held)
	p, q := newPage(t, shared), newPage(t, shared)
	left := Button{Down, 1, origin}
	p.send(0, 0, aDown)
	q.send(0, 0, aDown)
	p.send(0, 0, left)
	q.send(0, 0, left)
	p.want(aDown, left)
	q.want()
	p.got = p.k.Release(p.got)
	p.want()
	if shared.Empty() {
		t.Error("the second viewer's key is not held any more")
	}
	q.got = q.k.Release(q.got)
	left.Action = Up
	q.want(left, aUp)
	if !shared.Empty() {
		t.Error("something is still held")
	}
}

func TestKeyboardBoundsHeldKeys(t *testing.T) {
	p := newPage(t, new(Held))
	for i := range uint32(1000) {
		p.send(0, 0, key(Down, "", 0x1000000+i))
	}
	if got := len(p.got); got != maxHeld {
		t.Errorf("%d keys held, want %d", got, maxHeld)
	}
	p.got = p.k.Release(p.got[:0])
	if got := len(p.got); got != maxHeld {
		t.Errorf("%d keys released, want %d", got, maxHeld)
	}
}

func BenchmarkKeyboardHandle(b *testing.B) {
	k, now := NewKeyboard(new(Held)), time.Unix(1e9, 0)
	events := []Event{aDown, aRepeat, aUp, Motion{origin}}
	var dst []Event
	var seq uint32
	b.ReportAllocs()
	for b.Loop() {
		seq++
		dst = k.Handle(dst[:0], now, seq, seq, events[seq%4])
	}
}
