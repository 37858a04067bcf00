package session

import "time"

// Person is a viewer as others see it.
type Person struct {
	ID    string
	Name  string // as its link says; "": it came without one
	Role  Role   // that it acts in now
	Lent  bool   // a Watcher that control has been given to
	You   bool
	Leads bool
	Path  string    // by which it watches, as SetPath says; "": it does not
	Since time.Time // when it came
	Asked time.Time // when it asked for control, in vain so far; zero: it has not
}

// People are who is here and by which links others may come.
type People struct {
	News   uint64 // grows with each change
	People []Person
	Shares []Share // that the viewer may revoke
}

// People returns who is here, and false where the viewer may not know (it has to
// be allowed Giving) or knows already: seen is the News of the last time, 0 at first.
func (v *Viewer) People(seen uint64) (People, bool) {
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.news == seen || !v.allows(Giving) {
		return People{}, false
	}
	all := People{News: s.news}
	for _, p := range s.viewers {
		all.People = append(all.People, Person{
			ID: p.id, Name: p.name, Role: p.Role(), Lent: p.lent.Load(), You: p == v, Leads: p == s.leader,
			Path: p.path, Since: p.since, Asked: p.asked,
		})
	}
	if v.allows(Sharing) {
		for _, link := range s.shares {
			if v.own == Owner || link.by == v.share {
				all.Shares = append(all.Shares, link.Share)
			}
		}
	}
	return all, true
}

// SetPath says by which path the viewer watches, for others to see.
func (v *Viewer) SetPath(path string) {
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.path != path {
		v.path = path
		s.tellPeople()
	}
}

// tellPeople tells everybody that who is here, or who leads, is not as it was. The
// caller holds s.mu.
func (s *Session) tellPeople() {
	s.news++
	for _, v := range s.viewers {
		v.ring()
	}
}

// Limits bound what a viewer's video takes.
type Limits struct {
	BitrateBps int // bits a second, of its estimate; 0: no bound
	MaxFPS     int // frames a second, of the main stream while the viewer leads; 0: no bound
}

// Bounds on limits: less shows no desktop.
const (
	leastLimit = 100_000 // bits a second
	mostFPS    = 240
)

// Limit bounds what the viewer's video takes from now on. A bitrate that is too
// low for any picture becomes one that is not; negative numbers and absurd rates are
// ErrMalformed.
func (v *Viewer) Limit(to Limits) error {
	return v.Do(Limiting, func() error {
		if to.BitrateBps < 0 || to.MaxFPS < 0 || to.MaxFPS > mostFPS {
			return ErrMalformed
		}
		if to.BitrateBps > 0 {
			to.BitrateBps = max(to.BitrateBps, leastLimit)
		}
		s := v.session
		s.mu.Lock()
		defer s.mu.Unlock()
		v.limit(to)
		return nil
	})
}

// limit bounds all of the viewer's seats. The caller holds session.mu.
func (v *Viewer) limit(to Limits) {
	v.limits = to
	for _, seat := range v.seats {
		seat.place.SetLimits(to.BitrateBps, to.MaxFPS)
	}
}
