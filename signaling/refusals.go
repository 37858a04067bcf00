package signaling

import (
	"errors"

	"lucarne/signaling/access"
)

// byKey is how a page is not let in that does not have its browser's key, though that
// has the cookie; the other ways are those of package access.
const byKey = "key"

// keyless tells the audit of who asks for the desktop without having come in: a page that says
// what it must not, or nothing, of who it is, one by a link that there is not, somebody
// whom the proxy in front does not name.
func (h *Handler) keyless(from string, err error) {
	switch {
	case errors.Is(err, access.ErrLogin):
		h.cfg.Session.RefuseLogin(byKey, from, err)
	case errors.Is(err, access.ErrNoLink):
		h.cfg.Session.RefuseLogin(access.ByLink, from, err)
	case errors.Is(err, access.ErrIdentity):
		h.cfg.Session.RefuseLogin(string(access.Proxy), from, err)
	}
}
