package rate

import (
	"image"
	"math"
)

// A macroblock is 16×16 pixels. Each is in one of three conditions: the
// decoder's picture of it is near enough to the screen's (sharp), it is not, or
// that has to be measured (stale).

// same is the largest error by which a macroblock that was drawn anew is known
// to be as it was: its error is what it was before. Another picture of just that
// error would be as near to the screen.
const same = 16 * 16

// unknown is the error of a macroblock that has not been measured.
const unknown = math.MaxUint16

// blocks is the state of a picture's macroblocks.
type blocks struct {
	Map
	format *Format
	before []uint16 // errors before the damage of this frame; unknown if that was stale
	tries  []uint8  // refinements since the picture changed here
	next   int      // where the next refinement begins
}

// all makes every macroblock active, as if it had changed.
func (b *blocks) all() {
	for i := range b.Active {
		b.Active[i], b.tries[i] = 1, 0
	}
}

// damage marks the macroblocks that r touches as changed.
func (b *blocks) damage(r image.Rectangle) {
	r = r.Intersect(image.Rect(0, 0, 16*b.Columns, 16*b.Rows))
	if r.Empty() {
		return
	}
	for y := r.Min.Y / 16; y <= (r.Max.Y-1)/16; y++ {
		for i := y*b.Columns + r.Min.X/16; i <= y*b.Columns+(r.Max.X-1)/16; i++ {
			if b.Active[i] != 0 {
				continue // by another rectangle
			}
			b.before[i] = b.Errors[i]
			if b.Stale[i] != 0 {
				b.before[i] = unknown
			}
			b.Active[i], b.Stale[i] = 1, 1
		}
	}
}

// dull keeps of the active macroblocks those that have changed and are not
// sharp, and returns how much there is to code.
func (b *blocks) dull() (weight float64) {
	for i, active := range b.Active {
		if active == 0 {
			continue
		}
		if b.Errors[i] == b.before[i] && b.Errors[i] <= same {
			b.Active[i] = 0
			continue
		}
		b.tries[i] = 0
		if b.Errors[i] <= b.format.Strict {
			b.Active[i] = 0
			continue
		}
		weight += b.weight(i)
	}
	return weight
}

// weight is how much there is to code in a macroblock: the root of its mean
// squared error.
func (b *blocks) weight(i int) float64 {
	if b.Errors[i] == unknown {
		return 8
	}
	return math.Sqrt(float64(b.Errors[i]) / 16)
}

// open says that refining the macroblock is of use.
func (b *blocks) open(i int) bool {
	switch tries := int(b.tries[i]); {
	case tries == 0:
		return b.Errors[i] > b.format.Strict
	default:
		return b.Errors[i] > b.format.Loose && tries < len(b.format.Finer)
	}
}

// settled says that no macroblock is open.
func (b *blocks) settled() bool {
	for i := range b.tries {
		if b.open(i) {
			return false
		}
	}
	return true
}

// remaining returns the weight of the open macroblocks that have had tries.
func (b *blocks) remaining(tries int) (weight float64) {
	for i, had := range b.tries {
		if int(had) == tries && b.open(i) {
			weight += b.weight(i)
		}
	}
	return weight
}

// refine activates open macroblocks that have had at most the given number of
// tries, going on where the last refinement stopped, until their weight reaches
// limit. It activates one at least, if there is one.
func (b *blocks) refine(tries int, limit float64) (weight float64) {
	n := len(b.tries)
	for range n {
		i := b.next
		if int(b.tries[i]) <= tries && b.open(i) {
			if weight > 0 && weight+b.weight(i) > limit {
				break
			}
			weight += b.weight(i)
			b.Active[i] = 1
		}
		b.next = (i + 1) % n
	}
	return weight
}

// coded says that the active macroblocks have been coded by a quantizer. A loop
// filter has touched the neighbours above and to the left as well.
func (b *blocks) coded(quantizer int) (count int) {
	for i, active := range b.Active {
		if active == 0 {
			continue
		}
		count++
		for int(b.tries[i]) < len(b.format.Finer) && quantizer <= b.format.Finer[b.tries[i]] {
			b.tries[i]++
		}
		b.Stale[i] = 1
		if !b.format.Filtered {
			continue
		}
		if i%b.Columns > 0 {
			b.Stale[i-1] = 1
		}
		if i >= b.Columns {
			b.Stale[i-b.Columns] = 1
		}
	}
	return count
}
