package report

import (
	"fmt"
	"math"
	"slices"
)

// Stat is the median of several repetitions and how sure it is.
type Stat struct {
	N      int // repetitions; with none the rest is zero
	Median float64
	// Low and High are the interval that holds the median of all repetitions
	// there could be, with a probability of Confidence.
	Low, High, Confidence float64
}

// String returns the median with its interval, if there is one.
func (s Stat) String() string {
	switch s.N {
	case 0:
		return "-"
	case 1:
		return number(s.Median)
	}
	return fmt.Sprintf("%s [%s, %s]", number(s.Median), number(s.Low), number(s.High))
}

// sure says what the intervals of rows mean, "" if they have none: that of the
// figure with the most repetitions.
func sure(rows []Row) string {
	var most Stat
	for _, row := range rows {
		for _, s := range row.Peers {
			if s.N > most.N {
				most = s
			}
		}
	}
	if most.N < 2 {
		return ""
	}
	return fmt.Sprintf("Of %d repetitions the median, and an interval that holds it with a probability of %.0f %%.", most.N, 100*most.Confidence)
}

// wanted is the least confidence of an interval, if there are enough
// repetitions: five reach it.
const wanted = 0.93

// stat returns the median of values with the narrowest pair of order statistics
// that holds it with a probability of at least 0.93: of five values, the smallest
// and the largest. It assumes nothing about their distribution.
func stat(values []float64) Stat {
	n := len(values)
	if n == 0 {
		return Stat{}
	}
	sorted := slices.Sorted(slices.Values(values))
	tail, k := 0.0, 0 // tail: the probability that at most k values lie below the median
	confidence := 1 - 2*math.Pow(0.5, float64(n))
	for k+1 < (n+1)/2 {
		tail += binomial(n, k) * math.Pow(0.5, float64(n))
		narrower := 1 - 2*(tail+binomial(n, k+1)*math.Pow(0.5, float64(n)))
		if narrower < wanted {
			break
		}
		k++
		confidence = narrower
	}
	return Stat{N: n, Median: Quantile(sorted, 0.5), Low: sorted[k], High: sorted[n-1-k], Confidence: confidence}
}

func binomial(n, k int) float64 {
	c := 1.0
	for i := range k {
		c = c * float64(n-i) / float64(i+1)
	}
	return c
}

// Quantile returns the value below which a part q (0 to 1) of the values lies,
// between two of them if need be. Of no values it is NaN.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}
