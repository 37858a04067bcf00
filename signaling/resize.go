package signaling

import (
	"context"
	"errors"
	"image"
	"strconv"
	"sync"
	"time"

	"lucarne/capture"
	"lucarne/signaling/session"
)

// sizes holds the newest size that a page has asked for.
type sizes struct {
	bell chan struct{} // capacity 1
	mu   sync.Mutex
	last image.Point
}

func newSizes() sizes { return sizes{bell: make(chan struct{}, 1)} }

func (z *sizes) want(size image.Point) {
	z.mu.Lock()
	z.last = size
	z.mu.Unlock()
	z.ring()
}

// again has the newest size asked for once more: there is a display now.
func (z *sizes) again() {
	if z.wanted() != (image.Point{}) {
		z.ring()
	}
}

func (z *sizes) ring() {
	select {
	case z.bell <- struct{}{}:
	default:
	}
}

func (z *sizes) wanted() image.Point {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.last
}

// resize passes sizes on to the screen, apart from the reader, which a slow
// display must not hold up. A window that is being dragged asks many times: the
// newest size is taken each time that some have gathered.
func (s *socket) resize(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.sizes.bell:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.h.pace.resize):
		}
		want := s.sizes.wanted()
		got, err := s.viewer.Resize(want)
		switch {
		case errors.Is(err, capture.ErrNoScreen): // asked again when there is one
		case errors.Is(err, session.ErrRefused):
			s.send(Message{Type: "reason", Code: "refused", Args: []string{string(session.Resize)}})
		case err != nil:
			s.log.Debug("not resized", "err", err)
			s.send(Message{Type: "reason", Code: "resize-failed"})
		case got.X < want.X || got.Y < want.Y:
			s.send(Message{Type: "reason", Code: "resize-limited", Args: []string{strconv.Itoa(got.X), strconv.Itoa(got.Y)}})
		}
	}
}
