package encodetest

import (
	"image"
	"image/color"
	"math"
)

// Decoder is a reference decoder. Decode returns the picture that one packet
// makes; it is the caller's.
type Decoder interface {
	Decode(data []byte) (*image.YCbCr, error)
	Close()
}

// PSNR returns the peak signal-to-noise ratio in dB of the luma of got against
// the canvas, within r; of a picture in 4:4:4, which is in full range, that of the
// worst of red, green and blue. Equal pictures have 100.
func PSNR(got *image.YCbCr, want *Canvas, r image.Rectangle) float64 {
	var sums [3]float64
	square := func(channel int, a, b byte) {
		d := float64(a) - float64(b)
		sums[channel] += d * d
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if got.SubsampleRatio != image.YCbCrSubsampleRatio444 {
				square(0, got.Y[y*got.YStride+x], want.luma(x, y))
				continue
			}
			i, p := y*got.YStride+x, want.Pix[y*want.Stride+4*x:]
			red, green, blue := color.YCbCrToRGB(got.Y[i], got.Cb[i], got.Cr[i])
			square(0, red, p[2])
			square(1, green, p[1])
			square(2, blue, p[0])
		}
	}
	sum := max(sums[0], sums[1], sums[2])
	if sum == 0 {
		return 100
	}
	return 10 * math.Log10(255*255*float64(r.Dx()*r.Dy())/sum)
}
