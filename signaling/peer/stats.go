package peer

import (
	"sync/atomic"
	"time"

	"lucarne/encode"
)

type counters struct {
	keyRequests, excused, malformed, dropped atomic.Uint64

	streams  atomic.Uint64 // that the page has begun
	offences atomic.Uint64 // what no page does by mistake, and not often
}

// Stats are what became of a peer's traffic since it was made.
type Stats struct {
	Frames      uint64 // whole frames handed to the network
	Missed      uint64 // frames refused because the path was full
	Packets     uint64 // media packets handed to the network, retransmissions not counted
	Bytes       uint64 // of those frames
	Probes      uint64 // packets without media, to learn whether the last one of a frame has arrived
	Unsent      uint64 // packets that the network did not take
	Lost        uint64 // packets that the page says have not arrived, when it first reports on them
	Resent      uint64 // packets sent again
	Spared      uint64 // packets asked for again less than a round trip after they had been sent again
	KeyRequests uint64 // by the page's decoder
	Excused     uint64 // requests for a key frame that were left alone: only nothing had happened
	Malformed   uint64 // messages of the page, by any way, that were not what they should be
	Dropped     uint64 // messages of the page that came faster than they were handled

	Sending encode.Histogram // from the packet to the moment at which the last of it leaves
	Latency encode.Histogram // from the damage to that moment, of frames with damage

	Estimate int           // bits a second that the path is thought to carry
	RTT      time.Duration // least recent one; 0 unknown
	Queue    time.Duration // standing in the network
}

// sent counts a frame whose last packet has just left.
func (s *Stats) sent(f *frameTimes, now time.Time) {
	s.Frames++
	s.Bytes += uint64(f.bytes)
	s.Sending.Between(f.times.Encoded, now)
	s.Latency.Between(f.times.Damaged, now)
}

// Merge adds what another has counted; how things are now stays as it is.
func (s *Stats) Merge(o Stats) {
	s.Frames += o.Frames
	s.Missed += o.Missed
	s.Packets += o.Packets
	s.Bytes += o.Bytes
	s.Probes += o.Probes
	s.Unsent += o.Unsent
	s.Lost += o.Lost
	s.Resent += o.Resent
	s.Spared += o.Spared
	s.KeyRequests += o.KeyRequests
	s.Excused += o.Excused
	s.Malformed += o.Malformed
	s.Dropped += o.Dropped
	s.Sending.Merge(o.Sending)
	s.Latency.Merge(o.Latency)
}

// Stats returns the peer's statistics.
func (p *Peer) Stats() Stats {
	s := p.video.stats()
	p.path.stats(&s)
	s.KeyRequests = p.count.keyRequests.Load()
	s.Excused = p.count.excused.Load()
	s.Malformed = p.count.malformed.Load()
	s.Dropped = p.count.dropped.Load()
	return s
}
