package report

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// compared compares and returns the verdicts by "scenario link metric".
func compared(t *testing.T, old, new *Report) (*Comparison, map[string]Change) {
	t.Helper()
	c, err := Compare(old, new, nil)
	if err != nil {
		t.Fatal(err)
	}
	changes := map[string]Change{}
	for _, change := range c.Changes {
		changes[strings.TrimSpace(change.Scenario+" "+change.Link+" "+change.Metric)] = change
	}
	return c, changes
}

func TestCompareSameBuildTwice(t *testing.T) {
	for seed := range uint64(20) {
		c, _ := compared(t, madeUp(2*seed, 1), madeUp(2*seed+1, 1))
		if got := c.Regressed(); len(got) != 0 {
			t.Errorf("seed %d: the same build twice: %v", seed, got)
		}
	}
}

func TestCompareSlowerEncode(t *testing.T) {
	new := madeUp(2, 1)
	for _, scenario := range []string{"flip", "key", "scroll", "scene"} {
		each(new, scenario, func(r *Result) { r.Metrics["p50-ms"] += 20; r.Metrics["p95-ms"] += 20 })
	}
	c, changes := compared(t, madeUp(1, 1), new)
	for _, scenario := range []string{"flip", "key", "scroll", "scene"} {
		got := changes[scenario+" local p50-ms"]
		if got.Verdict != Worse || got.Loss < 15 || got.Loss > 25 {
			t.Errorf("%s: %v, want about 20 ms worse", scenario, got)
		}
		if got := changes[scenario+" wan p50-ms"].Verdict; got != Same {
			t.Errorf("%s over wan: %s, want the same", scenario, got)
		}
	}
	if got := len(c.Regressed()); got != 8 {
		t.Errorf("%d regressed, want p50 and p95 of four scenarios", got)
	}
	c, _ = compared(t, new, madeUp(1, 1))
	if got := c.with(Better); len(got) != 8 || len(c.Regressed()) != 0 {
		t.Errorf("the other way round: %v, want 8 better and none worse", got)
	}
}

// A machine that is 1.6 times slower on the second day says nothing of the build,
// and does not hide a regression.
func TestCompareOnASlowerMachine(t *testing.T) {
	c, changes := compared(t, madeUp(1, 1), madeUp(2, 1.6))
	if got := c.Regressed(); len(got) != 0 {
		t.Errorf("a slower machine: %v", got)
	}
	if got := changes["flip local p50-ms"]; got.Against != "vnc" || got.New.Median < 1.3*got.Old.Median {
		t.Errorf("flip: %v, want it related to vnc", got)
	}
	if c.Slower < 1.4 || c.Slower > 2 {
		t.Errorf("the machine was %v times slower, want about 1.6", c.Slower)
	}
	overWAN := madeUp(2, 1.6)
	for i := range overWAN.Results {
		if r := &overWAN.Results[i]; r.Link == "wan" && r.Scenario == "flip" && r.Peer == "lucarne" {
			r.Metrics["p50-ms"] *= 2
		}
	}
	if _, changes := compared(t, madeUp(1, 1), overWAN); changes["flip wan p50-ms"].Verdict != Worse {
		t.Errorf("twice as slow over wan: %v, want it worse", changes["flip wan p50-ms"])
	}
	for old, new := range map[float64]float64{1: 1.6, 1.6: 1} { // to a slower machine, and to a faster one
		slower := madeUp(2, new)
		each(slower, "flip", func(r *Result) { r.Metrics["p50-ms"] *= 1.5 })
		_, changes := compared(t, madeUp(1, old), slower)
		if got := changes["flip local p50-ms"]; got.Verdict != Worse || got.Against != "vnc" {
			t.Errorf("half as slow again from speed %v to %v: %v, want it worse", old, new, got)
		}
	}
}

