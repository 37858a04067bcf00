package report

import (
	"fmt"
	"slices"
)

// Target is what a figure has to be, on this machine's loopback: the promises of
// the README, whatever an earlier build did.
type Target struct {
	Scenario, Metric string
	// Against is the peer by which ours is divided; "": ours alone.
	Against string
	Limit   float64
	AtLeast bool // the figure has to be Limit or more, not Limit or less
}

// Targets returns the targets of Lucarne.
func Targets() []Target {
	return []Target{
		{Scenario: "flip", Metric: "p50-ms", Against: "vnc", Limit: 1.15},
		{Scenario: "key", Metric: "p50-ms", Against: "vnc", Limit: 1.0},
		{Scenario: "scroll", Metric: "frames/s", Against: "vnc", Limit: 0.7, AtLeast: true},
		{Scenario: "scene", Metric: "frames/s", Against: "vnc", Limit: 0.6, AtLeast: true},
		{Scenario: "idle", Metric: "cpu-ms-30s", Limit: 150},
		{Scenario: "idle", Metric: "cpu-ms-30s-alone", Limit: 30},
		{Scenario: "idle", Metric: "media-B", Limit: 0},
		{Scenario: "idle", Metric: "rss-MB", Limit: 120},
	}
}

// String returns what is wanted, as in "≤ 1.15× vnc".
func (t Target) String() string {
	sign, of := "≤", ""
	if t.AtLeast {
		sign = "≥"
	}
	if t.Against != "" {
		of = "× " + t.Against
	}
	return fmt.Sprintf("%s %s%s", sign, number(t.Limit), of)
}

// Outcome is a target and what was found.
type Outcome struct {
	Target
	Got  Stat // the ratio, or ours alone; of no repetitions if the run has no such figure
	Kept bool
}

// Missing reports whether there is no figure to judge.
func (o Outcome) Missing() bool { return o.Got.N == 0 }

// String returns the target and whether it was kept.
func (o Outcome) String() string {
	switch {
	case o.Kept:
		return o.Target.String() + ", kept"
	case o.Missing():
		return o.Target.String() + ", missing"
	}
	return o.Target.String() + ", missed"
}

// outcomes returns what became of the row's targets.
func (row Row) outcomes(ours string) []Outcome {
	var outcomes []Outcome
	for _, t := range Targets() {
		if t.Scenario != row.Scenario || t.Metric != row.Metric.Name || row.Link != loopback {
			continue
		}
		got := row.Peers[ours]
		if t.Against != "" {
			got = row.Ratios[t.Against]
		}
		if got.N == 0 {
			continue
		}
		kept := got.Median <= t.Limit
		if t.AtLeast {
			kept = got.Median >= t.Limit
		}
		outcomes = append(outcomes, Outcome{Target: t, Got: got, Kept: kept})
	}
	return outcomes
}

// Outcomes returns what became of the targets of what the run was to measure: of
// each scenario that it tried on ours, against the peers that it had. One without a
// figure is missing, and not kept.
func (r *Report) Outcomes() []Outcome {
	var found []Outcome
	for _, row := range r.Summarize() {
		found = append(found, row.Outcomes...)
	}
	var outcomes []Outcome
	for _, t := range Targets() {
		_, void := r.void(t.Scenario, loopback)
		if !void && len(r.ran(t.Scenario, loopback)) == 0 {
			continue
		}
		if _, there := r.peer(func(p Peer) bool { return p.Name == t.Against }); t.Against != "" && !there {
			continue
		}
		o := Outcome{Target: t}
		if i := slices.IndexFunc(found, func(o Outcome) bool { return o.Target == t }); i >= 0 {
			o = found[i]
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// Missed returns the targets that the run did not keep, those without a figure
// included.
func (r *Report) Missed() []Outcome {
	return slices.DeleteFunc(r.Outcomes(), func(o Outcome) bool { return o.Kept })
}
