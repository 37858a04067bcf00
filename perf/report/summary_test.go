package report

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestStat(t *testing.T) {
	for _, c := range []struct {
		n                 int
		median, low, high float64
	}{{1, 1, 1, 1}, {2, 1.5, 1, 2}, {5, 3, 1, 5}, {6, 3.5, 1, 6}, {9, 5, 2, 8}, {20, 10.5, 6, 15}} {
		var values []float64
		for i := range c.n {
			values = append(values, float64(c.n-i))
		}
		got := stat(values)
		if got.N != c.n || got.Median != c.median || got.Low != c.low || got.High != c.high || c.n >= 5 && got.Confidence < wanted {
			t.Errorf("1..%d: %+v, want %v [%v, %v]", c.n, got, c.median, c.low, c.high)
		}
	}
	if got := stat(nil); got != (Stat{}) {
		t.Errorf("of nothing: %+v", got)
	}
	if got := Quantile(nil, 0.5); !math.IsNaN(got) {
		t.Errorf("quantile of nothing: %v, want NaN", got)
	}
}

// hand is a run that can be computed by hand.
func hand() *Report {
	r := &Report{Schema: Schema, Peers: []Peer{{Name: "lucarne", Ours: true}, {Name: "vnc"}, {Name: "floor", Floor: true}}}
	for i, v := range [][3]float64{{10, 20, 5}, {12, 10, 5}, {10, 10, 6}} {
		for p, peer := range r.Peers {
			r.Results = append(r.Results, Result{
				Scenario: "flip", Link: "local", Peer: peer.Name, Repetition: i + 1,
				Metrics: map[string]float64{"p50-ms": v[p], "frames/s": 10, "cpu-ms/s": v[p], "zeta": 1},
			})
		}
	}
	return r
}

func TestSummarize(t *testing.T) {
	rows := hand().Summarize()
	var names []string
	for _, row := range rows {
		names = append(names, row.Metric.Name)
	}
	if got, want := strings.Join(names, " "), "p50-ms frames/s cpu-ms/s cpu-ms/frame zeta"; got != want {
		t.Fatalf("metrics: %s, want %s", got, want)
	}
	row := rows[0]
	if got := row.Peers["vnc"].Median; got != 10 {
		t.Errorf("vnc: %v, want 10", got)
	}
	if got := row.Ratios["vnc"]; got.Median != 1 || got.Low != 0.5 || got.High != 1.2 || got.N != 3 {
		t.Errorf("ratio: %v, want 1 [0.5, 1.2]", got)
	}
	if got := row.Above; got.Median != 5 || got.Low != 4 || got.High != 7 {
		t.Errorf("above the floor: %v, want 5 [4, 7]", got)
	}
	if got := rows[3].Peers["lucarne"].Median; got != 1 {
		t.Errorf("cpu-ms/frame: %v, want 1", got)
	}
	if rows[1].Above.N != 0 || len(rows[4].Ratios) != 0 {
		t.Error("frames/s has a floor, or an unknown metric a ratio")
	}
}

func TestSummarizeMakesNoRatiosOfLevels(t *testing.T) {
	for _, row := range madeUp(1, 1).Summarize() {
		if level := strings.HasSuffix(row.Metric.Name, "-db"); level && len(row.Ratios) > 0 {
			t.Errorf("%s has a ratio", row.Metric.Name)
		}
	}
}

func TestTargets(t *testing.T) {
	r := hand()
	if missed := r.Missed(); len(missed) != 0 {
		t.Errorf("ratio 1.0: missed %v, want none", missed)
	}
	each(r, "flip", func(result *Result) { result.Metrics["p50-ms"] *= 1.2 })
	missed := r.Missed()
	if len(missed) != 1 || missed[0].String() != "≤ 1.15× vnc, missed" {
		t.Errorf("ratio 1.2: missed %v, want that of the flip", missed)
	}
	for i := range r.Results {
		r.Results[i].Link = "slow"
	}
	if missed := r.Missed(); len(missed) != 0 {
		t.Errorf("over slow: missed %v, want none: there are no targets for that link", missed)
	}
	for _, target := range Targets() {
		if MetricOf(target.Metric).Better == Neither {
			t.Errorf("target %v has a metric that is not judged", target)
		}
	}
}

