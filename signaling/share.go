package signaling

import (
	"context"
	"errors"
	"net/http"

	"lucarne/signaling/access"
	"lucarne/signaling/session"
)

// visitor returns who a request comes from, if from a page of ours and from somebody who has
// logged in; if not, it has been answered. That opens no more than a socket, which ends where
// its hello has no key.
func (h *Handler) visitor(w http.ResponseWriter, r *http.Request) (who access.Visitor, ok bool) {
	if !h.cfg.Access.Origins.Allows(r) {
		h.cfg.Log.Warn("refused", "origin", r.Header.Get("Origin"), "host", r.Host, "site", r.Header.Get("Sec-Fetch-Site"))
		http.Error(w, "origin refused: the proxy must pass Host or X-Forwarded-Host, or start with --allowed-host", http.StatusForbidden)
		return who, false
	}
	who, err := h.gate.Visitor(r)
	switch {
	case who.Any():
		return who, true
	case errors.Is(err, access.ErrIdentity):
		h.keyless(h.from(r), err)
		h.cfg.Log.Warn("refused", "from", h.from(r), "err", err)
		http.Error(w, "the proxy in front does not say who this is", http.StatusForbidden)
	case errors.Is(err, access.ErrHub):
		http.Error(w, "the hub does not answer", http.StatusServiceUnavailable)
	default:
		http.Error(w, "log in first", http.StatusUnauthorized)
	}
	return who, false
}

// from is where a request comes from, for the log.
func (h *Handler) from(r *http.Request) string { return h.cfg.Access.Origins.From(r) }

// join adds a viewer who has come in by a pass.
func (h *Handler) join(pass access.Pass, from string, instead *session.Viewer) (*session.Viewer, error) {
	return h.cfg.Session.Join(session.JoinConfig{Role: h.cfg.Role, User: pass.User, From: from, Share: pass.Share, Instead: instead})
}

// accessFarewell is what a page is told that is not let in, or no longer.
func accessFarewell(err error) farewell {
	switch {
	case errors.Is(err, access.ErrNoLink), errors.Is(err, session.ErrNoShare):
		return farewell{code: "no-share"}
	case errors.Is(err, access.ErrLogin):
		return farewell{code: "login"}
	case errors.Is(err, access.ErrLoggedOut):
		return farewell{code: "logged-out"}
	case errors.Is(err, access.ErrTooOld):
		return farewell{code: "session-over"}
	case errors.Is(err, access.ErrBarred):
		return farewell{code: "hub-refused"}
	case errors.Is(err, access.ErrHub):
		return farewell{code: "hub-unreachable", retry: true}
	}
	return farewell{code: "full", retry: true}
}

// stay ends the socket when its pass is over: what its viewer holds is let go at once, and
// VNC and files of the same page end with it.
func (s *socket) stay(ctx context.Context, stop context.CancelCauseFunc) {
	if err := s.h.gate.Await(ctx, s.pass); err != nil {
		s.viewer.Leave()
		stop(accessFarewell(err))
	}
}

// heed ends the socket when the session has ended its viewer.
func (s *socket) heed(ctx context.Context, stop context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
	case <-s.viewer.Gone():
		if err := s.viewer.Err(); err != nil {
			stop(endFarewell(err))
		}
	}
}

// endFarewell is what the page of a viewer is told that the session has ended.
func endFarewell(err error) farewell {
	if errors.Is(err, session.ErrExpired) {
		return farewell{code: "expired"}
	}
	return farewell{code: "revoked"}
}
