package report

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// Budgets says by metric what may be lost. A metric that is not in it is not
// compared.
type Budgets map[string]Budget

// DefaultBudgets returns the budgets of Metrics.
func DefaultBudgets() Budgets {
	budgets := Budgets{}
	for _, m := range Metrics() {
		if m.Better != Neither {
			budgets[m.Name] = m.May
		}
	}
	return budgets
}

// Verdict is what became of a metric.
type Verdict string

// The verdicts. A change counts if it is significant and more than the budget.
const (
	Better Verdict = "better"
	Worse  Verdict = "worse"
	Same   Verdict = "same"
	// Frozen: the page shows nothing any more of what it showed before.
	Frozen Verdict = "frozen"
	// Inconclusive: the new run has no figure, for the reason in Note.
	Inconclusive Verdict = "inconclusive"
	// Untold: there are too few repetitions to tell, as Note says.
	Untold Verdict = "untold"
)

// Change is what became of one metric of ours.
type Change struct {
	Scenario, Link string
	Metric         string // "" if it is about all of the scenario
	Verdict        Verdict
	Old, New       Stat // as measured
	// Loss is how much worse the median is, in the metric's unit; negative: how
	// much better. With Against it is what the old machine would have shown.
	Loss float64
	// May is how much may be lost, in the metric's unit.
	May float64
	P   float64 // probability of such a difference between two runs of one build
	// Against is the peer to which both runs were related, because the machine's
	// speed had changed; "": the figures were compared as they are.
	Against string
	Note    string
}

// Comparison is what became of ours from one run to another.
type Comparison struct {
	Class    string
	Old, New Build
	// Slower is how many times slower the machine was in the new run, by what
	// the upper quarter of the references' figures lost; 1 if they lost nothing.
	Slower  float64
	Changes []Change
	// Alone are scenarios that only one of the two runs has.
	Alone []string
}

// alpha is the probability of a difference by chance from which on a difference
// counts as none. A run compares a hundred figures: at the usual 0.05 five of them
// would differ by chance. Five repetitions can reach it.
const alpha = 0.01

// loopback is the link on which nothing but the machine counts.
const loopback = "local"

// drift is the part by which a reference's median moves when the machine's speed
// has changed, significant or not.
const drift = 0.10

// Compare says what became of our peer's metrics between two runs on machines of
// one class; nil budgets are DefaultBudgets.
//
// The figures of the repetitions are compared by the Mann-Whitney U test. The same
// machine may be half as fast again from one run to the next, and a build is not to
// be blamed for that. A reference is a peer that is not ours and the same in both
// runs, the floor last. Over the loopback, where a figure that depends on the
// machine's speed depends on little else, it is related to the reference's if that
// differs between the runs, significantly or by more than a tenth: it is divided by
// the reference's of the same repetition, and multiplied by the reference's old
// median, so that it keeps its unit. Over another link, where the reference waits
// for the network in its own way, such a figure may lose what the upper quarter of the
// references' figures lost significantly anywhere, on top of its budget: one of them
// that had a bad day excuses nothing. The floor hardly depends on the machine: with it
// alone a slower machine may pass for a slower build.
//
// What a run that ended early did not come to is inconclusive.
//
// Runs of different classes, without a peer of ours, or with no scenario in common
// are an error.
func Compare(old, new *Report, budgets Budgets) (*Comparison, error) {
	if old.Machine.Class != new.Machine.Class {
		return nil, fmt.Errorf("report: compare: the old run is of machine class %q, the new one of %q: figures of two classes say nothing of each other; run both on one machine",
			old.Machine.Class, new.Machine.Class)
	}
	for _, r := range []*Report{old, new} {
		if _, ok := r.ours(); !ok {
			return nil, errors.New("report: compare: a run has no peer of ours: run it again with one")
		}
	}
	if budgets == nil {
		budgets = DefaultBudgets()
	}
	p := pair{old: old, new: new, budgets: budgets}
	p.slower = p.slowness()
	c := &Comparison{Class: new.Machine.Class, Old: old.Build, New: new.Build, Slower: p.slower}
	for _, link := range union(old.links(), new.links()) {
		for _, scenario := range union(old.scenarios(), new.scenarios()) {
			changes, both := p.scenario(scenario, link)
			if !both {
				c.Alone = append(c.Alone, scenario+" over "+link)
			}
			c.Changes = append(c.Changes, changes...)
		}
	}
	if len(c.Changes) == 0 {
		return nil, errors.New("report: compare: the runs have no scenario in common: run both with the same --scenario and --link")
	}
	return c, nil
}

