package jpeg

import (
	"image"
	"math/rand/v2"
	"testing"
)

// TestRectangles takes chosen cells off: each is in one rectangle, nothing else
// is, and no rectangle is longer than a page likes.
func TestRectangles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []image.Point{{X: 1, Y: 1}, {X: 640, Y: 480}, {X: 1921, Y: 17}, {X: 33, Y: 1080}} {
		for _, share := range []float64{0, 0.1, 0.9, 1} {
			c := newCells(size)
			want := make([]bool, len(c.chosen))
			for i := range want {
				want[i] = random.Float64() < share
			}
			copy(c.chosen, want)
			got := make([]bool, len(want))
			for from := 0; ; {
				r, next, ok := c.next(from)
				if !ok {
					break
				}
				if from = next; r.Empty() || r.Dx() > longest || r.Dy() > longest {
					t.Fatalf("%v, %v chosen: rectangle %v", size, share, r)
				}
				for y := r.Min.Y; y < r.Max.Y; y++ {
					for x := r.Min.X; x < r.Max.X; x++ {
						i := y*c.columns + x
						if got[i] || !want[i] {
							t.Fatalf("%v, %v chosen: cell (%d,%d) of %v was taken already: %v, or not chosen", size, share, x, y, r, got[i])
						}
						got[i] = true
					}
				}
			}
			for i := range want {
				if want[i] != got[i] {
					t.Fatalf("%v, %v chosen: cell %d is in no rectangle", size, share, i)
				}
			}
		}
	}
}

func TestCompare(t *testing.T) {
	c := newCells(image.Pt(100, 50))
	pix, stride := make([]byte, 50*420), 420
	c.grade(image.Rect(0, 0, c.columns, c.rows), sharp)
	c.compare(pix, stride, image.Rect(0, 0, 100, 50))
	if !c.settled() {
		t.Error("the same picture is taken for another one")
	}
	pix[20*stride+4*99] = 1                            // in the last column, second row
	c.compare(pix, stride, image.Rect(-5, -5, 99, 50)) // not damaged there
	if !c.settled() {
		t.Error("what is not damaged has been looked at")
	}
	c.compare(pix, stride, image.Rect(98, 10, 1000, 1000))
	if got := c.count[stale]; got != 1 || c.grades[c.columns+c.columns-1] != stale {
		t.Errorf("%d cells stale, want the one that has changed", got)
	}
}
