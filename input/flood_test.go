package input

import (
	"image"
	"strings"
	"testing"
)

// Of 10 000 events a second a page gets as many through as hands can make, keeps
// nothing down by it, and is as it was a moment later.
func TestFlood(t *testing.T) {
	floods := map[string]func(n int) Event{
		"motion":   func(n int) Event { return Motion{image.Pt(n, n)} },
		"relative": func(n int) Event { return relative(16*n, 0) },
		"repeats":  func(int) Event { return aRepeat },
		"keys":     func(n int) Event { return key(Action(1-n%2), "KeyB", 'b') },
		"buttons":  func(n int) Event { return Button{Action(1 - n%2), 1, origin} },
		"wheel":    func(int) Event { return Wheel{image.Pt(0, 120), origin} },
		"locks":    func(n int) Event { return Locks{Caps: n%2 == 0} },
	}
	for name, make := range floods {
		p := newPage(t, new(Held))
		p.send(0, 0, aDown)
		for n := range 30_000 { // in 3 s
			ms := uint32(n / 10)
			p.send(ms, ms, make(n))
		}
		events := len(p.got)
		if most := 2*4*maxRate + 3; events > most { // a repeat is two, and twice as many releases pass
			t.Errorf("%s: %d events passed on, want at most %d", name, events, most)
		}
		if got := p.k.Dropped(); got.Flood < 20_000 && name != "keys" && name != "buttons" || got.Flood < 5_000 {
			t.Errorf("%s: %+v, want most counted as a flood", name, got)
		}
		p.got = p.got[:0]
		p.send(4000, 4000, aUp)
		p.send(4001, 4001, Button{Down, 3, origin})
		p.send(4002, 4002, Release{})
		p.want(aUp, Button{Down, 3, origin}, Button{Up, 3, origin})
	}
}

func TestFloodOfText(t *testing.T) {
	p := newPage(t, new(Held))
	text := Text{strings.Repeat("語", 341)}
	for range 100 {
		p.send(0, 0, text)
	}
	if got, want := len(p.got), maxRate/341; got != want {
		t.Errorf("%d texts passed on, want %d", got, want)
	}
	if got, want := p.k.Dropped().Flood, uint64(100-maxRate/341); got != want {
		t.Errorf("%d counted, want %d", got, want)
	}
	if got := p.k.Acknowledged(); got != 100 {
		t.Errorf("Acknowledged = %d, want 100", got)
	}
}
