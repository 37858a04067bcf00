//go:build cgo && !noyuv

package yuv

import (
	"fmt"
	"image"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// plane is a copy of one plane without its padding.
func plane(p unsafe.Pointer, stride int, size image.Point) []byte {
	out := make([]byte, 0, size.X*size.Y)
	for y := range size.Y {
		out = append(out, unsafe.Slice((*byte)(unsafe.Add(p, y*stride)), size.X)...)
	}
	return out
}

// reference444 is BT.601 full range written out, for each pixel.
func reference444(pix []byte, stride int, size image.Point) (y, u, v []byte) {
	level := func(v float64) byte { return byte(min(max(v+0.5, 0), 255)) }
	for py := range size.Y {
		for px := range size.X {
			i := py*stride + 4*px
			r, g, b := float64(pix[i+2]), float64(pix[i+1]), float64(pix[i])
			y = append(y, level(0.299*r+0.587*g+0.114*b))
			u = append(u, level(128-0.168736*r-0.331264*g+0.5*b))
			v = append(v, level(128+0.5*r-0.418688*g-0.081312*b))
		}
	}
	return y, u, v
}

// reference is BT.601 limited range written out: one luma sample a pixel, one
// chroma sample for each 2×2 block, of its mean colour.
func reference(pix []byte, stride int, size image.Point) (y, u, v []byte) {
	at := func(x, y int) (r, g, b float64) {
		i := y*stride + 4*x
		return float64(pix[i+2]), float64(pix[i+1]), float64(pix[i])
	}
	for py := range size.Y {
		for px := range size.X {
			r, g, b := at(px, py)
			y = append(y, byte(16+0.257*r+0.504*g+0.098*b+0.5))
		}
	}
	for py := 0; py < size.Y; py += 2 {
		for px := 0; px < size.X; px += 2 {
			var r, g, b, n float64
			for dy := range min(2, size.Y-py) {
				for dx := range min(2, size.X-px) {
					pr, pg, pb := at(px+dx, py+dy)
					r, g, b, n = r+pr, g+pg, b+pb, n+1
				}
			}
			r, g, b = r/n, g/n, b/n
			u = append(u, byte(128-0.148*r-0.291*g+0.439*b+0.5))
			v = append(v, byte(128+0.439*r-0.368*g-0.071*b+0.5))
		}
	}
	return y, u, v
}

func picture(size image.Point, pad int, colour func(x, y int) (r, g, b byte)) (pix []byte, stride int) {
	stride = 4*size.X + pad
	pix = make([]byte, stride*size.Y)
	for y := range size.Y {
		for x := range size.X {
			r, g, b := colour(x, y)
			copy(pix[y*stride+4*x:], []byte{b, g, r, 0})
		}
	}
	return pix, stride
}

// near fails if any sample is further than limit from the reference.
func near(t *testing.T, name string, got, want []byte, limit int) {
	t.Helper()
	for i := range want {
		if d := int(got[i]) - int(want[i]); d > limit || d < -limit {
			t.Fatalf("%s: sample %d = %d, want %d ± %d", name, i, got[i], want[i], limit)
		}
	}
}

func TestConvert(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	colours := map[string]func(x, y int) (r, g, b byte){
		"black":    func(x, y int) (r, g, b byte) { return 0, 0, 0 },
		"white":    func(x, y int) (r, g, b byte) { return 255, 255, 255 },
		"red":      func(x, y int) (r, g, b byte) { return 255, 0, 0 },
		"green":    func(x, y int) (r, g, b byte) { return 0, 255, 0 },
		"blue":     func(x, y int) (r, g, b byte) { return 0, 0, 255 },
		"gradient": func(x, y int) (r, g, b byte) { return byte(3 * x), byte(5 * y), byte(x + y) },
		"noise": func(x, y int) (r, g, b byte) {
			n := random.Uint32()
			return byte(n), byte(n >> 8), byte(n >> 16)
		},
	}
	sizes := []image.Point{{X: 1, Y: 1}, {X: 2, Y: 1}, {X: 1, Y: 2}, {X: 3, Y: 5}, {X: 15, Y: 17},
		{X: 16, Y: 16}, {X: 33, Y: 31}, {X: 97, Y: 64}, {X: 641, Y: 7}}
	for name, colour := range colours {
		for _, size := range sizes {
			t.Run(fmt.Sprintf("%s %dx%d", name, size.X, size.Y), func(t *testing.T) {
				pix, stride := picture(size, 12, colour)
				p, err := NewI420(size)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				if err := p.Convert(pix, stride, []image.Rectangle{{Max: size}}); err != nil {
					t.Fatal(err)
				}
				y, u, v, ys, cs := p.Planes()
				half := image.Pt((size.X+1)/2, (size.Y+1)/2)
				wantY, wantU, wantV := reference(pix, stride, size)
				near(t, "Y", plane(y, ys, size), wantY, 1)
				near(t, "U", plane(u, cs, half), wantU, 2)
				near(t, "V", plane(v, cs, half), wantV, 2)

				full, err := NewJ444(size)
				if err != nil {
					t.Fatal(err)
				}
				defer full.Close()
				if err := full.Convert(pix, stride, []image.Rectangle{{Max: size}}); err != nil {
					t.Fatal(err)
				}
				y, u, v, ys, cs = full.Planes()
				wantY, wantU, wantV = reference444(pix, stride, size)
				near(t, "Y of 4:4:4", plane(y, ys, size), wantY, 1)
				near(t, "U of 4:4:4", plane(u, cs, size), wantU, 1)
				near(t, "V of 4:4:4", plane(v, cs, size), wantV, 1)
			})
		}
	}
}

// TestDamage converts pictures piece by piece and expects what one piece gives,
// and that nothing is read or written outside the pieces.
func TestDamage(t *testing.T) {
	size := image.Pt(101, 67)
	random := rand.New(rand.NewPCG(3, 4))
	pix, stride := picture(size, 0, func(x, y int) (r, g, b byte) {
		n := random.Uint32()
		return byte(n), byte(n >> 8), byte(n >> 16)
	})
	whole, parts := blank(t, size), blank(t, size)
	if err := whole.Convert(pix, stride, []image.Rectangle{{Max: size}}); err != nil {
		t.Fatal(err)
	}
	var damage []image.Rectangle
	for y := -3; y < size.Y; y += 11 {
		for x := -5; x < size.X; x += 13 {
			damage = append(damage, image.Rect(x, y, x+13, y+11))
		}
	}
	if err := parts.Convert(pix, stride, damage); err != nil {
		t.Fatal(err)
	}
	compare(t, parts, whole)

	other, stride := picture(size, 0, func(x, y int) (r, g, b byte) { return 9, 99, 199 })
	if err := parts.Convert(other, stride, []image.Rectangle{
		{}, image.Rect(200, 200, 300, 300), image.Rect(-9, -9, 0, 0)}); err != nil {
		t.Fatal(err)
	}
	compare(t, parts, whole)
}

// TestGreys expects that greys lose nothing in 4:4:4.
func TestGreys(t *testing.T) {
	size := image.Pt(256, 1)
	pix, stride := picture(size, 0, func(x, y int) (r, g, b byte) { return byte(x), byte(x), byte(x) })
	p, err := NewJ444(size)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Convert(pix, stride, []image.Rectangle{{Max: size}}); err != nil {
		t.Fatal(err)
	}
	y, u, v, ys, cs := p.Planes()
	for x := range 256 {
		got := [3]byte{plane(y, ys, size)[x], plane(u, cs, size)[x], plane(v, cs, size)[x]}
		if want := [3]byte{byte(x), 128, 128}; got != want {
			t.Errorf("grey %d is %v, want %v", x, got, want)
		}
	}
}

func blank(t *testing.T, size image.Point) *Picture {
	t.Helper()
	p, err := NewI420(size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func compare(t *testing.T, got, want *Picture) {
	t.Helper()
	size := got.Size()
	half := image.Pt((size.X+1)/2, (size.Y+1)/2)
	gy, gu, gv, ys, cs := got.Planes()
	wy, wu, wv, _, _ := want.Planes()
	near(t, "Y", plane(gy, ys, size), plane(wy, ys, size), 0)
	near(t, "U", plane(gu, cs, half), plane(wu, cs, half), 0)
	near(t, "V", plane(gv, cs, half), plane(wv, cs, half), 0)
}

func TestEven(t *testing.T) {
	size := image.Pt(15, 9)
	for _, test := range []struct{ in, want image.Rectangle }{
		{image.Rect(0, 0, 15, 9), image.Rect(0, 0, 15, 9)},
		{image.Rect(1, 1, 2, 2), image.Rect(0, 0, 2, 2)},
		{image.Rect(3, 5, 4, 6), image.Rect(2, 4, 4, 6)},
		{image.Rect(14, 8, 15, 9), image.Rect(14, 8, 15, 9)},
		{image.Rect(-7, -7, 3, 3), image.Rect(0, 0, 4, 4)},
		{image.Rect(5, 5, 500, 500), image.Rect(4, 4, 15, 9)},
		{image.Rect(20, 20, 30, 30), image.Rectangle{}},
		{image.Rectangle{}, image.Rectangle{}},
	} {
		if got := Even(test.in, size); got != test.want {
			t.Errorf("Even(%v) = %v, want %v", test.in, got, test.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, size := range []image.Point{{}, {X: -1, Y: 5}, {X: 5}, {X: 100000, Y: 1}, {X: 1, Y: 16385}} {
		if p, err := NewI420(size); err == nil {
			p.Close()
			t.Errorf("NewI420(%v) did not fail", size)
		}
	}
	p := blank(t, image.Pt(16, 16))
	all := []image.Rectangle{image.Rect(0, 0, 16, 16)}
	if err := p.Convert(make([]byte, 16*16*4-1), 64, all); err == nil {
		t.Error("a picture one byte short was taken")
	}
	if err := p.Convert(make([]byte, 16*16*4), 60, all); err == nil {
		t.Error("a stride shorter than a row was taken")
	}
	p.Close()
	p.Close()
	if err := p.Convert(make([]byte, 16*16*4), 64, all); err == nil {
		t.Error("a closed picture was converted into")
	}
}

func TestConvertAllocatesNothing(t *testing.T) {
	size := image.Pt(640, 480)
	pix, stride := picture(size, 0, func(x, y int) (r, g, b byte) { return byte(x), byte(y), 7 })
	p := blank(t, size)
	damage := make([]image.Rectangle, 100)
	for i := range damage {
		damage[i] = image.Rect(i, i, i+20, i+20)
	}
	if n := testing.AllocsPerRun(20, func() { _ = p.Convert(pix, stride, damage) }); n != 0 {
		t.Errorf("Convert made %v allocations, want 0", n)
	}
}

func BenchmarkConvert(b *testing.B) {
	b.Run("I420", func(b *testing.B) { benchmarkConvert(b, NewI420) })
	b.Run("J444", func(b *testing.B) { benchmarkConvert(b, NewJ444) })
}

func benchmarkConvert(b *testing.B, make func(image.Point) (*Picture, error)) {
	size := image.Pt(1920, 1080)
	pix, stride := picture(size, 0, func(x, y int) (r, g, b byte) { return byte(x), byte(y), byte(x ^ y) })
	p, err := make(size)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for _, side := range []image.Point{{X: 16, Y: 16}, {X: 256, Y: 256}, {X: 1280, Y: 800}, size} {
		damage := []image.Rectangle{{Max: side}}
		b.Run(fmt.Sprintf("%dx%d", side.X, side.Y), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(4 * side.X * side.Y))
			for b.Loop() {
				if err := p.Convert(pix, stride, damage); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
