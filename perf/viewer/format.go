package viewer

import (
	"strings"

	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// piece is what one packet carries of a frame.
type piece struct {
	bytes  int  // without what the payload format puts around them
	begins bool // the frame for certain; not each format knows
	key    bool // the frame is a key frame
}

// format reads a packet's payload; false for one that is none.
type format func(payload []byte) (piece, bool)

// formatOf returns the format of a codec by its media type.
func formatOf(mime string) format {
	if strings.EqualFold(mime, webrtc.MimeTypeH264) {
		return readH264
	}
	return readVP8
}

// readVP8 follows RFC 7741 §4.2 and RFC 6386 §9.1.
func readVP8(payload []byte) (piece, bool) {
	var descriptor codecs.VP8Packet
	data, err := descriptor.Unmarshal(payload)
	begins := descriptor.S == 1 && descriptor.PID == 0
	return piece{len(data), begins, begins && len(data) > 0 && data[0]&1 == 0}, err == nil
}

// Types of H.264's packets and units.
const (
	idr      = 5
	sequence = 7 // parameter set, with which a key frame begins
	stapA    = 24
	fuA      = 28
)

// readH264 follows RFC 6184 §5.6 to §5.8.
func readH264(payload []byte) (p piece, ok bool) {
	const bits = 0x1f
	switch kind := payload[0] & bits; kind {
	case stapA:
		for rest := payload[1:]; len(rest) > 0; {
			if len(rest) < 3 {
				return p, false
			}
			size := int(rest[0])<<8 | int(rest[1])
			if size == 0 || size > len(rest)-2 {
				return p, false
			}
			unit := rest[2] & bits
			p.begins = p.begins || p.bytes == 0 && unit == sequence
			p.key = p.key || unit == idr
			p.bytes += size
			rest = rest[2+size:]
		}
		return p, p.bytes > 0
	case fuA:
		if len(payload) < 3 {
			return p, false
		}
		return piece{bytes: len(payload) - 2, key: payload[1]&bits == idr}, true
	default:
		return piece{len(payload), kind == sequence, kind == idr}, kind > 0 && kind < stapA
	}
}