// One figure of a reference that had a bad day does not excuse ours over a link.
func TestCompareIsNotMisledByOneFigureOfAReference(t *testing.T) {
	new := madeUp(2, 1)
	for i := range new.Results {
		switch r := &new.Results[i]; {
		case r.Peer == "vnc" && r.Link == "wan" && r.Scenario == "scroll":
			r.Metrics["p95-ms"] *= 4
		case r.Peer == "lucarne" && r.Link == "wan" && r.Scenario == "flip":
			r.Metrics["p50-ms"] *= 1.5
		}
	}
	c, changes := compared(t, madeUp(1, 1), new)
	if got := changes["flip wan p50-ms"]; got.Verdict != Worse || c.Slower != 1 {
		t.Errorf("half as slow again over wan: %v, the machine %v times slower; want it worse and 1", got, c.Slower)
	}
}

// What a run that was ended did not come to does not pass for unchanged.
func TestCompareWithARunThatEndedEarly(t *testing.T) {
	new := madeUp(2, 1)
	new.Results = slices.DeleteFunc(new.Results, func(r Result) bool { return r.Scenario == "scroll" && r.Link == "wan" })
	c, _ := compared(t, madeUp(1, 1), new)
	if len(c.Inconclusive()) != 0 || len(c.Alone) != 1 {
		t.Errorf("another choice of scenarios: %v inconclusive, %v alone; want none and one", c.Inconclusive(), c.Alone)
	}
	new.Partial = "interrupted"
	c, changes := compared(t, madeUp(1, 1), new)
	got := changes["scroll wan"]
	if got.Verdict != Inconclusive || !strings.Contains(got.Note, "interrupted") || len(c.Alone) != 0 {
		t.Errorf("interrupted: %v, %v alone; want it inconclusive", got, c.Alone)
	}
}

// A reference whose median has moved is used although five of its figures cannot
// prove that they have.
func TestCompareRelatesToAReferenceThatMoved(t *testing.T) {
	run := func(ours, theirs [5]float64) *Report {
		r := &Report{Schema: Schema, Peers: []Peer{{Name: "lucarne", Ours: true}, {Name: "vnc"}}}
		for i := range ours {
			for peer, v := range map[string]float64{"lucarne": ours[i], "vnc": theirs[i]} {
				r.Results = append(r.Results, Result{Scenario: "flip", Link: "local", Peer: peer, Repetition: i + 1, Metrics: map[string]float64{"p50-ms": v}})
			}
		}
		return r
	}
	old := run([5]float64{30, 31, 32, 33, 34}, [5]float64{20, 20, 20, 20, 26})
	_, changes := compared(t, old, run([5]float64{36, 37, 38, 39, 40}, [5]float64{19, 24, 24, 24, 25}))
	if got := changes["flip local p50-ms"]; got.Verdict != Same || got.Against != "vnc" {
		t.Errorf("all a fifth slower: %v, want the same by vnc", got)
	}
	_, changes = compared(t, old, run([5]float64{36, 37, 38, 39, 40}, [5]float64{19, 20, 21, 20, 20}))
	if got := changes["flip local p50-ms"]; got.Verdict != Worse || got.Against != "" {
		t.Errorf("ours alone a fifth slower: %v, want it worse", got)
	}
}

func TestCompareTakesOnlyTheSameReference(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Report)
		want   string
	}{
		"another version of vnc":  {func(r *Report) { r.Peers[1].Version = "TigerVNC 1.13" }, "x11vnc"},
		"only the floor the same": {func(r *Report) { r.Peers[1].Version, r.Peers[2].Version = "1", "2" }, "floor"},
		"nothing the same":        {func(r *Report) { r.Peers[1].Version, r.Peers[2].Version, r.Peers[3].Version = "1", "2", "3" }, ""},
	} {
		new := madeUp(2, 1.6)
		c.change(new)
		_, changes := compared(t, madeUp(1, 1), new)
		if got := changes["flip local p50-ms"].Against; got != c.want {
			t.Errorf("%s: related to %q, want %q", name, got, c.want)
		}
	}
}

