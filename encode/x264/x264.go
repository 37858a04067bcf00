//go:build cgo && !nox264

// Package x264 encodes H.264 (ITU-T H.264) by x264.
//
// It codes only macroblocks that differ from what the decoder has: those that
// are damaged, and while the picture rests those that are not sharp yet. All
// others x264 is given as the decoder has them, and told so by its mb_info. There
// is no loop filter, so that what is not coded stays as it is.
//
// x264 is under the GNU General Public License, version 2 or later, and so is a
// program with this package in it; the tag nox264 leaves it out.
package x264

/*
#cgo CFLAGS: -O3 -Wall
#cgo LDFLAGS: -l:libx264.a -lm -lpthread -ldl
#cgo noescape h264_encode
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

// Present says whether this build has x264.
const Present = true

// maxSide is the largest picture of x264, in pixels.
const maxSide = 16384

// maxThreads bounds the slices of a frame.
const maxThreads = 16

// Backend returns the way to open encoders of H.264 in 4:2:0, Constrained
// Baseline profile, by x264.
func Backend() encode.Backend {
	return encode.Backend{Name: "x264", Codec: encode.H264, Open: func(cfg encode.Config) (encode.Encoder, error) {
		return open(encode.H264, cfg)
	}}
}

// Backend444 returns the way to open encoders of H.264 in 4:4:4, High 4:4:4
// Predictive profile, by x264.
func Backend444() encode.Backend {
	return encode.Backend{Name: "x264", Codec: encode.H264444, Open: func(cfg encode.Config) (encode.Encoder, error) {
		return open(encode.H264444, cfg)
	}}
}

// steps are the sizes of the 52 quantizers' steps (H.264 table 8-15 and §8.5.9):
// they double with every sixth.
func steps() []float64 {
	sizes := make([]float64, 52)
	for q := range sizes {
		sizes[q] = 0.625 * math.Exp2(float64(q)/6)
	}
	return sizes
}

// format returns what rate control knows of a codec. Text and scenes take about the
// step to the power of -0.7. Refined, a page of text has some 47 dB in 4:2:0, and in
// 4:4:4, where colours are to be as sharp as brightness, 50 dB in each channel.
func format(codec encode.Codec) *rate.Format {
	f := &rate.Format{
		Steps:    steps(),
		Finer:    []int{18, 12},
		Strict:   16 * 1,
		Loose:    16 * 5,
		Fall:     3,
		Exponent: 0.7,
		Costs:    [...]float64{rate.KeyFrame: 200, rate.Motion: 30, rate.Refinement: 30},
	}
	if codec == encode.H264444 {
		f.Finer, f.Strict, f.Loose = []int{10, 4}, 16/4, 16/2
		f.Costs = [...]float64{rate.KeyFrame: 220, rate.Motion: 60, rate.Refinement: 50}
	}
	return f
}

// encoder is one x264 encoder and the picture that it reads. It is no encode.Speeder,
// for ultrafast leaves nothing to give: a quarter of the range of its motion search
// takes 3 % off a scene, and 17 dB off text that scrolls.
type encoder struct {
	c       *C.struct_h264_encoder // nil: closed
	codec   encode.Codec
	picture *yuv.Picture
	cfg     encode.Config
	control *rate.Control
	blocks  rate.Map
	begun   bool // there has been a frame
	whole   [1]image.Rectangle
}

// open makes an encoder.
func open(codec encode.Codec, cfg encode.Config) (encode.Encoder, error) {
	if cfg.BitrateBps < 0 || cfg.MaxFPS < 0 || cfg.Threads < 0 {
		return nil, fmt.Errorf("x264: open %dx%d: negative bitrate, frame rate or threads", cfg.Size.X, cfg.Size.Y)
	}
	if cfg.MaxFPS == 0 {
		cfg.MaxFPS = 60
	}
	cfg.Threads = min(max(cfg.Threads, 1), maxThreads)
	e := &encoder{codec: codec, cfg: cfg, control: rate.New(format(codec), cfg.BitrateBps, cfg.MaxFPS)}
	if err := e.begin(cfg.Size); err != nil {
		return nil, err
	}
	return e, nil
}

// begin makes the picture and the x264 encoder for a size.
func (e *encoder) begin(size image.Point) error {
	if size.X < 1 || size.Y < 1 || size.X > maxSide || size.Y > maxSide {
		return fmt.Errorf("x264: open %dx%d: the sides must be 1 to %d", size.X, size.Y, maxSide)
	}
	options := C.struct_h264_options{width: C.int(size.X), height: C.int(size.Y), threads: C.int(e.cfg.Threads)}
	make := yuv.NewI420
	if e.codec == encode.H264444 {
		make, options.full = yuv.NewJ444, 1
	}
	picture, err := make(size)
	if err != nil {
		return fmt.Errorf("x264: open %dx%d: %w", size.X, size.Y, err)
	}
	y, u, v, yStride, cStride := picture.Planes()
	source := C.struct_h264_source{
		y: (*C.uint8_t)(y), u: (*C.uint8_t)(u), v: (*C.uint8_t)(v),
		y_stride: C.int(yStride), c_stride: C.int(cStride),
	}
	c := C.h264_open(&options, &source)
	if c == nil {
		picture.Close()
		return fmt.Errorf("x264: open %dx%d: out of memory", size.X, size.Y)
	}
	if c.x264 == nil {
		err := fmt.Errorf("x264: open %dx%d: %s", size.X, size.Y, reason(c, "x264_encoder_open refuses"))
		C.h264_close(c)
		picture.Close()
		return err
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

// reason is the last error that x264 has told of, or otherwise if it has not.
func reason(c *C.struct_h264_encoder, otherwise string) string {
	if c.message[0] == 0 {
		return otherwise
	}
	return C.GoString(&c.message[0])
}

// Encode encodes a frame; see encode.Encoder. The frame is dropped, and the
// packet has no Data, when even the coarsest quantizer has not held the bitrate;
// any but the first, a key frame as well. The packet is Unchanged where what was
// drawn is what the decoder has, and where there is nothing to refine.
func (e *encoder) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	defer f.Release()
	if e.c == nil {
		return encode.Packet{}, errors.New("x264: encode: the encoder is closed")
	}
	if f.Size != e.cfg.Size {
		return encode.Packet{}, fmt.Errorf("x264: encode %dx%d: the encoder was opened for %dx%d",
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
		return encode.Packet{}, fmt.Errorf("x264: encode %dx%d: %w", f.Size.X, f.Size.Y, err)
	}
	f.Release()
	times.Converted = time.Now()
	e.control.Damage(damage)
	op.Key = op.Key || !e.begun
	packet, err := e.encode(op)
	if err != nil {
		return encode.Packet{}, err
	}
	times.Encoded = time.Now()
	packet.Times = times
	return packet, nil
}

// encode makes the packet for the picture as it is, of which the active
// macroblocks have changed.
func (e *encoder) encode(op encode.Op) (encode.Packet, error) {
	packet := encode.Packet{Codec: e.codec, Size: e.cfg.Size}
	forced, detail := C.int(0), 0.0
	if e.begun {
		e.measure()
	}
	if op.Key {
		forced, detail = 1, 1+float64(e.picture.Detail())/256
	}
	plan := e.control.Plan(op, e.begun, detail)
	if plan.Kind == rate.Nothing {
		packet.Unchanged, packet.Settled = true, e.control.Settled()
		return packet, nil
	}
	if C.h264_encode(e.c, forced, C.int(plan.Quantizer)) != 0 {
		return encode.Packet{}, fmt.Errorf("x264: encode %dx%d: %s", e.cfg.Size.X, e.cfg.Size.Y,
			reason(e.c, "x264_encoder_encode fails"))
	}
	if e.c.data == nil {
		return encode.Packet{}, fmt.Errorf("x264: encode %dx%d: no packet", e.cfg.Size.X, e.cfg.Size.Y)
	}
	e.begun = true
	packet.Data = unsafe.Slice((*byte)(e.c.data), int(e.c.size))
	if e.control.Coded(plan, len(packet.Data)) {
		e.measure()
	}
	packet.Key, packet.Quantizer, packet.Settled = e.c.key != 0, plan.Quantizer, e.control.Settled()
	return packet, nil
}

// measure brings the errors of stale macroblocks up to date.
func (e *encoder) measure() {
	made := &e.c.out.img
	planes := yuv.Planes{
		Y: unsafe.Pointer(made.plane[0]), YStride: int(made.i_stride[0]),
		U: unsafe.Pointer(made.plane[1]), CStride: int(made.i_stride[1]), CStep: 1,
		V: unsafe.Pointer(made.plane[2]),
	}
	if e.codec == encode.H264 {
		planes.V, planes.CStep = unsafe.Add(planes.U, 1), 2
	}
	e.picture.Measure(planes, e.blocks.Stale, e.blocks.Errors)
}

// SetBitrate sets the target in bits a second; 0 is the default of 8,000,000.
// Targets outside 50,000 to 1,000,000,000 are brought inside.
func (e *encoder) SetBitrate(bps int) error {
	if e.c == nil {
		return errors.New("x264: set bitrate: the encoder is closed")
	}
	if bps < 0 {
		return fmt.Errorf("x264: set bitrate %d: negative", bps)
	}
	e.control.SetBitrate(bps)
	return nil
}

// Resize makes the encoder one of another size; see encode.Resizer. What it
// has learned about the cost of frames it keeps. After an error it is closed.
func (e *encoder) Resize(size image.Point) error {
	if e.c == nil {
		return errors.New("x264: resize: the encoder is closed")
	}
	if err := e.Close(); err != nil {
		return err
	}
	return e.begin(size)
}

// Close frees the encoder and the last packet's data.
func (e *encoder) Close() error {
	if e.c != nil {
		C.h264_close(e.c)
		e.picture.Close()
		e.c, e.blocks = nil, rate.Map{}
		e.control.Begin(rate.Map{})
	}
	return nil
}
