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

// wishes holds the newest of what a page would like the screen to be.
type wishes struct {
	bell chan struct{} // capacity 1
	mu   sync.Mutex
	last session.Wish
}

func newWishes() wishes { return wishes{bell: make(chan struct{}, 1)} }

func (w *wishes) say(wish session.Wish) {
	w.mu.Lock()
	w.last = wish
	w.mu.Unlock()
	select {
	case w.bell <- struct{}{}:
	default:
	}
}

func (w *wishes) newest() session.Wish {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// resize passes wishes on to the screen, apart from the reader, which a slow
// display must not hold up. A window that is being dragged asks many times: the
// newest wish is taken each time that some have gathered.
func (s *socket) resize(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wishes.bell:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.h.pace.resize):
		}
		wish := s.wishes.newest()
		got, err := s.viewer.Resize(wish)
		if m, ok := s.resized(wish.Size, got, err); ok {
			s.send(m)
		}
	}
}

// resized words how a wish has ended, if that has to be said.
func (s *socket) resized(want, got image.Point, err error) (m Message, say bool) {
	switch {
	case err == nil && got.X >= want.X && got.Y >= want.Y:
	case err == nil:
		return Message{Type: "reason", Code: "resize-limited", Args: []string{strconv.Itoa(got.X), strconv.Itoa(got.Y)}}, true
	case errors.Is(err, capture.ErrNoScreen), errors.Is(err, session.ErrNotLeading): // said again in time
	case errors.Is(err, session.ErrRefused):
		return Message{Type: "reason", Code: "refused", Args: []string{string(session.Resize)}}, true
	default:
		s.log.Debug("not resized", "err", err)
		return Message{Type: "reason", Code: "resize-failed"}, true
	}
	return Message{}, false
}
