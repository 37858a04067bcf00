package input

import "time"

// lag estimates how late messages arrive, from the page's clock in them. Only
// the difference between the two clocks is seen, so that the smallest one stands
// for no delay at all.
type lag struct {
	start time.Time     // of our clock; zero: nothing seen yet
	base  time.Duration // the smallest difference between the clocks, corrected for drift
	seen  time.Duration // when, on our clock since start
}

const (
	// Clocks drift, so the smallest difference grows by 1/driftPart of the time
	// that passes: 500 ppm is what NTP slews at most.
	driftPart = 2000
	// A page's clock stands still while its machine sleeps. Nothing that takes
	// longer than this to arrive comes through a channel that is still in use.
	clockJump = 10 * time.Second
)

// of returns how much later than the quickest message this one is, which was
// made at `at` (the page's ms, wrapping) and arrived now.
func (l *lag) of(now time.Time, at uint32) time.Duration {
	if l.start.IsZero() {
		l.start = now
		l.base = l.difference(0, at)
		return 0
	}
	elapsed := now.Sub(l.start)
	// The sum wraps as the page's clock does: what counts is how far the new
	// difference is from the old one.
	late := wrap(l.difference(elapsed, at) - l.base)
	late -= (elapsed - l.seen) / driftPart
	l.seen = elapsed
	if late < 0 || late > clockJump {
		l.base, late = l.difference(elapsed, at), 0
		return late
	}
	l.base = l.difference(elapsed, at) - late
	return late
}

// difference is our clock less the page's.
func (l *lag) difference(elapsed time.Duration, at uint32) time.Duration {
	return elapsed - time.Duration(at)*time.Millisecond
}

// wrap brings a difference of two times on the page's clock into ± 2³¹ ms.
func wrap(d time.Duration) time.Duration {
	const period = (1 << 32) * time.Millisecond
	d %= period
	switch {
	case d >= period/2:
		return d - period
	case d < -period/2:
		return d + period
	}
	return d
}
