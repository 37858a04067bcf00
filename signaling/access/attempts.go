package access

import (
	"sync"
	"time"
)

// How wrong credentials are slowed down: for each address that they come from, and
// for all together, where guesses come from many, or all by one proxy. A browser that
// has been let in before counts for itself: nobody else's guesses keep it out.
const (
	freeAttempts    = 5                // of one, before the first pause
	maxPause        = 30 * time.Second // pauses double from one second up to this
	freeAttemptsAll = 50
	maxPauseAll     = time.Second
	maxAddresses    = 1024             // remembered at once
	forgetAttempt   = 10 * time.Minute // after the last wrong one
)

// attempts remembers who has given wrong credentials.
type attempts struct {
	mu     sync.Mutex
	failed map[string]attempt
	all    attempt
}

type attempt struct {
	count int
	last  time.Time
}

func newAttempts() *attempts { return &attempts{failed: make(map[string]attempt)} }

// wait returns how long from must wait before its next try, 0 for not at all. alone:
// others' failures do not count.
func (a *attempts) wait(from string, alone bool, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	pause := a.failed[from].pause(freeAttempts, maxPause, now)
	if !alone {
		pause = max(pause, a.all.pause(freeAttemptsAll, maxPauseAll, now))
	}
	return pause
}

// pause returns how much is left of the pause after the last failure.
func (f attempt) pause(free int, most time.Duration, now time.Time) time.Duration {
	if f.count < free {
		return 0
	}
	pause := min(time.Second<<min(f.count-free, 10), most)
	return max(0, f.last.Add(pause).Sub(now))
}

// again is the attempt with another failure.
func (f attempt) again(now time.Time) attempt {
	if now.Sub(f.last) > forgetAttempt {
		f.count = 0
	}
	return attempt{count: f.count + 1, last: now}
}

// fail notes a wrong credential.
func (a *attempts) fail(from string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.failed[from]; !known && len(a.failed) >= maxAddresses {
		a.makeRoom(now)
	}
	a.failed[from] = a.failed[from].again(now)
	a.all = a.all.again(now)
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

// forget clears an address that has given the right credential.
func (a *attempts) forget(from string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.failed, from)
}
