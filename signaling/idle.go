package signaling

import (
	"context"
	"time"

	"lucarne/signaling/session"
)

const (
	// warning is how long before its end a desktop's pages are told of it.
	warning = 15 * time.Minute
	// maxAwake bounds what a page may ask for, in minutes.
	maxAwake = 30 * 24 * 60
)

// watchIdle closes the socket of a page at which nobody is, and tells of the desktop's
// own end when that is near.
func (s *socket) watchIdle(ctx context.Context) {
	ticker := time.NewTicker(s.h.pace.doze)
	defer ticker.Stop()
	var told time.Time // the end, as the page knows it
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if rest := s.h.cfg.Rest; rest > 0 && now.Sub(s.active()) >= rest {
				s.cancel(farewell{code: "paused"})
				return
			}
		}
		ends := s.ends()
		if !ends.Equal(told) {
			told = ends
			s.tellEnd(ends)
		}
	}
}

// active returns when somebody was last there: at this page, or, for who may only look,
// at any.
func (s *socket) active() time.Time {
	active := s.viewer.Active()
	if any := s.h.cfg.Session.Active(); s.viewer.Role() == session.Watcher && any.After(active) {
		return any
	}
	return active
}

// ends returns when the desktop will end, if that is near; else zero.
func (s *socket) ends() time.Time {
	if s.h.cfg.Activity == nil {
		return time.Time{}
	}
	ends := s.h.cfg.Activity.Report().Ends
	if time.Until(ends) > warning {
		return time.Time{}
	}
	return ends.Truncate(time.Second) // by the same activity it is always the same
}

func (s *socket) tellEnd(ends time.Time) {
	m := Message{Type: "idle"}
	if !ends.IsZero() {
		m.Until = ends.UnixMilli()
	}
	s.send(m)
}

// keepAwake has the desktop count as in use for so many minutes.
func (s *socket) keepAwake(minutes int) {
	if s.h.cfg.Activity == nil || minutes < 0 || minutes > maxAwake {
		s.counts.malformed++
		return
	}
	err := s.viewer.Do(session.Awaking, func() error {
		until := s.h.cfg.Activity.KeepAwake(time.Duration(minutes) * time.Minute)
		s.log.Info("kept awake", "until", until)
		return nil
	})
	s.answer(err, session.Awaking, "awake")
}
