package peer

import (
	"context"
	"time"

	"github.com/pion/webrtc/v4"
)

const (
	// burst is what may leave at once: 30 packets. Most frames are smaller. What
	// is more leaves at 2.5 times the estimate at least: a frame that fits the
	// estimate at 60 a second is then out within half an interval, and a key
	// frame does not flood the path.
	burst = 30 * mtu
	// paceStep is the least pause between two portions.
	paceStep = time.Millisecond
)

// bucket says when a packet may leave.
type bucket struct {
	level float64 // bytes that may leave at once; negative after the last packet of a portion
	last  time.Time
}

// wait returns how long until the next packet may leave at a speed of so many
// bytes a second.
func (b *bucket) wait(now time.Time, speed float64) time.Duration {
	if !b.last.IsZero() {
		b.level = min(burst, b.level+now.Sub(b.last).Seconds()*speed)
	}
	b.last = now
	if b.level > 0 {
		return 0
	}
	return max(paceStep, time.Duration(-b.level/speed*float64(time.Second)))
}

func (b *bucket) spend(bytes int) { b.level -= float64(bytes) }

// pace sends what is queued until ctx ends.
func (v *video) pace(ctx context.Context) {
	timer := time.NewTimer(recheck)
	defer timer.Stop()
	for {
		if wait := v.flush(); wait > 0 {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return
		case <-v.wake:
		case <-timer.C:
		}
	}
}

// flush sends what may go now and returns when to come back; 0: when woken.
func (v *video) flush() time.Duration {
	for {
		s, writer, wait := v.pop()
		if s == nil {
			v.notice()
			return wait
		}
		_, err := writer.WriteRTP(&s.header, s.buf[:s.size])
		v.left(s, err)
	}
}

// pop takes the oldest packet off the queue if it may leave now; nil: come back
// after wait. Its slot is not used again before the next pop.
func (v *video) pop() (s *slot, writer webrtc.TrackLocalWriter, wait time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.waiting != nil {
		wait = recheck
	}
	if v.writer == nil {
		return nil, nil, wait
	}
	if v.count == 0 {
		due, later := v.tail.due(time.Now(), v.path)
		if due {
			return v.padding(), v.writer, 0
		}
		return nil, nil, soonest(wait, later)
	}
	if pause := v.bucket.wait(time.Now(), float64(v.path.load().pace)/8); pause > 0 {
		return nil, nil, pause
	}
	s = v.slots[v.head]
	v.head = (v.head + 1) % maxQueued
	v.count--
	v.queued -= s.size
	v.bucket.spend(s.size)
	v.tail.follows(s, time.Now())
	return s, v.writer, 0
}

// soonest returns the shorter of two pauses, of which 0 is none.
func soonest(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// left notes that a packet has been handed to the network, or was not taken.
func (v *video) left(s *slot, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		v.tally.Unsent++
		return
	}
	if s.header.Padding {
		v.tally.Probes++
		return
	}
	v.tally.Packets++
	if s.header.Marker {
		now := time.Now()
		v.tally.sent(&s.frame, now)
		v.batch.add(s.frame, now)
	}
}
