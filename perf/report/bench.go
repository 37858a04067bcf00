package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// WriteBenchmarks writes the Go benchmark format
// (https://golang.org/design/14313-benchmark-format), as benchstat reads it: what
// the run took place on, which way each unit is better, and a line for each
// repetition, as in
//
//	BenchmarkFlip/peer=vnc/link=local 1 18.3 p50-ms 24.1 p95-ms
func (r *Report) WriteBenchmarks(w io.Writer) error {
	var out strings.Builder
	for _, c := range []property{
		{"goos", r.Machine.OS}, {"goarch", r.Machine.Arch}, {"cpu", r.Machine.CPU}, {"class", r.Machine.Class},
		{"kernel", r.Machine.Kernel}, {"browser", r.Machine.Browser}, {"screen", r.Machine.Screen},
		{"version", r.Build.Version}, {"commit", r.Build.Commit}, {"command", r.Command},
	} {
		if value := strings.Join(strings.Fields(c.Value), " "); value != "" {
			fmt.Fprintf(&out, "%s: %s\n", c.Name, value)
		}
	}
	out.WriteByte('\n')
	for _, m := range Metrics() {
		switch {
		case !r.has(m.Name):
		case m.Better == Lower:
			fmt.Fprintf(&out, "Unit %s better=lower assume=nothing\n", m.Name)
		case m.Better == Higher:
			fmt.Fprintf(&out, "Unit %s better=higher assume=nothing\n", m.Name)
		}
	}
	out.WriteByte('\n')
	for _, result := range r.Results {
		names := slices.Collect(maps.Keys(result.Metrics))
		if len(names) == 0 {
			continue // the format has no line without a figure
		}
		sortMetrics(names)
		fmt.Fprintf(&out, "Benchmark%s/peer=%s/link=%s\t1", camel(result.Scenario), result.Peer, result.Link)
		for _, name := range names {
			fmt.Fprintf(&out, "\t%s %s", strconv.FormatFloat(result.Metrics[name], 'f', -1, 64), name)
		}
		out.WriteByte('\n')
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("report: write benchmarks: %w", err)
	}
	return nil
}

// has reports whether any result has the metric.
func (r *Report) has(metric string) bool {
	return slices.ContainsFunc(r.Results, func(result Result) bool {
		_, ok := result.Metrics[metric]
		return ok
	})
}

// camel returns a scenario's name as a benchmark's: "first-frame" is "FirstFrame".
func camel(name string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(name, "-") {
		if word != "" {
			out.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return out.String()
}
