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
	"math"
	"time"
	"unsafe"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/encode/rate"
	"lucarne/encode/yuv"
)

// speed is libvpx's cpu-used, negated. From 7 on it has no motion search worth
// the name, and text that scrolls costs five times the bits and more time.
//
// The encoder is no encode.Speeder, for libvpx has nothing to give within a stream:
// at 16 a scene takes a fifth less time, but text that scrolls at 8 Mbit/s falls from
// 40 to 25 dB and most of its frames are dropped. No loop filter, coarser quantizers
// and coding fewer macroblocks save nothing that can be measured.
const speed = 6

// maxSide is the largest picture of VP8, in pixels (RFC 6386 §9.1).
const maxSide = 16383

// clock is the unit of time stamps, 1/s.
const clock = 90000

// format is VP8 as libvpx codes it. Text and scenes take about the step to the
// power of -0.7. An error of 5 is 41 dB in the worst macroblock, and some 50 dB
// over a page.
var format = rate.Format{
	// The AC quantizer steps (RFC 6386 §14.1) of libvpx's 64 quantizers.
	Steps: []float64{
		4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 19, 21, 22, 23,
		24, 25, 27, 28, 29, 30, 31, 32, 33, 34, 35, 37, 39, 41, 43, 45,
		47, 49, 51, 53, 55, 57, 60, 62, 66, 70, 74, 78, 80, 86, 92, 98,
		104, 110, 116, 122, 131, 140, 149, 158, 167, 177, 189, 201, 213, 229, 249, 284,
	},
	Finer:    []int{6, 2},
	Strict:   16 * 1,
	Loose:    16 * 5,
	Fall:     6,
	Exponent: 0.7,
	Costs:    [...]float64{rate.KeyFrame: 350, rate.Motion: 100, rate.Refinement: 150},
	Filtered: true,
}

// Backend returns the way to open VP8 encoders by libvpx.
func Backend() encode.Backend {
	return encode.Backend{Name: "libvpx", Codec: encode.VP8, Open: open}
}

// encoder is one libvpx encoder and the picture that it reads.
type encoder struct {
	c       *C.struct_vp8_encoder // nil: closed
	picture *yuv.Picture
	cfg     encode.Config
	control *rate.Control
	blocks  rate.Map
	start   time.Time // of the first frame
	pts     int64     // of the next frame at least, in 1/clock s
	begun   bool      // there has been a frame
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
	e := &encoder{cfg: cfg, control: rate.New(&format, cfg.BitrateBps, cfg.MaxFPS)}
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
		kbps: C.int(e.control.Bitrate() / 1000),
	}
	var c *C.struct_vp8_encoder
	if code := C.vp8_open(&options, &planes, &c); code != C.VPX_CODEC_OK {
		picture.Close()
		return fmt.Errorf("vpx: open %dx%d: %s", size.X, size.Y, C.GoString(C.vpx_codec_err_to_string(code)))
	}
	columns, rows := int(c.columns), int(c.rows)
	n := columns * rows
	e.blocks = rate.Map{
		Columns: columns,
		Rows:    rows,
		Active:  unsafe.Slice((*byte)(c.active), n),
		Stale:   unsafe.Slice((*byte)(c.stale), n),
		Errors:  unsafe.Slice((*uint16)(c.errors), n),
	}
	e.control.Begin(e.blocks)
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
	e.control.Tick(now)
	if e.begun && e.control.Overdrawn() {
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
	e.control.Damage(damage)
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
	e.measure()
	forced, detail := C.int(0), 0.0
	if op.Key {
		forced, detail = 1, 1+float64(e.picture.Detail())/256
	}
	plan := e.control.Plan(op, e.c.made.y != nil, detail)
	if plan.Kind == rate.Nothing {
		return encode.Packet{Codec: encode.VP8, Size: e.cfg.Size, Unchanged: true, Settled: e.control.Settled()}, nil
	}
	pts, duration := e.stamp(now)
	if code := C.vp8_encode(e.c, forced, C.int(plan.Quantizer), C.int64_t(pts), C.ulong(duration)); code != C.VPX_CODEC_OK {
		return encode.Packet{}, fmt.Errorf("vpx: encode %dx%d: %s", e.cfg.Size.X, e.cfg.Size.Y,
			C.GoString(C.vpx_codec_err_to_string(code)))
	}
	if e.c.data == nil {
		return encode.Packet{}, fmt.Errorf("vpx: encode %dx%d: no packet", e.cfg.Size.X, e.cfg.Size.Y)
	}
	e.begun = true
	data := unsafe.Slice((*byte)(e.c.data), int(e.c.size))
	if e.control.Coded(plan, len(data)) {
		e.measure()
	}
	return encode.Packet{
		Data:      data,
		Codec:     encode.VP8,
		Key:       e.c.key != 0,
		Size:      e.cfg.Size,
		Settled:   e.control.Settled(),
		Quantizer: int(e.c.quantizer),
	}, nil
}

// measure brings the errors of stale macroblocks up to date. While the last frame is
// unknown they stay stale, with the largest error.
func (e *encoder) measure() {
	made := &e.c.made
	if made.y == nil {
		for i, stale := range e.blocks.Stale {
			if stale != 0 {
				e.blocks.Errors[i] = math.MaxUint16
			}
		}
		return
	}
	e.picture.Measure(yuv.Planes{
		Y: unsafe.Pointer(made.y), U: unsafe.Pointer(made.u), V: unsafe.Pointer(made.v),
		YStride: int(made.y_stride), CStride: int(made.c_stride), CStep: 1,
	}, e.blocks.Stale, e.blocks.Errors)
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
	e.control.SetBitrate(bps)
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
		e.c, e.blocks = nil, rate.Map{}
		e.control.Begin(rate.Map{})
	}
	return nil
}
