package session

import "time"

// leadIdle is how long the leader must have done nothing before another's input
// takes the lead, so that two people at once do not toss it to and fro.
const leadIdle = time.Second

// absence is how long the lead is kept for a page whose connection has been lost.
// It takes less to connect anew; meanwhile the desktop takes on nobody else's size
// and layout.
const absence = 3 * time.Second

// touch notes that a person has done something, and passes the lead to who
// gives input while the leader rests, unless control has been given to somebody.
func (s *Session) touch(v *Viewer, f Feature) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active, v.active = now, now
	if f != Keyboard && f != Pointer {
		return
	}
	v.input = now
	if s.given == nil && (s.leader == nil || s.leader != v && now.Sub(s.leader.input) > leadIdle) {
		s.setLeader(v)
	}
}

// elect finds a new leader if the present one is gone or hidden: of those who
// control and look, who gave input last, else who came first. To whom control has
// been given leads, also while hidden; while the lead is kept for somebody, nobody
// does. The caller holds s.mu.
func (s *Session) elect() {
	if s.given != nil {
		s.setLeader(s.given)
	} else if s.absent != nil {
		s.setLeader(nil)
	} else if s.leader == nil || s.leader.left || s.leader.paused || !s.leader.controls {
		var best *Viewer
		for _, v := range s.viewers {
			if !v.controls || v.paused {
				continue
			}
			if best == nil || v.input.After(best.input) {
				best = v
			}
		}
		switch {
		case best != nil:
			s.setLeader(best)
		case s.leader != nil && (s.leader.left || !s.leader.controls):
			s.setLeader(nil)
		}
	}
	s.drive()
}

// setLeader changes the leader and tells everybody. The caller holds s.mu.
func (s *Session) setLeader(v *Viewer) {
	if v != nil {
		s.absent = nil
	}
	if s.leader == v {
		return
	}
	s.leader = v
	s.ring() // another layout may be wanted
	s.drive()
	s.tellPeople()
}

// keepLead keeps the lead for the page of a viewer who had it, and whose connection has
// been lost. The caller holds s.mu, and elects.
func (s *Session) keepLead(v *Viewer) {
	if s.leader == v {
		s.absent, s.missed = v, time.Now()
		s.ring()
	}
}

// endAbsence has another lead when a page has not come back for long enough, and
// returns how long it is until then, 0 for never.
func (s *Session) endAbsence(now time.Time) (next time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.absent == nil {
		return 0
	}
	if left := absence - now.Sub(s.missed); left > 0 {
		return left
	}
	s.absent = nil
	s.elect()
	return 0
}

// drive lets each main stream follow the leader, or, while nobody leads or the
// leader does not look at it, the first who does. The caller holds s.mu.
func (s *Session) drive() {
	for n := range s.driving {
		seat := s.driver(n)
		if seat == s.driving[n] {
			continue
		}
		s.driving[n] = seat
		if seat != nil {
			seat.place.Lead()
		}
	}
}

// driver returns the seat that the main stream of a fan-out should follow: one
// that is seen rather than a shadow. The caller holds s.mu.
func (s *Session) driver(fanout int) (best *Seat) {
	most := -1
	for _, v := range s.viewers {
		if v.paused {
			continue
		}
		for _, seat := range v.seats {
			rank := 0
			if seat == v.shown {
				rank += 2
			}
			if v == s.leader {
				rank++
			}
			if seat.fanout == fanout && rank > most {
				best, most = seat, rank
			}
		}
	}
	return best
}
