package floor

import (
	"encoding/binary"
	"errors"
	"image"

	"lucarne/perf/xclient"
)

// The messages on the socket; numbers are big endian.
//
//	1 fill, to the page:   type, red, green, blue, u16 x, y, width, height
//	2 frame, to the page:  type, 0, u16 number, x, y
//	3 sync, to the page, which sends it back: type, 0, 0, 0, u32 number
//	4 event, from the page: type
const (
	typeFill  = 1
	typeFrame = 2
	typeSync  = 3
	typeEvent = 4
)

// maxMessage is the length of the longest message from a page, in bytes.
const maxMessage = 8

var errMessage = errors.New("no message of ours")

func appendPoints(b []byte, points ...image.Point) []byte {
	for _, p := range points {
		b = binary.BigEndian.AppendUint16(b, uint16(p.X))
		b = binary.BigEndian.AppendUint16(b, uint16(p.Y))
	}
	return b
}

// fillMessage has a rectangle of the screen filled.
func fillMessage(r image.Rectangle, c xclient.RGB) []byte {
	return appendPoints([]byte{typeFill, byte(c >> 16), byte(c >> 8), byte(c)}, r.Min, r.Size())
}

// frameMessage has a frame's number painted as a bar code with its corner at p.
func frameMessage(number int, p image.Point) []byte {
	return appendPoints(binary.BigEndian.AppendUint16([]byte{typeFrame, 0}, uint16(number)), p)
}

// syncMessage asks for an answer with the same number.
func syncMessage(number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{typeSync, 0, 0, 0}, number)
}

// parseMessage reads what a page sends: an event, or the answer to a sync.
func parseMessage(b []byte) (kind byte, number uint32, err error) {
	switch {
	case len(b) == 1 && b[0] == typeEvent:
		return typeEvent, 0, nil
	case len(b) == 8 && b[0] == typeSync:
		return typeSync, binary.BigEndian.Uint32(b[4:]), nil
	}
	return 0, 0, errMessage
}
