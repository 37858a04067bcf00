//go:build cgo && !noyuv

package yuv

/*
#include <stdint.h>
#include <libyuv/scale_argb.h>
*/
import "C"

import (
	"fmt"
	"image"

	"lucarne/capture"
)

// Half is an encode.Shrink by libyuv's box filter.
func Half(small, picture *capture.Frame) error {
	if 2*small.Size.X > picture.Size.X || 2*small.Size.Y > picture.Size.Y || !holds(small) || !holds(picture) {
		return fmt.Errorf("yuv: half of %v: it does not fit %v", picture.Size, small.Size)
	}
	for _, r := range small.Damage {
		if r = r.Intersect(image.Rectangle{Max: small.Size}); r.Empty() {
			continue
		}
		from, to := 2*(r.Min.Y*picture.Stride+4*r.Min.X), r.Min.Y*small.Stride+4*r.Min.X
		if code := C.ARGBScale((*C.uint8_t)(&picture.Pix[from]), C.int(picture.Stride), C.int(2*r.Dx()), C.int(2*r.Dy()),
			(*C.uint8_t)(&small.Pix[to]), C.int(small.Stride), C.int(r.Dx()), C.int(r.Dy()), C.kFilterBox); code != 0 {
			return fmt.Errorf("yuv: half of %v: libyuv error %d", picture.Size, code)
		}
	}
	return nil
}

// holds says that a frame's memory holds the picture that it says it is.
func holds(f *capture.Frame) bool {
	return f.Size.X > 0 && f.Size.Y > 0 && f.Stride >= 4*f.Size.X && len(f.Pix) >= f.Stride*(f.Size.Y-1)+4*f.Size.X
}
