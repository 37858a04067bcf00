package link

import (
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

func TestLookup(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rtt   time.Duration
		bps   int
		found bool
	}{
		{"lan", 0, 0, true},
		{"wan", 40 * ms, 20e6, true},
		{"slow", 80 * ms, 4e6, true},
		{"wifi", 10 * ms, 30e6, true},
		{"lossy", 40 * ms, 20e6, true},
		{"moon", 0, 0, false},
	} {
		p, found := Lookup(tt.name)
		if found != tt.found || 2*p.Delay != tt.rtt || p.Bps != tt.bps {
			t.Errorf("Lookup(%q) = RTT %v, %d bit/s, %v; want %v, %d, %v",
				tt.name, 2*p.Delay, p.Bps, found, tt.rtt, tt.bps, tt.found)
		}
	}
}

// At 8 Mbit/s a packet of 1000 bytes takes a millisecond.
func TestLaneQueues(t *testing.T) {
	l := newLane(Profile{Delay: 20 * ms, Bps: 8e6, Queue: 3 * ms}, 0)
	for i, tt := range []struct {
		now   time.Duration
		at    time.Duration
		fate  fate
		queue time.Duration
	}{
		{0, 21 * ms, delivered, ms},
		{0, 22 * ms, delivered, 2 * ms},
		{0, 23 * ms, delivered, 3 * ms},
		{0, 0, dropped, 3 * ms},
		{ms, 24 * ms, delivered, 3 * ms},
		{ms, 0, dropped, 3 * ms},
		{50 * ms, 71 * ms, delivered, ms},
	} {
		at, fate, queue := l.admit(tt.now, 1000)
		if at != tt.at || fate != tt.fate || queue != tt.queue {
			t.Errorf("packet %d: at %v, fate %d, queue %v; want %v, %d, %v", i, at, fate, queue, tt.at, tt.fate, tt.queue)
		}
	}
}

func TestLaneWithoutRateHasNoQueue(t *testing.T) {
	l := newLane(Profile{Delay: ms}, 0)
	for range 1000 {
		if at, fate, queue := l.admit(0, 1500); at != ms || fate != delivered || queue != 0 {
			t.Fatalf("got at %v, fate %d, queue %v; want %v, delivered, 0", at, fate, queue, ms)
		}
	}
}

func TestLaneJitterKeepsOrder(t *testing.T) {
	const delay, jitter = 5 * ms, 15 * ms
	for _, step := range []time.Duration{ms / 10, ms, 40 * ms} {
		l := newLane(Profile{Delay: delay, Jitter: jitter, Seed: 1}, 0)
		var last, least, most time.Duration = 0, time.Hour, 0
		for i := range 20_000 {
			now := time.Duration(i) * step
			at, _, _ := l.admit(now, 100)
			if at < last {
				t.Fatalf("a packet each %v: packet %d arrives %v before the one ahead", step, i, last-at)
			}
			last, least, most = at, min(least, at-now), max(most, at-now)
		}
		if least < delay || least > delay+ms || most > delay+jitter || most < delay+jitter-ms {
			t.Errorf("a packet each %v: they took %v to %v; want %v to %v", step, least, most, delay, delay+jitter)
		}
	}
}

func TestLaneLosesTheSameAgain(t *testing.T) {
	fates := func(p Profile, direction uint64) (f []fate) {
		l := newLane(p, direction)
		for i := range 10_000 {
			_, fate, _ := l.admit(time.Duration(i)*ms, 100)
			f = append(f, fate)
		}
		return f
	}
	p := Profile{Loss: 0.05, Seed: 1}
	first := fates(p, 0)
	n := 0
	for _, f := range first {
		if f == lost {
			n++
		}
	}
	if n < 400 || n > 600 {
		t.Errorf("lost %d of 10000; want about 500", n)
	}
	jittered := p
	jittered.Jitter = 10 * ms
	other := p
	other.Seed = 2
	for _, tt := range []struct {
		name string
		got  []fate
		same bool
	}{
		{"again", fates(p, 0), true},
		{"with jitter", fates(jittered, 0), true},
		{"in the other direction", fates(p, 1), false},
		{"with another seed", fates(other, 0), false},
	} {
		if same := slices.Equal(first, tt.got); same != tt.same {
			t.Errorf("%s: same losses %v, want %v", tt.name, same, tt.same)
		}
	}
}

func TestFlightIsFirstInFirstOut(t *testing.T) {
	f := newFlight(Profile{})
	in, out := byte(0), byte(0)
	for range 3 * len(f.ring) { // three in, two out, until it is full; then round and round
		for range 3 {
			if !f.full() {
				f.next()[0] = in
				f.push(time.Duration(in), 1)
				in++
			}
		}
		for range 2 {
			at, ok := f.first()
			if p := f.pop(); !ok || at != time.Duration(out) || len(p) != 1 || p[0] != out {
				t.Fatalf("got packet %v at %v, %v; want %d", p, at, ok, out)
			}
			out++
		}
	}
	for !f.full() {
		f.push(0, 1)
	}
	if f.n != len(f.ring) {
		t.Errorf("holds %d when full, want %d", f.n, len(f.ring))
	}
	for range len(f.ring) {
		f.pop()
	}
	if _, ok := f.first(); ok || f.full() {
		t.Error("not empty after everything was taken out")
	}
}
