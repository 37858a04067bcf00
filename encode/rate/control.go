// Package rate decides what of a picture a frame codes and by which quantizer, for
// encoders that leave both to us: what has changed, as finely as the bitrate
// allows, and while the picture rests what is not sharp yet.
package rate

import (
	"image"
	"time"

	"lucarne/encode"
)

// Format is what rate control knows of a coding format.
type Format struct {
	// Steps are the quantizers' steps, the finest first; a quantizer is an index.
	Steps []float64
	// Finer are the quantizers by which a macroblock at rest is refined, one
	// after the other until it is sharp.
	Finer []int
	// Strict and Loose are the errors, of the scale of Map.Errors, up to which a
	// macroblock needs no more bits: strictly before it has been refined, so that
	// even colours are right, which costs little; loosely afterwards.
	Strict, Loose uint16
	// Fall is by how much the quantizer may fall from one frame of motion to the
	// next. What follows a coarse frame is dearer than it seems: without a bound
	// the quality of a page that scrolls swings.
	Fall int
	// Exponent says how the bits fall as the step rises: by its power.
	Exponent float64
	// Costs are what a unit of weight takes at a step of 1 before that is learned,
	// in bits: of a key frame, of motion and of a refinement.
	Costs [kinds]float64
	// Filtered: a macroblock that is coded changes those above and to the left.
	Filtered bool
}

// Map is a picture's macroblocks of 16×16 pixels, row by row, one element each.
// The encoder owns the memory.
type Map struct {
	Columns, Rows int
	Active        []byte   // 1: to be coded in this frame
	Stale         []byte   // 1: Errors has to be measured
	Errors        []uint16 // mean squared error against the screen, 16 times; 65535: unknown
}

// Control decides for one encoder. In each frame it is told the time (Tick) and
// the damage (Damage), plans once the errors of all stale macroblocks have been
// measured (Plan), and is told what came of it (Coded).
type Control struct {
	format *Format
	blocks blocks
	budget budget
	moved  int // quantizer of the last frame, if it was one of motion
}

// Plan is what a frame codes: the Active macroblocks of the Map, by a quantizer.
type Plan struct {
	Kind      Kind
	Quantizer int
	weight    float64 // how much there is to code; 0: that was a guess
}

// New returns a control that holds bps bits a second, 0 for the default, at maxFPS
// frames a second at most. It has no picture yet.
func New(format *Format, bps, maxFPS int) *Control {
	return &Control{format: format, budget: newBudget(format, bps, maxFPS)}
}

// Begin begins a picture. What has been learned about the cost of frames is kept.
func (c *Control) Begin(m Map) {
	n := m.Columns * m.Rows
	c.blocks = blocks{Map: m, format: c.format, before: make([]uint16, n), tries: make([]uint8, n)}
	for i := range c.blocks.Errors {
		c.blocks.Errors[i] = unknown
	}
	c.moved = 0
}

// Tick brings the account of bits to the time of the next frame.
func (c *Control) Tick(now time.Time) { c.budget.tick(now) }

// Overdrawn says that the next frame had better not be sent: even the coarsest
// quantizer has not held the bitrate.
func (c *Control) Overdrawn() bool { return c.budget.overdrawn() }

// SetBitrate sets the target in bits a second; 0 is the default of 8,000,000, and
// what is outside 50,000 to 1,000,000,000 is brought inside.
func (c *Control) SetBitrate(bps int) { c.budget.setBitrate(bps) }

// Bitrate returns the target in bits a second.
func (c *Control) Bitrate() int { return int(c.budget.bps) }

// Settled says that no macroblock needs any more bits.
func (c *Control) Settled() bool { return c.blocks.settled() }

// Damage says that the next frame differs from the last one inside these
// rectangles at most. The macroblocks that they touch become active and stale.
func (c *Control) Damage(damage []image.Rectangle) {
	clear(c.blocks.Active)
	for _, r := range damage {
		c.blocks.damage(r)
	}
}

// Plan chooses the macroblocks to code and the quantizer: all for a key frame,
// else those that have changed, else those that are not sharp if that is asked
// for. known says that errors were measured against the last frame. detail is the
// weight of a key frame: how much there is to code in the picture.
func (c *Control) Plan(op encode.Op, known bool, detail float64) Plan {
	b := &c.blocks
	if op.Key {
		b.all()
		return Plan{KeyFrame, c.budget.quantizer(KeyFrame, detail, c.format.Finer[0]), detail}
	}
	plan := Plan{Kind: Nothing}
	if weight := b.dull(); weight > 0 {
		c.moved = c.budget.quantizer(Motion, weight, max(c.format.Finer[0], c.moved-c.format.Fall))
		plan = Plan{Motion, c.moved, weight}
	} else if op.Refine && !b.settled() {
		c.moved = 0
		tries, limit := c.finest()
		plan = Plan{Refinement, c.format.Finer[tries], b.refine(tries, limit)}
	}
	if !known {
		plan.weight = 0
	}
	return plan
}

// finest returns the most tries up to which all open macroblocks can be coded
// in one frame, by the quantizer that comes next; else the fewest that any has
// had. limit is the weight that may be coded.
func (c *Control) finest() (tries int, limit float64) {
	total, chosen := 0.0, -1
	for i, quantizer := range c.format.Finer {
		weight := c.blocks.remaining(i)
		total += weight
		affordable := c.budget.affordable(Refinement, quantizer)
		if weight > 0 && (chosen < 0 || total <= affordable) {
			chosen, limit = i, affordable
		}
	}
	return max(chosen, 0), limit
}

// Coded says that the frame has been coded as planned and how large it is. measure:
// the errors are worth measuring at once. Known now, a macroblock is known to be the
// same if it is drawn once more; in motion that is work for nothing.
func (c *Control) Coded(p Plan, bytes int) (measure bool) {
	c.budget.spend(p.Kind, 8*float64(bytes), p.weight, p.Quantizer)
	count := c.blocks.coded(p.Quantizer)
	return p.Quantizer <= c.format.Finer[0] || count <= len(c.blocks.Active)/8
}
