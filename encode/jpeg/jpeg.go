//go:build cgo && !nojpeg

// Package jpeg encodes pictures as rectangles of JPEG (ITU-T T.81) by
// libjpeg-turbo: what a page can show that has no video decoder to use, as on
// plain HTTP.
//
// A packet's Data is, big endian: count u16, then for each rectangle x, y,
// width, height u16 in pixels, length u32, and so many bytes of JPEG. It changes
// those rectangles of the picture before it; a key frame covers all of it.
package jpeg

/*
#cgo CFLAGS: -O2 -Wall
#cgo LDFLAGS: -l:libturbojpeg.a -lm
#include "shim.h"
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"time"
	"unsafe"

	"lucarne/capture"
	"lucarne/encode"
)

// maxSide is the largest side, in pixels: of JPEG and of the packet's format.
const maxSide = 65535

// maxArea bounds the picture that is kept, in pixels.
const maxArea = 16384 * 16384

// maxRectangles is how many fit into a packet; what is left comes with the next.
const maxRectangles = 65535

// Backend returns the way to open encoders by libjpeg-turbo.
func Backend() encode.Backend {
	return encode.Backend{Name: "libjpeg-turbo", Codec: encode.JPEG, Open: open}
}

// encoder is a compressor and the picture that the decoder should have.
type encoder struct {
	c      *C.struct_jpeg_compressor // nil: closed
	size   image.Point
	cells  cells
	budget budget
	begun  bool // there has been a packet
	data   []byte
}

// open makes an encoder.
func open(cfg encode.Config) (encode.Encoder, error) {
	if cfg.BitrateBps < 0 || cfg.MaxFPS < 0 || cfg.Threads < 0 {
		return nil, fmt.Errorf("jpeg: open %dx%d: negative bitrate, frame rate or threads", cfg.Size.X, cfg.Size.Y)
	}
	e := &encoder{budget: newBudget(cfg.BitrateBps)}
	if err := e.begin(cfg.Size); err != nil {
		return nil, err
	}
	e.c = C.jpeg_open(longest*cell, longest*cell)
	if e.c == nil {
		return nil, fmt.Errorf("jpeg: open %dx%d: no memory", cfg.Size.X, cfg.Size.Y)
	}
	return e, nil
}

// begin starts with a picture of another size, of which nothing has been sent.
func (e *encoder) begin(size image.Point) error {
	if size.X < 1 || size.Y < 1 || size.X > maxSide || size.Y > maxSide || size.X*size.Y > maxArea {
		return fmt.Errorf("jpeg: open %dx%d: the sides must be 1 to %d, the area %d at most", size.X, size.Y, maxSide, maxArea)
	}
	e.size, e.cells, e.begun = size, newCells(size), false
	return nil
}

// Encode encodes a frame; see encode.Encoder. The frame is dropped, and the
// packet has no Data, while earlier ones have not been paid for; any but the
// first, a key frame as well.
func (e *encoder) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	defer f.Release()
	if e.c == nil {
		return encode.Packet{}, errors.New("jpeg: encode: the encoder is closed")
	}
	if f.Size != e.size {
		return encode.Packet{}, fmt.Errorf("jpeg: encode %dx%d: the encoder was opened for %dx%d", f.Size.X, f.Size.Y, e.size.X, e.size.Y)
	}
	if f.Stride < 4*f.Size.X || len(f.Pix) < f.Stride*(f.Size.Y-1)+4*f.Size.X {
		return encode.Packet{}, fmt.Errorf("jpeg: encode %dx%d: %d bytes at stride %d do not hold the picture", f.Size.X, f.Size.Y, len(f.Pix), f.Stride)
	}
	packet := encode.Packet{Codec: encode.JPEG, Size: e.size, Times: encode.Times{Damaged: f.Damaged, Grabbed: f.Grabbed}}
	now := f.Grabbed
	if now.IsZero() {
		now = time.Now()
	}
	e.budget.tick(now)
	if e.begun && e.budget.overdrawn() {
		return packet, nil
	}
	if !e.begun {
		e.cells.compare(f.Pix, f.Stride, image.Rectangle{Max: e.size})
	}
	for _, r := range f.Damage {
		e.cells.compare(f.Pix, f.Stride, r)
	}
	f.Release()
	packet.Times.Converted = time.Now()
	op.Key = op.Key || !e.begun
	if err := e.encode(&packet, op); err != nil {
		return encode.Packet{}, err
	}
	packet.Times.Encoded = time.Now()
	return packet, nil
}

// encode makes the packet for the picture as it is: all of it for a key frame,
// else what has changed, else, if that is asked for, what is not sharp yet and
// can be paid for.
func (e *encoder) encode(p *encode.Packet, op encode.Op) error {
	var count, quality int
	var expected float64 // bits, as the tables say
	to := rough
	switch {
	case op.Key:
		count = e.cells.choose(sharp+1, len(e.cells.grades))
	case e.cells.count[stale] > 0:
		count = e.cells.choose(rough, len(e.cells.grades))
	case op.Refine && !e.cells.settled():
		count, to = e.cells.choose(sharp, e.budget.affordable()), sharp
	default:
		p.Unchanged, p.Settled = true, e.cells.settled()
		return nil
	}
	if to == sharp {
		quality, expected = sharpQuality, float64(count)*sharpBits
	} else {
		at := qualities[e.budget.quality(count)]
		quality, expected = at.quality, float64(count)*at.bits
	}
	rectangles, err := e.compress(quality, to)
	if err != nil {
		return err
	}
	bits := 8 * float64(len(e.data))
	e.budget.spend(bits, expected+header*float64(rectangles), to == sharp)
	e.begun = true
	p.Data, p.Key, p.Settled, p.Quantizer = e.data, op.Key, e.cells.settled(), 100-quality
	return nil
}

// compress writes the chosen cells into data and returns in how many rectangles.
func (e *encoder) compress(quality int, to grade) (rectangles int, err error) {
	e.data = append(e.data[:0], 0, 0)
	full := C.int(0)
	if to == sharp {
		full = 1
	}
	for from := 0; rectangles < maxRectangles; rectangles++ {
		r, next, ok := e.cells.next(from)
		if !ok {
			break
		}
		from = next
		at := e.cells.pixels(r)
		pix := (*C.uint8_t)(unsafe.Pointer(&e.cells.pix[4*(at.Min.Y*e.size.X+at.Min.X)]))
		if C.jpeg_compress(e.c, pix, C.int(4*e.size.X), C.int(at.Dx()), C.int(at.Dy()), C.int(quality), full) != 0 {
			return 0, fmt.Errorf("jpeg: encode %dx%d: %s", e.size.X, e.size.Y, C.GoString(C.jpeg_error(e.c)))
		}
		for _, v := range [...]int{at.Min.X, at.Min.Y, at.Dx(), at.Dy()} {
			e.data = binary.BigEndian.AppendUint16(e.data, uint16(v))
		}
		e.data = binary.BigEndian.AppendUint32(e.data, uint32(e.c.size))
		e.data = append(e.data, unsafe.Slice((*byte)(e.c.data), int(e.c.size))...)
		e.cells.grade(r, to)
	}
	binary.BigEndian.PutUint16(e.data, uint16(rectangles))
	return rectangles, nil
}

// SetBitrate sets the target in bits a second; 0 is the default of 8,000,000.
// Targets outside 50,000 to 1,000,000,000 are brought inside.
func (e *encoder) SetBitrate(bps int) error {
	if e.c == nil {
		return errors.New("jpeg: set bitrate: the encoder is closed")
	}
	if bps < 0 {
		return fmt.Errorf("jpeg: set bitrate %d: negative", bps)
	}
	e.budget.setBitrate(bps)
	return nil
}

// Resize makes the encoder one of another size; see encode.Resizer. What it has
// learned about the cost of cells it keeps.
func (e *encoder) Resize(size image.Point) error {
	if e.c == nil {
		return errors.New("jpeg: resize: the encoder is closed")
	}
	return e.begin(size)
}

// Close frees the encoder.
func (e *encoder) Close() error {
	if e.c != nil {
		C.jpeg_close(e.c)
		e.c, e.cells, e.data = nil, cells{}, nil
	}
	return nil
}