// Regressed returns what got worse or stands still.
func (c *Comparison) Regressed() []Change { return c.with(Worse, Frozen) }

// Inconclusive returns what could not be compared, though it was measured; where
// nothing at all could be told, for there were too few repetitions, that is all of it.
func (c *Comparison) Inconclusive() []Change {
	if len(c.with(Better, Worse, Same, Frozen)) == 0 {
		return c.with(Inconclusive, Untold)
	}
	return c.with(Inconclusive)
}

func (c *Comparison) with(verdicts ...Verdict) []Change {
	return slices.DeleteFunc(slices.Clone(c.Changes), func(change Change) bool {
		return !slices.Contains(verdicts, change.Verdict)
	})
}

// union returns what is in a, then what is in b alone.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, v := range b {
		if !slices.Contains(a, v) {
			all = append(all, v)
		}
	}
	return all
}

// pair is two runs that are compared.
type pair struct {
	old, new *Report
	budgets  Budgets
	slower   float64
}

// slowness returns how many times slower the machine has become by what the upper
// quarter of the references' figures lost; one that changed by chance lost nothing.
func (p pair) slowness() float64 {
	var lost []float64
	for _, row := range p.new.Summarize() {
		if !row.Metric.Speed {
			continue
		}
		for _, reference := range p.references() {
			was, is := p.columns(row.Scenario, row.Link, row.Metric.Name, reference.is)
			old, new := Quantile(values(was), 0.5), Quantile(values(is), 0.5)
			if row.Metric.Better == Higher {
				old, new = new, old
			}
			if !(old > 0) { // NaN: the reference has no such figure
				continue
			}
			ratio := 1.0
			if compare(values(was), values(is)).P < alpha {
				ratio = new / old
			}
			lost = append(lost, ratio)
		}
	}
	if len(lost) == 0 {
		return 1
	}
	return max(1, Quantile(lost, 0.75))
}

// scenario compares one scenario over one link. both is false if one of the runs
// did not try it, or neither.
func (p pair) scenario(scenario, link string) (changes []Change, both bool) {
	before, after := p.old.ran(scenario, link), p.new.ran(scenario, link)
	if len(before) == 0 && len(after) == 0 {
		return nil, true
	}
	all := Change{Scenario: scenario, Link: link}
	if void, ok := p.new.void(scenario, link); ok && len(before) > 0 {
		all.Verdict, all.Note = Inconclusive, void.Reason
		if void.Frozen {
			all.Verdict = Frozen
		}
		return []Change{all}, true
	}
	if p.new.Partial != "" && len(before) > 0 && len(after) == 0 {
		all.Verdict, all.Note = Inconclusive, "the new run ended early: "+p.new.Partial
		return []Change{all}, true
	}
	if len(before) == 0 || len(after) == 0 {
		return nil, false
	}
	if frozen(after) && !frozen(before) {
		all.Verdict, all.Note = Frozen, "the page stood still, though something was drawn"
		return []Change{all}, true
	}
	var metrics []string
	for _, result := range before {
		metrics = slices.AppendSeq(metrics, maps.Keys(result.figures()))
	}
	sortMetrics(metrics)
	perFrame := p.perFrame(before, after)
	for _, name := range slices.Compact(metrics) {
		metric := MetricOf(name)
		budget, judged := p.budgets[name]
		if !judged || metric.Better == Neither || perFrame && metric.Frame != "" {
			continue
		}
		changes = append(changes, p.metric(scenario, link, metric, budget))
	}
	return changes, true
}

// perFrame reports whether costs are compared by the frame: both runs have shown some.
func (p pair) perFrame(before, after []Result) bool {
	shown := func(r Result) bool { return r.Metrics["frames/s"] > 0 }
	return slices.ContainsFunc(before, shown) && slices.ContainsFunc(after, shown)
}

// metric compares one metric.
func (p pair) metric(scenario, link string, metric Metric, budget Budget) Change {
	was, is := p.columns(scenario, link, metric.Name, Peer.isOurs)
	c := Change{
		Scenario: scenario, Link: link, Metric: metric.Name, Verdict: Same,
		Old: stat(values(was)), New: stat(values(is)),
	}
	if len(is) == 0 {
		c.Verdict, c.Note = Inconclusive, "the new run has no such figure"
		return c
	}
	if metric.Speed && link == loopback {
		was, is, c.Against = p.related(scenario, link, metric.Name, was, is)
	}
	old, new := Quantile(values(was), 0.5), Quantile(values(is), 0.5)
	c.May, c.Loss = budget.limit(old), new-old
	if metric.Speed && link != loopback {
		c.May += p.excess(metric, old)
	}
	if metric.Better == Higher {
		c.Loss = -c.Loss
	}
	test := compare(values(was), values(is))
	c.P = test.P
	switch {
	case test.P < alpha && c.Loss > c.May:
		c.Verdict = Worse
	case test.P < alpha && -c.Loss > c.May:
		c.Verdict = Better
	case test.P >= alpha && min(len(was), len(is)) < 5:
		c.Verdict, c.Note = Untold, fmt.Sprintf("%d and %d repetitions, five needed", len(was), len(is))
	}
	return c
}

