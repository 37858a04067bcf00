// Package bwe estimates how much a path to one viewer carries, from what
// transport-wide feedback
// (https://datatracker.ietf.org/doc/html/draft-holmer-rmcat-transport-wide-cc-extensions-01)
// says of the packets sent on it.
//
// A desktop sends in bursts and then nothing, so neither the rate that arrives
// nor the delay of a single packet says much. The Controller looks at two
// things that do: the standing queue, which is the least one-way delay of the
// last reports above the least of the last seconds (a burst's own queue drains
// before the next burst, a standing one does not), and the rate at which a busy link
// delivers, measured only over packets that had to wait.
//
// It knows no sockets, no goroutines and no clock: every call says what time it is.
package bwe

import (
	"math"
	"time"
)

// Config bounds the estimate. Rates are bits a second on the wire, headers included.
type Config struct {
	MinBps   int // 0: 500,000
	MaxBps   int // 0: 30,000,000
	StartBps int // before anything is known; 0: 8,000,000
}

func (c Config) withDefaults() Config {
	if c.MinBps <= 0 {
		c.MinBps = 500_000
	}
	if c.MaxBps <= 0 {
		c.MaxBps = 30_000_000
	}
	if c.StartBps <= 0 {
		c.StartBps = 8_000_000
	}
	c.MaxBps = max(c.MaxBps, c.MinBps)
	c.StartBps = min(max(c.StartBps, c.MinBps), c.MaxBps)
	return c
}

// Arrival is what feedback says of one packet.
type Arrival struct {
	Seq  uint16        // transport-wide sequence number
	Lost bool          // it has not arrived
	At   time.Duration // when it arrived, on the receiver's clock, whose zero is arbitrary
}

const (
	standing     = 25 * time.Millisecond // a queue that stands this high is too long
	tolerable    = 12 * time.Millisecond // a queue this high is too long if it keeps growing
	waited       = 5 * time.Millisecond  // a packet delayed by this much has met a busy link
	step         = 3 * time.Millisecond  // a rise smaller than this is noise
	settle       = 250 * time.Millisecond
	memory       = 250 * time.Millisecond // of the rates
	expiry       = time.Second            // a packet without a verdict is forgotten then
	silence      = 10                     // packets forgotten without a report mean that the path is cut
	lossPackets  = 30                     // a loss ratio means something from here
	tooMuchLoss  = 0.10
	busyUse      = 0.7 // the estimate is in use when this share of it arrives
	growthStart  = 1.0 // a second: doubling, until the first queue
	growthFar    = 0.5 // a second, away from where the last queue built up
	growthNear   = 0.08
	headroom     = 0.85
	nearCeiling  = 0.85
	overCeiling  = 1.15
	phantomShare = 0.6

	paceLeast = 2.5 // times the estimate
	paceMost  = 20
	train     = 20 // packets sent one upon the other say how fast they may go
	trainGap  = 2 * time.Millisecond
)

// Controller is the estimate of one path. It is not safe for concurrent use.
type Controller struct {
	cfg      Config
	estimate float64
	sent     history
	newest   uint16 // of what was sent
	arrived  bool   // newest has
	base     floor  // the least one-way delay
	recent   dip

	delivered rate // everything that arrived
	busy      busyRate
	pace      float64       // times the estimate
	queue     time.Duration // standing, as of the last report
	rising    int           // reports in a row in which it grew
	rtt       time.Duration

	starting bool      // no queue and no loss met yet
	ceiling  float64   // what the link delivered when a queue last built up; 0 unknown
	quiet    time.Time // no decrease before this
	grown    time.Time // growth is counted from here
	over     time.Time // since when the queue has been standing; zero: it is not
	overRate float64   // the most that the link delivered since then
	lossOf   int
	lost     int
	lossFrom time.Time
	silent   int // packets forgotten since the last report
	expired  time.Time
}

// New returns a controller at cfg.StartBps.
func New(cfg Config) *Controller {
	cfg = cfg.withDefaults()
	return &Controller{cfg: cfg, estimate: float64(cfg.StartBps), pace: paceLeast, starting: true}
}

// Estimate returns what the path is thought to carry, in bits a second.
func (c *Controller) Estimate() int { return int(c.estimate) }

// Pace returns how fast a burst may leave, in bits a second: 2.5 times the
// estimate, and more where bursts have been seen to arrive without waiting.
func (c *Controller) Pace() int { return int(c.estimate * c.pace) }

// Queue returns the standing queue that the last report showed.
func (c *Controller) Queue() time.Duration { return c.queue }

// RTT returns the least recent time from a packet's departure to its feedback;
// 0 before any.
func (c *Controller) RTT() time.Duration { return c.rtt }

// Sent records that a packet of this size on the wire has left.
func (c *Controller) Sent(seq uint16, bytes int, now time.Time) {
	c.sent.add(seq, bytes, now)
	c.newest, c.arrived = seq, false
}

// Arrived reports whether the newest packet is known to have arrived. A
// receiver that has it knows which ones before it are missing.
func (c *Controller) Arrived() bool { return c.arrived }

// InFlight returns the bytes that have left and of which nothing is known yet.
// A packet is forgotten after a second: feedback can be lost too, and whoever
// waits for it must not wait for ever. The estimate falls when many have been
// forgotten and nothing was reported: a few are the lost end of a burst.
func (c *Controller) InFlight(now time.Time) int {
	c.silent += c.sent.expire(now.Add(-expiry))
	if c.silent >= silence && now.Sub(c.expired) > expiry {
		c.expired, c.silent = now, 0
		c.set(c.estimate * 0.7)
	}
	return c.sent.inFlight
}

