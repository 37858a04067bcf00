package report

import (
	_ "embed" // for the template and the style
	"fmt"
	"html/template"
	"io"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// page is what the template shows.
type page struct {
	Report   *Report
	Style    template.CSS
	Day      string
	Others   []Peer
	Columns  int // of a link's table
	Outcomes []tile
	Links    []linkPage
	Facts    []property
	Again    int      // repetitions that were tried more than once
	Foot     []string // what has to be known to read the tables
}

// tile is one target.
type tile struct {
	Outcome
	Name, Text string // of the scenario, of the metric
}

// linkPage is the part about one link.
type linkPage struct {
	Name, Anchor string
	Sure         string // what the intervals mean
	Plots        []plot
	Rows         []tableRow
	StageNames   []string
	Stages       [][]string
}

// plot is a picture with its caption.
type plot struct {
	Title, Text string
	SVG         template.HTML
}

// tableRow is one metric; Heading is the scenario in its first row.
type tableRow struct {
	Heading, Name, Text string
	Cells               []string
}

// WriteHTML writes the report as one page that needs nothing else: no network, no
// script. It follows the reader's light or dark scheme and fits a phone.
func (r *Report) WriteHTML(w io.Writer) error {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return fmt.Errorf("report: page template: %w", err)
	}
	p := page{
		Report: r, Style: template.CSS(plotStyle + pageStyle), Day: r.Started.UTC().Format("2006-01-02 15:04 UTC"),
		Others: r.others(), Columns: 2 + len(r.Peers) + len(r.others()), Facts: r.facts(), Foot: r.foot(),
	}
	for _, o := range r.Outcomes() {
		p.Outcomes = append(p.Outcomes, tile{o, o.name(), MetricOf(o.Metric).Text})
	}
	for _, link := range r.links() {
		p.Links = append(p.Links, r.linkPage(link))
	}
	for _, result := range r.Results {
		if result.Attempts > 1 {
			p.Again++
		}
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("report: write page: %w", err)
	}
	return nil
}

func (r *Report) linkPage(link string) linkPage {
	p := r.plotter(link)
	page := linkPage{Name: link, Anchor: "over-" + link, Sure: sure(p.rows), Plots: p.plots()}
	scenario := ""
	for _, row := range p.rows {
		cells := r.cells(row, r.others())
		t := tableRow{Name: row.Metric.Name, Text: row.Metric.Text, Cells: cells[1 : len(cells)-1]}
		if row.Scenario != scenario {
			scenario = row.Scenario
			t.Heading = scenario
		}
		page.Rows = append(page.Rows, t)
	}
	ways := p.ways()
	page.StageNames = stageNames(ways)
	for _, w := range ways {
		cells := []string{w.scenario}
		for _, name := range page.StageNames {
			cell := ""
			for _, s := range w.stages {
				if s.Name == name {
					cell = number(s.MS)
				}
			}
			cells = append(cells, cell)
		}
		page.Stages = append(page.Stages, cells)
	}
	return page
}

// plots returns all plots there is something for.
func (p plotter) plots() []plot {
	all := []plot{
		{"Latency", "Median from drawn, or from the event in the page, to shown, ms; shorter is better. Thin line: the interval of the median.", template.HTML(p.barChart("p50-ms"))},
		{"Frames shown", "Frames a second of an animation; longer is better.", template.HTML(p.barChart("frames/s"))},
		{"Waiting", "Until there is a picture, ms; shorter is better.", template.HTML(p.waitChart())},
		{"Ours against each peer", "How many times as good as the peer, with the interval; 1 is equal.", template.HTML(p.ratioChart())},
		{"Where the time goes", "Stages of our frames’ way to the screen, medians, ms.", template.HTML(p.stageChart())},
	}
	for _, scenario := range p.report.scenarios() {
		all = append(all, plot{"Latency of " + scenario, "Share of changes shown within a time, all repetitions; further left is better. Named: the median.", template.HTML(p.delayChart(scenario))})
	}
	for _, scenario := range p.report.scenarios() {
		all = append(all, plot{"Frames of " + scenario, "Frames shown a second over time, median of the repetitions.", template.HTML(p.frameChart(scenario))})
	}
	var some []plot
	for _, plot := range all {
		if plot.SVG != "" {
			some = append(some, plot)
		}
	}
	return some
}

// facts describe the machine and the programs.
func (r *Report) facts() []property {
	m := r.Machine
	facts := []property{
		{"machine class", m.Class}, {"processor", fmt.Sprintf("%s, %d cores", m.CPU, m.Cores)},
		{"system", fmt.Sprintf("%s %s, kernel %s", m.OS, m.Arch, m.Kernel)}, {"load at the end", m.Load},
		{"browser", m.Browser}, {"screen", m.Screen},
		{"clock", fmt.Sprintf("one machine, one clock; the pages’ clocks differed by %s ms at most", number(m.ClockOffsetMax))},
		{"build", r.Build.Version + " " + r.Build.Commit},
	}
	for _, p := range r.Peers {
		facts = append(facts, property{p.Name, p.Version})
	}
	return facts
}
