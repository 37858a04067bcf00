package peer

import (
	"encoding/binary"

	"lucarne/encode"
)

// H.264's RTP payload (RFC 6184) as it is written here, for packetization-mode 1:
// a NAL unit by itself, several small ones in a STAP-A, a large one in FU-As.
const (
	h264STAPA     = 24
	h264FUA       = 28
	h264TypeBits  = 0x1f // of a NAL unit's first byte; those before it are F and NRI
	h264FirstFUA  = 0x80
	h264LastFUA   = 0x40
	h264UnitSize  = 2 // before each unit of a STAP-A
	h264FUAHeader = 2
	// h264MaxUnits is how many units go into a STAP-A. Receivers have their bounds
	// (libwebrtc: 10).
	h264MaxUnits = 8
)

// h264 cuts access units in Annex B. The units of one keep their order, and their
// emulation prevention.
type h264 struct {
	unit []byte // to be sent next; what is left of it while it goes in fragments
	rest []byte // what follows it

	fragments int  // of unit that are left; 0: it is whole
	first     byte // of unit when it was whole
}

// begin implements payloads.
func (h *h264) begin(frame []byte) bool {
	h.rest, h.fragments = frame, 0
	h.advance()
	return h.unit != nil
}

// advance goes on to the next unit that a packet can carry: the types that RTP has
// for packets are no encoder's.
func (h *h264) advance() {
	for {
		h.unit, h.rest = encode.NextNAL(h.rest)
		if h.unit == nil {
			return
		}
		if len(h.unit) > 0 && h.unit[0]&h264TypeBits > 0 && h.unit[0]&h264TypeBits < h264STAPA {
			return
		}
	}
}

// next implements payloads.
func (h *h264) next(buf *[maxPayload]byte) (size int, more bool) {
	if h.fragments == 0 && len(h.unit) > maxPayload {
		h.first, h.unit = h.unit[0], h.unit[1:]
		h.fragments = (len(h.unit) + maxPayload - h264FUAHeader - 1) / (maxPayload - h264FUAHeader)
		size = h.fragment(buf)
		buf[1] |= h264FirstFUA
	} else if h.fragments > 0 {
		size = h.fragment(buf)
	} else if size = h.aggregate(buf); size == 0 {
		size = copy(buf[:], h.unit)
		h.advance()
	}
	return size, h.unit != nil
}

// fragment writes a FU-A (RFC 6184 §5.8). They are cut evenly, so that there is no
// tiny one at the end.
func (h *h264) fragment(buf *[maxPayload]byte) (size int) {
	piece := h.unit[:(len(h.unit)+h.fragments-1)/h.fragments]
	buf[0] = h.first&^h264TypeBits | h264FUA
	buf[1] = h.first & h264TypeBits
	h.unit = h.unit[len(piece):]
	if h.fragments--; h.fragments == 0 {
		buf[1] |= h264LastFUA
		h.advance()
	}
	return h264FUAHeader + copy(buf[h264FUAHeader:], piece)
}

// aggregate writes a STAP-A (RFC 6184 §5.7.1) of the units that fit, or the unit
// alone if it is one; 0: it leaves no room for an aggregate's bytes.
func (h *h264) aggregate(buf *[maxPayload]byte) (size int) {
	var flags, importance byte
	size = 1
	units := 0
	for ; h.unit != nil && units < h264MaxUnits && size+h264UnitSize+len(h.unit) <= maxPayload; units++ {
		flags |= h.unit[0] & 0x80
		importance = max(importance, h.unit[0]&0x60)
		binary.BigEndian.PutUint16(buf[size:], uint16(len(h.unit)))
		size += h264UnitSize
		size += copy(buf[size:], h.unit)
		h.advance()
	}
	switch units {
	case 0:
		return 0
	case 1:
		return copy(buf[:], buf[1+h264UnitSize:size])
	}
	buf[0] = flags | importance | h264STAPA
	return size
}
