//go:build cgo && !noyuv

package yuv

import (
	"image"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// meanSquare is 16 times the mean squared error of one plane in r.
func meanSquare(a, b unsafe.Pointer, stride int, r image.Rectangle) uint16 {
	sum := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			d := int(*(*byte)(unsafe.Add(a, y*stride+x))) - int(*(*byte)(unsafe.Add(b, y*stride+x)))
			sum += d * d
		}
	}
	return uint16(16 * sum / (r.Dx() * r.Dy()))
}

// TestMeasure compares a picture with one a little off, and expects the error of the
// worst plane of the stale macroblocks, those at the border included.
func TestMeasure(t *testing.T) {
	size := image.Pt(51, 37)
	for name, open := range map[string]func(image.Point) (*Picture, error){"I420": NewI420, "J444": NewJ444} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(5, 6))
			var pictures [2]*Picture
			for i := range pictures {
				p, err := open(size)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				pix, stride := picture(size, 0, func(x, y int) (r, g, b byte) {
					n := random.Uint32() & 0x07070707
					return byte(100 + n&15), byte(3*x) + byte(n>>8), byte(n >> 16)
				})
				if err := p.Convert(pix, stride, []image.Rectangle{{Max: size}}); err != nil {
					t.Fatal(err)
				}
				pictures[i] = p
			}
			a, b := pictures[0], pictures[1]
			stale, errors := make([]byte, 4*3), make([]uint16, 4*3)
			want := make([]uint16, len(errors))
			for i := range stale {
				if i%3 == 1 {
					continue // what is not stale stays as it is
				}
				stale[i] = 1
				block := image.Rect(0, 0, 16, 16).Add(image.Pt(i%4*16, i/4*16)).Intersect(image.Rectangle{Max: size})
				chroma := block
				if a.chroma != size {
					chroma = image.Rect(block.Min.X/2, block.Min.Y/2, (block.Max.X+1)/2, (block.Max.Y+1)/2)
				}
				want[i] = max(meanSquare(a.y, b.y, a.yStride, block),
					meanSquare(a.u, b.u, a.cStride, chroma), meanSquare(a.v, b.v, a.cStride, chroma))
			}
			y, u, v, ys, cs := b.Planes()
			a.Measure(Planes{Y: y, U: u, V: v, YStride: ys, CStride: cs, CStep: 1}, stale, errors)
			if !slices.Equal(errors, want) {
				t.Errorf("errors %v, want %v", errors, want)
			}
			if slices.Contains(stale, 1) {
				t.Errorf("stale %v after they were measured", stale)
			}
		})
	}
}

// TestMeasureAlternating expects the same of U and V that alternate.
func TestMeasureAlternating(t *testing.T) {
	size := image.Pt(16, 16)
	a, b := blank(t, size), blank(t, size)
	y, pairs, _, ys, stride := b.Planes() // eight pairs fit a row of the plane of U
	for row := range 8 {
		for x := range 8 {
			*(*byte)(unsafe.Add(pairs, row*stride+2*x)) = 128
			*(*byte)(unsafe.Add(pairs, row*stride+2*x+1)) = 131
		}
	}
	stale, errors := []byte{1}, []uint16{0}
	a.Measure(Planes{Y: y, U: pairs, V: unsafe.Add(pairs, 1), YStride: ys, CStride: stride, CStep: 2}, stale, errors)
	if want := uint16(16 * 3 * 3); errors[0] != want {
		t.Errorf("error %d, want %d", errors[0], want)
	}
}

func TestDetail(t *testing.T) {
	p := blank(t, image.Pt(40, 10))
	if got := p.Detail(); got != 0 {
		t.Errorf("a black picture has a detail of %d", got)
	}
	y, _, _, ys, _ := p.Planes()
	for row := range 10 {
		*(*byte)(unsafe.Add(y, row*ys+7)) = 116 // a line of 100 more than black
	}
	if got, want := p.Detail(), 10*2*100; got != want {
		t.Errorf("a line of 10 pixels has a detail of %d, want %d", got, want)
	}
}
