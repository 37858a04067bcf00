package signaling

import (
	"crypto/sha256"
	"sync"

	"lucarne/signaling/session"
)

// Length of the secret by which a page is known, in bytes.
const (
	minPage = 16
	maxPage = 64
)

// pages are the sockets by the page they belong to, so that a page whose
// socket is silent replaces it by another instead of waiting for it to be given
// up: what the earlier viewer holds is let go at once.
type pages struct {
	mu      sync.Mutex
	sockets map[pageKey]*socket
}

// pageKey stands for a page's secret: looking it up tells nothing of it.
type pageKey [sha256.Size]byte

// page returns what a page is known by; the zero key for one that has no secret.
func (s *socket) page(secret string) pageKey {
	switch {
	case secret == "":
		return pageKey{}
	case len(secret) < minPage || len(secret) > maxPage:
		s.counts.malformed++
		return pageKey{}
	}
	return sha256.Sum256([]byte(secret))
}

// vacate ends the socket that a page has, if any, for one that says hello as the
// page's so manieth, and returns its viewer, which has left then; nil: it has none.
// false: the page has said hello again since, on a socket that was faster.
func (p *pages) vacate(page pageKey, attempt int) (earlier *session.Viewer, ok bool) {
	socket, late := p.swap(page, attempt, nil)
	if late || socket == nil {
		return nil, !late
	}
	socket.replace()
	return socket.viewer, true
}

// viewer returns the viewer of a page's socket, nil if it has none.
func (p *pages) viewer(page pageKey) *session.Viewer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.sockets[page]; s != nil {
		return s.viewer
	}
	return nil
}

// swap puts a socket, or none, in the place of a page's and returns the earlier
// one, nil for none. A late one it does not put there, but returns.
func (p *pages) swap(page pageKey, attempt int, s *socket) (loser *socket, late bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	present := p.sockets[page]
	if present != nil && present.attempt > attempt {
		return s, true
	}
	if s == nil {
		delete(p.sockets, page)
		return present, false
	}
	if p.sockets == nil {
		p.sockets = make(map[pageKey]*socket)
	}
	p.sockets[page] = s
	return present, false
}

// replace ends a socket for another one of its page. Of nil it does nothing.
func (s *socket) replace() {
	if s != nil {
		s.viewer.Leave()
		s.cancel(farewell{code: "replaced"})
	}
}

// occupy makes a socket, whose viewer has joined, its page's, or ends it if it is
// late; the function that it returns ends that.
func (p *pages) occupy(page pageKey, s *socket) (leave func()) {
	if page == (pageKey{}) {
		return func() {}
	}
	loser, _ := p.swap(page, s.attempt, s) // one may have come since it was vacated
	loser.replace()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.sockets[page] == s {
			delete(p.sockets, page)
		}
	}
}
