package wsmedia

import (
	"slices"
	"time"
)

const (
	// A picture that takes longer than slow keeps the path busy by itself.
	slow = 20 * time.Millisecond
	// A run of pictures that kept the path busy is a measurement from runBytes or
	// runTime on: less than that a browser's pause would upset.
	runBytes = 16 << 10
	runTime  = 250 * time.Millisecond
	runLeast = 2 * time.Millisecond
	// The rate is the best of so many runs: a pause of the page is none of the path's.
	runs = 3
	// A picture that has met an empty path may raise the rate by raise, if it is no
	// smaller than the share of using pictures a second that make use of the rate.
	raise = 1.05
	using = 250

	leastRate = 100e3 // bits a second
	mostRate  = 1e9
)

// rate is what a path carries, in bits a second. How fast pictures arrive says
// that only where they had to wait: a desktop mostly sends less than it could. So
// only a path that was busy lowers the rate, and one picture on an empty path
// may raise it.
type rate struct {
	bps   float64
	bytes int           // of the present run
	busy  time.Duration // how long it took
	best  [runs]float64 // the last runs
	next  int
}

// begin sets what is taken for the rate until something is known.
func (r *rate) begin(bps float64) {
	r.bps = bps
	for i := range r.best {
		r.best[i] = bps
	}
}

// alone takes a picture that met an empty path, where so many bytes more than the
// shortest trip's took so much longer.
func (r *rate) alone(bytes int, longer time.Duration) {
	if longer >= slow && bytes > 0 {
		r.queued(bytes, longer)
		return
	}
	r.bytes, r.busy = 0, 0
	seen := perSecond(bytes, longer)
	if seen <= r.bps || float64(bytes)*8*using < r.bps {
		return
	}
	r.bps = min(seen, r.bps*raise)
	for i := range r.best {
		r.best[i] = max(r.best[i], r.bps)
	}
}

// queued takes pictures that kept the path busy for so long.
func (r *rate) queued(bytes int, busy time.Duration) {
	r.bytes += bytes
	r.busy += busy
	if r.busy < runLeast || r.bytes < runBytes && r.busy < runTime {
		return
	}
	r.best[r.next] = perSecond(r.bytes, r.busy)
	r.next = (r.next + 1) % runs
	r.bytes, r.busy = 0, 0
	r.bps = slices.Max(r.best[:])
}

// over returns how long so many bytes take at a rate.
func over(bytes int, bps float64) time.Duration {
	return time.Duration(float64(bytes) * 8 / bps * float64(time.Second))
}

func perSecond(bytes int, over time.Duration) float64 {
	if over <= 0 {
		return mostRate
	}
	return min(max(float64(bytes)*8/over.Seconds(), leastRate), mostRate)
}
