package encode

import (
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	for d, want := range map[time.Duration]int{
		-time.Second: 0, 0: 0, 250 * time.Microsecond: 0, 250*time.Microsecond + 1: 1, 500 * time.Microsecond: 1,
		500*time.Microsecond + 1: 2, time.Millisecond: 2, 1024 * time.Millisecond: 12, 1024*time.Millisecond + 1: 13, time.Hour: 13,
	} {
		var h Histogram
		h.Add(d)
		if h.Counts[want] != 1 || h.Count() != 1 || h.Sum != max(d, 0) {
			t.Errorf("%v: counts %v, sum %v; want it in bucket %d", d, h.Counts, h.Sum, want)
		}
		if want < HistogramBuckets-1 && d > HistogramBound(want) {
			t.Errorf("%v is above the bound %v of its bucket", d, HistogramBound(want))
		}
	}
}

// A moment that is not known has no time from or to it.
func TestHistogramBetween(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		from, to time.Time
		want     uint64
	}{"both": {now.Add(-time.Millisecond), now, 1}, "no beginning": {time.Time{}, now, 0}, "no end": {now, time.Time{}, 0}, "neither": {}} {
		var h Histogram
		h.Between(c.from, c.to)
		if h.Count() != c.want || h.Sum != time.Duration(c.want)*time.Millisecond {
			t.Errorf("%s: %+v, want %d", name, h, c.want)
		}
	}
}

func TestHistogramMerge(t *testing.T) {
	var a, b Histogram
	a.Add(time.Millisecond)
	b.Add(time.Millisecond)
	b.Add(time.Minute)
	a.Merge(b)
	if a.Count() != 3 || a.Counts[2] != 2 || a.Counts[HistogramBuckets-1] != 1 || a.Sum != time.Minute+2*time.Millisecond {
		t.Errorf("merged: %+v", a)
	}
}
