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
	vp8MaxPiece       = maxPayload - vp8DescriptorSize
)

// vp8 cuts frames of VP8.
type vp8 struct {
	picture uint16 // PictureID of the frame
	rest    []byte // of the frame
	left    int    // pieces of it
	flags   byte   // of the next one
}

// begin implements payloads.
func (f *vp8) begin(frame []byte) bool {
	f.rest, f.left, f.flags = frame, vp8Pieces(len(frame)), vp8Extended|vp8Start
	return f.left > 0
}

// next implements payloads.
func (f *vp8) next(buf *[maxPayload]byte) (size int, more bool) {
	piece := f.rest[:(len(f.rest)+f.left-1)/f.left]
	buf[0], buf[1] = f.flags, vp8HasPictureID
	binary.BigEndian.PutUint16(buf[2:], f.picture|vp8LongPictureID)
	f.rest, f.flags = f.rest[len(piece):], vp8Extended
	if f.left--; f.left == 0 {
		f.picture = (f.picture + 1) &^ vp8LongPictureID
	}
	return vp8DescriptorSize + copy(buf[vp8DescriptorSize:], piece), f.left > 0
}

// vp8Pieces returns in how many packets a frame of n bytes goes; they are cut
// evenly, so that there is no tiny one at the end.
func vp8Pieces(n int) int { return (n + vp8MaxPiece - 1) / vp8MaxPiece }
