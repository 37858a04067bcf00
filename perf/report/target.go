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
	Got  Stat // the ratio, or ours alone
	Kept bool
}

// String returns the target and whether it was kept.
func (o Outcome) String() string {
	if o.Kept {
		return o.Target.String() + ", kept"
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

// Missed returns the targets that the run did not keep.
func (r *Report) Missed() []Outcome {
	var missed []Outcome
	for _, row := range r.Summarize() {
		missed = append(missed, slices.DeleteFunc(row.Outcomes, func(o Outcome) bool { return o.Kept })...)
	}
	return missed
}
