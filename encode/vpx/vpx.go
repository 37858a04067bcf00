//go:build cgo && !novpx

// Package vpx encodes VP8 (RFC 6386) by libvpx.
//
// It codes only macroblocks that differ from what the decoder has: those that
// are damaged, and while the picture rests those that are not sharp yet. libvpx
// is told by its active map, and shows by its preview frame what the decoder has.
package vpx

/*
#cgo CFLAGS: -O3 -Wall
#cgo LDFLAGS: -l:libvpx.a -lm -lpthread
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"image"
	"time"
	"unsafe"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/encode/yuv"
)

// speed is libvpx's cpu-used, negated. From 7 on it has no motion search worth
// the name, and text that scrolls costs five times the bits and more time.
const speed = 6

// maxSide is the largest picture of VP8, in pixels (RFC 6386 §9.1).
const maxSide = 16383

// clock is the unit of time stamps, 1/s.
const clock = 90000

// fall is by how much the quantizer may fall from one frame of motion to the
// next. What follows a coarse frame is dearer than it seems: without a bound
// the quality of a page that scrolls swings.
const fall = 6

// Backend returns the way to open VP8 encoders by libvpx.
func Backend() encode.Backend {
	return encode.Backend{Name: "libvpx", Codec: encode.VP8, Open: open}
}

// encoder is one libvpx encoder and the picture that it reads.
type encoder struct {
	c       *C.struct_vp8_encoder // nil: closed
	picture *yuv.I420
	cfg     encode.Config
	blocks  blocks
	budget  budget
	start   time.Time // of the first frame
	pts     int64     // of the next frame at least, in 1/clock s
	begun   bool      // there has been a frame
	moved   int       // quantizer of the last frame, if it was one of motion
	whole   [1]image.Rectangle
}

// open makes an encoder.
func open(cfg encode.Config) (encode.Encoder, error) {
	if cfg.BitrateBps < 0 || cfg.MaxFPS < 0 || cfg.Threads < 0 {
		return nil, fmt.Errorf("vpx: open %dx%d: negative bitrate, frame rate or threads", cfg.Size.X, cfg.Size.Y)
	}
	if cfg.MaxFPS == 0 {
		cfg.MaxFPS = 60
	}
	cfg.Threads = min(max(cfg.Threads, 1), 16)
	e := &encoder{cfg: cfg, budget: newBudget(cfg.BitrateBps, cfg.MaxFPS)}
	if err := e.begin(cfg.Size); err != nil {
		return nil, err
	}
	return e, nil
}

// begin makes the picture and the libvpx encoder for a size.
func (e *encoder) begin(size image.Point) error {
	if size.X < 1 || size.Y < 1 || size.X > maxSide || size.Y > maxSide {
		return fmt.Errorf("vpx: open %dx%d: the sides must be 1 to %d", size.X, size.Y, maxSide)
	}
	picture, err := yuv.NewI420(size)
	if err != nil {
		return fmt.Errorf("vpx: open %dx%d: %w", size.X, size.Y, err)
	}
	y, u, v, yStride, cStride := picture.Planes()
	planes := C.struct_vp8_planes{
		y: (*C.uint8_t)(y), u: (*C.uint8_t)(u), v: (*C.uint8_t)(v),
		y_stride: C.int(yStride), c_stride: C.int(cStride),
	}
	options := C.struct_vp8_options{
		width: C.int(size.X), height: C.int(size.Y),
		threads: C.int(e.cfg.Threads), speed: speed,
		kbps: C.int(e.budget.bps / 1000),
	}
	var c *C.struct_vp8_encoder
	if code := C.vp8_open(&options, &planes, &c); code != C.VPX_CODEC_OK {
		picture.Close()
		return fmt.Errorf("vpx: open %dx%d: %s", size.X, size.Y, C.GoString(C.vpx_codec_err_to_string(code)))
	}
	columns, rows := int(c.columns), int(c.rows)
	n := columns * rows
	e.blocks = blocks{
		columns: columns,
		rows:    rows,
		active:  unsafe.Slice((*byte)(c.active), n),
		stale:   unsafe.Slice((*byte)(c.stale), n),
		errors:  unsafe.Slice((*uint16)(c.errors), n),
		before:  make([]uint16, n),
		tries:   make([]uint8, n),
	}
	e.c, e.picture, e.begun, e.cfg.Size = c, picture, false, size
	e.whole[0] = image.Rectangle{Max: size}
	return nil
}

// Encode encodes a frame; see encode.Encoder. The frame is dropped, and the
// packet has no Data, when even the coarsest quantizer has not held the bitrate;
// any but the first, a key frame as well. The packet is Unchanged where what was
// drawn is what the decoder has, and where there is nothing to refine.
func (e *encoder) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	defer f.Release()
	if e.c == nil {
		return encode.Packet{}, errors.New("vpx: encode: the encoder is closed")
	}
	if f.Size != e.cfg.Size {
		return encode.Packet{}, fmt.Errorf("vpx: encode %dx%d: the encoder was opened for %dx%d",
			f.Size.X, f.Size.Y, e.cfg.Size.X, e.cfg.Size.Y)
	}
	times := encode.Times{Damaged: f.Damaged, Grabbed: f.Grabbed}
	now := f.Grabbed
	if now.IsZero() {
		now = time.Now()
	}
	e.budget.tick(now)
	if e.begun && e.budget.overdrawn() {
		return encode.Packet{Size: f.Size, Times: times}, nil
	}
	damage := f.Damage
	if !e.begun {
		damage = e.whole[:]
	}
	if err := e.picture.Convert(f.Pix, f.Stride, damage); err != nil {
		return encode.Packet{}, fmt.Errorf("vpx: encode %dx%d: %w", f.Size.X, f.Size.Y, err)
	}
	f.Release()
	times.Converted = time.Now()
	clear(e.blocks.active)
	for _, r := range damage {
		e.blocks.damage(yuv.Even(r, f.Size))
	}
	op.Key = op.Key || !e.begun
	packet, err := e.encode(now, op)
	if err != nil {
		return encode.Packet{}, err
	}
	times.Encoded = time.Now()
	packet.Times = times
	return packet, nil
}

// encode makes the packet for the picture as it is, of which the macroblocks in
// active have changed.
func (e *encoder) encode(now time.Time, op encode.Op) (encode.Packet, error) {
	C.vp8_measure(e.c)
	known := e.c.made.y != nil
	kind, quantizer, weight := e.plan(op)
	if kind == nothing {
		return encode.Packet{Codec: encode.VP8, Size: e.cfg.Size, Unchanged: true, Settled: e.blocks.settled()}, nil
	}
	forced := C.int(0)
	if op.Key {
		forced = 1
	}
	pts, duration := e.stamp(now)
	if code := C.vp8_encode(e.c, forced, C.int(quantizer), C.int64_t(pts), C.ulong(duration)); code != C.VPX_CODEC_OK {
		return encode.Packet{}, fmt.Errorf("vpx: encode %dx%d: %s", e.cfg.Size.X, e.cfg.Size.Y,
			C.GoString(C.vpx_codec_err_to_string(code)))
	}
	if e.c.data == nil {
		return encode.Packet{}, fmt.Errorf("vpx: encode %dx%d: no packet", e.cfg.Size.X, e.cfg.Size.Y)
	}
	e.begun = true
	data := unsafe.Slice((*byte)(e.c.data), int(e.c.size))
	if !known && kind != keyFrame {
		weight = 0 // it was a guess
	}
	e.budget.spend(kind, 8*float64(len(data)), weight, quantizer)
	// Known now, it is known to be the same if it is drawn once more. In motion
	// that is work for nothing.
	if count := e.blocks.coded(quantizer); quantizer <= finer[0] || count <= len(e.blocks.active)/8 {
		C.vp8_measure(e.c)
	}
	return encode.Packet{
		Data:      data,
		Codec:     encode.VP8,
		Key:       e.c.key != 0,
		Size:      e.cfg.Size,
		Settled:   e.blocks.settled(),
		Quantizer: int(e.c.quantizer),
	}, nil
}

// plan chooses the macroblocks to code and the quantizer: all for a key frame,
// else those that have changed, else those that are not sharp if that is asked for.
func (e *encoder) plan(op encode.Op) (kind kind, quantizer int, weight float64) {
	b := &e.blocks
	if op.Key {
		for i := range b.active {
			b.active[i], b.tries[i] = 1, 0
		}
		weight = 1 + float64(C.vp8_detail(e.c))/256
		return keyFrame, e.budget.quantizer(keyFrame, weight, finer[0]), weight
	}
	if weight = b.dull(); weight > 0 {
		quantizer = e.budget.quantizer(motion, weight, max(finer[0], e.moved-fall))
		e.moved = quantizer
		return motion, quantizer, weight
	}
	if !op.Refine || b.settled() {
		return nothing, 0, 0
	}
	e.moved = 0
	tries, limit := e.finest()
	return refinement, finer[tries], b.refine(tries, limit)
}

// finest returns the most tries up to which all open macroblocks can be coded
// in one frame, by the quantizer that comes next; else the fewest that any has
// had. limit is the weight that may be coded.
func (e *encoder) finest() (tries int, limit float64) {
	remaining := e.blocks.remaining()
	total, chosen := 0.0, -1
	for i, weight := range remaining {
		total += weight
		affordable := e.budget.affordable(refinement, finer[i])
		if weight > 0 && (chosen < 0 || total <= affordable) {
			chosen, limit = i, affordable
		}
	}
	return max(chosen, 0), limit
}

// stamp returns when a frame is seen and for how long, in 1/clock s.
func (e *encoder) stamp(now time.Time) (pts, duration int64) {
	if !e.begun {
		e.start, e.pts = now, 0
	}
	pts = max(e.pts, now.Sub(e.start).Microseconds()*9/100)
	duration = int64(clock / e.cfg.MaxFPS)
	e.pts = pts + 1
	return pts, max(duration, 1)
}

// SetBitrate sets the target in bits a second; 0 is the default of 8,000,000.
// Targets outside 50,000 to 1,000,000,000 are brought inside.
func (e *encoder) SetBitrate(bps int) error {
	if e.c == nil {
		return errors.New("vpx: set bitrate: the encoder is closed")
	}
	if bps < 0 {
		return fmt.Errorf("vpx: set bitrate %d: negative", bps)
	}
	e.budget.setBitrate(bps)
	return nil
}

// Resize makes the encoder one of another size; see encode.Resizer. What it
// has learned about the cost of frames it keeps. After an error it is closed.
func (e *encoder) Resize(size image.Point) error {
	if e.c == nil {
		return errors.New("vpx: resize: the encoder is closed")
	}
	if err := e.Close(); err != nil {
		return err
	}
	return e.begin(size)
}

// Close frees the encoder and the last packet's data.
func (e *encoder) Close() error {
	if e.c != nil {
		C.vp8_close(e.c)
		e.picture.Close()
		e.c, e.blocks = nil, blocks{}
	}
	return nil
}