func TestCompareDirections(t *testing.T) {
	for metric, worse := range map[string]float64{"p50-ms": 1.5, "frames/s": 0.5, "cpu-ms/s": 1.5, "bytes/s": 1.5, "rest-psnr-y-db": 0.9} {
		for _, verdict := range []Verdict{Worse, Better} {
			old, new := madeUp(1, 1), madeUp(2, 1)
			hurt := new
			if verdict == Better {
				hurt = old
			}
			each(hurt, "scroll", func(r *Result) {
				r.Metrics[metric] *= worse
				if metric == "frames/s" { // what a frame costs stays the same
					r.Metrics["cpu-ms/s"] *= worse
					r.Metrics["bytes/s"] *= worse
				}
			})
			c, changes := compared(t, old, new)
			name := metric
			if frame := MetricOf(metric).Frame; frame != "" {
				name = frame
			}
			if got := changes["scroll local "+name]; got.Verdict != verdict {
				t.Errorf("%s × %v: %v, want %s", metric, worse, got, verdict)
			}
			if others := len(c.with(Worse, Better)); others != 1 {
				t.Errorf("%s × %v: %d metrics changed, want it alone", metric, worse, others)
			}
		}
	}
}

// A change that is significant but within the budget is none.
func TestCompareBudgets(t *testing.T) {
	old, new := madeUp(1, 1), madeUp(1, 1)
	each(new, "flip", func(r *Result) { r.Metrics["p50-ms"] += 1.5 })
	if _, changes := compared(t, old, new); changes["flip local p50-ms"].Verdict != Same {
		t.Errorf("1.5 ms: %v, want the same: 2 ms may be lost", changes["flip local p50-ms"])
	}
	each(new, "flip", func(r *Result) { r.Metrics["p50-ms"] += 20 })
	c, err := Compare(old, new, Budgets{"p50-ms": {Amount: 30}})
	if err != nil || len(c.Regressed()) != 0 {
		t.Errorf("30 ms allowed: %v, %v; want none", c.Regressed(), err)
	}
	for _, change := range c.Changes {
		if change.Metric != "p50-ms" {
			t.Errorf("%s was compared, and has no budget", change.Metric)
		}
	}
}

func TestCompareFrozen(t *testing.T) {
	for name, freeze := range map[string]func(*Report){
		"no frames": func(r *Report) {
			each(r, "scroll", func(result *Result) { result.Metrics = map[string]float64{"frames/s": 0, "drawn/s": 60} })
		},
		"a standstill": func(r *Report) {
			each(r, "scroll", func(result *Result) { result.Metrics["frames/s"], result.Metrics["frozen-ms"] = 12, 2400 })
		},
		"no changes": func(r *Report) {
			each(r, "scroll", func(result *Result) { result.Metrics = map[string]float64{"lost": 60} })
		},
		"void": func(r *Report) {
			r.Results = slices.DeleteFunc(r.Results, func(result Result) bool {
				return result.Scenario == "scroll" && result.Link == "local" && result.Peer == "lucarne"
			})
			r.Void = append(r.Void, Void{Scenario: "scroll", Link: "local", Peer: "lucarne", Reason: "no frame was shown", Frozen: true})
		},
	} {
		new := madeUp(2, 1)
		freeze(new)
		c, changes := compared(t, madeUp(1, 1), new)
		if got := changes["scroll local"]; got.Verdict != Frozen || len(c.Regressed()) != 1 {
			t.Errorf("%s: %v, want it frozen and nothing else", name, c.Regressed())
		}
		if c, _ := compared(t, new, new); len(c.Regressed()) != 0 {
			t.Errorf("%s in both: %v, want no regression", name, c.Regressed())
		}
	}
}

