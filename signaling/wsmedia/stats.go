package wsmedia

import (
	"log/slog"
	"time"

	"lucarne/encode"
)

// maxDecode is the most that a page is believed to take to decode a picture.
const maxDecode = 10 * time.Second

// Stats are what became of a viewer's pictures on the socket.
type Stats struct {
	Pictures     uint64 // handed to the socket
	Bytes        uint64 // of them, without headers
	Missed       uint64 // pictures refused because the path was full
	Acknowledged uint64 // acknowledgements that told something
	Ignored      uint64 // acknowledgements that cannot be true

	Sending  encode.Histogram // from the packet to the moment at which it begins to leave
	Latency  encode.Histogram // from the damage to that moment, of pictures with damage
	Decoding encode.Histogram // in the page, from the arrival, as acknowledgements say

	Unanswered int // bytes under way
	Bitrate    int // bits a second that the encoder may spend
	RTT        time.Duration
	Decode     time.Duration // of the newest picture that the page has decoded
}

// depart counts a picture that begins to leave.
func (s *Stats) depart(times encode.Times, bytes int, now time.Time) {
	s.Pictures++
	s.Bytes += uint64(bytes)
	s.Sending.Between(times.Encoded, now)
	s.Latency.Between(times.Damaged, now)
}

// Merge adds what another has counted; how things are now stays as it is.
func (s *Stats) Merge(o Stats) {
	s.Pictures += o.Pictures
	s.Bytes += o.Bytes
	s.Missed += o.Missed
	s.Acknowledged += o.Acknowledged
	s.Ignored += o.Ignored
	s.Sending.Merge(o.Sending)
	s.Latency.Merge(o.Latency)
	s.Decoding.Merge(o.Decoding)
}

// LogValue makes a group of the statistics.
func (s Stats) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Uint64("pictures", s.Pictures),
		slog.Uint64("bytes", s.Bytes),
		slog.Uint64("missed", s.Missed),
		slog.Uint64("ignored", s.Ignored),
		slog.Int("bitrate", s.Bitrate),
		slog.Duration("rtt", s.RTT),
	)
}

// Stats returns the statistics as they are now.
func (v *Video) Stats() Stats {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.tally
	s.Unanswered, s.Bitrate = v.flow.bytes, v.bitrate()
	s.RTT, s.Decode = v.flow.roundTrip(), v.flow.decode
	return s
}
