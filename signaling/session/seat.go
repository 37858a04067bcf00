package session

import "lucarne/encode"

// Seat is a viewer's place at the session's streams. Its methods may be called
// from any goroutine.
type Seat struct {
	viewer *Viewer
	place  *encode.Seat
}

// RequestKey asks for a key frame: a decoder has lost its way. Requests are
// rate limited.
func (t *Seat) RequestKey() { t.place.RequestKey() }

// SetBitrate tells the viewer's estimate of what its path carries, in bits a
// second. It drives the main stream if the seat leads.
func (t *Seat) SetBitrate(bps int) { t.place.SetBitrate(bps) }

// Leave gives the seat up: nothing is written to its sink any more, and the
// main stream follows somebody else's. It is idempotent.
func (t *Seat) Leave() {
	s := t.viewer.session
	s.mu.Lock()
	if t.viewer.seat == t {
		t.viewer.seat = nil
		s.drive()
	}
	s.mu.Unlock()
	t.place.Leave()
}
