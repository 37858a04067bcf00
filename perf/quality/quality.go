// Package quality says how near the picture that a page shows comes to the one
// that was drawn.
package quality

import (
	"errors"
	"fmt"
	"image"
	"math"
)

// Score is how near two pictures are. Luma and chroma are those of ITU-R BT.601
// in full range, as JPEG and libyuv's desktop path use its weights: Y is 0.299 R
// + 0.587 G + 0.114 B; Cb and Cr are the differences of B and R from it. Both are
// taken at every pixel, so that chroma counts what was lost to 4:2:0 as well.
type Score struct {
	PSNR Planes // in dB, at most Lossless
	SSIM Planes // 1 for equal pictures, less for others
}

// Planes are a value for brightness and one for colour, the mean of Cb and Cr.
type Planes struct{ Luma, Chroma float64 }

// Lossless is the PSNR of equal pictures, where the formula has infinity, in dB.
const Lossless = 100

// ErrSize is returned for pictures that cannot be compared: of different sizes,
// or smaller than a window of SSIM.
var ErrSize = errors.New("quality: not pictures of one size of at least 8×8 pixels")

// Compare compares the picture that was shown with the one that was drawn, pixel
// by pixel from their upper left corners. Both are opaque.
//
// PSNR is 10 log10(255² / mean squared error). SSIM is that of Wang, Bovik,
// Sheikh and Simoncelli, "Image quality assessment: from error visibility to
// structural similarity", IEEE Transactions on Image Processing 13(4), 2004, with
// their constants, in windows of 8×8 pixels with equal weights, four pixels
// apart; its value is the mean over the windows.
func Compare(shown, drawn *image.RGBA) (Score, error) {
	size := drawn.Rect.Size()
	if shown.Rect.Size() != size || size.X < window || size.Y < window {
		return Score{}, fmt.Errorf("%w: %v and %v", ErrSize, shown.Rect.Size(), size)
	}
	a, b := planesOf(shown), planesOf(drawn)
	errCb, errCr := squaredError(a[1], b[1]), squaredError(a[2], b[2])
	return Score{
		PSNR: Planes{psnr(squaredError(a[0], b[0])), psnr((errCb + errCr) / 2)},
		SSIM: Planes{ssim(a[0], b[0], size), (ssim(a[1], b[1], size) + ssim(a[2], b[2], size)) / 2},
	}, nil
}

// planesOf returns Y, Cb and Cr of each pixel, row by row, each from 0 to 255.
func planesOf(p *image.RGBA) [3][]float32 {
	size := p.Rect.Size()
	var planes [3][]float32
	for i := range planes {
		planes[i] = make([]float32, 0, size.X*size.Y)
	}
	for y := range size.Y {
		row := p.Pix[y*p.Stride:][:4*size.X]
		for ; len(row) > 0; row = row[4:] {
			r, g, b := float32(row[0]), float32(row[1]), float32(row[2])
			luma := 0.299*r + 0.587*g + 0.114*b
			planes[0] = append(planes[0], luma)
			planes[1] = append(planes[1], 128+(b-luma)/1.772)
			planes[2] = append(planes[2], 128+(r-luma)/1.402)
		}
	}
	return planes
}

// squaredError returns the mean squared error.
func squaredError(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		d := float64(v - b[i])
		sum += d * d
	}
	return sum / float64(len(a))
}

func psnr(squaredError float64) float64 {
	return min(Lossless, 10*math.Log10(255*255/squaredError))
}

// window is the side of a window of SSIM in pixels, step how far apart they are.
const (
	window = 8
	step   = 4
)

func ssim(a, b []float32, size image.Point) float64 {
	sum, n := 0.0, 0
	for y := 0; y+window <= size.Y; y += step {
		for x := 0; x+window <= size.X; x += step {
			sum += similarity(a[y*size.X+x:], b[y*size.X+x:], size.X)
			n++
		}
	}
	return sum / float64(n)
}

// similarity returns the SSIM of the window at the beginning of a and b.
func similarity(a, b []float32, stride int) float64 {
	const (
		c1 = (0.01 * 255) * (0.01 * 255)
		c2 = (0.03 * 255) * (0.03 * 255)
		n  = window * window
	)
	var sumA, sumB, sumAA, sumBB, sumAB float64
	for y := range window {
		rowA, rowB := a[y*stride:][:window], b[y*stride:][:window]
		for x, v := range rowA {
			va, vb := float64(v), float64(rowB[x])
			sumA += va
			sumB += vb
			sumAA += va * va
			sumBB += vb * vb
			sumAB += va * vb
		}
	}
	meanA, meanB := sumA/n, sumB/n
	variances := sumAA/n - meanA*meanA + sumBB/n - meanB*meanB
	covariance := sumAB/n - meanA*meanB
	return (2*meanA*meanB + c1) * (2*covariance + c2) / ((meanA*meanA + meanB*meanB + c1) * (variances + c2))
}
