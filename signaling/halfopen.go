package signaling

import (
	"slices"
	"sync"

	"github.com/gorilla/websocket"
)

// maxHalfOpen is how many sockets may not have said hello yet.
const maxHalfOpen = 32

// halfOpen holds the sockets that have not said hello yet, in the order in which
// they came. When there are too many the oldest gives way: a page says hello at
// once, so that whoever opens sockets and stays silent crowds out itself.
type halfOpen struct {
	mu    sync.Mutex
	conns []*websocket.Conn
}

// enter takes a connection in; the function it returns takes it out.
func (o *halfOpen) enter(conn *websocket.Conn) (leave func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.conns) == maxHalfOpen {
		o.conns[0].NetConn().Close()
		o.conns = slices.Delete(o.conns, 0, 1)
	}
	o.conns = append(o.conns, conn)
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if i := slices.Index(o.conns, conn); i >= 0 {
			o.conns = slices.Delete(o.conns, i, i+1)
		}
	}
}