func TestCompareInconclusive(t *testing.T) {
	new := madeUp(2, 1)
	new.Results = slices.DeleteFunc(new.Results, func(r Result) bool { return r.Scenario == "key" && r.Peer == "lucarne" })
	new.Void = append(new.Void, Void{Scenario: "key", Link: "local", Peer: "lucarne", Reason: "the machine was too busy"})
	each(new, "flip", func(r *Result) { delete(r.Metrics, "p95-ms") })
	c, changes := compared(t, madeUp(1, 1), new)
	if got := changes["key local"]; got.Verdict != Inconclusive || got.Note != "the machine was too busy" {
		t.Errorf("void: %v", got)
	}
	if got := changes["flip local p95-ms"].Verdict; got != Inconclusive {
		t.Errorf("a figure that is missing: %s", got)
	}
	if len(c.Inconclusive()) != 2 || len(c.Regressed()) != 0 || !slices.Equal(c.Alone, []string{"key over wan"}) {
		t.Errorf("inconclusive %v, regressed %v, alone %v", c.Inconclusive(), c.Regressed(), c.Alone)
	}

	few := madeUp(2, 1)
	few.Results = slices.DeleteFunc(few.Results, func(r Result) bool { return r.Repetition > 3 })
	each(few, "flip", func(r *Result) { r.Metrics["p50-ms"] += 100 })
	c, changes = compared(t, madeUp(1, 1), few)
	if got := changes["flip local p50-ms"]; got.Verdict != Untold {
		t.Errorf("three repetitions: %v, want untold", got)
	}
	if got, want := len(c.Inconclusive()), len(c.Changes); got != want {
		t.Errorf("three repetitions of everything: %d inconclusive, want all %d", got, want)
	}
}

func TestCompareRefuses(t *testing.T) {
	elsewhere, alien, other := madeUp(1, 1), madeUp(1, 1), madeUp(1, 1)
	elsewhere.Machine.Class = "64x-amd-epyc"
	alien.Peers[0].Ours = false
	for i := range other.Results {
		other.Results[i].Scenario = "resume"
	}
	other.Void = nil
	for name, c := range map[string]struct {
		new  *Report
		want string
	}{
		"another machine class": {elsewhere, `class "2x-amd-epyc", the new one of "64x-amd-epyc"`},
		"no peer of ours":       {alien, "no peer of ours"},
		"nothing in common":     {other, "no scenario in common"},
	} {
		if _, err := Compare(madeUp(1, 1), c.new, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestCompareText(t *testing.T) {
	new := madeUp(2, 1.6)
	each(new, "flip", func(r *Result) { r.Metrics["p50-ms"] *= 2 })
	new.Build.Commit = "00112233"
	new.Void = append(new.Void, Void{Scenario: "key", Link: "local", Peer: "lucarne", Reason: "busy"})
	c, _ := compared(t, madeUp(1, 1), new)
	var out strings.Builder
	if err := c.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"machine class 2x-amd-epyc: 0.3.0 (7f3c2a1) → 0.3.0 (0011223)", "flip over local\n", "no significant change",
		"worse, the machine's speed by vnc", "1 worse, 0 frozen", "inconclusive: busy", "flip over local: p50-ms worse: ", "may be lost; p=0.008)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, out.String())
		}
	}
}

// How often would noise alone be called a regression? Two runs of one build, each
// figure of each repetition drawn anew with a spread of a quarter.
func TestCompareNoise(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	regressed, judged := 0, 0
	for range 25 {
		old, new := madeUp(1, 1), madeUp(1, 1)
		for _, r := range []*Report{old, new} {
			for i := range r.Results {
				for name, v := range r.Results[i].Metrics {
					r.Results[i].Metrics[name] = v * (0.875 + 0.25*rnd.Float64())
				}
			}
		}
		c, _ := compared(t, old, new)
		regressed += len(c.Regressed())
		judged += len(c.Changes)
	}
	if regressed > judged/200 {
		t.Errorf("%d of %d figures regressed by noise, want one in 200 at most", regressed, judged)
	}
	t.Logf("%d of %d figures regressed by noise", regressed, judged)
}
