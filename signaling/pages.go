package signaling

import (
	"crypto/sha256"
	"sync"
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

// vacate ends the socket that a page has, if any. Its viewer has left when it
// returns.
func (p *pages) vacate(page pageKey) { p.swap(page, nil).replace() }

// swap puts a socket, or none, in the place of a page's and returns the earlier
// one, nil for none.
func (p *pages) swap(page pageKey, s *socket) (earlier *socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	earlier = p.sockets[page]
	if s == nil {
		delete(p.sockets, page)
		return earlier
	}
	if p.sockets == nil {
		p.sockets = make(map[pageKey]*socket)
	}
	p.sockets[page] = s
	return earlier
}

// replace ends a socket for another one of its page. Of nil it does nothing.
func (s *socket) replace() {
	if s != nil {
		s.viewer.Leave()
		s.cancel(farewell{code: "replaced"})
	}
}

// occupy makes a socket, whose viewer has joined, its page's; the function that it
// returns ends that.
func (p *pages) occupy(page pageKey, s *socket) (leave func()) {
	if page == (pageKey{}) {
		return func() {}
	}
	p.swap(page, s).replace() // one may have come since it was vacated
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.sockets[page] == s {
			delete(p.sockets, page)
		}
	}
}
