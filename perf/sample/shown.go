package sample

import (
	"errors"
	"slices"
	"time"
)

// ErrFrozen is returned by Shown when the picture has come to a standstill.
var ErrFrozen = errors.New("sample: the picture is frozen")

// standstill is how long nothing new may be shown at the end of an animation.
const standstill = time.Second

// Showing is what a page made of an animation.
type Showing struct {
	Drawn  int           // frames drawn
	Time   time.Duration // in which they were
	Frames []Frame       // those shown, in order, each once
	Older  int           // how often a frame was shown again after a newer one: these do not count
	Frozen time.Duration // the longest time without a new frame
}

// Frame is a frame that was shown.
type Frame struct {
	Number int
	At     time.Duration // since counting began: when the page was first seen to show it
	Delay  time.Duration // since it was drawn
}

// Shown counts the frames of an animation that a page has shown. drawn is when
// each number was drawn, zero for those left out, as xclient.Animate returns it.
// A frame counts once, and only if it is newer than all before it. What is drawn
// or shown in the first warmUp, or shown after the last frame was drawn, does not
// count.
//
// The error is ErrFrozen if no new frame was shown in the last second, or none
// at all; the Showing then says how far it came.
func Shown(drawn []time.Time, samples []Sample, warmUp time.Duration) (Showing, error) {
	var s Showing
	first, to := span(drawn)
	from := first.Add(warmUp)
	s.Time = max(0, to.Sub(from))
	for _, t := range drawn {
		if t.After(from) {
			s.Drawn++
		}
	}
	newest, last := 0, from
	for _, v := range samples {
		if v.Value < 0 || v.Value >= len(drawn) || drawn[v.Value].IsZero() || v.Value == newest {
			continue // no frame of this animation, or blurred for a moment
		}
		if v.At.Before(drawn[v.Value]) {
			continue // left over from an animation before this one
		}
		counts := v.At.After(from) && v.At.Before(to)
		if v.Value < newest {
			if counts {
				s.Older++
			}
			continue
		}
		newest = v.Value
		if counts {
			s.Frames = append(s.Frames, Frame{v.Value, v.At.Sub(from), v.At.Sub(drawn[v.Value])})
			s.Frozen = max(s.Frozen, v.At.Sub(last))
			last = v.At
		}
	}
	pause := to.Sub(last)
	s.Frozen = max(s.Frozen, pause)
	if len(s.Frames) == 0 || pause > standstill {
		return s, ErrFrozen
	}
	return s, nil
}

// span returns when the first and the last frame were drawn.
func span(drawn []time.Time) (first, last time.Time) {
	for _, t := range drawn {
		if t.IsZero() {
			continue
		}
		if first.IsZero() {
			first = t
		}
		last = t
	}
	return first, last
}

// Change is something new on the display from a moment on: a colour, or the
// number in a bar code.
type Change struct {
	At    time.Time
	Value int
}

// Delays returns how long each change took to be shown, in the order of the
// changes and without those that were never shown. A value is shown when each
// channel is within the tolerance, and was not in the sample before; numbers need 0.
//
// A change may be shown after the next one is made, for what is late is not lost;
// but not after its own value is made again, for then the two cannot be told apart.
// Where delays may be as long as that, changes need more values.
func Delays(changes []Change, samples []Sample, tolerance int) []time.Duration {
	var delays []time.Duration
	for i, c := range changes {
		again := slices.IndexFunc(changes[i+1:], func(later Change) bool { return Near(later.Value, c.Value, tolerance) })
		for k, s := range samples {
			if again >= 0 && !s.At.Before(changes[i+1+again].At) {
				break
			}
			if s.At.Before(c.At) || !Near(s.Value, c.Value, tolerance) {
				continue
			}
			if k > 0 && Near(samples[k-1].Value, c.Value, tolerance) {
				continue // no more than another shade of what was there before
			}
			delays = append(delays, s.At.Sub(c.At))
			break
		}
	}
	return delays
}

// Near says whether each channel of two colours differs by at most the tolerance.
func Near(a, b, tolerance int) bool {
	for shift := 0; shift <= 16; shift += 8 {
		d := a>>shift&255 - b>>shift&255
		if a < 0 || b < 0 || d > tolerance || d < -tolerance {
			return false
		}
	}
	return true
}
