//go:build cgo && !noyuv

package yuv

/*
#cgo noescape yuv_measure
#cgo nocallback yuv_measure
#include "measure.h"
*/
import "C"

import "unsafe"

// Planes is a picture of the same size and format as a Picture, in somebody else's
// C memory.
type Planes struct {
	Y, U, V unsafe.Pointer
	YStride int // bytes from row to row
	CStride int // the same of U and V
	CStep   int // bytes from sample to sample of U and V: 1, or 2 where they alternate
}

// Measure compares the macroblocks of 16×16 pixels whose element in stale is 1 with
// made. It writes the mean squared error of the worst plane, 16 times and 65535 at
// most, into their elements of errors, and 0 into those of stale. A macroblock that
// is far off is judged by a part of it. Both slices have one element for each
// macroblock, row by row.
func (p *Picture) Measure(made Planes, stale []byte, errors []uint16) {
	blocks := ((p.size.X + 15) / 16) * ((p.size.Y + 15) / 16)
	if p.mem == nil || made.Y == nil || len(stale) < blocks || len(errors) < blocks {
		return
	}
	half := C.int(0)
	if p.format == i420 {
		half = 1
	}
	ours := C.struct_yuv_planes{
		y: (*C.uint8_t)(p.y), u: (*C.uint8_t)(p.u), v: (*C.uint8_t)(p.v),
		y_stride: C.int(p.yStride), c_stride: C.int(p.cStride), c_step: 1,
	}
	theirs := C.struct_yuv_planes{
		y: (*C.uint8_t)(made.Y), u: (*C.uint8_t)(made.U), v: (*C.uint8_t)(made.V),
		y_stride: C.int(made.YStride), c_stride: C.int(made.CStride), c_step: C.int(made.CStep),
	}
	C.yuv_measure(&ours, &theirs, C.int(p.size.X), C.int(p.size.Y), half,
		(*C.uint8_t)(&stale[0]), (*C.uint16_t)(&errors[0]))
}

// Detail is how much there is in the picture: the sum of the differences between
// neighbouring luma samples of a row.
func (p *Picture) Detail() int {
	if p.mem == nil {
		return 0
	}
	return int(C.yuv_detail((*C.uint8_t)(p.y), C.int(p.yStride), C.int(p.size.X), C.int(p.size.Y)))
}
