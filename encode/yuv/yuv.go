//go:build cgo && !noyuv

// Package yuv turns pictures of the screen into the colour formats that
// encoders take, by libyuv (https://chromium.googlesource.com/libyuv/libyuv).
package yuv

/*
#cgo CFLAGS: -O2
#cgo LDFLAGS: -l:libyuv.a -lm
#include <stdint.h>
#include <stdlib.h>
#include <libyuv/convert.h>

// convert turns n rectangles of a BGRX picture, each given as min x, min y,
// max x, max y with even minima, into I420.
static int convert(const uint8_t *pix, int stride,
                   uint8_t *y, uint8_t *u, uint8_t *v, int ys, int cs,
                   const int64_t *rects, int n) {
	for (int i = 0; i < n; i++, rects += 4) {
		int x0 = rects[0], y0 = rects[1], x1 = rects[2], y1 = rects[3];
		size_t luma = (size_t)y0 * ys + x0, chroma = (size_t)(y0 / 2) * cs + x0 / 2;
		int err = ARGBToI420(pix + (size_t)y0 * stride + (size_t)x0 * 4, stride,
		                     y + luma, ys, u + chroma, cs, v + chroma, cs,
		                     x1 - x0, y1 - y0);
		if (err) return err;
	}
	return 0;
}
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

// batch is how many rectangles go to the library in one call.
const batch = 32

// I420 is a picture in the I420 format, planar 4:2:0, in ITU-R BT.601 limited
// range (luma 16-235), which is what browsers assume of VP8. It lives in C
// memory, so that encoders may keep pointers to it.
//
// For a picture of w×h pixels the Y plane has h rows of w bytes and the U and V
// planes have ⌈h/2⌉ rows of ⌈w/2⌉ bytes.
type I420 struct {
	size    image.Point
	mem     unsafe.Pointer
	y, u, v unsafe.Pointer
	yStride int
	cStride int
	rects   [batch][4]C.int64_t
}

// NewI420 makes a black picture of size pixels, 1 to 16384 each way.
func NewI420(size image.Point) (*I420, error) {
	if size.X < 1 || size.Y < 1 || size.X > maxSide || size.Y > maxSide {
		return nil, fmt.Errorf("yuv: new %dx%d: the sides must be 1 to %d", size.X, size.Y, maxSide)
	}
	p := &I420{size: size, yStride: align(size.X, 64), cStride: align((size.X+1)/2, 64)}
	luma, chroma := p.yStride*size.Y, p.cStride*((size.Y+1)/2)
	if C.posix_memalign(&p.mem, 64, C.size_t(luma+2*chroma)) != 0 {
		return nil, fmt.Errorf("yuv: new %dx%d: out of memory", size.X, size.Y)
	}
	p.y = p.mem
	p.u = unsafe.Add(p.y, luma)
	p.v = unsafe.Add(p.u, chroma)
	fill(unsafe.Slice((*byte)(p.y), luma), 16)
	fill(unsafe.Slice((*byte)(p.u), 2*chroma), 128)
	return p, nil
}

// Size returns the picture's size in pixels.
func (p *I420) Size() image.Point { return p.size }

// Planes returns the first bytes of the three planes and the distances from one
// row to the next, in bytes; U and V share theirs. They are valid until Close.
func (p *I420) Planes() (y, u, v unsafe.Pointer, yStride, cStride int) {
	return p.y, p.u, p.v, p.yStride, p.cStride
}

// Convert brings the damaged rectangles over from pix, a whole picture of
// p.Size pixels in the order B, G, R, X with stride bytes a row. Rectangles are
// cut to the picture and widened to even coordinates, as chroma needs; what
// lies outside them stays as it was.
func (p *I420) Convert(pix []byte, stride int, damage []image.Rectangle) error {
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
func (p *I420) convert(pix []byte, stride int, damage []image.Rectangle) error {
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
	if code := C.convert((*C.uint8_t)(&pix[0]), C.int(stride),
		(*C.uint8_t)(p.y), (*C.uint8_t)(p.u), (*C.uint8_t)(p.v), C.int(p.yStride), C.int(p.cStride),
		&p.rects[0][0], C.int(n)); code != 0 {
		return fmt.Errorf("yuv: convert %dx%d: libyuv error %d", p.size.X, p.size.Y, code)
	}
	return nil
}

// Close frees the planes. It is idempotent.
func (p *I420) Close() {
	C.free(p.mem)
	p.mem, p.y, p.u, p.v = nil, nil, nil, nil
}

func fill(b []byte, value byte) {
	for i := range b {
		b[i] = value
	}
}

func align(n, to int) int { return (n + to - 1) &^ (to - 1) }
