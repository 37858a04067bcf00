package clipboard

import (
	"time"

	"github.com/jezek/xgb/xproto"
)

const (
	// maxChunk is the largest part of an incremental transfer, in bytes.
	maxChunk = 256 << 10
	// maxTransfers is how many of them may be under way to other programs.
	maxTransfers = 8
	// requestHeader is more than what a ChangeProperty request has before its data, in bytes.
	requestHeader = 64
)

// chunkSize returns the size of a part where no request may be larger than
// largest; both in bytes.
func chunkSize(largest int) int { return min(maxChunk, largest-requestHeader) }

// A place is where a program wants something to be put.
type place struct {
	window   xproto.Window
	property xproto.Atom
}

// A transfer is an incremental one to another program (ICCCM section 2.7.2):
// each time that it has taken a part, by deleting the property, the next is put
// there; an empty one is the last.
type transfer struct {
	typ     xproto.Atom
	rest    []byte
	overdue *time.Timer // forgets a program that takes no more
}

// send begins a transfer, unless too many are under way.
func (c *Clipboard) send(to place, typ xproto.Atom, data []byte) bool {
	if !c.enter(to, &transfer{typ: typ, rest: data}) {
		return false
	}
	// The events of another program's window, whatever it asks for itself. They
	// are never declined again: those of no transfer are ignored.
	xproto.ChangeWindowAttributes(c.conn, to.window, xproto.CwEventMask,
		[]uint32{xproto.EventMaskPropertyChange | xproto.EventMaskStructureNotify})
	c.set(to, c.known.incr, 32, appendAtoms(nil, xproto.Atom(len(data))))
	return true
}

// enter notes a transfer, unless too many are under way.
func (c *Clipboard) enter(to place, t *transfer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sending[to] != nil || len(c.sending) == maxTransfers {
		c.log.Warn("clipboard transfer refused", "transfers", len(c.sending))
		return false
	}
	t.overdue = time.AfterFunc(c.patience, func() { c.forget(to, t) })
	c.sending[to] = t
	return true
}

// taken goes on with a transfer.
func (c *Clipboard) taken(from place) {
	if t, part := c.nextPart(from); t != nil {
		c.set(from, t.typ, 8, part)
	}
}

// nextPart returns the transfer to a place and its next part, which is empty at
// the end; nil: there is none.
func (c *Clipboard) nextPart(to place) (t *transfer, part []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t = c.sending[to]
	if t == nil || !t.overdue.Reset(c.patience) {
		return nil, nil
	}
	part = t.rest[:min(len(t.rest), c.chunk)]
	t.rest = t.rest[len(part):]
	if len(part) == 0 {
		c.finish(to, t)
	}
	return t, part
}

// forget ends a transfer that gets no further.
func (c *Clipboard) forget(to place, t *transfer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sending[to] == t {
		c.log.Warn("clipboard transfer given up: the other program takes no more", "left", len(t.rest))
		c.finish(to, t)
	}
}

// vanished ends the transfers to a window that is no more.
func (c *Clipboard) vanished(w xproto.Window) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for to, t := range c.sending {
		if to.window == w {
			c.finish(to, t)
		}
	}
}

// finish forgets a transfer. The caller holds mu.
func (c *Clipboard) finish(to place, t *transfer) {
	t.overdue.Stop()
	delete(c.sending, to)
}
