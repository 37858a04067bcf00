//go:build cgo && !noyuv

package yuv

import (
	"image"
	"math/rand/v2"
	"testing"

	"lucarne/capture"
)

func frameOf(size image.Point, pad int) *capture.Frame {
	f := &capture.Frame{Size: size, Stride: 4*size.X + pad}
	f.Pix = make([]byte, f.Stride*size.Y)
	return f
}

// mean is the mean of four pixels' channel, rounded.
func mean(f *capture.Frame, x, y, c int) int {
	at := 2*y*f.Stride + 8*x + c
	return (int(f.Pix[at]) + int(f.Pix[at+4]) + int(f.Pix[at+f.Stride]) + int(f.Pix[at+f.Stride+4]) + 2) / 4
}

func TestHalf(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, size := range []image.Point{{X: 2, Y: 2}, {X: 3, Y: 3}, {X: 16, Y: 16}, {X: 97, Y: 64}, {X: 641, Y: 9}} {
		picture, small := frameOf(size, 12), frameOf(size.Div(2), 8)
		for i := range picture.Pix {
			picture.Pix[i] = byte(random.Uint32())
		}
		for y := -2; y < small.Size.Y; y += 5 { // piece by piece
			for x := -3; x < small.Size.X; x += 7 {
				small.Damage = append(small.Damage, image.Rect(x, y, x+7, y+5))
			}
		}
		if err := Half(small, picture); err != nil {
			t.Fatal(err)
		}
		for y := range small.Size.Y {
			for x := range small.Size.X {
				for c := range 3 {
					got, want := int(small.Pix[y*small.Stride+4*x+c]), mean(picture, x, y, c)
					if got < want-1 || got > want+1 {
						t.Fatalf("%v: pixel %d,%d channel %d = %d, want %d", size, x, y, c, got, want)
					}
				}
			}
		}
	}
}

func TestHalfLeavesTheRest(t *testing.T) {
	picture, small := frameOf(image.Pt(64, 48), 0), frameOf(image.Pt(32, 24), 0)
	fill(picture.Pix, 200)
	damage := image.Rect(3, 5, 8, 9)
	small.Damage = []image.Rectangle{damage, image.Rect(100, 100, 200, 200), {}}
	if err := Half(small, picture); err != nil {
		t.Fatal(err)
	}
	for y := range small.Size.Y {
		for x := range small.Size.X {
			if got := small.Pix[y*small.Stride+4*x] == 200; got != image.Pt(x, y).In(damage) {
				t.Fatalf("pixel %d,%d brought over: %t", x, y, got)
			}
		}
	}
}

func TestHalfRefuses(t *testing.T) {
	short := frameOf(image.Pt(8, 8), 0)
	short.Pix = short.Pix[1:]
	for name, c := range map[string]struct{ small, picture *capture.Frame }{
		"nothing":         {&capture.Frame{}, &capture.Frame{}},
		"too small":       {frameOf(image.Pt(5, 4), 0), frameOf(image.Pt(8, 8), 0)},
		"a picture short": {frameOf(image.Pt(4, 4), 0), short},
		"released":        {frameOf(image.Pt(4, 4), 0), &capture.Frame{Size: image.Pt(8, 8), Stride: 32}},
	} {
		c.small.Damage = []image.Rectangle{{Max: c.small.Size}}
		if err := Half(c.small, c.picture); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestHalfAllocatesNothing(t *testing.T) {
	picture, small := frameOf(image.Pt(640, 480), 0), frameOf(image.Pt(320, 240), 0)
	small.Damage = []image.Rectangle{image.Rect(0, 0, 20, 20), image.Rect(50, 50, 320, 240)}
	if n := testing.AllocsPerRun(20, func() { _ = Half(small, picture) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkHalf(b *testing.B) {
	picture, small := frameOf(image.Pt(1920, 1080), 0), frameOf(image.Pt(960, 540), 0)
	small.Damage = []image.Rectangle{{Max: small.Size}}
	b.ReportAllocs()
	for b.Loop() {
		if err := Half(small, picture); err != nil {
			b.Fatal(err)
		}
	}
}
