package x11

import (
	"sync"
	"time"
)

// doorbell is a channel of capacity 1 that is rung any number of times, and
// remembers when it was first rung since it was last answered.
type doorbell struct {
	bell chan struct{}

	mu     sync.Mutex
	first  time.Time
	closed bool
}

func newDoorbell() *doorbell { return &doorbell{bell: make(chan struct{}, 1)} }

// ring says that something happened at the time given. It never blocks.
func (d *doorbell) ring(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	if d.first.IsZero() {
		d.first = at
	}
	select {
	case d.bell <- struct{}{}:
	default:
	}
}

// answer silences the bell and returns when it was first rung; zero: it was
// not, or nobody knows.
func (d *doorbell) answer() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		select {
		case <-d.bell:
		default:
		}
	}
	first := d.first
	d.first = time.Time{}
	return first
}

// close closes the channel; ringing is of no effect afterwards.
func (d *doorbell) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.closed = true
		close(d.bell)
	}
}
