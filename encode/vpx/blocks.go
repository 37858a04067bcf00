package vpx

import (
	"image"
	"math"
)

// A macroblock is 16×16 pixels. Each is in one of three conditions: the
// decoder's picture of it is near enough to the screen's (sharp), it is not, or
// that has to be measured (stale).

// A macroblock needs no more bits while its mean squared error, 16 times, is at
// most this: strictly before it has been refined, so that even colours are
// right, which costs little; loosely afterwards. 5 is 41 dB in the worst
// macroblock, and some 50 dB over a page.
const (
	strict = 16 * 1
	loose  = 16 * 5
)

// same is the largest error by which a macroblock that was drawn anew is known
// to be as it was: its error is what it was before. Another picture of just that
// error would be as near to the screen.
const same = 16 * 16

// unknown is the error of a macroblock that has not been measured.
const unknown = math.MaxUint16

// blocks is the state of a picture's macroblocks, row by row.
type blocks struct {
	columns, rows int
	active        []byte   // 1: to be coded in this frame
	stale         []byte   // 1: errors has to be measured
	errors        []uint16 // mean squared error, 16 times
	before        []uint16 // errors before the damage of this frame; unknown if that was stale
	tries         []uint8  // refinements since the picture changed here
	next          int      // where the next refinement begins
}

// finer are the quantizers by which a macroblock is refined, one after the
// other until it is sharp.
var finer = [...]int{6, 2}

// damage marks the macroblocks that r touches as changed.
func (b *blocks) damage(r image.Rectangle) {
	r = r.Intersect(image.Rect(0, 0, 16*b.columns, 16*b.rows))
	if r.Empty() {
		return
	}
	for y := r.Min.Y / 16; y <= (r.Max.Y-1)/16; y++ {
		for i := y*b.columns + r.Min.X/16; i <= y*b.columns+(r.Max.X-1)/16; i++ {
			if b.active[i] != 0 {
				continue // by another rectangle
			}
			b.before[i] = b.errors[i]
			if b.stale[i] != 0 {
				b.before[i] = unknown
			}
			b.active[i], b.stale[i] = 1, 1
		}
	}
}

// dull keeps of the active macroblocks those that have changed and are not
// sharp, and returns how much there is to code.
func (b *blocks) dull() (weight float64) {
	for i, active := range b.active {
		if active == 0 {
			continue
		}
		if b.errors[i] == b.before[i] && b.errors[i] <= same {
			b.active[i] = 0
			continue
		}
		b.tries[i] = 0
		if b.errors[i] <= strict {
			b.active[i] = 0
			continue
		}
		weight += b.weight(i)
	}
	return weight
}

// weight is how much there is to code in a macroblock: the root of its mean
// squared error.
func (b *blocks) weight(i int) float64 {
	if b.errors[i] == unknown {
		return 8
	}
	return math.Sqrt(float64(b.errors[i]) / 16)
}

// open says that refining the macroblock is of use.
func (b *blocks) open(i int) bool {
	switch tries := int(b.tries[i]); {
	case tries == 0:
		return b.errors[i] > strict
	default:
		return b.errors[i] > loose && tries < len(finer)
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

// remaining returns the weight of the open macroblocks that have had 0, 1, 2...
// tries.
func (b *blocks) remaining() (weight [len(finer)]float64) {
	for i, tries := range b.tries {
		if b.open(i) {
			weight[tries] += b.weight(i)
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
			b.active[i] = 1
		}
		b.next = (i + 1) % n
	}
	return weight
}

// coded says that the active macroblocks have been coded by a quantizer. The
// loop filter has touched the neighbours above and to the left as well.
func (b *blocks) coded(quantizer int) (count int) {
	for i, active := range b.active {
		if active == 0 {
			continue
		}
		count++
		for int(b.tries[i]) < len(finer) && quantizer <= finer[b.tries[i]] {
			b.tries[i]++
		}
		b.stale[i] = 1
		if i%b.columns > 0 {
			b.stale[i-1] = 1
		}
		if i >= b.columns {
			b.stale[i-b.columns] = 1
		}
	}
	return count
}
