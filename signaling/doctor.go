package signaling

import (
	"context"
	"strings"
	"time"

	"lucarne/signaling/session"
)

// Finding is what a check of the desktop has found, for its owner.
type Finding struct {
	Check string `json:"check"`
	State string `json:"state"` // "ok", "warn", "fail" or "skip"
	// Code and Args are what the page words, by its catalogue; it shows the rest, which is
	// English, where it has no words: what was found, and what to change, by whom.
	Code  string   `json:"code,omitempty"`
	Args  []string `json:"args,omitempty"`
	Found string   `json:"found"`
	User  string   `json:"user,omitempty"`
	Admin string   `json:"admin,omitempty"`
}

// Visit is how the page that asks for a check has come, as far as that shows what is in
// front does.
type Visit struct {
	Page  string    // the directory of the page, as its browser has it; "": it has not said
	Path  string    // the same as it was asked for here
	Clock time.Time // by the browser, at Now
	Now   time.Time
}

// longestPath bounds what a page may say that its path is, in bytes.
const longestPath = 1024

// examine has the desktop checked for a page that wants to know.
func (s *socket) examine(m Message) {
	if s.h.cfg.Doctor == nil || s.viewer.Role() != session.Owner {
		s.answer(session.ErrRefused, "doctor", "doctor")
		return
	}
	visit := Visit{Path: s.path, Now: time.Now(), Clock: time.UnixMicro(int64(m.T * 1000))}
	if len(m.Paths) == 1 && len(m.Paths[0]) <= longestPath && strings.HasPrefix(m.Paths[0], "/") {
		visit.Page = m.Paths[0]
	}
	select {
	case s.visits <- visit:
	default: // it is being looked at
	}
}

// tellFindings tells what the desktop lacks when the page wants to know.
func (s *socket) tellFindings(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case visit := <-s.visits:
			findings := s.h.cfg.Doctor(ctx, visit)
			if ctx.Err() != nil {
				return
			}
			s.send(Message{Type: "doctor", Findings: findings})
		}
	}
}
