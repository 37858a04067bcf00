package report

import (
	"fmt"
	"io"
)

// String says what happened to the metric, in one line: what it is, how much it
// changed, and how much it may lose.
func (c Change) String() string {
	where := c.Scenario + " over " + c.Link
	if c.Metric == "" {
		return fmt.Sprintf("%s: %s: %s", where, c.Verdict, c.Note)
	}
	line := fmt.Sprintf("%s: %s %s: %s → %s", where, c.Metric, c.Verdict, number(c.Old.Median), number(c.New.Median))
	if c.Note != "" {
		return line + " (" + c.Note + ")"
	}
	lost := number(c.Loss) + " lost"
	if c.Loss < 0 {
		lost = number(-c.Loss) + " won"
	}
	if c.Against != "" {
		lost += " on the old machine by " + c.Against
	}
	return fmt.Sprintf("%s (%s, %s may be lost; p=%.3f)", line, lost, number(c.May), c.P)
}

// change returns by which part the median changed, on the old machine.
func (c Change) change() string {
	loss := c.Loss
	if MetricOf(c.Metric).Better == Higher {
		loss = -loss
	}
	if c.Old.Median == 0 || c.New.N == 0 {
		return ""
	}
	return fmt.Sprintf("%+.0f %%", 100*loss/c.Old.Median)
}

// WriteText writes every metric with its verdict as a table for a terminal, and
// what regressed once more at the end.
func (c *Comparison) WriteText(w io.Writer) error {
	g := &grid{left: 1}
	g.add(fmt.Sprintf("machine class %s: %s → %s", c.Class, c.Old, c.New))
	if c.Slower > 1 {
		g.add(fmt.Sprintf("the machine was about %.2f times slower in the new run, by what did not change", c.Slower))
	}
	g.add("", "old", "new", "change", "p", "verdict")
	where := ""
	for _, change := range c.Changes {
		if at := change.Scenario + " over " + change.Link; at != where {
			where = at
			g.add(at)
		}
		if change.Metric == "" {
			g.add("  all", "", "", "", "", string(change.Verdict)+": "+change.Note)
			continue
		}
		verdict := string(change.Verdict)
		if change.Verdict == Same {
			verdict = "no significant change"
		}
		if change.Against != "" {
			verdict += ", the machine's speed by " + change.Against
		}
		if change.Note != "" {
			verdict += ": " + change.Note
		}
		g.add("  "+change.Metric, change.Old.String(), change.New.String(), change.change(), fmt.Sprintf("%.3f", change.P), verdict)
	}
	for _, alone := range c.Alone {
		g.add(alone + ": in one of the runs alone")
	}
	g.add(fmt.Sprintf("%d better, %d worse, %d frozen, %d without significant change, %d inconclusive, %d with too few repetitions",
		len(c.with(Better)), len(c.with(Worse)), len(c.with(Frozen)), len(c.with(Same)), len(c.with(Inconclusive)), len(c.with(Untold))))
	for _, change := range append(c.Regressed(), c.Inconclusive()...) {
		g.add(change.String())
	}
	_, err := g.WriteTo(w)
	return err
}

// String returns the version with the beginning of the commit.
func (b Build) String() string {
	if b.Commit == "" {
		return b.Version
	}
	return b.Version + " (" + b.Commit[:min(7, len(b.Commit))] + ")"
}
