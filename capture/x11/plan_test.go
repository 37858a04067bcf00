package x11

import (
	"image"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jezek/xgb/xproto"
)

func TestPlan(t *testing.T) {
	p := picture{size: image.Pt(1920, 1080)}
	for _, c := range []struct {
		name  string
		parts []image.Rectangle
		want  int
	}{
		{"one", []image.Rectangle{image.Rect(0, 0, 10, 10)}, 1},
		{"neighbours", []image.Rectangle{image.Rect(0, 0, 10, 10), image.Rect(20, 0, 30, 10)}, 1},
		{"far corners", []image.Rectangle{image.Rect(0, 0, 64, 64), image.Rect(1800, 1000, 1864, 1064)}, 2},
		{"full rows that touch", []image.Rectangle{image.Rect(0, 0, 1920, 500), image.Rect(0, 500, 1920, 1000)}, 1},
		{"one inside another", []image.Rectangle{image.Rect(0, 0, 1920, 1080), image.Rect(5, 5, 9, 9)}, 1},
	} {
		if got := p.plan(slices.Clone(c.parts)); len(got) != c.want {
			t.Errorf("%s: %v, want %d parts", c.name, got, c.want)
		}
	}
}

func TestPlanCovers(t *testing.T) {
	p := picture{size: image.Pt(1920, 1080)}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var parts []image.Rectangle
		for range 1 + random.IntN(maxDamage) {
			x, y := random.IntN(1900), random.IntN(1060)
			parts = append(parts, image.Rect(x, y, x+1+random.IntN(1920-x), y+1+random.IntN(1080-y)))
		}
		got := p.plan(slices.Clone(parts))
		if len(got) > maxParts {
			t.Fatalf("%v: %d parts", parts, len(got))
		}
		for _, part := range parts {
			if !slices.ContainsFunc(got, part.In) {
				t.Fatalf("%v is in none of %v", part, got)
			}
		}
	}
}

func TestAppendMerged(t *testing.T) {
	bounds := image.Rect(0, 0, 100, 100)
	region := func(n int) []xproto.Rectangle {
		var r []xproto.Rectangle
		for i := range n {
			r = append(r, xproto.Rectangle{X: int16(i % 10 * 10), Y: int16(i / 10 * 10), Width: 5, Height: 5})
		}
		return r
	}
	for n, want := range map[int]int{0: 0, 1: 1, 16: 16, 17: 9, 100: 15} {
		got := appendMerged(nil, region(n), bounds)
		if len(got) != want {
			t.Errorf("%d rectangles became %d, want %d", n, len(got), want)
		}
		for _, r := range region(n) {
			one := appendMerged(nil, []xproto.Rectangle{r}, bounds)[0]
			if !slices.ContainsFunc(got, one.In) {
				t.Errorf("%d rectangles: %v is in none", n, one)
			}
		}
	}
	outside := []xproto.Rectangle{{X: -10, Y: -10, Width: 20, Height: 15}, {X: 200, Y: 0, Width: 5, Height: 5}}
	if got, want := appendMerged(nil, outside, bounds), []image.Rectangle{image.Rect(0, 0, 10, 5)}; !slices.Equal(got, want) {
		t.Errorf("outside the screen: %v, want %v", got, want)
	}
}
