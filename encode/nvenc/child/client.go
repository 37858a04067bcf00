// Package child runs an encoder in a process of its own: a driver that hangs or
// crashes takes nobody along, and what it needs loaded stays there.
//
// Pictures go by shared memory, whose names and damage go over a socket with the
// commands; packets come back over it. Neither side believes the other.
package child

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// Invalidator is an Encoder that can go on without packets that were lost.
type Invalidator interface {
	// InvalidateRefs has the packets to come refer to none of those from first
	// to last, nor to what was made from them. It counts the encoder's packets
	// that had Data, from 1.
	InvalidateRefs(first, last uint64) error
}

// Process is a running process in which Serve answers.
type Process struct {
	Conn net.Conn // to it
	// End waits until the process has ended by itself, which it does once Conn
	// is closed, but no longer than patience, and then kills it. It is
	// idempotent, and returns when the process is gone, or soon after it was
	// killed.
	End func(patience time.Duration)
	// Used returns the CPU time that the process has used so far, and whether it has
	// ended; it may be called from any goroutine.
	Used func() (cpu time.Duration, ended bool)
}

// Config says how encoders in another process are started, and when they count
// as hanging.
type Config struct {
	Start func() (*Process, error)
	Open  time.Duration // until an encoder has to be open, and again until its first frame has to be encoded; 0: 15 s, a node with many GPUs takes long
	Frame time.Duration // until a frame has to be encoded; 0: 700 ms
}

// How long a process may take to put its GPU in order: closing, and hurried after
// the driver has failed, for it may hang next, and another encoder waits for that.
const (
	closing = 2 * time.Second
	hurried = 200 * time.Millisecond
)

// resizing is how long an encoder may take for another size at least, while who
// watches waits.
const resizing = time.Second

// Backend returns the way to open encoders of a codec, each in a process of its
// own.
func Backend(name string, codec encode.Codec, cfg Config) encode.Backend {
	cfg.Open, cfg.Frame = cmp.Or(cfg.Open, 15*time.Second), cmp.Or(cfg.Frame, 700*time.Millisecond)
	return encode.Backend{Name: name, Codec: codec, Slow: true, Open: func(config encode.Config) (encode.Encoder, error) {
		return open(codec, cfg, config)
	}}
}

// client is an encoder in another process.
type client struct {
	process *Process // nil: closed
	cfg     Config
	codec   encode.Codec
	size    image.Point
	out, in []byte
	answer  answer
	copied  segment // for pictures that are in ordinary memory
	begun   bool    // the first frame, with which drivers set themselves up, has been encoded
	fresh   bool    // copied has not had a picture yet
	failed  bool    // the last answer was an error
}

func open(codec encode.Codec, cfg Config, config encode.Config) (*client, error) {
	operation := fmt.Sprintf("open %dx%d", config.Size.X, config.Size.Y)
	if s := config.Size; s.X < 1 || s.Y < 1 || s.X > maxSide || s.Y > maxSide {
		return nil, fmt.Errorf("nvenc: %s: the sides must be 1 to %d", operation, maxSide)
	}
	process, err := cfg.Start()
	if err != nil {
		return nil, fmt.Errorf("nvenc: %s: start the encoder's process: %w", operation, err)
	}
	c := &client{process: process, cfg: cfg, codec: codec, size: config.Size}
	config.MaxFPS = min(config.MaxFPS, 1000)
	if err := c.ask(appendOpen(c.out, codec, config), cfg.Open, operation); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Encode encodes a frame; see encode.Encoder. A process that does not answer in
// time is killed; the encoder is of no more use then.
func (c *client) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	defer f.Release()
	if c.process == nil {
		return encode.Packet{}, errors.New("nvenc: encode: the encoder is closed")
	}
	if f.Size != c.size {
		return encode.Packet{}, fmt.Errorf("nvenc: encode %dx%d: the encoder was opened for %dx%d", f.Size.X, f.Size.Y, c.size.X, c.size.Y)
	}
	if f.Stride < 4*f.Size.X || len(f.Pix) < f.Stride*(f.Size.Y-1)+4*f.Size.X {
		return encode.Packet{}, fmt.Errorf("nvenc: encode %dx%d: %d bytes at stride %d do not hold the picture", f.Size.X, f.Size.Y, len(f.Pix), f.Stride)
	}
	times := encode.Times{Damaged: f.Damaged, Grabbed: f.Grabbed}
	segment, stride, err := c.share(f)
	if err != nil {
		return encode.Packet{}, err
	}
	c.out = appendFrame(c.out, f, segment, stride, op)
	patience := c.cfg.Frame
	if !c.begun {
		patience = c.cfg.Open
	}
	err = c.send(patience)
	for err == nil {
		if err = c.next(); err != nil {
			break
		}
		if c.answer.kind != ansReleased {
			break
		}
		f.Release()
		times.Converted = time.Now()
	}
	c.failed = err == nil && c.answer.kind == ansDone
	if c.failed {
		err = errors.New(cmp.Or(c.answer.text, "nvenc: encode: no packet"))
		return encode.Packet{}, err
	}
	if err != nil {
		return encode.Packet{}, c.broken(fmt.Sprintf("encode %dx%d", f.Size.X, f.Size.Y), err)
	}
	c.begun = true
	packet := c.answer.packet
	times.Encoded = time.Now()
	if times.Converted.IsZero() {
		times.Converted = times.Encoded
	}
	packet.Codec, packet.Size, packet.Times = c.codec, c.size, times
	return packet, nil
}

