package supervise

import "sync"

// gate is open while a process is ready. Of its two channels one is closed:
// opened while it is open, closed while it is not.
type gate struct {
	mu             sync.Mutex
	open           bool
	opened, closed chan struct{}
}

func newGate() *gate {
	g := &gate{opened: make(chan struct{}), closed: make(chan struct{})}
	close(g.closed)
	return g
}

func (g *gate) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == open {
		return
	}
	g.open = open
	if open {
		close(g.opened)
		g.closed = make(chan struct{})
		return
	}
	close(g.closed)
	g.opened = make(chan struct{})
}

func (g *gate) whenOpen() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened
}

func (g *gate) whenClosed() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}
