package peer

import (
	"time"

	"github.com/pion/rtp"
)

const (
	// tailPatience is how long the last packet may stay unreported: feedback
	// comes every 50 to 250 ms. It doubles with each probe.
	tailPatience = 300 * time.Millisecond
	maxProbes    = 4
)

// tail watches the last packet of a burst. One that is lost is missed by nobody
// while the screen is still: a receiver notices a gap by what comes after it. So
// something is sent after it that carries nothing: a packet of padding (RFC 3550
// §5.1).
type tail struct {
	left   time.Time // when the last packet left; zero: none has
	header rtp.Header
	probes int // sent after it
}

// follows notes a packet that leaves.
func (t *tail) follows(s *slot, now time.Time) {
	t.left, t.probes = now, 0
	t.header = s.header
	t.header.Extensions = nil
}

// due says whether a probe is to be sent now, or how long until one may be; 0:
// none is needed.
func (t *tail) due(now time.Time, p *path) (bool, time.Duration) {
	if numbered, arrived := p.newest(); !numbered || arrived || t.left.IsZero() || t.probes >= maxProbes {
		return false, 0
	}
	if wait := tailPatience<<t.probes - now.Sub(t.left); wait > 0 {
		return false, wait
	}
	t.left = now
	t.probes++
	return true, 0
}

// padding returns the probe. The caller holds mu.
func (v *video) padding() *slot {
	s := &slot{header: v.tail.header}
	s.header.Padding, s.header.PaddingSize, s.header.Marker = true, 1, false
	s.header.SequenceNumber = v.sequence
	v.sequence++
	return s
}

// idleSince reports whether nothing has left for d and the last packet has
// arrived, so that the viewer has all there is.
func (v *video) idleSince(now time.Time, d time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, arrived := v.path.newest()
	return arrived && v.count == 0 && now.Sub(v.tail.left) >= d
}
