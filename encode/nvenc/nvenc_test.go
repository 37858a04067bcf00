package nvenc_test

import (
	"image"
	"image/color"
	"math"
	"testing"
	"time"

	"lucarne/encode"
	"lucarne/encode/encodetest"
	"lucarne/encode/encodetest/h264dec"
	"lucarne/encode/nvenc"
)

func TestConformance(t *testing.T) { encodetest.Run(t, nvenc.Backend(fake(t)), h264dec.New) }

// In 4:4:4 the suite looks at the luma; TestColour at the rest.
func TestConformance444(t *testing.T) { encodetest.Run(t, nvenc.Backend444(fake(t)), justLuma) }

func FuzzEncode(f *testing.F) { encodetest.Fuzz(f, nvenc.Backend(fake(f)), h264dec.New) }

// luma is a decoder whose pictures seem to be in 4:2:0. The suite takes 4:4:4 for
// full range; what a GPU makes of ARGB is in limited range, and says so.
type luma struct{ encodetest.Decoder }

func justLuma() (encodetest.Decoder, error) {
	d, err := h264dec.New()
	return luma{d}, err
}

func (l luma) Decode(data []byte) (*image.YCbCr, error) {
	picture, err := l.Decoder.Decode(data)
	if err == nil {
		picture.SubsampleRatio = image.YCbCrSubsampleRatio420
	}
	return picture, err
}

// In 4:4:4 each pixel has its colour: text of one pixel's width in red on green.
func TestColour(t *testing.T) {
	cfg := fake(t)
	size := image.Pt(160, 90)
	c := encodetest.NewCanvas(size)
	for y := range size.Y {
		for x := range size.X {
			ink := paints[(x+y)%2]
			c.Set(x, y, ink)
		}
	}
	full, half := colours(t, nvenc.Backend444(cfg), c), colours(t, nvenc.Backend(cfg), c)
	if full < 36 || half > 20 {
		t.Errorf("a pattern of red and green has %.1f dB in 4:4:4 and %.1f in 4:2:0, want 36 and not 20", full, half)
	}
}

// colours encodes the canvas until it has settled, and returns the PSNR in dB of
// the worst of red, green and blue.
func colours(t *testing.T, backend encode.Backend, c *encodetest.Canvas) float64 {
	t.Helper()
	e, err := backend.Open(encode.Config{Size: c.Size})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	d, err := h264dec.New()
	if err != nil {
		t.Skip(err)
	}
	defer d.Close()
	now := time.Unix(1, 0)
	packet, err := e.Encode(c.Frame(now, c.Bounds()), encode.Op{})
	var picture *image.YCbCr
	for n := 0; err == nil; n++ {
		if len(packet.Data) > 0 {
			if picture, err = d.Decode(packet.Data); err != nil {
				break
			}
		}
		if packet.Settled || n > 90 {
			break
		}
		now = now.Add(time.Second / 30)
		packet, err = e.Encode(c.Frame(now), encode.Op{Refine: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	widen(picture.Y, 16, 219, 0)
	widen(picture.Cb, 128, 224, 128)
	widen(picture.Cr, 128, 224, 128)
	full := image.NewYCbCr(picture.Rect, image.YCbCrSubsampleRatio444)
	for y := range c.Size.Y {
		for x := range c.Size.X {
			i := full.YOffset(x, y)
			pixel := picture.YCbCrAt(x, y)
			full.Y[i], full.Cb[i], full.Cr[i] = pixel.Y, pixel.Cb, pixel.Cr
		}
	}
	return encodetest.PSNR(full, c, c.Bounds())
}

var paints = [2]color.RGBA{{R: 220, G: 30, B: 30, A: 255}, {R: 30, G: 180, B: 30, A: 255}}

// widen stretches samples around a zero from a range of so many levels to 255.
func widen(samples []byte, zero, levels, to int) {
	for i, v := range samples {
		samples[i] = byte(min(max(math.Round(float64(int(v)-zero)*255/float64(levels))+float64(to), 0), 255))
	}
}

func BenchmarkEncode(b *testing.B) { encodetest.Benchmark(b, nvenc.Backend(fake(b)), h264dec.New) }
