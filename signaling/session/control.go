package session

import (
	"fmt"
	"time"
)

const (
	// unattended is how long control may stay lent while nobody is here who might
	// take it back: longer than a page takes to connect anew, and no longer.
	unattended = 30 * time.Second
	// askEvery is the least time between two wishes of a viewer for control.
	askEvery = 5 * time.Second
)

// Control is who controls the desktop, as one viewer is told.
type Control struct {
	Leader string // id of who leads; "": nobody
	Name   string // as its link says
	As     Role   // that it acts in
	You    bool   // it is this viewer
	Given  bool   // control has been given to it, and is nobody else's until it is taken
	Role   Role   // that this viewer acts in now
	Muted  bool   // what has to be recorded is refused, for it cannot be now
}

// Control returns who controls the desktop. Changed rings when it is another.
func (v *Viewer) Control() Control {
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Control{Role: v.Role(), Given: s.given != nil, Muted: s.muted()}
	if s.leader != nil {
		c.Leader, c.Name, c.As, c.You = s.leader.id, s.leader.name, s.leader.Role(), s.leader == v
	}
	return c
}

// Give gives control to a viewer: it leads until control is given to another or
// taken, whoever gives input meanwhile, and if it is a Watcher it acts as a
// Controller for as long. What either of the two holds is let go. It returns
// ErrNoViewer where there is none of that id, and ErrRefused where control has been
// given to another by another: that only an Owner undoes.
func (v *Viewer) Give(id string) error {
	return v.dispose(Detail{Operation: "give", Subject: id}, func(s *Session) error {
		for _, to := range s.viewers {
			if to.id == id {
				s.hand(to, v)
				return nil
			}
		}
		return ErrNoViewer
	})
}

// Take takes control back: the viewer leads, and from now on whoever gives input
// may. What was lent is lent no longer. Errors are those of Give.
func (v *Viewer) Take() error {
	return v.dispose(Detail{Operation: "take"}, func(s *Session) error {
		s.hand(nil, nil)
		s.setLeader(v)
		return nil
	})
}

// dispose changes who has control, if the viewer may, and has what is held let
// go by those who have lost it or got it.
func (v *Viewer) dispose(detail Detail, act func(*Session) error) error {
	s, what := v.session, detail.Operation
	var before, after *Viewer
	err := v.Use(Giving, detail, func(*Detail) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if v.left {
			return fmt.Errorf("session: %s: %w", what, ErrLeft)
		}
		if v.own != Owner && s.given != nil && s.given != v && s.giver != v {
			v.refused++
			return fmt.Errorf("session: %s: %w", what, ErrRefused)
		}
		before = s.leader
		if err := act(s); err != nil {
			return fmt.Errorf("session: %s: %w", what, err)
		}
		after = s.leader
		return nil
	})
	if err == nil && before != after {
		s.settle(before)
	}
	if err == nil {
		s.settle(after)
	}
	return err
}

// hand gives control to a viewer on another's account, or with nil to nobody in
// particular. The caller holds s.mu, and settles who led before and who leads then.
func (s *Session) hand(to, by *Viewer) {
	if s.given != nil && s.given != to && s.given.lent.Swap(false) {
		s.given.limit(Limits{}) // it could not lift them
	}
	s.given, s.giver, s.former = to, by, nil
	if to != nil {
		to.lent.Store(to.own == Watcher)
		to.asked = time.Time{}
	}
	s.elect()
	s.attend(time.Now())
	s.tellPeople()
}

// forsake is what becomes of control when a viewer has left. The caller holds s.mu,
// and elects.
func (s *Session) forsake(v *Viewer) {
	if s.given == v {
		s.given, s.former = nil, v
		v.lent.Store(false)
	}
}

// succeed gives a viewer the control, or the lead, that its page had a moment ago, or
// the say over what that has given. The caller holds s.mu, and elects.
func (s *Session) succeed(v, instead *Viewer) {
	if instead == nil || instead.own != v.own || instead.share != v.share {
		return
	}
	if s.giver == instead {
		s.giver = v
	}
	switch instead {
	case s.former:
		s.given, s.former = v, nil
		v.lent.Store(v.own == Watcher)
	case s.absent:
		s.setLeader(v)
	}
}

// settle lets go of what a viewer holds, for what it may has changed, and counts it
// anew among the typists. nil is nobody.
func (s *Session) settle(v *Viewer) {
	if v == nil {
		return
	}
	h := s.hands
	h.mu.Lock()
	h.letGo(v)
	h.count(v)
	h.keepCounts(v)
	h.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	close(v.dropped)
	v.dropped = make(chan struct{})
}

// Dropped returns what is closed when the viewer has to let go of all that it
// holds, for control has changed hands: a transport that carries keys past the
// session's injector lets go of its own then.
func (v *Viewer) Dropped() <-chan struct{} {
	v.session.mu.Lock()
	defer v.session.mu.Unlock()
	return v.dropped
}

// attend notes whether somebody is here who might take back control that has been
// lent. The caller holds s.mu.
func (s *Session) attend(now time.Time) {
	lent := s.given != nil && s.given.lent.Load()
	for _, v := range s.viewers {
		lent = lent && !v.allows(Giving)
	}
	switch {
	case !lent:
		s.alone = time.Time{}
	case s.alone.IsZero():
		s.alone = now
		s.ring()
	}
}

// reclaim ends what is lent while nobody is here who might take it back, and
// returns how long it is until then, 0 for never.
func (s *Session) reclaim(now time.Time) (next time.Duration) {
	s.mu.Lock()
	if s.alone.IsZero() {
		s.mu.Unlock()
		return 0
	}
	if left := unattended - now.Sub(s.alone); left > 0 {
		s.mu.Unlock()
		return left
	}
	former := s.given
	s.hand(nil, nil)
	s.mu.Unlock()
	s.settle(former)
	former.recordEvent(Reclaimed, nil)
	return 0
}

// Ask tells those who may give control that this viewer would like it. It returns
// ErrRefused where it has just asked or leads already.
func (v *Viewer) Ask() error {
	s := v.session
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.left {
		return fmt.Errorf("session: ask: %w", ErrLeft)
	}
	if s.leader == v || now.Sub(v.asked) < askEvery {
		v.refused++
		return fmt.Errorf("session: ask: %w", ErrRefused)
	}
	v.asked = now
	s.tellPeople()
	return nil
}
