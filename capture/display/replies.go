package display

import (
	"encoding/binary"
	"io"
	"net"
)

// Sizes in bytes (X Window System Protocol, §1 Protocol Formats and §8 Connection Setup).
const (
	setupHead   = 8  // of the server's first message
	messageHead = 32 // of a reply; all of an event or of an error
)

// Kinds of messages, by their first byte, and the code of the error Alloc.
const (
	messageError = 0
	messageReply = 1
	alloc        = 11
)

// bounded is a connection to an X server whose replies are of bounded length. In
// place of one that is longer the client gets the error Alloc, and none of the
// reply is kept. It understands the byte order that xgb asks for.
type bounded struct {
	net.Conn
	most    int64 // bytes that a reply may have after its head
	entered bool  // the setup has been read
	message [messageHead]byte
	head    []byte // what the client has not read yet of message
	body    int64  // bytes of the message that follow
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if len(b.head) == 0 && b.body == 0 {
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	if len(b.head) > 0 {
		n := copy(p, b.head)
		b.head = b.head[n:]
		return n, nil
	}
	n, err := b.Conn.Read(p[:min(int64(len(p)), b.body)])
	b.body -= int64(n)
	return n, err
}

// next reads the head of a message.
func (b *bounded) next() error {
	size := messageHead
	if !b.entered {
		size = setupHead
	}
	head := b.message[:size]
	if _, err := io.ReadFull(b.Conn, head); err != nil {
		return err
	}
	if !b.entered {
		b.entered = true
		b.body = 4 * int64(binary.LittleEndian.Uint16(head[6:]))
	} else if head[0] == messageReply {
		b.body = 4 * int64(binary.LittleEndian.Uint32(head[4:]))
		if b.body > b.most {
			return b.refuse()
		}
	}
	b.head = head
	return nil
}

// refuse turns the reply that has begun into an error with the same sequence number.
func (b *bounded) refuse() error {
	if _, err := io.CopyN(io.Discard, b.Conn, b.body); err != nil {
		return err
	}
	b.body = 0
	b.message[0], b.message[1] = messageError, alloc
	clear(b.message[4:])
	b.head = b.message[:]
	return nil
}
