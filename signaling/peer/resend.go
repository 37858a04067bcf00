package peer

import (
	"encoding/binary"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// sentKept is how many packets the responder keeps for being sent again.
const sentKept = 1024

// history remembers the last packets of the video, and when they were sent again. Who
// asks for one once more before a round trip is over asks for what is on its way:
// answering each time would fill the path with copies just where packets are being
// lost.
type history struct {
	ring [sentKept]struct {
		seq         uint16
		payloadType uint8     // 0: nothing was sent
		again       time.Time // zero: never
	}
	repair [1 << 7]uint8 // by payload type, that of its retransmissions; 0: it has none
	next   uint16        // sequence number of the next retransmission
}

// note remembers a packet.
func (r *history) note(seq uint16, payloadType uint8) {
	last := &r.ring[seq%sentKept]
	last.seq, last.payloadType, last.again = seq, payloadType, time.Time{}
}

// again says whether a packet may be sent again now, and if so notes it.
func (r *history) again(seq uint16, now time.Time, roundTrip time.Duration) bool {
	last := &r.ring[seq%sentKept]
	if last.seq != seq || last.payloadType == 0 {
		return false // the responder no longer has it either
	}
	if !last.again.IsZero() && now.Sub(last.again) < roundTrip {
		return false
	}
	last.again = now
	return true
}

// restore makes a retransmission what the original asks for. The responder knows
// one payload type for all retransmissions of a stream (RFC 4588 §8.6 has one for
// each payload type), and one sequence number for all of the same packet: SRTP takes
// the second for a replay, so it is never reported, and would be encrypted with the
// first one's nonce. A payload type that has none is sent again as it was.
func (r *history) restore(info *interceptor.StreamInfo, h *rtp.Header, payload []byte, seq uint16) (*rtp.Header, []byte) {
	payloadType := r.ring[seq%sentKept].payloadType
	if repair := r.repair[payloadType&0x7f]; repair != 0 {
		h.PayloadType, h.SequenceNumber = repair, r.next
		r.next++
		return h, payload
	}
	plain := h.Clone() // the responder's is used again
	plain.SSRC, plain.SequenceNumber, plain.PayloadType = info.SSRC, seq, payloadType
	return &plain, payload[2:]
}

// original returns the sequence number of the packet that a retransmission
// carries (RFC 4588 §4), false for a packet that is none.
func original(info *interceptor.StreamInfo, h *rtp.Header, payload []byte) (seq uint16, ok bool) {
	if h.SSRC != info.SSRCRetransmission || h.SSRC == info.SSRC || len(payload) < 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(payload), true
}
