package encode

import (
	"math/bits"
	"time"
)

const (
	// histogramUnit is the bound of the first bucket; each further bound is twice
	// the one before.
	histogramUnit = 250 * time.Microsecond
	// HistogramBuckets is how many buckets a Histogram has.
	HistogramBuckets = 14
)

// Histogram counts durations by powers of two, from 250 µs to about a second. It is a
// value: to add to it allocates nothing, and a copy is a snapshot. The zero value is
// empty.
type Histogram struct {
	// Counts[i] is how many were at most HistogramBound(i) and more than the bound
	// before; the last bucket has no bound.
	Counts [HistogramBuckets]uint64
	Sum    time.Duration
}

// HistogramBound returns the upper bound of a bucket, which all but the last have.
func HistogramBound(bucket int) time.Duration { return histogramUnit << bucket }

// Add counts a duration; one below 0 counts as 0.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.Sum += d
	if d <= histogramUnit {
		h.Counts[0]++
		return
	}
	h.Counts[min(bits.Len64(uint64((d-1)/histogramUnit)), HistogramBuckets-1)]++
}

// Between counts the time from one moment to another; nothing if either is zero, for it
// is not known.
func (h *Histogram) Between(from, to time.Time) {
	if !from.IsZero() && !to.IsZero() {
		h.Add(to.Sub(from))
	}
}

// Merge adds all that another has counted.
func (h *Histogram) Merge(other Histogram) {
	h.Sum += other.Sum
	for i, n := range other.Counts {
		h.Counts[i] += n
	}
}

// Count returns how many durations have been counted.
func (h *Histogram) Count() (all uint64) {
	for _, n := range h.Counts {
		all += n
	}
	return all
}
