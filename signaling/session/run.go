package session

import (
	"context"
	"sync"
	"time"
)

// hiddenPause is how long a tab may be hidden before its packets stop, so that
// a glance at another tab costs no key frame.
const hiddenPause = 5 * time.Second

// leaseCheck is how often held keys and buttons are looked at, while there are any.
const leaseCheck = 100 * time.Millisecond

// silentPause is how often a display that does not answer is asked again.
const silentPause = time.Second

// Run lets go of keys and buttons whose lease has run out, pauses hidden viewers, types texts, ends
// links whose time is over, carries the desktop's clipboard and passes over encoders
// that fail, until ctx ends, which it returns.
func (s *Session) Run(ctx context.Context) error {
	var others sync.WaitGroup
	others.Go(func() { s.carry(ctx) })
	others.Go(func() { s.typeTexts(ctx) })
	others.Go(func() { s.choose(ctx) })
	defer others.Wait()
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
		if s.expire(now) {
			next = soonest(next, leaseCheck)
		}
		if s.askSilent() {
			next = soonest(next, silentPause)
		}
		next = soonest(next, s.changeLayout(now))
		next = soonest(next, s.expireShares(now))
		next = soonest(next, s.reclaim(now))
		next = soonest(next, s.endAbsence(now))
		if next > 0 {
			timer.Reset(next)
		} else {
			timer.Stop() // nothing to wait for: not even a tick
		}
	}
}

// soonest returns the shorter of two pauses, of which 0 is none.
func soonest(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
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
		v.pause(true)
		changed = true
	}
	if changed {
		s.elect()
	}
	return next
}
