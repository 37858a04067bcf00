package wsmedia

import (
	"encoding/binary"
	"errors"
	"time"

	"lucarne/encode"
)

// The first bytes of the messages.
const (
	pictureType = 2
	// AcknowledgementType is the first byte of what is for Video.Acknowledge.
	AcknowledgementType = 16
)

// Flags of a picture.
const (
	keyFlag     = 1
	refineFlag  = 2
	settledFlag = 4
	moreFlag    = 8
)

const (
	headerSize = 40
	ackSize    = 14
)

// codecNumbers are the codecs as a picture's header names them. Those of H.264 differ
// by their profile.
var codecNumbers = map[encode.Codec]uint8{encode.VP8: 1, encode.H264: 2, encode.H264444: 2, encode.JPEG: 3}

// errMalformed: a message of the page is not what it should be.
var errMalformed = errors.New("wsmedia: malformed acknowledgement")

// header describes a picture. The time it is sent is put in when it is.
type header struct {
	sequence uint32
	packet   encode.Packet // but for its Data
	profile  [3]byte       // of H.264
	sent     time.Time
}

// put writes the header to the first headerSize bytes of buf, as package wsmedia
// documents it.
func (h header) put(buf []byte, more bool) {
	p := h.packet
	flags := uint8(0)
	if p.Key {
		flags = keyFlag
	} else if p.Times.Damaged.IsZero() {
		flags = refineFlag
	}
	if p.Settled {
		flags |= settledFlag
	}
	if more {
		flags |= moreFlag
	}
	buf = append(buf[:0], pictureType, flags, codecNumbers[p.Codec], 0)
	buf = binary.BigEndian.AppendUint32(buf, h.sequence)
	buf = binary.BigEndian.AppendUint16(buf, uint16(p.Size.X))
	buf = binary.BigEndian.AppendUint16(buf, uint16(p.Size.Y))
	from := p.Times.Damaged
	if from.IsZero() {
		from = p.Times.Grabbed
	}
	buf = binary.BigEndian.AppendUint64(buf, uint64(from.UnixMicro()))
	last := uint32(0) // a stage that did not happen took no time
	for _, at := range [...]time.Time{p.Times.Grabbed, p.Times.Converted, p.Times.Encoded, h.sent} {
		if !at.IsZero() {
			last = uint32(max(0, at.Sub(from).Microseconds()))
		}
		buf = binary.BigEndian.AppendUint32(buf, last)
	}
	_ = append(buf, uint8(min(max(p.Quantizer, 0), 255)), h.profile[0], h.profile[1], h.profile[2])
}

// acknowledgement is what the page says of a picture.
type acknowledgement struct {
	sequence uint32
	decode   time.Duration // of the newest picture decoded by then, from its arrival; 0 unknown
	arrived  uint32        // µs, the page's clock, wrapping
	waiting  int           // pictures that have arrived and are not decoded
}

func parseAcknowledgement(msg []byte) (acknowledgement, error) {
	if len(msg) != ackSize || msg[0] != AcknowledgementType {
		return acknowledgement{}, errMalformed
	}
	return acknowledgement{
		sequence: binary.BigEndian.Uint32(msg[1:]),
		decode:   time.Duration(binary.BigEndian.Uint32(msg[5:])) * time.Microsecond,
		arrived:  binary.BigEndian.Uint32(msg[9:]),
		waiting:  int(msg[13]),
	}, nil
}
