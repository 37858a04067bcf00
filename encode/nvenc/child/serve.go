package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"

	"lucarne/capture"
	"lucarne/encode"
)

// Serve opens an encoder of one of the backends and encodes by it what comes over
// conn, until the other side closes conn, or ctx ends, whose error it returns. All
// of it runs on one thread. The encoder is closed when Serve returns.
func Serve(ctx context.Context, conn net.Conn, backends []encode.Backend) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	s := &server{conn: conn, backends: backends}
	s.release = s.released
	defer s.close()
	for {
		var err error
		if s.in, err = receive(conn, s.in, maxCommand); err != nil {
			return ended(ctx, err)
		}
		if err := s.command.decode(s.in); err != nil {
			return fmt.Errorf("nvenc: serve: %w", err)
		}
		if err := s.do(); err != nil {
			return ended(ctx, err)
		}
	}
}

// ended says why the other side is not there any more.
func ended(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF):
		return nil
	}
	return fmt.Errorf("nvenc: serve: %w", err)
}

// server is the state of one Serve.
type server struct {
	conn     net.Conn
	backends []encode.Backend
	encoder  encode.Encoder // nil: not open yet
	command  command
	in, out  []byte
	frame    capture.Frame
	segment  segment
	release  func() // released, made once
	lost     error  // the other side is gone, as seen by released
}

func (s *server) close() {
	if s.encoder != nil {
		_ = s.encoder.Close() // there is nobody to tell
	}
	s.segment.detach()
}

// do does what the command says. Its error is that of the connection.
func (s *server) do() error {
	c := &s.command
	if s.encoder == nil && c.kind != cmdOpen {
		return errMessage
	}
	switch c.kind {
	case cmdFrame:
		return s.encode()
	case cmdOpen:
		return s.answer(appendDone(s.out, s.open()))
	case cmdBitrate:
		return s.answer(appendDone(s.out, s.encoder.SetBitrate(c.number)))
	case cmdResize:
		resizer, ok := s.encoder.(encode.Resizer)
		if !ok {
			return s.answer(appendDone(s.out, errors.New("nvenc: resize: the encoder cannot")))
		}
		return s.answer(appendDone(s.out, resizer.Resize(c.size)))
	default:
		invalidator, ok := s.encoder.(Invalidator)
		if !ok {
			return s.answer(appendDone(s.out, errors.New("nvenc: invalidate: the encoder cannot")))
		}
		return s.answer(appendDone(s.out, invalidator.InvalidateRefs(c.first, c.last)))
	}
}

func (s *server) answer(message []byte) error {
	s.out = message
	_, err := s.conn.Write(message)
	return err
}

func (s *server) open() error {
	c := &s.command
	if s.encoder != nil {
		return errors.New("nvenc: open: there is an encoder already")
	}
	for _, backend := range s.backends {
		if backend.Codec != c.codec {
			continue
		}
		encoder, err := backend.Open(encode.Config{Size: c.size, BitrateBps: c.number, MaxFPS: c.fps})
		s.encoder = encoder
		if err != nil {
			s.encoder = nil // an interface may hold a nil of its own
		}
		return err
	}
	return fmt.Errorf("nvenc: open: no encoder of %q here", c.codec)
}

// encode encodes a frame. A segment that is replaced is kept until the encoder
// has let it go.
func (s *server) encode() error {
	c := &s.command
	var before segment
	defer func() { before.detach() }()
	if c.segment != s.segment.name {
		next, err := attach(c.segment)
		if err != nil {
			return s.answer(appendDone(s.out, err))
		}
		before, s.segment = s.segment, next
	}
	if len(s.segment.mem) < c.stride*(c.size.Y-1)+4*c.size.X {
		return s.answer(appendDone(s.out, fmt.Errorf("nvenc: encode %dx%d: a segment of %d bytes does not hold the picture", c.size.X, c.size.Y, len(s.segment.mem))))
	}
	s.frame.Pix, s.frame.Stride, s.frame.Size = s.segment.mem, c.stride, c.size
	s.frame.Damage, s.frame.Segment, s.frame.Grabbed = c.damage, c.segment, c.grabbed
	s.frame.OnRelease(s.release)
	packet, err := s.encoder.Encode(&s.frame, c.op)
	s.frame.Release()
	switch {
	case s.lost != nil:
		return s.lost
	case err != nil:
		return s.answer(appendDone(s.out, err))
	}
	return s.answer(appendPacket(s.out, packet))
}

// released tells the other side that the pixels have been read.
func (s *server) released() {
	s.out = finish(begin(s.out, ansReleased))
	_, s.lost = s.conn.Write(s.out)
}
