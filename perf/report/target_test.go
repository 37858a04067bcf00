package report

import (
	"slices"
	"testing"
)

// figures is a run of one figure: results of a metric by scenario and peer, over a link.
func figures(link, codec string, metrics map[string]map[string][]map[string]float64) *Report {
	r := &Report{Schema: Schema}
	for scenario, peers := range metrics {
		for peer, results := range peers {
			if !slices.ContainsFunc(r.Peers, func(p Peer) bool { return p.Name == peer }) {
				r.Peers = append(r.Peers, Peer{Name: peer, Ours: peer == "lucarne"})
			}
			for i, found := range results {
				r.Results = append(r.Results, Result{Scenario: scenario, Link: link, Peer: peer, Repetition: i + 1, Metrics: found, Codec: codec})
			}
		}
	}
	return r
}

// p50 are results with a median each.
func p50(medians ...float64) (results []map[string]float64) {
	for _, ms := range medians {
		results = append(results, map[string]float64{"p50-ms": ms})
	}
	return results
}

// A figure is judged by what it is compared with: another peer's and so much more,
// another scenario's, another metric, or the worst of its own.
func TestOutcomesOfEachKind(t *testing.T) {
	type of = map[string]map[string][]map[string]float64
	resumed := func(times ...float64) (results []map[string]float64) {
		for _, ms := range times {
			results = append(results, map[string]float64{"resume-ms": ms})
		}
		return results
	}
	for name, c := range map[string]struct {
		report *Report
		want   []string
	}{
		"so much more, kept": {
			figures("lan", "", of{"flip": {"lucarne": p50(14, 20, 16), "lucarne-ws": p50(17, 26, 30)}}),
			[]string{"flip over lan: 1× lucarne + 6 of lucarne-ws ≤ 1× lucarne + 6, kept"},
		},
		"so much more, missed": {
			figures("lan", "", of{"flip": {"lucarne": p50(14, 20, 16), "lucarne-ws": p50(21, 27, 10)}}),
			[]string{"flip over lan: 1× lucarne + 7 of lucarne-ws ≤ 1× lucarne + 6, missed"},
		},
		"less than nothing more": {
			figures("lan", "", of{"flip": {"lucarne": p50(14), "lucarne-ws": p50(12)}}),
			[]string{"flip over lan: 1× lucarne − 2 of lucarne-ws ≤ 1× lucarne + 6, kept"},
		},
		"another metric": {
			figures("wan", "", of{"scene": {"lucarne-ws": {{"p50-ms": 40, "p95-ms": 120}}}}),
			[]string{"scene over wan: 3× p50-ms of lucarne-ws ≤ 2.50× p50-ms, missed"},
		},
		"another scenario, a codec": {
			figures("local", "h264", of{"flip": {"lucarne": p50(14)}, "key": {"lucarne": p50(18)}}),
			[]string{"key: 1× flip + 4 of h264: ≤ 1× flip + 6, kept"},
		},
		"another codec": {figures("local", "vp8", of{"flip": {"lucarne": p50(14)}, "key": {"lucarne": p50(18)}}), nil},
		"the worst": {
			figures("lan", "", of{"resume": {"lucarne": resumed(200, 1600, 220)}}),
			[]string{"resume over lan: 220 of lucarne ≤ 500, kept", "resume over lan: 1600 of lucarne worst ≤ 1500, missed"},
		},
	} {
		var got []string
		for _, o := range c.report.Outcomes() {
			got = append(got, o.name()+": "+o.Figure()+" of "+o.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A target that names something which nobody measures would never be judged.
func TestTargetsNameWhatThereIs(t *testing.T) {
	for _, target := range Targets() {
		for _, metric := range []string{target.Metric, target.Of} {
			if metric != "" && MetricOf(metric).Better == Neither {
				t.Errorf("%v %s: %s is not judged", target, target.name(), metric)
			}
		}
		if target.Worst && target.other() != "" || target.Plus != 0 && target.other() == "" {
			t.Errorf("%v: the worst of a comparison, or more than nothing", target)
		}
	}
}