// excess returns how much a figure may lose because the machine is slower.
func (p pair) excess(metric Metric, old float64) float64 {
	if metric.Better == Higher {
		return old - old/p.slower
	}
	return old*p.slower - old
}

// related returns the columns divided by a reference's, if there is one that has
// changed, and its name.
func (p pair) related(scenario, link, metric string, was, is map[int]float64) (_, _ map[int]float64, against string) {
	for _, reference := range p.references() {
		refWas, refIs := p.columns(scenario, link, metric, reference.is)
		old, new := Quantile(values(refWas), 0.5), Quantile(values(refIs), 0.5)
		if !(old > 0 && new > 0) { // NaN: the reference has no such figure
			continue
		}
		if compare(values(refWas), values(refIs)).P >= alpha && math.Abs(new/old-1) <= drift {
			return was, is, ""
		}
		wasOf, isOf := divide(was, refWas, old), divide(is, refIs, old)
		if len(wasOf) > 0 && len(isOf) > 0 {
			return wasOf, isOf, reference.Name
		}
	}
	return was, is, ""
}

// references returns the peers that are the same in both runs and
// not ours, the floor last.
func (p pair) references() []Peer {
	var peers, floor []Peer
	for _, peer := range p.old.Peers {
		switch {
		case peer.Ours || !slices.Contains(p.new.Peers, peer):
		case peer.Floor:
			floor = append(floor, peer)
		default:
			peers = append(peers, peer)
		}
	}
	return append(peers, floor...)
}

// divide returns each repetition's figure on a machine on which the reference's is unit.
func divide(column, reference map[int]float64, unit float64) map[int]float64 {
	divided := map[int]float64{}
	for repetition, v := range column {
		if r := reference[repetition]; r > 0 {
			divided[repetition] = v / r * unit
		}
	}
	return divided
}

// columns returns a metric of the peer that is meant, by repetition, in both runs.
func (p pair) columns(scenario, link, metric string, is func(Peer) bool) (was, now map[int]float64) {
	before, _ := p.old.peer(is)
	after, _ := p.new.peer(is)
	return p.old.column(scenario, link, before.Name, metric), p.new.column(scenario, link, after.Name, metric)
}

// compare tests whether two samples come from one distribution.
func compare(a, b []float64) benchmath.Comparison {
	thresholds := &benchmath.Thresholds{CompareAlpha: alpha}
	return benchmath.AssumeNothing.Compare(benchmath.NewSample(a, thresholds), benchmath.NewSample(b, thresholds))
}

func values(column map[int]float64) []float64 { return slices.Sorted(maps.Values(column)) }

func (p Peer) isOurs() bool { return p.Ours }

func (p Peer) is(other Peer) bool { return p.Name == other.Name }

// ran returns our results of a scenario over a link.
func (r *Report) ran(scenario, link string) []Result {
	ours, _ := r.ours()
	return slices.DeleteFunc(r.of(scenario, link), func(result Result) bool { return result.Peer != ours.Name })
}

// void returns why ours has no result.
func (r *Report) void(scenario, link string) (Void, bool) {
	ours, _ := r.ours()
	i := slices.IndexFunc(r.Void, func(v Void) bool {
		return v.Scenario == scenario && v.Link == link && v.Peer == ours.Name
	})
	if i < 0 {
		return Void{}, false
	}
	return r.Void[i], true
}

// standstill is the time in ms without a new frame from which on an animation that
// is drawn all the time counts as frozen.
const standstill = 1000

// frozen reports whether the picture stood still in most repetitions of a scenario:
// an animation showed no frame, or none for a second; or none of the changes that
// are dated each was shown.
func frozen(results []Result) bool {
	still := 0
	for _, r := range results {
		frames, animated := r.Metrics["frames/s"]
		_, dated := r.Metrics["p50-ms"]
		switch {
		case animated && frames == 0, r.Metrics["frozen-ms"] > standstill, !animated && !dated && r.Metrics["lost"] > 0:
			still++
		}
	}
	return 2*still > len(results)
}
