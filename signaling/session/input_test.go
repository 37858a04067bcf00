package session

import (
	"sync"
	"testing"
	"time"

	"lucarne/input"
)

// hesitant is a display that takes no event before it is told to.
type hesitant struct {
	*display
	asked chan struct{} // capacity enough for all
	told  chan struct{} // closed
}

func (h hesitant) Inject(e input.Event) error {
	h.asked <- struct{}{}
	<-h.told
	return h.display.Inject(e)
}

// TestInputUnderWay: a key that is being pressed while its viewer leaves counts as
// handled, so that the page does not press it again as the next viewer.
func TestInputUnderWay(t *testing.T) {
	s, d := start(t, Config{})
	h := hesitant{d, make(chan struct{}, 8), make(chan struct{})}
	s.SetHands(h, d)
	v := join(t, s, Owner)
	var all sync.WaitGroup
	all.Go(func() { v.Input(input.Append(nil, 1, 0, key("KeyA", input.Down))) })
	<-h.asked
	for range 2 { // the socket that ends, and the one that replaces it
		all.Go(func() {
			v.Leave()
			if got := v.InputSeq(); got != 1 {
				t.Errorf("%d is the newest input handled when the viewer has left, want 1", got)
			}
		})
	}
	for s.Viewers() > 0 {
		time.Sleep(time.Millisecond)
	}
	close(h.told)
	all.Wait()
	if d.held() != 0 {
		t.Error("the key is still held")
	}
}
