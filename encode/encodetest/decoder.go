package encodetest

import (
	"image"
	"math"
)

// Decoder is a reference decoder. Decode returns the picture that one packet
// makes; it is the caller's.
type Decoder interface {
	Decode(data []byte) (*image.YCbCr, error)
	Close()
}

// PSNR returns the peak signal-to-noise ratio in dB of the luma of got against
// the canvas, within r. Equal pictures have 100.
func PSNR(got *image.YCbCr, want *Canvas, r image.Rectangle) float64 {
	var sum, n float64
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			d := float64(got.Y[y*got.YStride+x]) - float64(want.luma(x, y))
			sum += d * d
			n++
		}
	}
	if sum == 0 {
		return 100
	}
	return 10 * math.Log10(255*255*n/sum)
}
