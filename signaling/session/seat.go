package session

import (
	"slices"

	"lucarne/encode"
)

// Attention is how much a page looks at what one of its paths brings.
type Attention uint8

// The attentions.
const (
	Away   Attention = iota // not at all: the path carries no video
	Shadow                  // it is compared with what is shown
	Shown                   // it is what the person sees
)

// Seat is a viewer's place at the session's streams, by one of its paths. Its
// methods may be called from any goroutine.
type Seat struct {
	viewer *Viewer
	codecs []encode.Codec // that the sink can use; none: any

	// guarded by session.mu
	fanout int // which of the session's
	place  *encode.Seat
}

// move takes a seat to another fan-out, whose stream follows it if it should as
// soon as the session drives. The caller holds session.mu.
func (t *Seat) move(fanout int) {
	if driving := t.viewer.session.driving; driving[t.fanout] == t {
		driving[t.fanout] = nil
	}
	t.fanout, t.place = fanout, t.place.Move(t.viewer.session.cfg.Fanouts[fanout])
}

// Show says that the pictures of this seat, of all that the viewer has, are
// those that are seen: it leads where the viewer does.
func (t *Seat) Show() {
	s := t.viewer.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(t.viewer.seats, t) {
		t.viewer.shown = t
		s.drive()
		t.viewer.miss()
		t.viewer.ring() // its encoding may be another
	}
}

// RequestKey asks for a key frame: a decoder has lost its way. Requests are
// rate limited.
func (t *Seat) RequestKey() {
	s := t.viewer.session
	s.mu.Lock()
	defer s.mu.Unlock()
	t.place.RequestKey()
}

// SetBitrate tells the viewer's estimate of what its path carries, in bits a
// second. It drives the main stream if the seat leads.
func (t *Seat) SetBitrate(bps int) {
	s := t.viewer.session
	s.mu.Lock()
	defer s.mu.Unlock()
	t.place.SetBitrate(bps)
}

// Leave gives the seat up: nothing is written to its sink any more, and the
// main stream follows another. It is idempotent.
func (t *Seat) Leave() {
	s := t.viewer.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := t.viewer; slices.Contains(v.seats, t) {
		v.seats = slices.DeleteFunc(v.seats, func(other *Seat) bool { return other == t })
		if v.shown == t {
			v.shown = nil
			if len(v.seats) > 0 {
				v.shown = v.seats[0]
			}
		}
		s.drive()
		v.miss()
		v.ring()
	}
	t.place.Leave()
}
