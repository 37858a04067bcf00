package sample

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func ms(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

func at(n float64) time.Time { return start.Add(ms(n)) }

// drawnAt100 returns the times of n frames at 100 frames/s, from number 1.
func drawnAt100(n int) []time.Time {
	drawn := make([]time.Time, n+1)
	for i := 1; i <= n; i++ {
		drawn[i] = at(float64(i) * 10)
	}
	return drawn
}

// recorded returns the samples of a page that shows each of the frames, 5 ms
// after it was drawn.
func recorded(frames ...int) []Sample {
	var samples []Sample
	for _, n := range frames {
		samples = append(samples, Sample{At: at(float64(n)*10 + 5), Value: n})
	}
	return samples
}

func upTo(n int) []int {
	var all []int
	for i := 1; i <= n; i++ {
		all = append(all, i)
	}
	return all
}

func TestShown(t *testing.T) {
	const frames = 401 // with one second that does not count: those from 101 on
	drawn := drawnAt100(frames)
	every := recorded(upTo(frames)...)

	// Each frame is followed by the one before it, and by a moment without any.
	var again []Sample
	for _, s := range every {
		again = append(again, s,
			Sample{At: s.At.Add(ms(1)), Value: s.Value - 1}, Sample{At: s.At.Add(ms(2)), Value: -1}, Sample{At: s.At.Add(ms(3)), Value: s.Value})
	}
	odd := slices.DeleteFunc(upTo(frames), func(n int) bool { return n%2 == 0 })
	paused := slices.DeleteFunc(upTo(frames), func(n int) bool { return n > 120 && n < 270 })

	for _, c := range []struct {
		name    string
		samples []Sample
		frames  int
		older   int
		frozen  time.Duration
		err     error
	}{
		{"every frame", every, 300, 0, ms(10), nil},
		{"older frames shown again", again, 300, 300, ms(10), nil},
		{"every other frame", recorded(odd...), 150, 0, ms(20), nil},
		{"after another animation", append([]Sample{{At: at(-20), Value: 400}, {At: at(-10), Value: 401}}, every...), 300, 0, ms(10), nil},
		{"a pause", recorded(paused...), 151, 0, ms(1500), nil},
		{"frozen in the beginning", recorded(upTo(50)...), 0, 0, ms(3000), ErrFrozen},
		{"frozen in the middle", recorded(upTo(200)...), 100, 0, ms(2005), ErrFrozen},
		{"frozen on an alternation", append(recorded(upTo(200)...), alternating(199, 200, 3000)...), 100, 100, ms(2005), ErrFrozen},
		{"no bar code", []Sample{{At: at(1500), Value: -1}}, 0, 0, ms(3000), ErrFrozen},
		{"numbers that were not drawn", []Sample{{At: at(1500), Value: 999}}, 0, 0, ms(3000), ErrFrozen},
		{"nothing", nil, 0, 0, ms(3000), ErrFrozen},
	} {
		got, err := Shown(drawn, c.samples, time.Second)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.err)
		}
		if len(got.Frames) != c.frames || got.Older != c.older || got.Frozen != c.frozen || got.Drawn != 300 || got.Time != ms(3000) {
			t.Errorf("%s: %d frames, %d older, frozen %v of %d in %v; want %d, %d, %v of 300 in 3s",
				c.name, len(got.Frames), got.Older, got.Frozen, got.Drawn, got.Time, c.frames, c.older, c.frozen)
		}
		for _, f := range got.Frames {
			if f.Delay != ms(5) || f.At != drawn[f.Number].Add(f.Delay).Sub(at(1010)) {
				t.Errorf("%s: frame %+v, want 5 ms after it was drawn", c.name, f)
			}
		}
	}
}

// alternating is a page that shows two frames by turns for a second, from a
// moment in ms on.
func alternating(a, b int, from float64) []Sample {
	var samples []Sample
	for i := range 100 {
		samples = append(samples, Sample{At: at(from + 10*float64(i)), Value: a}, Sample{At: at(from + 10*float64(i) + 5), Value: b})
	}
	return samples
}

func TestShownOfNothingDrawn(t *testing.T) {
	if got, err := Shown(nil, recorded(1, 2), time.Second); !errors.Is(err, ErrFrozen) || got.Drawn != 0 {
		t.Errorf("Shown of nothing: %+v, %v", got, err)
	}
}

