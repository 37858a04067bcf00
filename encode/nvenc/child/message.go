package child

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// A message is its length in 4 bytes, without these, its kind in one, and what
// the kind says; all numbers are little endian. Each command has an answer; the
// one to a frame is preceded by another as soon as the pixels have been read.
const (
	cmdOpen       byte = 1 // codec, size, bit/s, frames/s
	cmdFrame      byte = 2 // operation, segment, time, size, stride, damage
	cmdBitrate    byte = 3 // bit/s
	cmdResize     byte = 4 // size
	cmdInvalidate byte = 5 // first, last

	ansDone     byte = 65 // an error's text, empty for none
	ansReleased byte = 66 // nothing
	ansPacket   byte = 67 // flags, quantizer, data
)

const (
	header     = 5
	maxCommand = header + 64 + 16*maxDamage
	maxDamage  = 256      // rectangles; more are sent as one around all
	maxAnswer  = 64 << 20 // bytes: four times the largest picture there is
	maxText    = 4096     // bytes of an error
	maxSide    = 1 << 14  // pixels
)

// flags of a frame and of a packet.
const (
	flagKey byte = 1 << iota
	flagRefine
	flagUnchanged
	flagSettled
)

// command is a decoded command; what is in it depends on kind.
type command struct {
	kind        byte
	codec       encode.Codec
	size        image.Point
	number      int // bit/s
	fps         int
	op          encode.Op
	segment     capture.Segment
	grabbed     time.Time
	stride      int
	damage      []image.Rectangle // reused by the next
	first, last uint64
}

var errMessage = errors.New("nvenc: message is malformed")

// begin starts a message in a buffer, and finish ends it.
func begin(b []byte, kind byte) []byte { return append(b[:0], 0, 0, 0, 0, kind) }

func finish(b []byte) []byte {
	binary.LittleEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func appendPoint(b []byte, p image.Point) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(p.X))
	return binary.LittleEndian.AppendUint32(b, uint32(p.Y))
}

func appendOpen(b []byte, codec encode.Codec, cfg encode.Config) []byte {
	b = appendPoint(begin(b, cmdOpen), cfg.Size)
	b = binary.LittleEndian.AppendUint64(b, uint64(cfg.BitrateBps))
	b = binary.LittleEndian.AppendUint32(b, uint32(cfg.MaxFPS))
	return finish(append(b, codec...))
}

func appendFrame(b []byte, f *capture.Frame, segment capture.Segment, stride int, op encode.Op) []byte {
	var flags byte
	if op.Key {
		flags |= flagKey
	}
	if op.Refine {
		flags |= flagRefine
	}
	b = append(begin(b, cmdFrame), flags)
	b = binary.LittleEndian.AppendUint64(b, uint64(segment.ID))
	b = binary.LittleEndian.AppendUint64(b, segment.Generation)
	b = binary.LittleEndian.AppendUint64(b, nanoseconds(f.Grabbed))
	b = appendPoint(b, f.Size)
	b = binary.LittleEndian.AppendUint32(b, uint32(stride))
	bounds := image.Rectangle{Max: f.Size}
	if len(f.Damage) > maxDamage {
		var all image.Rectangle
		for _, r := range f.Damage {
			all = all.Union(r.Intersect(bounds))
		}
		return finish(appendPoint(appendPoint(b, all.Min), all.Max))
	}
	for _, r := range f.Damage {
		if r = r.Intersect(bounds); !r.Empty() {
			b = appendPoint(appendPoint(b, r.Min), r.Max)
		}
	}
	return finish(b)
}

// nanoseconds is a time as it is sent; 0: none.
func nanoseconds(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixNano())
}

func appendBitrate(b []byte, bps int) []byte {
	return finish(binary.LittleEndian.AppendUint64(begin(b, cmdBitrate), uint64(bps)))
}

func appendResize(b []byte, size image.Point) []byte {
	return finish(appendPoint(begin(b, cmdResize), size))
}

func appendInvalidate(b []byte, first, last uint64) []byte {
	b = binary.LittleEndian.AppendUint64(begin(b, cmdInvalidate), first)
	return finish(binary.LittleEndian.AppendUint64(b, last))
}

func appendDone(b []byte, err error) []byte {
	b = begin(b, ansDone)
	if err != nil {
		b = append(b, err.Error()[:min(len(err.Error()), maxText)]...)
	}
	return finish(b)
}

