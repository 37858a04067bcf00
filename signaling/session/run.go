package session

import (
	"context"
	"sync"
	"time"
)

// hiddenPause is how long a tab may be hidden before its packets stop, so that
// a glance at another tab costs no key frame.
const hiddenPause = 5 * time.Second

// leaseCheck is how often held keys are looked at, while there are any.
const leaseCheck = 100 * time.Millisecond

// Run lets go of keys whose lease has run out, pauses hidden viewers and carries
// the desktop's clipboard, until ctx ends, which it returns.
func (s *Session) Run(ctx context.Context) error {
	var carrier sync.WaitGroup
	carrier.Go(func() { s.carry(ctx) })
	defer carrier.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
		case <-timer.C:
		}
		now := time.Now()
		next := s.pauseHidden(now)
		if s.expireKeys(now) && (next == 0 || next > leaseCheck) {
			next = leaseCheck
		}
		if next > 0 {
			timer.Reset(next)
		} else {
			timer.Stop() // nothing to wait for: not even a tick
		}
	}
}

// pauseHidden stops the packets of tabs that have been hidden for long enough
// and returns when the next one will have been, 0 for none.
func (s *Session) pauseHidden(now time.Time) (next time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for _, v := range s.viewers {
		if v.hidden.IsZero() || v.paused {
			continue
		}
		left := hiddenPause - now.Sub(v.hidden)
		if left > 0 {
			if next == 0 || left < next {
				next = left
			}
			continue
		}
		v.paused, changed = true, true
		if v.seat != nil {
			v.seat.place.Pause(true)
		}
	}
	if changed {
		s.elect()
	}
	return next
}
