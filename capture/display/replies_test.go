package display

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"testing/iotest"
)

// script is a connection from which bytes are read.
type script struct {
	net.Conn
	io.Reader
}

func (s script) Read(p []byte) (int, error) { return s.Reader.Read(p) }

// message returns one of a kind, with a sequence number and so many units of 4 bytes after it.
func message(kind byte, sequence uint16, units int) []byte {
	b := make([]byte, messageHead+4*units)
	b[0], b[1], b[31] = kind, 7, 9
	binary.LittleEndian.PutUint16(b[2:], sequence)
	binary.LittleEndian.PutUint32(b[4:], uint32(units))
	for i := range b[messageHead:] {
		b[messageHead+i] = byte(i)
	}
	return b
}

func refusal(sequence uint16) []byte {
	b := make([]byte, messageHead)
	b[1] = alloc
	binary.LittleEndian.PutUint16(b[2:], sequence)
	return b
}

func TestRepliesAreBounded(t *testing.T) {
	setup := []byte{1, 0, 11, 0, 0, 0, 2, 0, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}
	// Only a reply has a length; what stands there in others means something else.
	event, fault := message(12, 3, 0), message(messageError, 4, 0)
	binary.LittleEndian.PutUint32(event[4:], 1<<31)
	binary.LittleEndian.PutUint32(fault[4:], 1<<31)
	sent := slices.Concat(setup, message(1, 1, 0), message(1, 2, 4), event, message(1, 5, 5), fault, message(1, 6, 3000), message(1, 7, 1))
	want := slices.Concat(setup, message(1, 1, 0), message(1, 2, 4), event, refusal(5), fault, refusal(6), message(1, 7, 1))
	for name, by := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "by bytes": iotest.OneByteReader} {
		got, err := io.ReadAll(&bounded{Conn: script{Reader: by(bytes.NewReader(sent))}, most: 16})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, read\n%v, want\n%v", name, err, got, want)
		}
	}
	for _, cut := range []int{3, 12, 20, 200} {
		got, err := io.ReadAll(&bounded{Conn: script{Reader: bytes.NewReader(sent[:cut])}, most: 16})
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.HasPrefix(want, got) {
			t.Errorf("cut off after %d bytes: %v, read %v", cut, err, got)
		}
	}
}

// FuzzReplies holds the bound and the framing whatever a server sends.
func FuzzReplies(f *testing.F) {
	setup := []byte{1, 0, 11, 0, 0, 0, 0, 0}
	f.Add(setup)
	f.Add(slices.Concat(setup, message(1, 1, 4), message(1, 2, 5), message(12, 3, 0)))
	f.Add(slices.Concat(setup, message(1, 1, 4)[:20]))
	f.Fuzz(func(t *testing.T, sent []byte) {
		got, _ := io.ReadAll(&bounded{Conn: script{Reader: bytes.NewReader(sent)}, most: 16})
		if len(got) > len(sent) {
			t.Fatalf("%d bytes out of %d", len(got), len(sent))
		}
		if len(got) < setupHead {
			return
		}
		rest := got[min(len(got), setupHead+4*int(binary.LittleEndian.Uint16(got[6:]))):]
		for len(rest) >= messageHead {
			size := messageHead
			if rest[0] == messageReply {
				size += 4 * int(binary.LittleEndian.Uint32(rest[4:]))
			}
			if size > messageHead+16 {
				t.Fatalf("a reply of %d bytes", size)
			}
			rest = rest[min(len(rest), size):]
		}
	})
}