func appendPacket(b []byte, p encode.Packet) []byte {
	var flags byte
	if p.Key {
		flags |= flagKey
	}
	if p.Unchanged {
		flags |= flagUnchanged
	}
	if p.Settled {
		flags |= flagSettled
	}
	b = append(begin(b, ansPacket), flags)
	b = binary.LittleEndian.AppendUint32(b, uint32(p.Quantizer))
	return finish(append(b, p.Data...))
}

// reader takes a message apart; bad: it is too short.
type reader struct {
	b   []byte
	bad bool
}

// nothing stands in for what a message lacks.
var nothing [8]byte

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.bad = true
		return nothing[:min(n, len(nothing))]
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) u32() int    { return int(int32(binary.LittleEndian.Uint32(r.take(4)))) }
func (r *reader) u64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }
func (r *reader) flags() byte { return r.take(1)[0] }
func (r *reader) done() bool  { return !r.bad && len(r.b) == 0 }
func (r *reader) point() (p image.Point) {
	p.X = r.u32()
	p.Y = r.u32()
	return p
}

// decode fills c with a command, which is a message without its length.
func (c *command) decode(message []byte) error {
	if len(message) == 0 {
		return errMessage
	}
	*c = command{kind: message[0], damage: c.damage[:0]}
	r := reader{b: message[1:]}
	switch c.kind {
	case cmdOpen:
		c.size, c.number, c.fps = r.point(), int(r.u64()), r.u32()
		if r.bad || len(r.b) > 32 {
			return errMessage
		}
		c.codec = encode.Codec(r.take(len(r.b)))
	case cmdFrame:
		c.frame(&r)
	case cmdBitrate:
		c.number = int(r.u64())
	case cmdResize:
		c.size = r.point()
	case cmdInvalidate:
		c.first, c.last = r.u64(), r.u64()
	default:
		return errMessage
	}
	if !r.done() {
		return errMessage
	}
	return nil
}

func (c *command) frame(r *reader) {
	flags := r.flags()
	c.op = encode.Op{Key: flags&flagKey != 0, Refine: flags&flagRefine != 0}
	c.segment.ID, c.segment.Generation = int(r.u64()), r.u64()
	if grabbed := r.u64(); grabbed != 0 {
		c.grabbed = time.Unix(0, int64(grabbed))
	}
	c.size, c.stride = r.point(), r.u32()
	bounds := image.Rectangle{Max: c.size}
	if c.size.X < 1 || c.size.Y < 1 || c.size.X > maxSide || c.size.Y > maxSide || c.stride < 4*c.size.X || c.stride > 1<<20 ||
		len(r.b) > 16*maxDamage {
		r.bad = true
		return
	}
	for len(r.b) > 0 && !r.bad {
		rect := image.Rectangle{Min: r.point(), Max: r.point()}
		if !rect.In(bounds) {
			r.bad = true
		}
		c.damage = append(c.damage, rect)
	}
}

// answer is a decoded answer; data and text are parts of the message.
type answer struct {
	kind   byte
	text   string
	packet encode.Packet
}

func (a *answer) decode(message []byte) error {
	if len(message) == 0 {
		return errMessage
	}
	*a = answer{kind: message[0]}
	r := reader{b: message[1:]}
	switch a.kind {
	case ansReleased:
	case ansDone:
		if len(r.b) > maxText {
			return errMessage
		}
		a.text = string(r.take(len(r.b)))
	case ansPacket:
		flags := r.flags()
		a.packet = encode.Packet{Key: flags&flagKey != 0, Unchanged: flags&flagUnchanged != 0, Settled: flags&flagSettled != 0, Quantizer: r.u32()}
		if r.bad {
			return errMessage
		}
		a.packet.Data = r.take(len(r.b))
	default:
		return errMessage
	}
	if !r.done() || a.packet.Unchanged && len(a.packet.Data) > 0 {
		return errMessage
	}
	return nil
}

// receive reads a message of at most limit bytes into b, which it grows, and
// returns it without its length.
func receive(from io.Reader, b []byte, limit int) ([]byte, error) {
	if cap(b) < 4 {
		b = make([]byte, 4096)
	}
	b = b[:4]
	if _, err := io.ReadFull(from, b); err != nil {
		return b, err
	}
	n := int(binary.LittleEndian.Uint32(b))
	if n < 1 || n > limit {
		return b, fmt.Errorf("nvenc: message of %d bytes: want 1 to %d", n, limit)
	}
	if cap(b) < n {
		b = make([]byte, n+n/2)
	}
	b = b[:n]
	_, err := io.ReadFull(from, b)
	return b, err
}
