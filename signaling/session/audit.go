package session

import "time"

// Record is one line of the audit: who used what, and whether it was allowed.
// It never holds what was typed or copied.
type Record struct {
	Time    time.Time
	Viewer  string
	Role    Role
	Feature Feature
	Err     error // nil: done; ErrRefused: the policy forbids it
}

// auditInterval is the least time between two records of the same viewer's
// keyboard or pointer with the same outcome: a stroke is not an event, using
// the keyboard is. Everything else is recorded each time.
const auditInterval = time.Minute

// record hands the use of a feature to the audit. The caller does not hold
// session.mu.
func (v *Viewer) record(f Feature, err error) {
	s := v.session
	if s.cfg.Audit == nil {
		return
	}
	now := time.Now()
	if f == Keyboard || f == Pointer {
		use := use{f, err == nil}
		s.mu.Lock()
		last, known := v.recorded[use]
		due := !known || now.Sub(last) >= auditInterval
		if due {
			v.recorded[use] = now
		}
		s.mu.Unlock()
		if !due {
			return
		}
	}
	s.cfg.Audit(Record{Time: now, Viewer: v.id, Role: v.Role(), Feature: f, Err: err})
}

// use is a feature with its outcome.
type use struct {
	feature Feature
	done    bool
}
