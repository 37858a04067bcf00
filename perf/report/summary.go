package report

import (
	"maps"
	"slices"
)

// Row is what the peers had of one metric in one scenario over one link.
type Row struct {
	Scenario, Link string
	Metric         Metric
	// Peers has each peer's figure by name; who was not measured is missing.
	Peers map[string]Stat
	// Ratios has ours divided by another's, by the other's name: of each
	// repetition that has both, so that what the machine did to both of them
	// cancels.
	Ratios map[string]Stat
	// Above is ours less the floor's, of each repetition that has both. It has
	// no repetitions unless the metric is a latency.
	Above Stat
	// Outcomes are the targets of this figure, be it ours or another's.
	Outcomes []Outcome
}

// Summarize returns the report's figures: scenarios and links in the order in
// which they were measured, metrics in the order of Metrics.
func (r *Report) Summarize() []Row {
	var rows []Row
	outcomes := r.Outcomes()
	for _, link := range r.links() {
		for _, scenario := range r.scenarios() {
			var metrics []string
			for _, result := range r.of(scenario, link) {
				metrics = slices.AppendSeq(metrics, maps.Keys(result.figures()))
			}
			sortMetrics(metrics)
			for _, metric := range slices.Compact(metrics) {
				rows = append(rows, r.row(scenario, link, MetricOf(metric), outcomes))
			}
		}
	}
	return rows
}

func (r *Report) row(scenario, link string, metric Metric, outcomes []Outcome) Row {
	row := Row{Scenario: scenario, Link: link, Metric: metric, Peers: map[string]Stat{}, Ratios: map[string]Stat{}}
	ours, _ := r.ours()
	us := r.column(scenario, link, ours.Name, metric.Name)
	for _, p := range r.Peers {
		them := r.column(scenario, link, p.Name, metric.Name)
		if len(them) == 0 {
			continue
		}
		row.Peers[p.Name] = stat(slices.Collect(maps.Values(them)))
		if p.Ours {
			continue
		}
		ratios := paired(us, them, func(a, b float64) (float64, bool) { return a / b, b != 0 })
		if len(ratios) > 0 && metric.Better != Neither && !metric.Level {
			row.Ratios[p.Name] = stat(ratios)
		}
		if p.Floor && metric.Latency {
			row.Above = stat(paired(us, them, func(a, b float64) (float64, bool) { return a - b, true }))
		}
	}
	for _, o := range outcomes {
		if o.Scenario == scenario && o.link() == link && o.Metric == metric.Name && !o.Missing() {
			row.Outcomes = append(row.Outcomes, o)
		}
	}
	return row
}

// paired joins the figures of the repetitions that both peers have.
func paired(a, b map[int]float64, join func(a, b float64) (float64, bool)) []float64 {
	var joined []float64
	for _, repetition := range slices.Sorted(maps.Keys(a)) {
		if other, ok := b[repetition]; ok {
			if v, ok := join(a[repetition], other); ok {
				joined = append(joined, v)
			}
		}
	}
	return joined
}

// column returns one metric of one peer by repetition.
func (r *Report) column(scenario, link, peer, metric string) map[int]float64 {
	values := map[int]float64{}
	for _, result := range r.of(scenario, link) {
		if result.Peer != peer {
			continue
		}
		if v, ok := result.figures()[metric]; ok {
			values[result.Repetition] = v
		}
	}
	return values
}

// figures returns the metrics with those that follow from them: what a second
// costs, divided by the frames shown in it.
func (r Result) figures() map[string]float64 {
	frames := r.Metrics["frames/s"]
	if frames <= 0 {
		return r.Metrics
	}
	all := maps.Clone(r.Metrics)
	for _, m := range Metrics() {
		if v, ok := r.Metrics[m.Name]; ok && m.Frame != "" {
			all[m.Frame] = v / frames
		}
	}
	return all
}

// of returns the results of a scenario over a link.
func (r *Report) of(scenario, link string) []Result {
	var results []Result
	for _, result := range r.Results {
		if result.Scenario == scenario && result.Link == link {
			results = append(results, result)
		}
	}
	return results
}

// ours returns the peer under test, false if there is none.
func (r *Report) ours() (Peer, bool) { return r.peer(func(p Peer) bool { return p.Ours }) }

func (r *Report) peer(is func(Peer) bool) (Peer, bool) {
	if i := slices.IndexFunc(r.Peers, is); i >= 0 {
		return r.Peers[i], true
	}
	return Peer{}, false
}

// scenarios returns what was measured, in order; links the same.
func (r *Report) scenarios() []string {
	return r.distinct(func(result Result) string { return result.Scenario })
}

func (r *Report) links() []string {
	return r.distinct(func(result Result) string { return result.Link })
}

func (r *Report) distinct(of func(Result) string) []string {
	var all []string
	for _, result := range r.Results {
		if v := of(result); !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}
