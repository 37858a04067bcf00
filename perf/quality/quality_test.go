package quality

import (
	"errors"
	"image"
	"image/color"
	"math"
	"testing"
	"time"
)

// paint returns a picture with a colour for each pixel.
func paint(width, height int, colour func(x, y int) color.RGBA) *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			p.SetRGBA(x, y, colour(x, y))
		}
	}
	return p
}

func grey(v uint8) color.RGBA { return color.RGBA{v, v, v, 255} }

// flat returns a picture of one colour.
func flat(c color.RGBA) *image.RGBA { return paint(8, 8, func(int, int) color.RGBA { return c }) }

// stripes returns columns that are black and white by turns.
func stripes(first int) *image.RGBA {
	return paint(8, 8, func(x, _ int) color.RGBA { return grey(uint8((x + first) % 2 * 255)) })
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name         string
		shown, drawn *image.RGBA
		want         Score
	}{
		{"equal", stripes(0), stripes(0), Score{Planes{100, 100}, Planes{1, 1}}},
		// MSE 1: 20 log10 255. SSIM: (2·100·101 + 6.5025) / (100² + 101² + 6.5025).
		{"one level brighter", flat(grey(101)), flat(grey(100)), Score{Planes{48.1308, 100}, Planes{0.9999505, 1}}},
		// MSE 100. SSIM: (22000 + 6.5025) / (22100 + 6.5025).
		{"ten levels brighter", flat(grey(110)), flat(grey(100)), Score{Planes{28.1308, 100}, Planes{0.9954764, 1}}},
		// A quarter of the pixels 10 off: MSE 25. Mean 102.5, variance 18.75, covariance 0:
		// (20500 + 6.5025)(0 + 58.5225) / ((10506.25 + 10000 + 6.5025)(18.75 + 58.5225)).
		{"some pixels brighter", paint(8, 8, func(x, _ int) color.RGBA { return grey(uint8(100 + x%4/3*10)) }), flat(grey(100)),
			Score{Planes{34.1514, 100}, Planes{0.7571215, 1}}},
		// Means 127.5, variances 16256.25, covariance −16256.25.
		{"stripes the other way", stripes(1), stripes(0), Score{Planes{0, 100}, Planes{-0.9964063, 1}}},
		// B 100 off: Y 11.4, Cb 50, Cr −8.1312. Means of Cb 128 and 178, of Cr 128 and 119.8688.
		{"bluer", flat(color.RGBA{100, 100, 200, 255}), flat(grey(100)),
			Score{Planes{26.9927, 17.0483}, Planes{0.9942025, (0.9479974 + 0.9978505) / 2}}},
	} {
		got, err := Compare(c.shown, c.drawn)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []struct {
			name            string
			got, want, near float64
		}{
			{"PSNR of luma", got.PSNR.Luma, c.want.PSNR.Luma, 1e-3}, {"PSNR of chroma", got.PSNR.Chroma, c.want.PSNR.Chroma, 1e-3},
			{"SSIM of luma", got.SSIM.Luma, c.want.SSIM.Luma, 1e-6}, {"SSIM of chroma", got.SSIM.Chroma, c.want.SSIM.Chroma, 1e-6},
		} {
			if math.Abs(v.got-v.want) > v.near {
				t.Errorf("%s: %s is %.7f, want %.7f", c.name, v.name, v.got, v.want)
			}
		}
	}
}

// TestWindowsCoverThePicture: an error anywhere but in the last three rows and
// columns is seen, and one in a part of a larger picture counts for its windows.
func TestWindowsCoverThePicture(t *testing.T) {
	drawn := paint(64, 32, func(x, y int) color.RGBA { return grey(uint8(x*3 + y)) })
	for _, at := range []image.Point{{0, 0}, {31, 17}, {63, 31}} {
		shown := paint(64, 32, func(x, y int) color.RGBA { return grey(uint8(x*3 + y)) })
		shown.SetRGBA(at.X, at.Y, grey(255))
		got, err := Compare(shown, drawn)
		if err != nil || got.SSIM.Luma >= 1 || got.PSNR.Luma >= Lossless {
			t.Errorf("error at %v: %+v, %v", at, got, err)
		}
	}
}

func TestCompareOfAPart(t *testing.T) {
	whole := paint(32, 32, func(x, y int) color.RGBA { return grey(uint8(8*x + y)) })
	part := whole.SubImage(image.Rect(5, 6, 21, 22)).(*image.RGBA)
	copied := paint(16, 16, func(x, y int) color.RGBA { return whole.RGBAAt(x+5, y+6) })
	if got, err := Compare(part, copied); err != nil || got.PSNR.Luma != Lossless {
		t.Errorf("a part and its copy: %+v, %v", got, err)
	}
}

func TestCompareRefuses(t *testing.T) {
	small := image.NewRGBA(image.Rect(0, 0, 8, 7))
	for _, c := range [][2]*image.RGBA{{small, small}, {flat(grey(0)), small}, {small, flat(grey(0))}, {&image.RGBA{}, &image.RGBA{}}} {
		if _, err := Compare(c[0], c[1]); !errors.Is(err, ErrSize) {
			t.Errorf("Compare(%v, %v): %v", c[0].Rect, c[1].Rect, err)
		}
	}
}

func TestSettled(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	drawn := flat(grey(100))
	look := func(levels ...uint8) []Look {
		var looks []Look
		for i, v := range levels {
			looks = append(looks, Look{start.Add(time.Duration(i) * 100 * time.Millisecond), flat(grey(v))})
		}
		return looks
	}
	for _, c := range []struct {
		name  string
		looks []Look
		want  time.Duration
		err   error
	}{
		{"in steps", look(90, 95, 99, 100, 100, 100), 300 * time.Millisecond, nil},
		{"at once", look(100, 100), 0, nil},
		{"near enough", look(90, 101, 101), 100 * time.Millisecond, nil},
		{"good, worse, good", look(100, 90, 100, 100), 200 * time.Millisecond, nil},
		{"still changing", look(90, 95, 99, 100), 0, ErrUnsettled},
		{"at rest too early", look(90, 95, 95, 95), 0, ErrUnsettled},
		{"nothing", nil, 0, ErrUnsettled},
		{"another size", []Look{{start, image.NewRGBA(image.Rect(0, 0, 16, 16))}}, 0, ErrSize},
	} {
		got, _, err := Settled(c.looks, drawn, 45)
		if !errors.Is(err, c.err) || err == nil && got != start.Add(c.want) {
			t.Errorf("%s: %v after the first look, %v; want %v, %v", c.name, got.Sub(start), err, c.want, c.err)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	shown := paint(1280, 800, func(x, y int) color.RGBA { return grey(uint8(x*y + x)) })
	drawn := paint(1280, 800, func(x, y int) color.RGBA { return grey(uint8(x * y)) })
	for b.Loop() {
		if _, err := Compare(shown, drawn); err != nil {
			b.Fatal(err)
		}
	}
}