// A target without a figure is not kept, and said to be missing.
func TestMissingTargets(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Report)
		want   []string // of what is not kept
	}{
		"all there": {func(*Report) {}, nil},
		"a figure of ours": {func(r *Report) {
			each(r, "idle", func(result *Result) { delete(result.Metrics, "rss-MB") })
		}, []string{"idle rss-MB ≤ 120, missing"}},
		"the other peer's": {func(r *Report) {
			r.Results = slices.DeleteFunc(r.Results, func(result Result) bool {
				return result.Peer == "vnc" && result.Scenario == "flip" && result.Link == "local"
			})
		}, []string{"flip p50-ms ≤ 1.15× vnc, missing"}},
		"the scenario is void": {func(r *Report) {
			r.Results = slices.DeleteFunc(r.Results, func(result Result) bool { return result.Scenario == "key" })
			r.Void = append(r.Void, Void{Scenario: "key", Link: "local", Peer: "lucarne", Reason: "no picture"})
		}, []string{"key p50-ms ≤ 1× vnc, missing"}},
		"the scenario was not asked for": {func(r *Report) {
			r.Results = slices.DeleteFunc(r.Results, func(result Result) bool { return result.Scenario == "key" })
		}, nil},
		"nor was the peer": {func(r *Report) {
			r.Results = slices.DeleteFunc(r.Results, func(result Result) bool { return result.Peer == "vnc" })
			r.Peers = slices.DeleteFunc(r.Peers, func(p Peer) bool { return p.Name == "vnc" })
		}, nil},
	} {
		r := madeUp(1, 1)
		each(r, "flip", func(result *Result) { result.Metrics["p50-ms"] /= 2 })
		each(r, "key", func(result *Result) { result.Metrics["p50-ms"] /= 2 })
		c.change(r)
		var got []string
		for _, o := range r.Missed() {
			got = append(got, o.Scenario+" "+o.Metric+" "+o.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: not kept %q, want %q", name, got, c.want)
		}
		var table strings.Builder
		if err := r.WriteTable(&table); err != nil {
			t.Fatal(err)
		}
		for _, line := range append(c.want, "targets kept") {
			if !strings.Contains(table.String(), line) {
				t.Errorf("%s: the table does not say %q", name, line)
			}
		}
	}
}

// The table says how much of the machine was withheld.
func TestTableNamesSteal(t *testing.T) {
	r := madeUp(1, 1)
	r.Results[7].Steal = 0.31
	var table strings.Builder
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if want := "withheld 0.31 of a core at most (" + r.Results[7].name() + ")"; !strings.Contains(table.String(), want) {
		t.Errorf("the table does not say %q", want)
	}
}

func TestMetrics(t *testing.T) {
	all := Metrics()
	for i, m := range all {
		if !isName(m.Name) || m.Text == "" || (m.Better != Neither) != (m.May != Budget{}) {
			t.Errorf("%+v: no name, no text, or judged without a budget", m)
		}
		if slices.ContainsFunc(all[:i], func(other Metric) bool { return other.Name == m.Name }) {
			t.Errorf("%s is there twice", m.Name)
		}
		if m.Frame != "" && MetricOf(m.Frame).Better == Neither {
			t.Errorf("%s is not judged by the frame", m.Name)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.0001: "0", 0.0012: "0.0012", 1.324: "1.32", 22.84: "22.8", 108.2: "108", 60: "60",
		999.6: "1000", 28.002: "28.0", 0.5: "0.5", 0.005: "0.005", 1.15: "1.15", 99.96: "100", 1234: "1234", 12345: "12.3k", 999_499: "999.5k", 9_412_345: "9.41M", -3.21: "-3.21",
	} {
		if got := number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
