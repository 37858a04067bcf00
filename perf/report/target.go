package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Target is what a figure has to be: the promises of the README, whatever an earlier
// build did.
type Target struct {
	Scenario, Metric string
	Link             string // "": this machine's loopback
	// Peer is whose figure it is; "": ours.
	Peer string
	// Codec is the one that the target is for; "": any.
	Codec string

	// It is compared with another peer's (Against), with the same peer's in another
	// scenario (Beside), or with another metric of its own (Of); without any of them
	// the figure alone is meant.
	Against, Beside, Of string
	// Limit is what the figure may be, or how many times the other one.
	Limit float64
	// Plus is what it may be beyond that, in the metric's unit.
	Plus    float64
	AtLeast bool // the figure has to be that or more, not that or less
	Worst   bool // the worst of the repetitions is meant, not their median
}

// link is the name of the target's link.
func (t Target) link() string { return cmp.Or(t.Link, loopback) }

// other is what the figure is compared with; "": nothing.
func (t Target) other() string { return cmp.Or(t.Against, t.Beside, t.Of) }

// name is the target's scenario, with the link unless that is the loopback.
func (t Target) name() string {
	if t.link() == loopback {
		return t.Scenario
	}
	return t.Scenario + " over " + t.Link
}

// String returns what is wanted, as in "≤ 1.15× vnc", "≤ 1.5× image + 150" and "lucarne-ws
// ≤ 2.5"; with h264: or the like before it, where only that is meant.
func (t Target) String() string {
	var b strings.Builder
	if t.Codec != "" {
		b.WriteString(t.Codec + ": ")
	}
	if t.Peer != "" && t.Codec == "" {
		b.WriteString(t.Peer + " ")
	}
	if t.Worst {
		b.WriteString("worst ")
	}
	sign := "≤"
	if t.AtLeast {
		sign = "≥"
	}
	fmt.Fprintf(&b, "%s %s", sign, number(t.Limit))
	if other := t.other(); other != "" {
		b.WriteString("× " + other)
	}
	if t.Plus != 0 {
		b.WriteString(" + " + number(t.Plus))
	}
	return b.String()
}

// Outcome is a target and what was found.
type Outcome struct {
	Target
	// Got is the ratio; where something may be added, what was; or the figure alone. It is
	// of no repetitions if the run has no such figure.
	Got  Stat
	Kept bool
}

// Missing reports whether there is no figure to judge.
func (o Outcome) Missing() bool { return o.Got.N == 0 }

// Figure is what was found, as the target says what is wanted: "0.93× vnc", "1.5× image + 88".
func (o Outcome) Figure() string {
	other := o.other()
	switch {
	case o.Missing():
		return "–"
	case other == "":
		return number(o.Got.Median)
	case o.Plus == 0:
		return number(o.Got.Median) + "× " + other
	case o.Got.Median < 0:
		return fmt.Sprintf("%s× %s − %s", number(o.Limit), other, number(-o.Got.Median))
	}
	return fmt.Sprintf("%s× %s + %s", number(o.Limit), other, number(o.Got.Median))
}

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

// outcome returns what became of a target for a peer.
func (r *Report) outcome(t Target, peer string) Outcome {
	o := Outcome{Target: t}
	figures := r.column(t.Scenario, t.link(), peer, t.Metric)
	var got []float64
	limit := t.Limit
	if t.other() == "" {
		got = values(figures)
	} else {
		others := r.column(cmp.Or(t.Beside, t.Scenario), t.link(), cmp.Or(t.Against, peer), cmp.Or(t.Of, t.Metric))
		got = paired(figures, others, t.relate)
		if t.Plus != 0 {
			limit = t.Plus
		}
	}
	if len(got) == 0 {
		return o
	}
	o.Got = stat(got)
	if t.Worst {
		worst := slices.Max(got)
		if t.AtLeast {
			worst = slices.Min(got)
		}
		o.Got = Stat{N: len(got), Median: worst, Low: worst, High: worst}
	}
	o.Kept = o.Got.Median <= limit
	if t.AtLeast {
		o.Kept = o.Got.Median >= limit
	}
	return o
}

// relate returns a figure's ratio to another, or how much it is beyond its limit where
// something may be added.
func (t Target) relate(figure, other float64) (float64, bool) {
	if t.Plus != 0 {
		return figure - t.Limit*other, true
	}
	return figure / other, other != 0
}

// concerns returns the peer whose figure a target is of, if the run was to measure it:
// it tried the scenario on the peer, has what it is compared with, and the codec was
// the target's.
func (r *Report) concerns(t Target) (peer string, yes bool) {
	p, there := r.peer(func(p Peer) bool { return p.Name == t.Peer || t.Peer == "" && p.Ours })
	if !there {
		return "", false
	}
	if t.Against != "" {
		if _, there := r.peer(func(p Peer) bool { return p.Name == t.Against }); !there {
			return "", false
		}
	}
	if t.Beside != "" && len(r.tried(t.Beside, t.link(), p.Name)) == 0 {
		return "", false
	}
	results := r.tried(t.Scenario, t.link(), p.Name)
	if t.Codec != "" {
		return p.Name, len(results) > 0 && !slices.ContainsFunc(results, func(result Result) bool { return result.Codec != t.Codec })
	}
	void := slices.ContainsFunc(r.Void, func(v Void) bool {
		return v.Scenario == t.Scenario && v.Link == t.link() && v.Peer == p.Name
	})
	return p.Name, void || len(results) > 0
}

// tried returns a peer's results of a scenario over a link.
func (r *Report) tried(scenario, link, peer string) []Result {
	return slices.DeleteFunc(r.of(scenario, link), func(result Result) bool { return result.Peer != peer })
}

// Outcomes returns what became of the targets of what the run was to measure: of
// each scenario that it tried, against the peers that it had. One without a
// figure is missing, and not kept.
func (r *Report) Outcomes() []Outcome {
	var outcomes []Outcome
	for _, t := range Targets() {
		if peer, yes := r.concerns(t); yes {
			outcomes = append(outcomes, r.outcome(t, peer))
		}
	}
	return outcomes
}

// Missed returns the targets that the run did not keep, those without a figure
// included.
func (r *Report) Missed() []Outcome {
	return slices.DeleteFunc(r.Outcomes(), func(o Outcome) bool { return o.Kept })
}
