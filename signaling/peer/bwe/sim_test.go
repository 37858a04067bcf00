package bwe

import (
	"math/rand/v2"
	"time"
)

// link is a bottleneck: a rate, a delay and a queue of a bounded length.
type link struct {
	bps    float64
	delay  time.Duration // one way
	queue  time.Duration // what the buffer holds at that rate; beyond it packets are dropped
	jitter time.Duration // added to an arrival, uniformly
	loss   float64       // at random
	free   time.Time     // when what is queued has left
}

func (l *link) carry(bytes int, now time.Time, rnd *rand.Rand) (arrival time.Time, ok bool) {
	if l.free.Before(now) {
		l.free = now
	}
	if l.free.Sub(now) > l.queue || rnd.Float64() < l.loss {
		return now, false
	}
	l.free = l.free.Add(time.Duration(float64(bytes*8) / l.bps * 1e9))
	arrival = l.free.Add(l.delay)
	if l.jitter > 0 {
		arrival = arrival.Add(time.Duration(rnd.Int64N(int64(l.jitter))))
	}
	return arrival, true
}

// simulation runs a sender of frames over a link, with feedback every 50 ms.
type simulation struct {
	c      *Controller
	link   link
	now    time.Time
	demand func(at time.Duration) float64 // bits a second that the desktop would like; the estimate caps it
	greedy bool                           // the encoder ignores the estimate
	held   bool                           // a full window holds frames back
	rnd    *rand.Rand

	begin   time.Time
	seq     uint16
	pending []Arrival   // not yet reported
	known   []time.Time // when the receiver knows of each
	reports []report
	sent    int
}

type report struct {
	due  time.Time
	list []Arrival
}

func newSimulation(cfg Config, l link) *simulation {
	begin := time.Unix(1_000_000, 0)
	return &simulation{
		c: New(cfg), link: l, now: begin, begin: begin, held: true,
		rnd:    rand.New(rand.NewPCG(1, 2)),
		demand: func(time.Duration) float64 { return 1e9 },
	}
}

const packetBytes = 1240

// run goes on for d and returns the least and the most of the estimate in it.
func (s *simulation) run(d time.Duration) (least, most int) {
	least, most = s.c.Estimate(), s.c.Estimate()
	for end := s.now.Add(d); s.now.Before(end); s.now = s.now.Add(time.Millisecond) {
		ms := s.now.Sub(s.begin).Milliseconds()
		if ms%16 == 0 {
			s.frame()
		}
		if ms%50 == 0 {
			s.report()
		}
		for len(s.reports) > 0 && !s.reports[0].due.After(s.now) {
			s.c.Feedback(s.now, s.reports[0].list)
			s.reports = s.reports[1:]
		}
		least, most = min(least, s.c.Estimate()), max(most, s.c.Estimate())
	}
	return least, most
}

func (s *simulation) frame() {
	bps := s.demand(s.now.Sub(s.begin))
	if !s.greedy {
		bps = min(bps, float64(s.c.Estimate()))
	}
	window := float64(s.c.Estimate()) / 8 * (s.c.RTT() + 150*time.Millisecond).Seconds()
	if s.held && float64(s.c.InFlight(s.now)) > window {
		return
	}
	for bytes := bps / 8 * 0.016; bytes > 0; bytes -= packetBytes {
		size := int(min(bytes, packetBytes))
		at, ok := s.link.carry(size, s.now, s.rnd)
		s.c.Sent(s.seq, size, s.now)
		s.pending = append(s.pending, Arrival{Seq: s.seq, Lost: !ok, At: at.Sub(time.Unix(0, 0))})
		s.known = append(s.known, at)
		s.seq++
		s.sent += size
	}
}

// report sends what the receiver knows: everything up to its newest arrival.
func (s *simulation) report() {
	n := 0
	for i := range s.pending {
		if !s.known[i].After(s.now) && !s.pending[i].Lost {
			n = i + 1
		}
	}
	if n == 0 {
		return
	}
	s.reports = append(s.reports, report{s.now.Add(s.link.delay), s.pending[:n:n]})
	s.pending, s.known = s.pending[n:], s.known[n:]
}
