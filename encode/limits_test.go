package encode_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestLimits: the main stream keeps to what its lead allows, and to nobody else's.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		f := fan(t, moving(t), r)
		lead, other := f.Join(&viewer{}), f.Join(&viewer{})
		lead.Lead()
		// holds looks at the frames of two seconds and at the newest bitrate.
		holds := func(step string, fewest, most, bps int) {
			t.Helper()
			time.Sleep(time.Second) // the last frames at the old rate
			r.take()
			time.Sleep(2 * time.Second)
			if got := len(r.take()); got < fewest || got > most {
				t.Errorf("%s: %d frames in 2 s, want %d to %d", step, got, fewest, most)
			}
			if got := r.bitrate(); got != bps {
				t.Errorf("%s: %d bits a second, want %d", step, got, bps)
			}
		}
		lead.SetBitrate(3e6)
		other.SetBitrate(2e6)
		holds("no limit", 90, 110, 3e6)
		other.SetLimits(1e5, 1)
		holds("another's", 90, 110, 3e6)
		lead.SetLimits(5e5, 10)
		holds("the lead's", 18, 22, 5e5)
		lead.SetBitrate(4e5)
		holds("an estimate below", 18, 22, 4e5)
		lead.SetLimits(0, 0)
		holds("lifted", 90, 110, 4e5)
		lead.SetLimits(0, 5)
		other.SetLimits(1500e3, 20)
		other.Lead()
		holds("another leads", 36, 44, 1500e3)
		other.Leave()
		holds("nobody leads", 90, 110, 4e5)
	})
}

// TestLimitBeforeAnEstimate: a limit bounds what a stream begins with.
func TestLimitBeforeAnEstimate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		f := fan(t, moving(t), r)
		seat := f.Join(&viewer{})
		seat.Lead()
		for _, test := range []struct{ limit, want int }{{200e3, 200e3}, {8e6, 1e6}, {300e3, 300e3}, {0, 1e6}} {
			seat.SetLimits(test.limit, 0)
			time.Sleep(time.Second)
			if got := r.bitrate(); got != test.want {
				t.Errorf("limit %d: %d bits a second, want %d", test.limit, got, test.want)
			}
		}
	})
}

// TestLimitsMove: a seat keeps its limits where it goes.
func TestLimitsMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := &recorder{}, &recorder{}
		seat := fan(t, moving(t), before).Join(&viewer{})
		seat.SetBitrate(3e6)
		seat.SetLimits(5e5, 10)
		seat = seat.Move(fan(t, moving(t), after))
		seat.Lead()
		time.Sleep(time.Second)
		after.take()
		time.Sleep(2 * time.Second)
		if got := len(after.take()); got < 18 || got > 22 || after.bitrate() != 5e5 {
			t.Errorf("%d frames in 2 s at %d bits a second, want 20 at 500000", got, after.bitrate())
		}
	})
}

// bitrate returns the one that the newest encoder works at.
func (r *recorder) bitrate() int {
	_, _, config, set := r.state()
	return append([]int{config.BitrateBps}, set...)[len(set)]
}
