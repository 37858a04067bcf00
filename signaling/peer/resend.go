package peer

import (
	"encoding/binary"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// resent remembers when packets were sent again. Who asks for one once more
// before a round trip is over asks for what is on its way: answering each time
// would fill the path with copies just where packets are being lost.
type resent struct {
	ring [sentKept]struct {
		seq uint16
		at  time.Time // zero: never
	}
}

// sentKept is how many packets the responder keeps for being sent again.
const sentKept = 1024

// again says whether a packet may be sent again now, and if so notes it.
func (r *resent) again(seq uint16, now time.Time, roundTrip time.Duration) bool {
	last := &r.ring[seq%sentKept]
	if last.seq == seq && !last.at.IsZero() && now.Sub(last.at) < roundTrip {
		return false
	}
	last.seq, last.at = seq, now
	return true
}

// original returns the sequence number of the packet that a retransmission
// carries (RFC 4588 §4), false for a packet that is none.
func original(info *interceptor.StreamInfo, h *rtp.Header, payload []byte) (seq uint16, ok bool) {
	if h.SSRC != info.SSRCRetransmission || h.SSRC == info.SSRC || len(payload) < 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(payload), true
}
