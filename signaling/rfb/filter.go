package rfb

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"lucarne/signaling/session"
)

// The client's messages (RFC 6143 section 7.5, and the registry of the RFB
// protocol for those from 150 on).
const (
	setPixelFormat           = 0
	setEncodings             = 2
	framebufferUpdateRequest = 3
	keyEvent                 = 4
	pointerEvent             = 5
	clientCutText            = 6
	enableContinuousUpdates  = 150
	clientFence              = 248
	xvp                      = 250
	setDesktopSize           = 251
	qemu                     = 255
)

const (
	maxEncodings = 64       // kept of a SetEncodings
	maxFence     = 64       // bytes of a fence's payload, by its definition
	maxCutText   = 16 << 20 // bytes; a page that wants to say more has lost its way
)

// filter passes a page's messages on to the server, as far as they may.
type filter struct {
	viewer *session.Viewer
	page   *bufio.Reader
	counts Counts

	mu     sync.Mutex // guards what follows: control may be taken while run waits for the page
	server *bufio.Writer
	conn   io.Writer // what server writes to
	held   held
}

func newFilter(v *session.Viewer, page io.Reader, server io.Writer) *filter {
	return &filter{viewer: v, page: bufio.NewReader(page), server: bufio.NewWriter(server), conn: server}
}

// run handles messages until the page ends or sends what is none.
func (f *filter) run() error {
	defer f.flush() // what came before the end counts
	for {
		if f.page.Buffered() == 0 {
			if err := f.flush(); err != nil {
				return fmt.Errorf("rfb: %w", err)
			}
		}
		kind, err := f.page.Peek(1)
		if err != nil {
			return fmt.Errorf("rfb: page: %w", err)
		}
		if err := f.handle(kind[0]); err != nil {
			return fmt.Errorf("rfb: message %d: %w", kind[0], err)
		}
	}
}

func (f *filter) flush() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.server.Flush()
}

// write passes a whole message on.
func (f *filter) write(message []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.server.Write(message)
	return err
}

// handle reads one message, whose type has been looked at, and lets it pass or
// not.
func (f *filter) handle(kind byte) error {
	switch kind {
	case setPixelFormat:
		return f.pass(20)
	case setEncodings:
		return f.setEncodings()
	case framebufferUpdateRequest, enableContinuousUpdates:
		return f.pass(10)
	case keyEvent, qemu:
		return f.key(kind)
	case pointerEvent:
		return f.pointer()
	case clientFence:
		return f.fence()
	case clientCutText:
		return f.cutText()
	case xvp: // turns the machine off
		return f.drop(4)
	case setDesktopSize: // asked for where the session's limits hold
		head, err := f.take(8)
		if err != nil {
			return err
		}
		return f.drop(16 * int(head[6]))
	}
	return ErrMalformed
}

// take reads n bytes, which are valid until the next read.
func (f *filter) take(n int) ([]byte, error) {
	b, err := f.page.Peek(n)
	f.page.Discard(len(b))
	return b, err
}

// pass passes a message of n bytes on.
func (f *filter) pass(n int) error {
	message, err := f.take(n)
	if err != nil {
		return err
	}
	return f.write(message)
}

// drop reads n bytes, the last of a message that does not pass.
func (f *filter) drop(n int) error {
	f.counts.Dropped++
	_, err := f.page.Discard(n)
	return err
}

// setEncodings passes the encodings on that this package knows.
func (f *filter) setEncodings() error {
	head, err := f.take(4)
	if err != nil {
		return err
	}
	count := int(binary.BigEndian.Uint16(head[2:]))
	message := append(make([]byte, 0, 4+4*maxEncodings), setEncodings, 0, 0, 0)
	for range count {
		encoding, err := f.take(4)
		if err != nil {
			return err
		}
		if known(int32(binary.BigEndian.Uint32(encoding))) && len(message) < cap(message) {
			message = append(message, encoding...)
		}
	}
	binary.BigEndian.PutUint16(message[2:], uint16(len(message)/4-1))
	return f.write(message)
}

// fence passes a ClientFence on.
func (f *filter) fence() error {
	head, err := f.page.Peek(9)
	if err != nil {
		return err
	}
	if head[8] > maxFence {
		return ErrMalformed
	}
	return f.pass(9 + int(head[8]))
}

// cutText drops the page's clipboard. A negative length is that of the extended
// clipboard's messages.
func (f *filter) cutText() error {
	head, err := f.take(8)
	if err != nil {
		return err
	}
	length := int64(int32(binary.BigEndian.Uint32(head[4:])))
	length = max(length, -length)
	if length > maxCutText {
		return ErrMalformed
	}
	return f.drop(int(length))
}

// key passes a key on, if the viewer may type. The display does not repeat keys
// while somebody may: a repeat of the browser's is a release and a press.
func (f *filter) key(kind byte) error {
	k, down, err := f.readKey(kind)
	if err != nil {
		return err
	}
	return f.act(session.Keyboard, func() error {
		if down && f.held.has(k) {
			f.server.Write(k.message(false)) // the error is that of the next
		}
		if !f.held.key(k, down) {
			f.counts.Dropped++
			return nil
		}
		_, err := f.server.Write(k.message(down))
		return err
	})
}

// readKey reads a KeyEvent or a QEMU Extended Key Event.
func (f *filter) readKey(kind byte) (k key, down bool, err error) {
	if kind == keyEvent {
		message, err := f.take(8)
		if err != nil {
			return key{}, false, err
		}
		return key{keysym: binary.BigEndian.Uint32(message[4:])}, message[1] != 0, nil
	}
	const extendedKeyEvent = 0 // 1 is audio
	if head, err := f.page.Peek(2); err != nil {
		return key{}, false, err
	} else if head[1] != extendedKeyEvent {
		return key{}, false, ErrMalformed
	}
	message, err := f.take(12)
	if err != nil {
		return key{}, false, err
	}
	k = key{keysym: binary.BigEndian.Uint32(message[4:]), code: binary.BigEndian.Uint32(message[8:]), extended: true}
	return k, binary.BigEndian.Uint16(message[2:]) != 0, nil
}

// pointer passes the pointer on, if the viewer may point.
func (f *filter) pointer() error {
	message, err := f.take(6)
	if err != nil {
		return err
	}
	return f.act(session.Pointer, func() error {
		copy(f.held.pointer[:], message)
		_, err := f.server.Write(message)
		return err
	})
}

// act lets the viewer use a feature. What the policy forbids is counted. Nothing is
// let go between the policy's answer and what follows from it.
func (f *filter) act(feature session.Feature, do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.viewer.Do(feature, do)
	switch {
	case err == nil:
		f.counts.Events++
	case errors.Is(err, session.ErrRefused):
		f.counts.Refused++
		return nil
	}
	return err
}

// letGo tells the server that nothing is held any more. A server that does not take
// it is gone.
func (f *filter) letGo() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.server.Flush() // what was to be held has to be there first; if it does not get there, this may
	if messages := f.held.release(nil); len(messages) > 0 {
		f.conn.Write(messages)
	}
}

// letGoWhenDropped does so whenever control has changed hands, until ctx ends.
func (f *filter) letGoWhenDropped(ctx context.Context, changed func()) {
	dropped := f.viewer.Dropped()
	for {
		select {
		case <-ctx.Done():
			return
		case <-dropped:
		}
		dropped = f.viewer.Dropped() // before: what is dropped from now on has to be let go again
		f.letGo()
		changed()
	}
}
