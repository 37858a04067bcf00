package link

import (
	"math/rand/v2"
	"time"
)

// fate is what becomes of a packet.
type fate int

const (
	delivered fate = iota
	dropped        // the queue was full
	lost           // on its way
)

// lane is the model of one direction: a queue that drops at its tail, a sender
// of a fixed rate, and a way of a certain length. It does no I/O and knows no
// clock; times count from any fixed moment.
type lane struct {
	profile Profile
	free    time.Duration // when the sender has sent everything that it was given
	last    time.Duration // when the latest packet arrives
	loss    *rand.Rand
	jitter  rand.PCG
	seed    uint64 // of jitter
}

// newLane returns a lane. Lanes of one profile and another direction draw
// different numbers.
func newLane(p Profile, direction uint64) *lane {
	return &lane{
		profile: p,
		loss:    rand.New(rand.NewPCG(p.Seed, direction)),
		seed:    p.Seed + direction,
	}
}

// admit takes a packet of some bytes at now, which never goes back. It returns
// when the packet arrives, no earlier than any before it, what becomes of it,
// and how long the queue is with it.
func (l *lane) admit(now time.Duration, bytes int) (at time.Duration, f fate, queue time.Duration) {
	start := max(now, l.free)
	end := start + l.sending(bytes)
	if l.profile.Bps > 0 && end-now > l.profile.Queue {
		return 0, dropped, start - now
	}
	l.free = end
	at = max(end+l.profile.Delay+l.jitterAt(end), l.last)
	l.last = at
	if l.profile.Loss > 0 && l.loss.Float64() < l.profile.Loss {
		return at, lost, end - now
	}
	return at, delivered, end - now
}

// jitterAt returns how much longer than usual the way is for what is sent at a
// time. It holds for as long as it may be at most: were it drawn anew for each
// packet, each would have to wait for the slowest of many ahead of it, and a dense
// stream would only ever see a steady delay.
func (l *lane) jitterAt(t time.Duration) time.Duration {
	if l.profile.Jitter == 0 {
		return 0
	}
	l.jitter.Seed(l.seed, uint64(t/l.profile.Jitter))
	return time.Duration(l.jitter.Uint64() % uint64(l.profile.Jitter+1))
}

// sending returns how long the sender takes for some bytes.
func (l *lane) sending(bytes int) time.Duration {
	if l.profile.Bps == 0 {
		return 0
	}
	return time.Duration(int64(bytes) * 8 * int64(time.Second) / int64(l.profile.Bps))
}
