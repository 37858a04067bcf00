package access

import (
	"sync"
	"time"
)

// maxVoided are remembered at once of each link, and of those without one.
const maxVoided = 256

// voided are the passes that have been logged out before their end. It forgets none that
// is good otherwise: where there are too many, all made until then are void.
type voided struct {
	mu    sync.Mutex
	by    map[string]*voids // by link
	rings chan struct{}     // closed at the next change
}

type voids struct {
	until  map[string]time.Time // by what is sealed: the pass's own end
	before time.Time            // passes made until then are void
}

func newVoided() *voided { return &voided{by: make(map[string]*voids), rings: make(chan struct{})} }

// changed returns what is closed when another pass becomes void.
func (v *voided) changed() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.rings
}

// has says whether a pass is void.
func (v *voided) has(p Pass) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	of := v.by[p.Share]
	if of == nil || p.sealed == "" {
		return false
	}
	_, found := of.until[p.sealed]
	return found || !p.born.After(of.before)
}

// add makes a pass void.
func (v *voided) add(p Pass, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	of := v.by[p.Share]
	if of == nil {
		of = &voids{until: make(map[string]time.Time)}
		v.by[p.Share] = of
	}
	for sealed, until := range of.until {
		if !now.Before(until) {
			delete(of.until, sealed)
		}
	}
	if len(of.until) >= maxVoided {
		clear(of.until)
		of.before = now
	}
	of.until[p.sealed] = p.Until
	close(v.rings)
	v.rings = make(chan struct{})
}
