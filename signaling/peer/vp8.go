package peer

import "encoding/binary"

// VP8's RTP payload descriptor (RFC 7741 §4.2) as it is written here: extended,
// with a PictureID of 15 bits in every packet and nothing else.
const (
	vp8DescriptorSize = 4
	vp8Extended       = 0x80 // X
	vp8Start          = 0x10 // S, and partition 0
	vp8HasPictureID   = 0x80 // I
	vp8LongPictureID  = 0x8000
)

// putVP8Descriptor writes the descriptor of a frame's first or later packet to b.
func putVP8Descriptor(b []byte, pictureID uint16, first bool) {
	b[0], b[1] = vp8Extended, vp8HasPictureID
	if first {
		b[0] |= vp8Start
	}
	binary.BigEndian.PutUint16(b[2:], pictureID|vp8LongPictureID)
}

// mtu bounds an IP packet's payload; what is around a piece of a frame in it:
// the RTP header (12), its extensions (4 and 8), the original sequence number
// of a retransmission (2) and SRTP's tag (16).
const (
	mtu        = 1200
	maxPayload = mtu - 12 - 12 - 2 - 16
	maxPiece   = maxPayload - vp8DescriptorSize
)

// pieces returns in how many packets a frame of n bytes goes; they are cut
// evenly, so that there is no tiny one at the end.
func pieces(n int) int { return (n + maxPiece - 1) / maxPiece }
