package encode

import (
	"bytes"
	"fmt"
	"testing"
)

// nals returns the NAL units of a stream.
func nals(stream []byte) (list [][]byte) {
	for nal, rest := NextNAL(stream); nal != nil; nal, rest = NextNAL(rest) {
		list = append(list, nal)
	}
	return list
}

func TestNextNAL(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stream []byte
		want   string
	}{
		{"nothing", nil, "[]"},
		{"no start code", []byte{0x65, 1, 2}, "[]"},
		{"zeros", []byte{0, 0, 0, 0}, "[]"},
		{"half a start code", []byte{0, 1, 0x65}, "[]"},
		{"3 bytes", []byte{0, 0, 1, 0x65, 1}, "[6501]"},
		{"4 bytes", []byte{0, 0, 0, 1, 0x65, 1}, "[6501]"},
		{"both", []byte{0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3}, "[6701 6802 6503]"},
		{"zeros around", []byte{0, 0, 0, 0, 0, 1, 0x67, 1, 0, 0, 0, 0, 1, 0x68, 0, 0, 0}, "[6701 68]"},
		{"emulation prevention", []byte{0, 0, 1, 0x65, 0, 0, 3, 1, 0, 0, 3}, "[6500000301000003]"},
		{"empty units", []byte{0, 0, 1, 0, 0, 1, 0x65, 0, 0, 1}, "[ 65 ]"},
	} {
		got := fmt.Sprintf("%x", nals(tt.stream))
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestH264Profile(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stream []byte
		want   string
		ok     bool
	}{
		{"a key frame", []byte{0, 0, 0, 1, 9, 0x10, 0, 0, 1, 0x67, 0x42, 0xc0, 0x34, 0x8c, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 1}, "42c034", true},
		{"4:4:4", []byte{0, 0, 1, 0x67, 0xf4, 0, 0x34, 0x91}, "f40034", true},
		{"no parameter set", []byte{0, 0, 1, 0x41, 1, 2, 3, 4, 5}, "000000", false},
		{"a short one", []byte{0, 0, 1, 0x67, 0x42, 0xe0}, "000000", false},
		{"nothing", nil, "000000", false},
	} {
		if got, ok := H264Profile(tt.stream); fmt.Sprintf("%x", got) != tt.want || ok != tt.ok {
			t.Errorf("%s: %x, %v, want %s, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

// What is cut at its start codes can be put together again, and is never more.
func FuzzNextNAL(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x34, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 0, 0, 3, 1, 0, 0})
	f.Add([]byte{0, 0, 1, 0, 0, 1})
	f.Fuzz(func(t *testing.T, stream []byte) {
		list := nals(stream)
		var joined []byte
		for _, nal := range list {
			if bytes.Contains(nal, startCode) {
				t.Fatalf("%x has a start code in it", nal)
			}
			joined = append(append(joined, startCode...), nal...)
		}
		if len(joined) > len(stream) {
			t.Fatalf("%d bytes of %d", len(joined), len(stream))
		}
		if got := nals(joined); fmt.Sprintf("%x", got) != fmt.Sprintf("%x", list) {
			t.Fatalf("%x, want %x", got, list)
		}
		H264Profile(stream)
	})
}