// share names the memory in which the process finds the picture: the screen's
// own, or a copy.
func (c *client) share(f *capture.Frame) (capture.Segment, int, error) {
	if f.Segment.Generation != 0 {
		c.copied.detach()
		return f.Segment, f.Stride, nil
	}
	stride := 4 * f.Size.X
	if size := stride * f.Size.Y; len(c.copied.mem) < size {
		generation := c.copied.name.Generation + 1
		c.copied.detach()
		made, err := create(size, generation)
		if err != nil {
			return capture.Segment{}, 0, fmt.Errorf("nvenc: encode %dx%d: %w", f.Size.X, f.Size.Y, err)
		}
		c.copied, c.fresh = made, true
	}
	c.copied.bring(f, stride, c.fresh)
	c.fresh = false
	return c.copied.name, stride, nil
}

// SetBitrate sets the target in bits a second.
func (c *client) SetBitrate(bps int) error {
	if bps < 0 {
		return fmt.Errorf("nvenc: set bitrate %d: negative", bps)
	}
	return c.ask(appendBitrate(c.out, bps), c.cfg.Frame, "set bitrate")
}

// Resize makes the encoder one of another size; see encode.Resizer.
func (c *client) Resize(size image.Point) error {
	operation := fmt.Sprintf("resize to %dx%d", size.X, size.Y)
	if size.X < 1 || size.Y < 1 || size.X > maxSide || size.Y > maxSide {
		return errors.Join(fmt.Errorf("nvenc: %s: the sides must be 1 to %d", operation, maxSide), c.Close())
	}
	if err := c.ask(appendResize(c.out, size), max(c.cfg.Frame, resizing), operation); err != nil {
		return errors.Join(err, c.Close())
	}
	c.size, c.fresh = size, true
	return nil
}

// InvalidateRefs is Invalidator's.
func (c *client) InvalidateRefs(first, last uint64) error {
	return c.ask(appendInvalidate(c.out, first, last), c.cfg.Frame, "invalidate")
}

// ask sends a message and waits until it is done.
func (c *client) ask(message []byte, patience time.Duration, operation string) error {
	c.out = message
	if c.process == nil {
		return fmt.Errorf("nvenc: %s: the encoder is closed", operation)
	}
	err := c.send(patience)
	if err == nil {
		err = c.next()
	}
	if err == nil && c.answer.kind != ansDone {
		err = errMessage
	}
	if err != nil {
		return c.broken(operation, err)
	}
	if c.failed = c.answer.text != ""; c.failed {
		return errors.New(c.answer.text)
	}
	return nil
}

func (c *client) send(patience time.Duration) error {
	if err := c.process.Conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := c.process.Conn.Write(c.out)
	return err
}

// next waits for an answer.
func (c *client) next() (err error) {
	if c.in, err = receive(c.process.Conn, c.in, maxAnswer); err != nil {
		return err
	}
	return c.answer.decode(c.in)
}

// broken gives up a process that does not do as it should.
func (c *client) broken(operation string, err error) error {
	why := "the encoder's process has ended"
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		why = "the encoder's process hangs"
	case errors.Is(err, errMessage):
		why = "the encoder's process answers nonsense"
	}
	c.end(0)
	return fmt.Errorf("nvenc: %s: %s: %w: %w", operation, why, err, encode.ErrLost)
}

// end ends the process and frees what was for it.
func (c *client) end(patience time.Duration) {
	if c.process == nil {
		return
	}
	_ = c.process.Conn.Close() // the process sees it, or is killed
	c.process.End(patience)
	c.process = nil
	c.copied.detach()
}

// Close ends the process.
func (c *client) Close() error {
	if c.failed {
		c.end(hurried)
	}
	c.end(closing)
	return nil
}
