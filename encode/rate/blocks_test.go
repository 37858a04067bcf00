package rate

import (
	"image"
	"slices"
	"testing"
)

// testFormat is libvpx's VP8.
var testFormat = Format{
	Steps: []float64{
		4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 19, 21, 22, 23,
		24, 25, 27, 28, 29, 30, 31, 32, 33, 34, 35, 37, 39, 41, 43, 45,
		47, 49, 51, 53, 55, 57, 60, 62, 66, 70, 74, 78, 80, 86, 92, 98,
		104, 110, 116, 122, 131, 140, 149, 158, 167, 177, 189, 201, 213, 229, 249, 284,
	},
	Finer: []int{6, 2}, Strict: 16, Loose: 16 * 5, Fall: 6, Exponent: 0.7,
	Costs: [kinds]float64{350, 100, 150}, Filtered: true,
}

func newBlocks(columns, rows int) *blocks {
	n := columns * rows
	return &blocks{Map: Map{Columns: columns, Rows: rows, Active: make([]byte, n), Stale: make([]byte, n),
		Errors: make([]uint16, n)}, format: &testFormat, before: make([]uint16, n), tries: make([]uint8, n)}
}

// marked returns the indices of what is not 0.
func marked(list []byte) (out []int) {
	for i, v := range list {
		if v != 0 {
			out = append(out, i)
		}
	}
	return out
}

func TestBlocksDamage(t *testing.T) {
	for _, test := range []struct {
		r    image.Rectangle
		want []int
	}{
		{image.Rect(0, 0, 1, 1), []int{0}},
		{image.Rect(15, 15, 17, 17), []int{0, 1, 4, 5}},
		{image.Rect(16, 16, 32, 32), []int{5}},
		{image.Rect(-9, -9, 0, 5), nil},
		{image.Rect(63, 47, 900, 900), []int{11}},
		{image.Rectangle{}, nil},
	} {
		b := newBlocks(4, 3)
		b.damage(test.r)
		if got := marked(b.Active); !slices.Equal(got, test.want) {
			t.Errorf("damage %v: active %v, want %v", test.r, got, test.want)
		}
		if got := marked(b.Stale); !slices.Equal(got, test.want) {
			t.Errorf("damage %v: stale %v, want %v", test.r, got, test.want)
		}
	}
}

func TestBlocksDull(t *testing.T) {
	b := newBlocks(4, 1)
	copy(b.Active, []byte{1, 1, 0, 1})
	copy(b.Errors, []uint16{testFormat.Strict, 16 * 4, 16 * 100, 16 * 25})
	if weight := b.dull(); weight != 2+5 {
		t.Errorf("weight %v, want 7", weight)
	}
	if got, want := marked(b.Active), []int{1, 3}; !slices.Equal(got, want) {
		t.Errorf("active %v, want %v", got, want)
	}
}

// TestBlocksSame expects that what is drawn as it was is not coded, and counts
// no less as refined than before.
func TestBlocksSame(t *testing.T) {
	b := newBlocks(5, 1)
	copy(b.Errors, []uint16{100, 100, 100, same + 1, 100})
	for i := range b.tries {
		b.tries[i] = 2
	}
	b.Stale[2] = 1 // coded and not measured: nobody knows what it was before
	b.damage(image.Rect(0, 0, 40, 16))
	b.damage(image.Rect(32, 0, 64, 16))
	b.Errors[1] = 101
	b.dull()
	if got, want := marked(b.Active), []int{1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("active %v, want %v", got, want)
	}
	if got, want := marked(b.tries), []int{0, 4}; !slices.Equal(got, want) {
		t.Errorf("tries kept by %v, want %v", got, want)
	}
}

// TestBlocksRefine refines as much as a limit allows, from where it stopped.
func TestBlocksRefine(t *testing.T) {
	b := newBlocks(5, 1)
	for i := range b.Errors {
		b.Errors[i] = 16 * 9 // weight 3
	}
	b.Errors[1] = 0
	for _, want := range [][]int{{0, 2}, {3, 4}, {0, 2}} {
		clear(b.Active)
		if weight := b.refine(0, 7); weight != 6 {
			t.Errorf("weight %v, want 6", weight)
		}
		if got := marked(b.Active); !slices.Equal(got, want) {
			t.Errorf("active %v, want %v", got, want)
		}
	}
	clear(b.Active)
	if b.refine(0, 0.1); len(marked(b.Active)) != 1 {
		t.Errorf("active %v under a limit below every weight, want one", marked(b.Active))
	}
}

// TestBlocksSettle expects every macroblock to be given up after all quantizers.
func TestBlocksSettle(t *testing.T) {
	b := newBlocks(3, 3)
	b.damage(image.Rect(0, 0, 48, 48))
	for i := range b.Errors {
		b.Errors[i] = unknown
	}
	for n, quantizer := range testFormat.Finer {
		if b.settled() {
			t.Errorf("settled after %d of %d tries", n, len(testFormat.Finer))
		}
		if count := b.coded(quantizer); count != 9 {
			t.Errorf("%d macroblocks coded, want 9", count)
		}
	}
	if !b.settled() {
		t.Error("not settled after all tries")
	}
	clear(b.Active)
	b.damage(image.Rect(20, 20, 21, 21))
	b.dull()
	if b.settled() {
		t.Error("settled after damage")
	}
}

// TestBlocksCoded expects the loop filter's neighbours to be measured again.
func TestBlocksCoded(t *testing.T) {
	b := newBlocks(4, 3)
	b.Active[5] = 1
	b.coded(40)
	if got, want := marked(b.Stale), []int{1, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("stale %v, want %v", got, want)
	}
	if b.tries[5] != 0 {
		t.Error("a coarse frame counts as a Refinement")
	}
}
