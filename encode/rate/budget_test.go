package rate

import (
	"math"
	"testing"
	"time"
)

func TestBudgetBounds(t *testing.T) {
	for _, test := range []struct{ bps, want int }{
		{0, defaultBps}, {1, leastBps}, {-5, leastBps}, {3_000_000, 3_000_000}, {10_000_000_000, mostBps},
	} {
		b := newBudget(&testFormat, test.bps, 60)
		if int(b.bps) != test.want {
			t.Errorf("newBudget(&testFormat, %d): %v bit/s, want %d", test.bps, b.bps, test.want)
		}
	}
}

// TestBudgetHolds sends frames of one kind whose cost is not known at first,
// and expects the target to be held and no frame to be dropped.
func TestBudgetHolds(t *testing.T) {
	for _, dear := range []float64{5, 100, 300} {
		b, now := newBudget(&testFormat, 8_000_000, 60), time.Unix(1, 0)
		const weight, frames = 20_000, 120
		sent := 0.0
		for range frames {
			now = now.Add(time.Second / 60)
			b.tick(now)
			if b.overdrawn() {
				t.Errorf("cost %v: a frame is dropped", dear)
			}
			q := b.quantizer(Motion, weight, 0)
			bits := header + dear*weight/b.fineness[q]
			b.spend(Motion, bits, weight, q)
			sent += bits
		}
		limit := b.bps * frames / 60
		// The coarsest quantizer and the finest bound what can be done.
		least := header + dear*weight/b.fineness[len(testFormat.Steps)-1]
		most := header + dear*weight/b.fineness[0]
		want := min(max(limit, frames*least), frames*most)
		if math.Abs(sent-want) > 0.15*want {
			t.Errorf("cost %v: %.0f bits sent, want %.0f ± 15%%", dear, sent, want)
		}
	}
}

// TestBudgetSaves expects that a long silence allows no more than a burst, and
// that a small frame teaches little about large ones.
func TestBudgetSaves(t *testing.T) {
	b, now := newBudget(&testFormat, 8_000_000, 60), time.Unix(1, 0)
	b.tick(now)
	b.tick(now.Add(time.Hour))
	if want := b.bits(burst); b.saved != want {
		t.Errorf("after an hour %v bits are saved, want %v", b.saved, want)
	}
	before := b.cost[Motion]
	for range 100 {
		b.saved = b.bits(burst)
		b.spend(Motion, header+10, 50, 6)
	}
	if after := b.cost[Motion]; after < before/3 {
		t.Errorf("a hundred letters took the cost from %v to %v", before, after)
	}
}

// TestBudgetDrops expects that a debt stops frames, and that time pays it.
func TestBudgetDrops(t *testing.T) {
	b, now := newBudget(&testFormat, 1_000_000, 60), time.Unix(1, 0)
	b.tick(now)
	b.spend(Motion, 500_000, 1, len(testFormat.Steps)-1)
	if !b.overdrawn() {
		t.Error("half a second of bits in one frame, and the next may go at once")
	}
	b.tick(now.Add(time.Second))
	if b.overdrawn() {
		t.Error("a second later frames are still dropped")
	}
}

// TestBudgetForgives expects frames to go again within a second, whatever
// a frame has cost and however far the target falls.
func TestBudgetForgives(t *testing.T) {
	b, now := newBudget(&testFormat, 8_000_000, 60), time.Unix(1, 0)
	b.tick(now)
	for range 12 {
		b.spend(KeyFrame, 800_000, 1, len(testFormat.Steps)-1)
	}
	b.setBitrate(300_000)
	for range 12 {
		b.spend(KeyFrame, 800_000, 1, len(testFormat.Steps)-1)
	}
	if !b.overdrawn() {
		t.Error("a key frame of 100 kB at 300 kbit/s, and the next may go at once")
	}
	b.tick(now.Add(time.Second))
	if b.overdrawn() {
		t.Error("a second later frames are still dropped")
	}
}
