package peer

import (
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

const (
	probeType = 32
	probeSize = 9
	// probeEvery is how often a probe is answered in the long run, and
	// probeBurst how many are at once. A page sends ten a second.
	probeEvery = 25 * time.Millisecond
	probeBurst = 20
	// maxUnsent bounds the answers that wait on a channel, in bytes.
	maxUnsent = 4 << 10
)

// isProbe says whether a message asks for nothing but itself (package signaling).
func isProbe(msg []byte) bool { return len(msg) == probeSize && msg[0] == probeType }

// answer sends a probe back at once. A page that sends more than it needs to
// compare two paths does not get them all.
func (p *Peer) answer(channel *webrtc.DataChannel, probe []byte) {
	if !p.probes.take(time.Now()) || channel.BufferedAmount() > maxUnsent || channel.Send(probe) != nil {
		p.count.dropped.Add(1)
	}
}

// probes says which probes are answered. Each channel has a goroutine of its own.
type probes struct {
	mu   sync.Mutex
	next time.Time // when one more could be answered, had there been no burst
}

// take reports whether a probe may be answered now.
func (p *probes) take(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next.Before(now) {
		p.next = now
	}
	if p.next.Sub(now) > probeBurst*probeEvery {
		return false
	}
	p.next = p.next.Add(probeEvery)
	return true
}
