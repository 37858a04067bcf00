package signaling

import (
	"errors"
	"sync"
	"time"

	"lucarne/signaling/access"
	"lucarne/signaling/session"
)

// byKey is how a page is not let in that does not have its browser's key, though that
// has the cookie; the other ways are those of package access.
const byKey = "key"

// refusalInterval is the least time between two records of logins refused in one way:
// whoever tries must not fill the audit.
const refusalInterval = time.Second

// refusals are the logins that were refused of late.
type refusals struct {
	mu   sync.Mutex
	last map[string]refusal // by the method
}

// refusal is when one was recorded last, and how many since were not.
type refusal struct {
	at      time.Time
	repeats uint64
}

// count counts one, and says whether it is to be recorded, with how many before it.
func (r *refusals) count(method string, now time.Time) (repeats uint64, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = make(map[string]refusal)
	}
	last, known := r.last[method]
	if known && now.Sub(last.at) < refusalInterval {
		last.repeats++
		r.last[method] = last
		return 0, false
	}
	r.last[method] = refusal{at: now}
	return last.repeats, true
}

// refused tells the audit that somebody has not been let in.
func (h *Handler) refused(method, from string, err error) {
	if h.cfg.Audit == nil {
		return
	}
	now := time.Now()
	if repeats, due := h.refusals.count(method, now); due {
		h.cfg.Audit(session.Record{
			Time: now, Event: session.LoginRefused, From: from, Detail: session.Detail{Method: method}, Err: err, Repeats: repeats,
		})
	}
}

// keyless tells the audit of who asks for the desktop without having come in: a page that says
// what it must not, or nothing, of who it is, one by a link that there is not, somebody
// whom the proxy in front does not name.
func (h *Handler) keyless(from string, err error) {
	switch {
	case errors.Is(err, access.ErrLogin):
		h.refused(byKey, from, err)
	case errors.Is(err, access.ErrNoLink):
		h.refused(access.ByLink, from, err)
	case errors.Is(err, access.ErrIdentity):
		h.refused(string(access.Proxy), from, err)
	}
}
