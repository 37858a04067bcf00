package input

import (
	"image"
	"math"
	"testing"
)

func relative(x, y int) Relative { return Relative{Total: image.Pt(x, y)} }

func shift(x, y int) Shift { return Shift{By: image.Pt(x, y)} }

func TestKeyboardRelative(t *testing.T) {
	tests := []struct {
		name   string
		totals []Relative
		want   []Event
	}{
		{"counts from 0", []Relative{relative(160, -32)}, []Event{shift(10, -2)}},
		{"keeps fractions", []Relative{relative(15, -15), relative(16, -16), relative(31, -31), relative(47, -48)},
			[]Event{shift(1, -1), shift(1, -2)}},
		{"turns round", []Relative{relative(24, 0), relative(0, 0), relative(-24, 0)}, []Event{shift(1, 0), shift(-1, 0), shift(-1, 0)}},
		{"says what was lost", []Relative{relative(16, 16), relative(1600, 800)}, []Event{shift(1, 1), shift(99, 49)}},
		{"is clipped", []Relative{relative(1<<20, -1<<20), relative(1<<20+16, -1<<20)}, []Event{shift(4096, -4096), shift(1, 0)}},
		{"wraps", []Relative{relative(math.MaxInt32-7, math.MinInt32+7), relative(math.MinInt32+8, math.MaxInt32-8)},
			[]Event{shift(4096, -4096), shift(1, -1)}},
	}
	for _, test := range tests {
		p := newPage(t, new(Held))
		for n, total := range test.totals {
			p.send(uint32(n), uint32(n), total)
		}
		t.Log(test.name)
		p.want(test.want...)
	}
}

// A locked pointer's buttons are where the pointer is, also when they are let go
// without the page.
func TestKeyboardHere(t *testing.T) {
	p := newPage(t, new(Held))
	p.send(0, 0, Motion{image.Pt(5, 5)})
	p.send(1, 1, relative(16, 0))
	p.send(2, 2, Button{Down, 1, Here})
	p.resend(2, 1, 3, relative(160, 0)) // overtaken by the button
	p.send(4, 4, relative(32, 0))
	p.send(5, 5, Wheel{image.Pt(0, 120), Here})
	p.send(6, 6, Release{})
	p.want(Motion{image.Pt(5, 5)}, shift(1, 0), Button{Down, 1, Here}, shift(1, 0), Wheel{image.Pt(0, 120), Here}, Button{Up, 1, Here})
	p.send(7, 7, Button{Down, 1, image.Pt(7, 7)})
	p.send(8, 8, relative(48, 0))
	p.got = p.k.Expire(p.got, p.at(8).Add(Lease-1)) // motion renews the lease
	p.want(Button{Down, 1, image.Pt(7, 7)}, shift(1, 0))
	p.got = p.k.Expire(p.got, p.at(8).Add(Lease))
	p.want(Button{Up, 1, Here})
}

func TestKeyboardTextAndLocks(t *testing.T) {
	p := newPage(t, new(Held))
	p.send(0, 0, Locks{Caps: true})
	p.send(1, 1, Text{"é"})
	p.resend(2, 1, 2, Text{"é"})
	p.resend(1, 0, 2, Locks{})
	p.want(Locks{Caps: true}, Text{"é"})
	if p.k.Holds() || p.k.Acknowledged() != 2 {
		t.Errorf("Holds = %v, Acknowledged = %d; want false, 2", p.k.Holds(), p.k.Acknowledged())
	}
}
