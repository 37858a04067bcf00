package signaling

import (
	"sync"
	"time"
)

// How wrong tokens are slowed down, for each address they come from.
const (
	freeAttempts  = 5                // before the first pause
	maxPause      = 30 * time.Second // pauses double from one second up to this
	maxAddresses  = 1024             // remembered at once
	forgetAttempt = 10 * time.Minute // after the last wrong token
)

// attempts remembers who has given wrong tokens. The token itself is too long
// to be guessed; this bounds the noise of trying.
type attempts struct {
	mu     sync.Mutex
	failed map[string]attempt
}

type attempt struct {
	count int
	last  time.Time
}

// wait returns how long from must wait before its next try, 0 for not at all.
func (a *attempts) wait(from string, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.failed[from]
	if f.count < freeAttempts {
		return 0
	}
	pause := min(time.Second<<min(f.count-freeAttempts, 10), maxPause)
	return max(0, f.last.Add(pause).Sub(now))
}

// fail notes a wrong token.
func (a *attempts) fail(from string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, known := a.failed[from]
	if !known && len(a.failed) >= maxAddresses {
		a.makeRoom(now)
	}
	if now.Sub(f.last) > forgetAttempt {
		f.count = 0
	}
	a.failed[from] = attempt{count: f.count + 1, last: now}
}

// makeRoom drops what is old, or else the oldest.
func (a *attempts) makeRoom(now time.Time) {
	oldest, when := "", now
	for from, f := range a.failed {
		if now.Sub(f.last) > forgetAttempt {
			delete(a.failed, from)
		} else if !f.last.After(when) {
			oldest, when = from, f.last
		}
	}
	if len(a.failed) >= maxAddresses {
		delete(a.failed, oldest)
	}
}

// forget clears an address that has given the right token.
func (a *attempts) forget(from string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.failed, from)
}