func TestDelays(t *testing.T) {
	const a, b = 0x2060c0, 0xe0a030
	changes := []Change{{at(0), b}, {at(100), a}, {at(200), b}}
	for _, c := range []struct {
		name      string
		changes   []Change
		samples   []Sample
		tolerance int
		want      []time.Duration
	}{
		{"one lost", changes[1:], []Sample{{At: at(50), Value: b}, {At: at(55), Value: 0x808080}, {At: at(230), Value: b}}, 48, []time.Duration{ms(30)}},
		{"one lost, and so the way back", changes, []Sample{{At: at(-5), Value: a}, {At: at(12), Value: b + 0x020202}, {At: at(230), Value: b}}, 48, []time.Duration{ms(12)}},
		{"shown after the next change", changes[:2], []Sample{{At: at(105), Value: b}, {At: at(110), Value: a}}, 48, []time.Duration{ms(105), ms(10)}},
		{"each after the next one", changes, []Sample{{At: at(-5), Value: a}, {At: at(150), Value: b}, {At: at(250), Value: a}, {At: at(350), Value: b}}, 48,
			[]time.Duration{ms(150), ms(150), ms(150)}},
		{"not before the same is made again", changes, []Sample{{At: at(-5), Value: a}, {At: at(210), Value: b}}, 48, []time.Duration{ms(10)}},
		{"a sharper one of before", changes, []Sample{{At: at(-5), Value: a}, {At: at(195), Value: b + 0x020202}, {At: at(205), Value: b}, {At: at(295), Value: a}, {At: at(395), Value: b}}, 48,
			[]time.Duration{ms(195), ms(195), ms(195)}},
		{"not like it", changes, []Sample{{At: at(12), Value: 0x808080}}, 48, nil},
		{"no picture", changes, []Sample{{At: at(12), Value: -1}}, 255, nil},
		{"frozen", changes, []Sample{{At: at(-50), Value: b}}, 48, nil},
		{"nothing", changes, nil, 48, nil},
		{"numbers", []Change{{at(0), 1}, {at(50), 2}, {at(90), 3}}, []Sample{{At: at(20), Value: 1}, {At: at(95), Value: 2}, {At: at(99), Value: 3}}, 0, []time.Duration{ms(20), ms(45), ms(9)}},
		{"numbers over a long way", []Change{{at(0), 1}, {at(50), 2}, {at(90), 3}}, []Sample{{At: at(200), Value: 1}, {At: at(290), Value: 3}}, 0, []time.Duration{ms(200), ms(200)}},
	} {
		if got := Delays(c.changes, c.samples, c.tolerance); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestDelaysOfALatePage: a page that is late by several changes is found to be, if
// the changes have enough values.
func TestDelaysOfALatePage(t *testing.T) {
	colours := []int{0x2040a0, 0xe0c040, 0xc02060, 0x20c0c0, 0xe060e0, 0x20a020, 0xe0e0e0, 0x402020}
	for _, lag := range []float64{20, 150, 320, 700} {
		rnd := rand.New(rand.NewPCG(3, 4))
		samples := []Sample{{At: at(-10), Value: colours[0]}}
		var changes []Change
		for i, now := 1, 0.0; i <= 100; i++ {
			now += 120 + 60*rnd.Float64()
			changes = append(changes, Change{at(now), colours[i%len(colours)]})
			samples = append(samples, Sample{At: at(now + lag), Value: colours[i%len(colours)]})
		}
		got := Delays(changes, samples, 48)
		if len(got) != len(changes) {
			t.Errorf("%v ms late: %d of %d changes shown", lag, len(got), len(changes))
		}
		for i, d := range got {
			if d != got[0] || d < ms(lag)-time.Millisecond || d > ms(lag)+time.Millisecond {
				t.Errorf("%v ms late: change %d took %v", lag, i, d)
			}
		}
	}
}

func TestNear(t *testing.T) {
	for _, c := range []struct {
		a, b, tolerance int
		want            bool
	}{
		{0x102030, 0x102030, 0, true}, {0x102030, 0x162a36, 6, false}, {0x102030, 0x162636, 6, true},
		{0xff0000, 0x00ff00, 6, false}, {-1, 0xffffff, 255, false},
	} {
		if got := Near(c.a, c.b, c.tolerance); got != c.want {
			t.Errorf("Near(%06x, %06x, %d) = %t", c.a, c.b, c.tolerance, got)
		}
	}
}
