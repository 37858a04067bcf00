package session

import (
	"errors"
	"slices"
	"sync/atomic"

	"lucarne/encode"
	"lucarne/input"
)

// Stats are what has become of a session since it began, and who is here. They name
// nobody.
type Stats struct {
	Viewers   []Attendance
	Uses      map[Feature]Uses // of each feature there is
	Input     Counts           // of all viewers, those who have left included
	Failovers uint64           // encoders that were passed over because they failed
	CopiedIn  uint64           // bytes of clipboards to the desktop
	CopiedOut uint64           // bytes of clipboards from it, to each viewer who got them
}

// Attendance is a viewer without a name.
type Attendance struct {
	Role  Role
	Path  string       // as SetPath says
	Codec encode.Codec // of the pictures that are shown; "": none come
}

// Uses are how often a feature was used.
type Uses struct {
	Done    uint64
	Refused uint64 // by the policy
	Failed  uint64
}

// uses counts the uses of one feature.
type uses struct{ done, refused, failed atomic.Uint64 }

// count notes a use of a feature and its outcome.
func (s *Session) count(f Feature, err error) {
	at := slices.Index(features[:], f)
	if at < 0 {
		return
	}
	switch of := &s.uses[at]; {
	case err == nil:
		of.done.Add(1)
	case errors.Is(err, ErrRefused):
		of.refused.Add(1)
	default:
		of.failed.Add(1)
	}
}

// add adds what another viewer's are.
func (c *Counts) add(o Counts) {
	c.Handled += o.Handled
	c.Malformed += o.Malformed
	c.Refused += o.Refused
	c.Failed += o.Failed
	c.Unfit += o.Unfit
	c.Dropped = input.Dropped{
		Duplicate: c.Dropped.Duplicate + o.Dropped.Duplicate,
		Stale:     c.Dropped.Stale + o.Dropped.Stale,
		Late:      c.Dropped.Late + o.Dropped.Late,
		Flood:     c.Dropped.Flood + o.Dropped.Flood,
		Refused:   c.Dropped.Refused + o.Dropped.Refused,
	}
}

// Stats returns the statistics so far. Nothing in them that counts becomes less.
func (s *Session) Stats() Stats {
	stats := Stats{Uses: make(map[Feature]Uses, len(features))}
	for i, f := range features {
		u := &s.uses[i]
		stats.Uses[f] = Uses{u.done.Load(), u.refused.Load(), u.failed.Load()}
	}
	h := s.hands
	h.mu.Lock()
	stats.Input = h.past
	for v := range h.present {
		stats.Input.add(v.countsNow())
	}
	h.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	stats.Failovers, stats.CopiedIn, stats.CopiedOut = s.falls, s.copies.in.all, s.copies.out.all
	for _, v := range s.viewers {
		a := Attendance{Role: v.Role(), Path: v.path}
		if v.shown != nil && !v.paused {
			a.Codec = s.codec(v.shown.fanout)
		}
		stats.Viewers = append(stats.Viewers, a)
	}
	return stats
}

// keepCounts has a viewer's counts outlive it. The caller holds mu.
func (h *hands) keepCounts(v *Viewer) {
	if v.present() {
		h.present[v] = struct{}{}
	} else if _, counted := h.present[v]; counted {
		delete(h.present, v)
		h.past.add(v.countsNow())
	}
}

// countsNow is Counts. The caller holds hands.mu.
func (v *Viewer) countsNow() Counts {
	counts := v.counts
	counts.Dropped = v.keyboard.Dropped()
	v.session.mu.Lock()
	defer v.session.mu.Unlock()
	counts.Refused, counts.Unfit = v.refused, v.copying.unfit
	return counts
}
