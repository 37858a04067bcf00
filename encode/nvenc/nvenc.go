//go:build cgo && !nonvenc

package nvenc

/*
#cgo CFLAGS: -O2 -Wall
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"time"
	"unsafe"

	"lucarne/capture"
	"lucarne/encode"
)

// maxSide is the largest side that any GPU encodes in H.264, in pixels.
const maxSide = 8192

// batch is how many rectangles go to the driver in one call.
const batch = 32

// encoder is one NVENC session, and what it knows of the picture.
type encoder struct {
	session *C.struct_nvenc_session // nil: closed
	library Config
	gpu     string // its name
	leftOut int    // GPUs of the host that the driver has to be kept from
	full    bool   // 4:4:4
	cfg     encode.Config
	codec   encode.Codec
	debt    debt
	last    lastPicture
	rest    rest
	coarse  int // the coarsest quantizer that NVENC may choose; 0: any
	begun   bool
	key     bool   // the next frame has to be a key frame
	made    uint64 // packets
	keyed   uint64 // the last key frame among them
	base    uint64 // packets before this session
	locked  locked
	rects   [batch]C.struct_nvenc_rect
	packet  C.struct_nvenc_packet
	fault   C.struct_nvenc_error
	whole   [1]image.Rectangle
}

// locked is the memory that was page-locked last, or could not be.
type locked struct {
	segment capture.Segment
	at      *byte
	size    int
}

// Backend returns the way to open H.264 encoders by NVENC.
func Backend(library Config) encode.Backend { return backend(library, encode.H264) }

// Backend444 is Backend in 4:4:4, for GPUs that have it.
func Backend444(library Config) encode.Backend { return backend(library, encode.H264444) }

func backend(library Config, codec encode.Codec) encode.Backend {
	return encode.Backend{Name: name, Codec: codec, Open: func(cfg encode.Config) (encode.Encoder, error) {
		return open(library, codec, cfg)
	}}
}

// open makes an encoder.
func open(library Config, codec encode.Codec, cfg encode.Config) (*encoder, error) {
	if cfg.BitrateBps < 0 || cfg.MaxFPS < 0 {
		return nil, fmt.Errorf("nvenc: open %dx%d: negative bitrate or frame rate", cfg.Size.X, cfg.Size.Y)
	}
	cfg.MaxFPS = min(cmp.Or(cfg.MaxFPS, 60), 1000)
	cfg.BitrateBps = bounded(cfg.BitrateBps)
	e := &encoder{library: library, codec: codec, full: codec == encode.H264444, cfg: cfg, debt: debt{bps: float64(cfg.BitrateBps)}}
	if err := e.begin(cfg.Size); err != nil {
		return nil, err
	}
	return e, nil
}

// begin opens a session for a size.
func (e *encoder) begin(size image.Point) error {
	if size.X < 1 || size.Y < 1 || size.X > maxSide || size.Y > maxSide {
		return fmt.Errorf("nvenc: open %dx%d: the sides must be 1 to %d", size.X, size.Y, maxSide)
	}
	if fault := e.library.whole(); fault != nil {
		return fmt.Errorf("nvenc: open %dx%d: %w", size.X, size.Y, fault)
	}
	cuda, encoder := C.CString(e.library.cuda()), C.CString(e.library.encode())
	defer C.free(unsafe.Pointer(cuda))
	defer C.free(unsafe.Pointer(encoder))
	coded := e.coded(size)
	options := C.struct_nvenc_options{
		cuda: cuda, encode: encoder, device: C.int(e.library.Device),
		width: C.int(coded.X), height: C.int(coded.Y),
		fps: C.int(e.cfg.MaxFPS), preset: C.int(min(max(cmp.Or(e.library.Preset, 3), 1), 4)),
		min_qp: finest, bps: C.uint32_t(e.cfg.BitrateBps),
	}
	if e.full {
		options.full_colour = 1
	}
	fault := e.try(&options)
	if fault != nil && fault.Layer == NVENC && (fault.Status == nvencNoEncodeDevice || fault.Status == nvencUnsupported) {
		for _, id := range elsewhere(e.library.Root) {
			options.left_out[options.left_out_count] = C.uint32_t(id)
			options.left_out_count++
		}
		if options.left_out_count > 0 && e.try(&options) == nil {
			fault, e.leftOut = nil, int(options.left_out_count)
		}
	}
	if fault != nil {
		return fmt.Errorf("nvenc: open %dx%d: %w", size.X, size.Y, fault)
	}
	e.resized(size)
	e.base, e.coarse = e.made, 0
	return nil
}

// try opens a session.
func (e *encoder) try(options *C.struct_nvenc_options) *Fault {
	var gpu [96]C.char
	e.session = C.nvenc_open(options, &gpu[0], &e.fault)
	e.gpu = text(gpu[:])
	if e.session != nil {
		return nil
	}
	fault := e.take()
	fault.GPU = e.gpu
	return fault
}

// coded is the size of the pictures that hold one of size: in 4:2:0 the sides
// are even.
func (e *encoder) coded(size image.Point) image.Point {
	if e.full {
		return size
	}
	return image.Pt((size.X+1)&^1, (size.Y+1)&^1)
}

// resized notes that the next packet is the first of its size.
func (e *encoder) resized(size image.Point) {
	e.cfg.Size = size
	e.begun, e.rest = false, rest{}
	e.whole[0] = image.Rectangle{Max: size}
	e.last.forget()
}

// take returns what the driver has refused.
func (e *encoder) take() *Fault {
	f := &Fault{
		Layer: Layer(e.fault.layer), Status: int(e.fault.status),
		Operation: text(e.fault.operation[:]), Text: text(e.fault.text[:]),
	}
	switch f.Layer {
	case NVENC:
		f.Name = C.GoString(C.nvenc_status_name(e.fault.status))
	case CUDA:
		f.Name = C.GoString(C.nvenc_cuda_name(e.fault.status))
	}
	return f
}

// Encode encodes a frame; see encode.Encoder. The frame is dropped, and the
// packet has no Data, when even the coarsest quantizer has not held the bitrate.
// The packet is Unchanged where what was drawn is what was drawn before, and
// where there is nothing to refine.
func (e *encoder) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	defer f.Release()
	if err := e.fits(f); err != nil {
		return encode.Packet{}, err
	}
	packet := encode.Packet{Codec: e.codec, Size: f.Size, Times: encode.Times{Damaged: f.Damaged, Grabbed: f.Grabbed}}
	now := f.Grabbed
	if now.IsZero() {
		now = time.Now()
	}
	e.lock(f) // even if it is dropped: the memory of the one before may go
	if e.debt.tick(now); e.begun && e.debt.overdrawn() {
		return packet, nil
	}
	damage := f.Damage
	if !e.begun {
		damage = e.whole[:]
	}
	changed := !e.begun || e.last.changed(f.Pix, f.Stride, damage, f.Size)
	key := op.Key || e.key || !e.begun
	if !changed && !key && (!op.Refine || e.rest.settled) {
		packet.Unchanged, packet.Settled = true, e.rest.settled
		packet.Times.Converted = time.Now()
		packet.Times.Encoded = packet.Times.Converted
		return packet, nil
	}
	if changed {
		if err := e.upload(f, damage); err != nil {
			return encode.Packet{}, err
		}
	}
	f.Release()
	packet.Times.Converted = time.Now()
	refine := op.Refine && !changed && !key
	coarse := 0
	if refine {
		coarse = e.rest.next(e.cfg.BitrateBps)
	}
	if err := e.setRate(e.cfg.BitrateBps, coarse); err != nil {
		return encode.Packet{}, fmt.Errorf("nvenc: encode %dx%d: %w", f.Size.X, f.Size.Y, err)
	}
	if err := e.encode(key, &packet); err != nil {
		return encode.Packet{}, err
	}
	e.rest.made(packet.Quantizer, len(packet.Data), refine)
	packet.Settled = e.rest.settled
	packet.Times.Encoded = time.Now()
	return packet, nil
}

// fits says why a frame cannot be encoded.
func (e *encoder) fits(f *capture.Frame) error {
	switch {
	case e.session == nil:
		return errors.New("nvenc: encode: the encoder is closed")
	case f.Size != e.cfg.Size:
		return fmt.Errorf("nvenc: encode %dx%d: the encoder was opened for %dx%d", f.Size.X, f.Size.Y, e.cfg.Size.X, e.cfg.Size.Y)
	case f.Stride < 4*f.Size.X || len(f.Pix) < f.Stride*(f.Size.Y-1)+4*f.Size.X:
		return fmt.Errorf("nvenc: encode %dx%d: %d bytes at stride %d do not hold the picture", f.Size.X, f.Size.Y, len(f.Pix), f.Stride)
	}
	return nil
}

// upload brings the damage to the GPU.
func (e *encoder) upload(f *capture.Frame, damage []image.Rectangle) error {
	for len(damage) > 0 {
		n := 0
		for len(damage) > 0 && n < batch {
			if r := damage[0].Intersect(e.whole[0]); !r.Empty() {
				e.rects[n] = C.struct_nvenc_rect{x0: C.int32_t(r.Min.X), y0: C.int32_t(r.Min.Y), x1: C.int32_t(r.Max.X), y1: C.int32_t(r.Max.Y)}
				n++
			}
			damage = damage[1:]
		}
		if C.nvenc_upload(e.session, (*C.uint8_t)(&f.Pix[0]), C.size_t(f.Stride), C.int(f.Size.X), C.int(f.Size.Y),
			&e.rects[0], C.int(n), &e.fault) != 0 {
			return fmt.Errorf("nvenc: upload %dx%d: %w", f.Size.X, f.Size.Y, e.take())
		}
	}
	return nil
}

// lock page-locks a shared segment, so that the GPU reads it itself. Where that
// is not allowed the driver copies; it is not asked again.
func (e *encoder) lock(f *capture.Frame) {
	wanted := locked{segment: f.Segment}
	if f.Segment.Generation != 0 {
		wanted.at, wanted.size = &f.Pix[0], len(f.Pix)
	}
	if wanted.segment == e.locked.segment && wanted.at == e.locked.at && wanted.size <= e.locked.size {
		return
	}
	C.nvenc_unpin(e.session)
	e.locked = wanted
	if wanted.at != nil {
		C.nvenc_pin(e.session, unsafe.Pointer(wanted.at), C.size_t(wanted.size), &e.fault)
	}
}

// encode makes the packet of what the GPU has.
func (e *encoder) encode(key bool, packet *encode.Packet) error {
	forced := C.int(0)
	if key {
		forced = 1
	}
	if C.nvenc_encode(e.session, forced, C.uint64_t(e.made-e.base+1), &e.packet, &e.fault) != 0 {
		return fmt.Errorf("nvenc: encode %dx%d: %w", e.cfg.Size.X, e.cfg.Size.Y, e.take())
	}
	packet.Data = unsafe.Slice((*byte)(e.packet.data), int(e.packet.size))
	packet.Key = e.packet.key != 0
	if key && !packet.Key {
		return fmt.Errorf("nvenc: encode %dx%d: the driver has made no key frame", e.cfg.Size.X, e.cfg.Size.Y)
	}
	packet.Quantizer = int(e.packet.qp)
	e.made++
	if packet.Key {
		e.keyed = e.made
	}
	e.begun, e.key = true, false
	e.debt.spend(len(packet.Data))
	return nil
}

// SetBitrate sets the target in bits a second; 0 is the default of 8,000,000.
// Targets outside 50,000 to 1,000,000,000 are brought inside.
func (e *encoder) SetBitrate(bps int) error {
	if e.session == nil {
		return errors.New("nvenc: set bitrate: the encoder is closed")
	}
	if bps < 0 {
		return fmt.Errorf("nvenc: set bitrate %d: negative", bps)
	}
	if err := e.setRate(bounded(bps), e.coarse); err != nil {
		return fmt.Errorf("nvenc: set bitrate %d: %w", bps, err)
	}
	return nil
}

// setRate tells NVENC the bitrate and the coarsest quantizer where they change.
func (e *encoder) setRate(bps, coarse int) error {
	if bps == e.cfg.BitrateBps && coarse == e.coarse {
		return nil
	}
	rate := bps
	if coarse != 0 { // refinements are fewer, and may be larger
		rate = int(float64(bps) * max(1, refinement.Seconds()*float64(e.cfg.MaxFPS)))
	}
	if C.nvenc_set_rate(e.session, C.uint32_t(min(rate, mostBps)), C.int(coarse), &e.fault) != 0 {
		return e.take()
	}
	e.cfg.BitrateBps, e.debt.bps, e.coarse = bps, float64(bps), coarse
	return nil
}

// Resize makes the encoder one of another size; see encode.Resizer. The session
// stays open where the GPU can do that. After an error the encoder is closed.
func (e *encoder) Resize(size image.Point) error {
	if e.session == nil {
		return errors.New("nvenc: resize: the encoder is closed")
	}
	if size.X > 0 && size.Y > 0 && size.X <= maxSide && size.Y <= maxSide {
		var done C.int
		coded := e.coded(size)
		if C.nvenc_resize(e.session, C.int(coded.X), C.int(coded.Y), &done, &e.fault) != 0 {
			fault := e.take()
			return errors.Join(fmt.Errorf("nvenc: resize to %dx%d: %w", size.X, size.Y, fault), e.Close())
		}
		if done != 0 {
			e.resized(size)
			return nil
		}
	}
	if err := e.Close(); err != nil {
		return err
	}
	return e.begin(size)
}

// InvalidateRefs has the packets to come refer to none of those from first to
// last, which a decoder has lost, nor to what was made from them. It counts the
// packets of this encoder that had Data, from 1. When nothing older is left to
// refer to the next packet is a key frame.
func (e *encoder) InvalidateRefs(first, last uint64) error {
	if e.session == nil {
		return errors.New("nvenc: invalidate: the encoder is closed")
	}
	if first < 1 || last < first || last > e.made {
		return fmt.Errorf("nvenc: invalidate packets %d to %d of %d: there are no such packets", first, last, e.made)
	}
	if !e.begun || last < e.keyed {
		return nil // nothing is made from them any more, or will be
	}
	if first <= e.keyed || e.made-first+1 >= uint64(C.nvenc_refs(e.session)) {
		e.key = true
		return nil
	}
	for n := first; n <= e.made; n++ {
		if C.nvenc_invalidate(e.session, C.uint64_t(n-e.base), &e.fault) != 0 {
			return fmt.Errorf("nvenc: invalidate packet %d: %w", n, e.take())
		}
	}
	return nil
}

// about is what Probe wants to know of an encoder that works.
func (e *encoder) about() (gpu string, leftOut int) { return e.gpu, e.leftOut }

// Close frees the encoder and the last packet's data.
func (e *encoder) Close() error {
	C.nvenc_close(e.session)
	e.session, e.locked = nil, locked{}
	return nil
}

// text is a C string in Go memory.
func text(s []C.char) string {
	b := unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s))
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	return printable(b)
}