// Feedback takes one report, its packets in the order of their sequence.
func (c *Controller) Feedback(now time.Time, report []Arrival) {
	c.silent = 0
	lowest := time.Duration(math.MaxInt64)
	newest := time.Time{}
	var burst burst
	for _, a := range report {
		p, ok := c.sent.resolve(a.Seq)
		if !ok {
			continue
		}
		c.lossOf++
		if a.Lost {
			c.lost++
			continue
		}
		c.arrived = c.arrived || a.Seq == c.newest
		c.delivered.add(p.bytes, now)
		delay := a.At - time.Duration(p.at)
		c.base.add(delay, now)
		wait := delay - c.base.least()
		c.busy.add(p.bytes, a.At, wait)
		burst.add(time.Duration(p.at), wait)
		lowest = min(lowest, wait)
		newest = c.sent.time(p)
	}
	if newest.IsZero() {
		c.loss(now)
		return
	}
	c.delivered.add(c.sent.skipped(report[0].Seq), now)
	c.measureRTT(now.Sub(newest))

	lowest = c.recent.least(lowest, now) // a report may hold but the end of a burst
	switch {
	case burst.highest > standing:
		c.pace = max(paceLeast, c.pace/2)
	case burst.longest >= train && burst.highest < tolerable:
		c.pace = min(paceMost, c.pace*1.25)
	}
	if lowest > c.queue+step {
		c.rising++
	} else {
		c.rising = 0
	}
	falling := lowest < c.queue-step
	c.queue = lowest
	c.adapt(now, falling)
}

// Loss takes a receiver report's fraction lost (RFC 3550 §6.4.1), 0 to 1, for a
// path whose receiver gives no transport-wide feedback.
func (c *Controller) Loss(now time.Time, fraction float64) {
	if fraction > tooMuchLoss {
		c.decrease(now, c.estimate*(1-fraction/2))
		return
	}
	c.grow(now, growthNear)
}

func (c *Controller) measureRTT(sample time.Duration) {
	if c.rtt == 0 || sample < c.rtt {
		c.rtt = sample
		return
	}
	c.rtt += (sample - c.rtt) / 16
}

// adapt draws the conclusions from a report.
func (c *Controller) adapt(now time.Time, falling bool) {
	if c.queue > standing {
		c.track(now)
	} else {
		c.over = time.Time{}
	}
	switch {
	case c.loss(now):
	case falling && c.queue > tolerable:
		c.grown = now // it drains: wait for that
	case c.queue > standing, c.queue > tolerable && c.rising >= 3:
		capacity := c.capacity(now)
		excess := (c.queue - standing).Seconds()
		if c.decrease(now, capacity*max(0.5, headroom-max(0, excess))) {
			c.ceiling = capacity
		}
	case c.queue > tolerable:
		c.grown = now
	default:
		c.use(now)
	}
}

// track watches a standing queue that is not ours. A queue that we fill goes
// down when we send less; one that stays while far less arrives than the link
// has just delivered is the path itself having become longer.
func (c *Controller) track(now time.Time) {
	if c.over.IsZero() {
		c.over, c.overRate = now, 0
		c.busy.reset()
		return
	}
	if r, ok := c.busy.bps(); ok {
		c.overRate = max(c.overRate, r)
	}
	if now.Sub(c.over) > time.Second && c.delivered.bps(now) < phantomShare*c.overRate {
		c.base.reset(c.base.least()+c.queue, now)
		c.queue, c.over = 0, time.Time{}
	}
}

// capacity is what the link delivers while it is busy.
func (c *Controller) capacity(now time.Time) float64 {
	if r, ok := c.busy.bps(); ok {
		return r
	}
	return c.delivered.bps(now)
}

// use grows an estimate that is made use of: sending little proves nothing.
func (c *Controller) use(now time.Time) {
	arriving := c.delivered.bps(now)
	if arriving > c.estimate {
		c.set(arriving)
	}
	if arriving < busyUse*c.estimate {
		c.grown = now
		return
	}
	pace := growthFar
	switch near := c.estimate / c.ceiling; {
	case c.starting:
		pace = growthStart
	case near > nearCeiling && near < overCeiling:
		pace = growthNear
	}
	c.grow(now, pace)
}

func (c *Controller) grow(now time.Time, pace float64) {
	since := min(now.Sub(c.grown), 200*time.Millisecond)
	c.grown = now
	if now.Before(c.quiet) {
		return
	}
	c.set(c.estimate * (1 + pace*since.Seconds()))
}

// loss decreases on heavy loss and reports whether it did.
func (c *Controller) loss(now time.Time) bool {
	if c.lossFrom.IsZero() {
		c.lossFrom = now
	}
	if c.lossOf < lossPackets || now.Sub(c.lossFrom) < settle {
		return false
	}
	ratio := float64(c.lost) / float64(c.lossOf)
	c.lossOf, c.lost, c.lossFrom = 0, 0, now
	return ratio > tooMuchLoss && c.decrease(now, c.estimate*(1-ratio/2))
}

// decrease goes down to target, at most by half, and then waits to see what
// that does. It reports whether it was time to.
func (c *Controller) decrease(now time.Time, target float64) bool {
	c.grown = now
	if now.Before(c.quiet) {
		return false
	}
	c.starting = false
	c.quiet = now.Add(settle + min(c.rtt, time.Second))
	c.rising = 0
	c.set(min(max(target, c.estimate/2), c.estimate*0.97))
	return true
}

func (c *Controller) set(bps float64) {
	c.estimate = min(max(bps, float64(c.cfg.MinBps)), float64(c.cfg.MaxBps))
}
