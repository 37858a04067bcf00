package signaling

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"lucarne/signaling/access"
	"lucarne/signaling/session"
)

// Length of the secret by which a page is known, in bytes.
const (
	minPage = 16
	maxPage = 64
)

// What is remembered of pages whose socket has ended: for how long, and of how many.
const (
	remembered    = 10 * time.Second
	maxRemembered = 32
)

// pages are the sockets by the page they belong to, so that a page whose
// socket is silent replaces it by another instead of waiting for it to be given
// up: what the earlier viewer holds is let go at once.
type pages struct {
	mu      sync.Mutex
	sockets map[pageKey]*socket
	ended   []ended // oldest first
}

// ended is what is remembered of a page's socket, so that the page takes up where it was.
type ended struct {
	page   pageKey
	viewer *session.Viewer
	at     time.Time
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
	if late {
		return nil, false
	}
	if socket == nil {
		return p.recall(page), true
	}
	socket.replace()
	return socket.viewer, true
}

// recall returns the viewer of a page's socket that has just ended, nil for none, and
// remembers it no longer.
func (p *pages) recall(page pageKey) *session.Viewer {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.ended, func(e ended) bool { return e.page == page })
	if i < 0 {
		return nil
	}
	e := p.ended[i]
	p.ended = slices.Delete(p.ended, i, i+1)
	if time.Since(e.at) > remembered {
		return nil
	}
	return e.viewer
}

// viewer returns the viewer of a page's socket, nil if it has none, and by what that has
// come in.
func (p *pages) viewer(page pageKey) (*session.Viewer, access.Pass) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.sockets[page]; s != nil {
		return s.viewer, s.pass
	}
	return nil, access.Pass{}
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
		s.viewer.Lose()
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
		if p.sockets[page] != s {
			return
		}
		delete(p.sockets, page)
		if s.rested {
			return // that it comes again is somebody's doing
		}
		if len(p.ended) == maxRemembered {
			p.ended = slices.Delete(p.ended, 0, 1)
		}
		p.ended = append(p.ended, ended{page, s.viewer, time.Now()})
	}
}
