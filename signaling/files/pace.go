package files

import (
	"sync"
	"time"
)

// pace keeps what all uploads bring together to a number of bytes a second. Without it a
// browser beside its server, or on a fast network, spends on a file whatever it has, and its
// pictures wait: 100 MB take it some 1.8 s of processor time, the server 0.1 s. No request
// waits longer than its turn after the others', 2 ms each.
type pace struct {
	rate int64 // bytes a second

	mu  sync.Mutex
	due time.Time // when what has come so far may have come
}

// credit is how far ahead of the rate what has come may be, so that there are few and
// useful sleeps.
const credit = 20 * time.Millisecond

// took notes that n bytes have come, and waits if that is too many.
func (p *pace) took(n int) {
	p.mu.Lock()
	now := time.Now()
	if p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(time.Duration(n) * time.Second / time.Duration(p.rate))
	wait := p.due.Sub(now)
	p.mu.Unlock()
	if wait > credit {
		time.Sleep(wait)
	}
}
