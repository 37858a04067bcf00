package input

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"
	"unicode"
	"unicode/utf8"
)

// The types of a message, as in the package comment.
const (
	typeKey = iota + 1
	typeMotion
	typeButton
	typeWheel
	typeRelease
	typeRenew
	typeRelative
	typeText
	typeLocks
)

const (
	headerSize = 9
	// MaxCode is the longest KeyboardEvent.code that a message carries, in bytes.
	MaxCode = 32
	// MaxText is the longest text that a message carries, in bytes.
	MaxText = 1024
	// MaxMessage is the size of the longest message, in bytes.
	MaxMessage = headerSize + 2 + MaxText

	capsLock, numLock = 1, 2 // bits of Locks
)

var errLength = errors.New("wrong length")

// Decode reads one message of the format in the package comment: its sequence,
// the page's clock when it was made (ms, wrapping) and the event. It is strict:
// whatever the format does not name is an error, and so are bytes left over.
// msg is not kept.
func Decode(msg []byte) (seq, at uint32, e Event, err error) {
	if len(msg) < headerSize {
		return 0, 0, nil, fmt.Errorf("input: decode message of %d bytes: %w", len(msg), errLength)
	}
	seq, at = binary.BigEndian.Uint32(msg[1:]), binary.BigEndian.Uint32(msg[5:])
	if seq == 0 {
		return 0, 0, nil, errors.New("input: decode message: sequence 0")
	}
	if e, err = decodeBody(msg[0], msg[headerSize:]); err != nil {
		return 0, 0, nil, fmt.Errorf("input: decode message of type %d: %w", msg[0], err)
	}
	return seq, at, e, nil
}

func decodeBody(typ byte, b []byte) (Event, error) {
	switch typ {
	case typeKey:
		return decodeKey(b)
	case typeMotion:
		if len(b) != 4 {
			return nil, errLength
		}
		return Motion{Pos: position(b)}, nil
	case typeButton:
		if len(b) != 6 {
			return nil, errLength
		}
		if Action(b[0]) > Down {
			return nil, fmt.Errorf("action %d", b[0])
		}
		switch b[1] {
		case 1, 2, 3, 8, 9:
		default:
			return nil, fmt.Errorf("button %d", b[1])
		}
		return Button{Action: Action(b[0]), Button: b[1], Pos: position(b[2:])}, nil
	case typeWheel:
		if len(b) != 8 {
			return nil, errLength
		}
		dx := int16(binary.BigEndian.Uint16(b))
		dy := int16(binary.BigEndian.Uint16(b[2:]))
		return Wheel{Delta: image.Pt(int(dx), int(dy)), Pos: position(b[4:])}, nil
	case typeRelease, typeRenew:
		if len(b) != 0 {
			return nil, errLength
		}
		if typ == typeRelease {
			return Release{}, nil
		}
		return Renew{}, nil
	case typeRelative:
		if len(b) != 8 {
			return nil, errLength
		}
		x, y := int32(binary.BigEndian.Uint32(b)), int32(binary.BigEndian.Uint32(b[4:]))
		return Relative{Total: image.Pt(int(x), int(y))}, nil
	case typeText:
		return decodeText(b)
	case typeLocks:
		if len(b) != 1 {
			return nil, errLength
		}
		if b[0]&^(capsLock|numLock) != 0 {
			return nil, fmt.Errorf("locks %#x", b[0])
		}
		return Locks{Caps: b[0]&capsLock != 0, Num: b[0]&numLock != 0}, nil
	}
	return nil, errors.New("unknown type")
}

func decodeText(b []byte) (Event, error) {
	if len(b) < 3 || len(b) > 2+MaxText || len(b) != 2+int(binary.BigEndian.Uint16(b)) {
		return nil, errLength
	}
	text := b[2:]
	if !utf8.Valid(text) {
		return nil, errors.New("text that is not UTF-8")
	}
	for _, c := range string(text) {
		if unicode.IsControl(c) && c != '\n' && c != '\t' {
			return nil, fmt.Errorf("control character %#x in a text", c)
		}
	}
	return Text{Text: string(text)}, nil
}

func decodeKey(b []byte) (Event, error) {
	if len(b) < 6 || b[5] > MaxCode || len(b) != 6+int(b[5]) {
		return nil, errLength
	}
	if Action(b[0]) > Repeat {
		return nil, fmt.Errorf("action %d", b[0])
	}
	code := b[6:]
	for _, c := range code {
		if c < 0x20 || c > 0x7e {
			return nil, fmt.Errorf("byte %#x in a code", c)
		}
	}
	return Key{Action: Action(b[0]), Keysym: binary.BigEndian.Uint32(b[1:]), Code: string(code)}, nil
}

func position(b []byte) image.Point {
	return image.Pt(int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:])))
}

// Append appends the message for e to dst. Positions and turns of the wheel
// that the format cannot carry become the nearest that it can; a code or a text
// that it cannot carry makes a message that Decode refuses. A Shift has none.
func Append(dst []byte, seq, at uint32, e Event) []byte {
	header := func(typ byte) []byte {
		dst = append(dst, typ)
		dst = binary.BigEndian.AppendUint32(dst, seq)
		return binary.BigEndian.AppendUint32(dst, at)
	}
	switch e := e.(type) {
	case Key:
		dst = append(header(typeKey), byte(e.Action))
		dst = binary.BigEndian.AppendUint32(dst, e.Keysym)
		dst = append(dst, byte(min(len(e.Code), math.MaxUint8)))
		return append(dst, e.Code...)
	case Motion:
		return appendPosition(header(typeMotion), e.Pos)
	case Button:
		return appendPosition(append(header(typeButton), byte(e.Action), e.Button), e.Pos)
	case Wheel:
		dst = header(typeWheel)
		for _, d := range [...]int{e.Delta.X, e.Delta.Y} {
			dst = binary.BigEndian.AppendUint16(dst, uint16(max(math.MinInt16, min(d, math.MaxInt16))))
		}
		return appendPosition(dst, e.Pos)
	case Release:
		return header(typeRelease)
	case Renew:
		return header(typeRenew)
	case Relative:
		dst = binary.BigEndian.AppendUint32(header(typeRelative), uint32(e.Total.X))
		return binary.BigEndian.AppendUint32(dst, uint32(e.Total.Y))
	case Text:
		dst = binary.BigEndian.AppendUint16(header(typeText), uint16(min(len(e.Text), math.MaxUint16)))
		return append(dst, e.Text...)
	case Locks:
		var state byte
		if e.Caps {
			state |= capsLock
		}
		if e.Num {
			state |= numLock
		}
		return append(header(typeLocks), state)
	}
	return dst
}

func appendPosition(dst []byte, p image.Point) []byte {
	for _, v := range [...]int{p.X, p.Y} {
		dst = binary.BigEndian.AppendUint16(dst, uint16(max(0, min(v, math.MaxUint16))))
	}
	return dst
}
