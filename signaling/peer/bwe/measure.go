package bwe

import (
	"math"
	"time"
)

// packet is one that has left.
type packet struct {
	seq     uint16
	waiting bool // nothing is known of it yet
	bytes   int
	at      int64 // nanoseconds after history.start
}

// history holds the newest packets: two seconds' worth at 24 Mbit/s.
type history struct {
	start    time.Time
	ring     [4096]packet
	inFlight int    // bytes of the packets waiting
	oldest   uint16 // no packet before this one waits
	next     uint16 // the sequence after the newest
	any      bool
}

func (h *history) slot(seq uint16) *packet { return &h.ring[int(seq)%len(h.ring)] }

func (h *history) time(p packet) time.Time { return h.start.Add(time.Duration(p.at)) }

func (h *history) add(seq uint16, bytes int, now time.Time) {
	if !h.any {
		h.any, h.start, h.oldest = true, now, seq
	}
	p := h.slot(seq)
	if p.waiting {
		h.inFlight -= p.bytes
	}
	*p = packet{seq: seq, waiting: true, bytes: bytes, at: int64(now.Sub(h.start))}
	h.inFlight += bytes
	h.next = seq + 1
	if int(h.next-h.oldest) > len(h.ring) {
		h.oldest = h.next - uint16(len(h.ring))
	}
}

// resolve takes a packet out of flight; false: nothing was waiting under seq.
func (h *history) resolve(seq uint16) (packet, bool) {
	p := h.slot(seq)
	if !p.waiting || p.seq != seq {
		return packet{}, false
	}
	p.waiting = false
	h.inFlight -= p.bytes
	return *p, true
}

// skipped takes out of flight what was sent before seq and never reported: its
// report was lost. It returns the bytes, taken to have arrived.
func (h *history) skipped(seq uint16) int {
	bytes := 0
	for ; h.oldest != h.next && int16(h.oldest-seq) < 0; h.oldest++ {
		if p, ok := h.resolve(h.oldest); ok {
			bytes += p.bytes
		}
	}
	return bytes
}

// expire forgets the packets that left before then and returns how many there were.
func (h *history) expire(before time.Time) (count int) {
	for ; h.oldest != h.next; h.oldest++ {
		p := h.slot(h.oldest)
		if p.waiting && p.seq == h.oldest {
			if !h.time(*p).Before(before) {
				break
			}
			h.resolve(h.oldest)
			count++
		}
	}
	return count
}

// floor is the least of the last 10 to 20 seconds: long enough to remember an
// empty queue, short enough for the two clocks not to drift apart.
type floor struct {
	now, last time.Duration
	turned    time.Time
	any       bool
}

const floorTurn = 10 * time.Second

func (f *floor) add(d time.Duration, now time.Time) {
	switch {
	case !f.any, now.Sub(f.turned) > 2*floorTurn:
		f.reset(d, now)
	case now.Sub(f.turned) > floorTurn:
		f.now, f.last, f.turned = d, f.now, now
	default:
		f.now = min(f.now, d)
	}
}

func (f *floor) reset(d time.Duration, now time.Time) {
	f.now, f.last, f.turned, f.any = d, d, now, true
}

func (f *floor) least() time.Duration { return min(f.now, f.last) }

// rate is bytes over time with exponential forgetting.
type rate struct {
	bytes float64
	last  time.Time
}

func (r *rate) decay(now time.Time) {
	if dt := now.Sub(r.last); dt > 0 {
		r.bytes *= math.Exp(-float64(dt) / float64(memory))
		r.last = now
	}
}

func (r *rate) add(bytes int, now time.Time) {
	r.decay(now)
	r.bytes += float64(bytes)
}

func (r *rate) bps(now time.Time) float64 {
	r.decay(now)
	return r.bytes * 8 / memory.Seconds()
}

// busyRate is the rate of a link while packets wait for it: what arrived over
// the time in which they are known to have waited.
type busyRate struct {
	bytes, seconds float64
	last           time.Duration // the previous arrival, on the receiver's clock
	any            bool
}

func (b *busyRate) reset() { b.bytes, b.seconds = 0, 0 }

func (b *busyRate) add(bytes int, at, wait time.Duration) {
	gap := at - b.last
	first := !b.any
	b.last, b.any = at, true
	if first || wait < waited || gap < 0 {
		return
	}
	keep := math.Exp(-float64(gap) / float64(memory))
	b.bytes = b.bytes*keep + float64(bytes)
	b.seconds = b.seconds*keep + min(gap, wait).Seconds()
}

// bps is not known before the link has been seen busy for a while.
func (b *busyRate) bps() (float64, bool) {
	if b.seconds < 0.02 {
		return 0, false
	}
	return b.bytes * 8 / b.seconds, true
}

// dip is the least of what the last three reports showed, as far as they are fresh.
type dip struct {
	lowest [3]time.Duration
	at     [3]time.Time
	next   int
}

func (d *dip) least(lowest time.Duration, now time.Time) time.Duration {
	d.lowest[d.next], d.at[d.next] = lowest, now
	d.next = (d.next + 1) % len(d.at)
	for i, at := range d.at {
		if now.Sub(at) <= 150*time.Millisecond {
			lowest = min(lowest, d.lowest[i])
		}
	}
	return lowest
}

// burst finds the packets of a report that left one upon the other.
type burst struct {
	run, longest int
	last         time.Duration // when the packet before left
	highest      time.Duration // the longest wait
}

func (b *burst) add(left, wait time.Duration) {
	if left-b.last > trainGap {
		b.run = 0
	}
	b.run++
	b.last = left
	b.longest, b.highest = max(b.longest, b.run), max(b.highest, wait)
}
