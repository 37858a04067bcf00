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
	var told time.Duration // how long it was until then, as the page knows it; 0: it will not end
	var at time.Time       // when it was told
	s.h.doze(ctx, s.active, func(now time.Time) {
		left := s.left()
		if drift := told - now.Sub(at) - left; (told == 0) != (left == 0) || told != 0 && drift.Abs() > time.Second {
			told, at = left, now
			s.send(Message{Type: "idle", Left: left.Milliseconds()})
		}
	}, s.rest)
}

// rest ends a socket at whose page nobody is. Only watchIdle calls it.
func (s *socket) rest(cause error) {
	s.rested = true
	s.cancel(cause)
}

// doze looks, now and then, when somebody was last there, and ends where that was too
// long ago. Each time that it was not, awake is called; nil: there is nothing else.
func (h *Handler) doze(ctx context.Context, active func() time.Time, awake func(now time.Time), end context.CancelCauseFunc) {
	ticker := time.NewTicker(h.pace.doze)
	defer ticker.Stop()
	for now := time.Now(); ; {
		if rest := h.cfg.Rest; rest > 0 && now.Sub(active()) >= rest {
			end(farewell{code: "paused"})
			return
		}
		if awake != nil {
			awake(now)
		}
		select {
		case <-ctx.Done():
			return
		case now = <-ticker.C:
		}
	}
}

// active returns when somebody was last there, for this page.
func (s *socket) active() time.Time { return s.h.active(s.viewer) }

// active returns when somebody was last there: at a viewer's page, or, for who may only
// look, at any.
func (h *Handler) active(viewer *session.Viewer) time.Time {
	active := viewer.Active()
	if any := h.cfg.Session.Active(); viewer.Role() == session.Watcher && any.After(active) {
		return any
	}
	return active
}

// left returns how long it is until the desktop ends, if that is near; else 0.
func (s *socket) left() time.Duration {
	if s.h.cfg.Activity == nil {
		return 0
	}
	if left, ends := s.h.cfg.Activity.Left(warning); ends {
		return max(left, time.Millisecond)
	}
	return 0
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
