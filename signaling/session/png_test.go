package session

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"
)

// chunk is one of a PNG, whole.
func chunk(kind, data string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:])))
}

// header is that of a picture in colour.
func header(w, h uint32) string {
	b := binary.BigEndian.AppendUint32(nil, w)
	return chunk("IHDR", string(binary.BigEndian.AppendUint32(b, h))+"\x08\x02\x00\x00\x00")
}

func pictures(t testing.TB) map[string]struct {
	data string
	ok   bool
} {
	good := picture(t, 7, 5)
	data, end := chunk("IDAT", "x"), chunk("IEND", "")
	return map[string]struct {
		data string
		ok   bool
	}{
		"a picture":           {good, true},
		"as large as may be":  {pngSignature + header(7680, 4320) + data + end, true},
		"with words":          {pngSignature + header(1, 1) + chunk("tEXt", "a\x00b") + data + data + end, true},
		"too large":           {pngSignature + header(7681, 4320) + data + end, false},
		"a bomb":              {pngSignature + header(1<<31-1, 1<<31-1) + data + end, false},
		"without a width":     {pngSignature + header(0, 1) + data + end, false},
		"nothing":             {"", false},
		"another format":      {"GIF89a", false},
		"cut":                 {good[:len(good)-5], false},
		"with more behind":    {good + "x", false},
		"a bit is wrong":      {strings.Replace(good, "IDAT", "IDAU", 1), false},
		"without pixels":      {pngSignature + header(1, 1) + end, false},
		"pixels first":        {pngSignature + data + header(1, 1) + end, false},
		"two headers":         {pngSignature + header(1, 1) + header(1, 1) + data + end, false},
		"a chunk beyond all":  {pngSignature + header(1, 1) + "\xff\xff\xff\xffIDAT" + end, false},
		"no end":              {pngSignature + header(1, 1) + data, false},
		"a colour type of no": {pngSignature + chunk("IHDR", "\x00\x00\x00\x01\x00\x00\x00\x01\x09\x09\x00\x00\x00") + data + end, false},
	}
}

func TestCheckPNG(t *testing.T) {
	for name, test := range pictures(t) {
		if err := checkPNG([]byte(test.data)); (err == nil) != test.ok || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzCheckPNG: whatever a picture is, looking at it neither falls over nor takes
// memory that it does not have.
func FuzzCheckPNG(f *testing.F) {
	for _, test := range pictures(f) {
		f.Add([]byte(test.data))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkPNG(data) })
}
