package rate

import (
	"math"
	"time"
)

// Rate control is ours. A library's own expects frames of one kind: after a minute
// of typing libvpx takes every macroblock to be cheap and spends a megabyte on the
// first page that scrolls. Here each frame gets one quantizer, chosen by how
// much there is to code and by what that has cost lately.

// What a frame may cost, in time at the target bitrate.
const (
	// burst is what may be saved up while nothing is sent. It bounds how long
	// one frame keeps the link busy.
	burst = 50 * time.Millisecond
	// keyBurst is what a key frame may take in advance.
	keyBurst = 150 * time.Millisecond
	// patience is the debt at which frames are dropped: the coarsest quantizer
	// is not coarse enough.
	patience = 200 * time.Millisecond
	// forgiven is the debt beyond which no more is owed. A key frame of a page
	// of text takes seconds of a slow link, and a stream that stands still for
	// as long as it took is of no use to anybody.
	forgiven = time.Second
)

// Bounds of the bitrate, in bits a second.
const (
	defaultBps = 8_000_000
	leastBps   = 50_000
	mostBps    = 1_000_000_000
)

// header is about what a frame costs before any macroblock is coded, in bits.
const header = 600

// Kind is what a frame is for. Each kind has its own cost.
type Kind int

const (
	KeyFrame Kind = iota
	Motion
	Refinement
	kinds
	Nothing = kinds
)

// budget says how many bits a frame may take, and by which quantizer it will.
type budget struct {
	bps      float64
	interval time.Duration // the shortest between frames
	saved    float64       // bits that may be sent now; negative: owed
	last     time.Time
	// cost is bits a unit of weight, times fineness, as learned.
	cost     [kinds]float64
	fineness []float64 // of each quantizer: how it divides the bits
}

func newBudget(f *Format, bps, maxFPS int) budget {
	b := budget{interval: time.Second / time.Duration(maxFPS), cost: f.Costs}
	b.fineness = make([]float64, len(f.Steps))
	for i, step := range f.Steps {
		b.fineness[i] = math.Pow(step, f.Exponent)
	}
	b.setBitrate(bps)
	b.saved = b.bits(burst)
	return b
}

// setBitrate sets the target; 0 is the default, and what is out of bounds is
// brought inside.
func (b *budget) setBitrate(bps int) {
	if bps == 0 {
		bps = defaultBps
	}
	b.bps = float64(min(max(bps, leastBps), mostBps))
	b.saved = min(max(b.saved, -b.bits(forgiven)), b.bits(burst))
}

func (b *budget) bits(d time.Duration) float64 { return b.bps * d.Seconds() }

// tick brings the account to the time of the next frame.
func (b *budget) tick(now time.Time) {
	if passed := now.Sub(b.last); !b.last.IsZero() && passed > 0 {
		b.saved = min(b.saved+b.bits(min(passed, time.Second)), b.bits(burst))
	}
	if now.After(b.last) {
		b.last = now
	}
}

// overdrawn says that the next frame had better not be sent.
func (b *budget) overdrawn() bool { return b.saved < -b.bits(patience) }

// target is what the next frame should take, in bits: most of what there is, so
// that an error in the estimate evens out within a few frames.
func (b *budget) target(k Kind) float64 {
	if k == KeyFrame {
		return b.bits(keyBurst)
	}
	return max(0.75*b.saved, b.bits(b.interval)/4)
}

// quantizer returns the finest one, finest or coarser, that keeps weight units
// within the target.
func (b *budget) quantizer(k Kind, weight float64, finest int) int {
	q := finest
	for q < len(b.fineness)-1 && b.cost[k]*weight/b.fineness[q] > b.target(k) {
		q++
	}
	return q
}

// affordable is the weight that the target allows at a quantizer.
func (b *budget) affordable(k Kind, quantizer int) float64 {
	return b.target(k) * b.fineness[quantizer] / b.cost[k]
}

// spend takes a frame from the account and learns from it, the more the larger
// its part of the target was: ten letters say nothing about a page.
func (b *budget) spend(k Kind, bits, weight float64, quantizer int) {
	if weight > 0 {
		seen := max(bits-header, 0) * b.fineness[quantizer] / weight
		part := min(1, bits/b.target(k)) / 2
		b.cost[k] = max(1, b.cost[k]*math.Pow(max(seen, 1)/b.cost[k], part))
	}
	b.saved = max(b.saved-bits, -b.bits(forgiven))
}
