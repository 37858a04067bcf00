package clipboard

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"

	"lucarne/input"
)

// charset says what HTML is written in. Programs that find no such word guess,
// and most guess that it is Latin-1.
const charset = `<meta charset="utf-8">`

// maxPrescan is where a charset is looked for, in bytes (HTML Standard, 13.2.3.2).
const maxPrescan = 1024

func isHTML(mime string) bool { return mime == "text/html" }

// fromHTML turns HTML as programs give it into UTF-8: some write UTF-16 with a byte
// order mark, some end it with a zero. It is ErrTooLarge beyond limit bytes.
func fromHTML(data []byte, limit int) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		data = fromUTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		data = fromUTF16(data[2:], binary.BigEndian)
	default:
		data = bytes.TrimPrefix(data, []byte("\ufeff"))
	}
	if data = bytes.TrimRight(data, "\x00"); len(data) > limit {
		return nil, input.ErrTooLarge
	}
	return data, nil
}

// fromUTF16 leaves out half a unit at the end.
func fromUTF16(data []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// toHTML makes sure that a program takes UTF-8 for what it is.
func toHTML(data []byte) []byte {
	head := bytes.ToLower(data[:min(len(data), maxPrescan)])
	if isASCII(data) || bytes.Contains(head, []byte("charset=")) {
		return data
	}
	return append([]byte(charset), data...)
}

func isASCII(data []byte) bool {
	for _, b := range data {
		if b >= 0x80 {
			return false
		}
	}
	return true
}
