//go:build cgo && !noyuv

// Package yuv turns pictures of the screen into the colour formats that
// encoders take, by libyuv (https://chromium.googlesource.com/libyuv/libyuv).
package yuv

/*
#cgo CFLAGS: -O3 -Wall
#cgo LDFLAGS: -l:libyuv.a -lm
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"image"
	"unsafe"
)

// maxSide bounds the sides of a picture, in pixels. No codec takes more.
const maxSide = 1 << 14

// The formats of a Picture.
const (
	i420 = C.I420
	j444 = C.J444
)

// batch is how many rectangles go to the library in one call.
const batch = 32

// Picture is a picture in three planes, Y, U and V. It lives in C memory, so that
// encoders may keep pointers to it.
type Picture struct {
	size    image.Point
	format  C.int
	chroma  image.Point // size of the U and V planes
	mem     unsafe.Pointer
	y, u, v unsafe.Pointer
	yStride int
	cStride int
	rects   [batch][4]C.int64_t
}

// NewI420 makes a black picture of size pixels, 1 to 16384 each way, in the I420
// format, 4:2:0, in ITU-R BT.601 limited range (luma 16-235), which is what
// browsers assume of VP8. The Y plane has size.Y rows of size.X bytes, the U and V
// planes have ⌈size.Y/2⌉ rows of ⌈size.X/2⌉ bytes.
func NewI420(size image.Point) (*Picture, error) {
	return newPicture(size, i420, image.Pt((size.X+1)/2, (size.Y+1)/2), 16)
}

// NewJ444 makes a black picture of size pixels, 1 to 16384 each way, in the J444
// format, 4:4:4, in ITU-R BT.601 full range, in which greys lose nothing. All planes
// have size.Y rows of size.X bytes.
func NewJ444(size image.Point) (*Picture, error) {
	return newPicture(size, j444, size, 0)
}

func newPicture(size image.Point, format C.int, chroma image.Point, black byte) (*Picture, error) {
	if size.X < 1 || size.Y < 1 || size.X > maxSide || size.Y > maxSide {
		return nil, fmt.Errorf("yuv: new %dx%d: the sides must be 1 to %d", size.X, size.Y, maxSide)
	}
	p := &Picture{size: size, format: format, chroma: chroma, yStride: align(size.X, 64), cStride: align(chroma.X, 64)}
	luma, colour := p.yStride*size.Y, p.cStride*chroma.Y
	if C.posix_memalign(&p.mem, 64, C.size_t(luma+2*colour)) != 0 {
		return nil, fmt.Errorf("yuv: new %dx%d: out of memory", size.X, size.Y)
	}
	p.y = p.mem
	p.u = unsafe.Add(p.y, luma)
	p.v = unsafe.Add(p.u, colour)
	fill(unsafe.Slice((*byte)(p.y), luma), black)
	fill(unsafe.Slice((*byte)(p.u), 2*colour), 128)
	return p, nil
}

// Size returns the picture's size in pixels.
func (p *Picture) Size() image.Point { return p.size }

// Planes returns the first bytes of the three planes and the distances from one
// row to the next, in bytes; U and V share theirs. They are valid until Close.
func (p *Picture) Planes() (y, u, v unsafe.Pointer, yStride, cStride int) {
	return p.y, p.u, p.v, p.yStride, p.cStride
}

// Convert brings the damaged rectangles over from pix, a whole picture of
// p.Size pixels in the order B, G, R, X with stride bytes a row. Rectangles are
// cut to the picture and widened to even coordinates, as chroma of half the
// resolution needs; what lies outside them stays as it was.
func (p *Picture) Convert(pix []byte, stride int, damage []image.Rectangle) error {
	if p.mem == nil {
		return errors.New("yuv: convert: the picture is closed")
	}
	if stride < 4*p.size.X || len(pix) < stride*(p.size.Y-1)+4*p.size.X {
		return fmt.Errorf("yuv: convert %dx%d: %d bytes at stride %d do not hold the picture",
			p.size.X, p.size.Y, len(pix), stride)
	}
	for n := 0; n < len(damage); n += batch {
		if err := p.convert(pix, stride, damage[n:min(n+batch, len(damage))]); err != nil {
			return err
		}
	}
	return nil
}

// convert does one batch of rectangles.
func (p *Picture) convert(pix []byte, stride int, damage []image.Rectangle) error {
	n := 0
	for _, r := range damage {
		if r = Even(r, p.size); !r.Empty() {
			p.rects[n] = [4]C.int64_t{
				C.int64_t(r.Min.X), C.int64_t(r.Min.Y), C.int64_t(r.Max.X), C.int64_t(r.Max.Y)}
			n++
		}
	}
	if n == 0 {
		return nil
	}
	if code := C.yuv_convert(p.format, (*C.uint8_t)(&pix[0]), C.int(stride),
		(*C.uint8_t)(p.y), (*C.uint8_t)(p.u), (*C.uint8_t)(p.v), C.int(p.yStride), C.int(p.cStride),
		&p.rects[0][0], C.int(n)); code != 0 {
		return fmt.Errorf("yuv: convert %dx%d: libyuv error %d", p.size.X, p.size.Y, code)
	}
	return nil
}

// Close frees the planes. It is idempotent.
func (p *Picture) Close() {
	C.free(p.mem)
	p.mem, p.y, p.u, p.v = nil, nil, nil, nil
}

func fill(b []byte, value byte) {
	for i := range b {
		b[i] = value
	}
}

func align(n, to int) int { return (n + to - 1) &^ (to - 1) }
