package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strings"
)

// result is one scenario's figures of one repetition, by peer.
type result struct {
	scenario string
	figures  map[string]figures
}

// quantile returns the value below which a part q of the values lies.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// interval returns the narrowest pair of order statistics that holds the
// median with a probability of at least 0.93: of five values, the smallest and
// the largest. It assumes nothing about their distribution.
func interval(values []float64) (low, high, confidence float64) {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	tail := 0.0 // the probability that fewer than k values lie below the median
	k := 0
	confidence = 1 - 2*math.Pow(0.5, float64(n))
	for ; k < n/2; k++ {
		tail += binomial(n, k) * math.Pow(0.5, float64(n))
		next := 1 - 2*(tail+binomial(n, k+1)*math.Pow(0.5, float64(n)))
		if next < 0.93 {
			break
		}
		confidence = next
	}
	k = min(k, (n-1)/2)
	return sorted[k], sorted[n-1-k], confidence
}

func binomial(n, k int) float64 {
	c := 1.0
	for i := range k {
		c = c * float64(n-i) / float64(i+1)
	}
	return c
}

// ours is the peer that has to keep the budgets.
const ours = "lucarne"

// budget is what a figure may be at most, or at least.
type budget struct {
	scenario, unit string
	limit          float64
	atLeast        bool
}

// The budgets of the first milestone: of ours divided by theirs, and of ours alone.
var (
	ratioBudgets = []budget{
		{"flip", "p50-ms", 1.15, false}, {"key", "p50-ms", 1.0, false},
		{"scroll", "frames/s", 0.7, true}, {"scene", "frames/s", 0.6, true},
	}
	ownBudgets = []budget{
		{"idle", "cpu-ms", 150, false}, {"idle", "cpu-ms-alone", 30, false},
		{"idle", "media-B", 0, false}, {"idle", "rss-MB", 120, false},
	}
)

// verdict says whether a figure keeps its budget; empty: it has none.
func verdict(budgets []budget, scenario, unit string, got float64) string {
	for _, b := range budgets {
		if b.scenario != scenario || b.unit != unit {
			continue
		}
		sign, kept := "≤", got <= b.limit
		if b.atLeast {
			sign, kept = "≥", got >= b.limit
		}
		word := "missed"
		if kept {
			word = "kept"
		}
		return fmt.Sprintf("  (%s %.4g: %s)", sign, b.limit, word)
	}
	return ""
}

// writeTable prints the medians of each figure, and the median of the
// per-repetition ratios where there are two peers. Where there is a budget it
// says whether it is kept.
func writeTable(out io.Writer, results []result, peers []string) {
	fmt.Fprintf(out, "%-8s %-16s", "scenario", "figure")
	for _, p := range peers {
		fmt.Fprintf(out, " %10s", p)
	}
	if len(peers) == 2 {
		fmt.Fprintf(out, "  %s/%s", peers[0], peers[1])
	}
	fmt.Fprintln(out)
	for _, key := range keys(results) {
		scenario, unit, _ := strings.Cut(key, " ")
		fmt.Fprintf(out, "%-8s %-16s", scenario, unit)
		for _, p := range peers {
			if values := column(results, scenario, unit, p); len(values) > 0 {
				fmt.Fprintf(out, " %10.1f", quantile(values, 0.5))
			} else {
				fmt.Fprintf(out, " %10s", "-")
			}
		}
		if len(peers) == 2 {
			writeRatio(out, ratios(results, scenario, unit, peers), scenario, unit)
		}
		if values := column(results, scenario, unit, ours); len(values) > 0 {
			fmt.Fprint(out, verdict(ownBudgets, scenario, unit, quantile(values, 0.5)))
		}
		fmt.Fprintln(out)
	}
}

func writeRatio(out io.Writer, values []float64, scenario, unit string) {
	if len(values) == 0 {
		return
	}
	low, high, confidence := interval(values)
	median := quantile(values, 0.5)
	fmt.Fprintf(out, "  %.2f [%.2f, %.2f] n=%d, %.0f %%", median, low, high, len(values), 100*confidence)
	fmt.Fprint(out, verdict(ratioBudgets, scenario, unit, median))
}

// writeBenchmarks prints the Go benchmark format, one line for each repetition
// (https://golang.org/design/14313-benchmark-format).
func writeBenchmarks(out io.Writer, results []result, peers []string) {
	for _, r := range results {
		for _, p := range peers {
			f := r.figures[p]
			if len(f) == 0 {
				continue
			}
			fmt.Fprintf(out, "Benchmark%s%s/peer=%s\t1", strings.ToUpper(r.scenario[:1]), r.scenario[1:], p)
			for _, unit := range sortedUnits(f) {
				fmt.Fprintf(out, "\t%.3f %s", f[unit], unit)
			}
			fmt.Fprintln(out)
		}
	}
}

// keys returns each "scenario unit" that occurs, in the order of the scenarios.
func keys(results []result) []string {
	var keys []string
	for _, r := range results {
		var units []string
		for _, f := range r.figures {
			units = append(units, sortedUnits(f)...)
		}
		sort.Strings(units)
		for _, unit := range units {
			if key := r.scenario + " " + unit; !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	order := map[string]int{}
	for i, s := range scenarios() {
		order[s.name] = i
	}
	slices.SortStableFunc(keys, func(a, b string) int {
		return order[strings.Fields(a)[0]] - order[strings.Fields(b)[0]]
	})
	return keys
}

func sortedUnits(f figures) []string {
	var units []string
	for unit := range f {
		units = append(units, unit)
	}
	sort.Strings(units)
	return units
}

// column returns one figure of one peer, of each repetition.
func column(results []result, scenario, unit, peer string) []float64 {
	var values []float64
	for _, r := range results {
		if v, ok := r.figures[peer][unit]; ok && r.scenario == scenario {
			values = append(values, v)
		}
	}
	return values
}

// ratios returns the first peer's figure divided by the second's, of each
// repetition that has both.
func ratios(results []result, scenario, unit string, peers []string) []float64 {
	var values []float64
	for _, r := range results {
		ours, ok := r.figures[peers[0]][unit]
		theirs, ok2 := r.figures[peers[1]][unit]
		if r.scenario == scenario && ok && ok2 && theirs != 0 {
			values = append(values, ours/theirs)
		}
	}
	return values
}
