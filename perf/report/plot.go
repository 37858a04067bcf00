package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// plotWidth is a plot's width, so that it is readable on a phone without scaling.
const plotWidth = 380.0

// letter is about the width of a letter of a plot's text.
const letter = 6.4

// plotter draws the plots of one report over one link.
type plotter struct {
	report *Report
	rows   []Row // of this link
	link   string
}

func (r *Report) plotter(link string) plotter {
	rows := slices.DeleteFunc(r.Summarize(), func(row Row) bool { return row.Link != link })
	return plotter{r, rows, link}
}

// class returns the class that gives a peer its colour, the same in all plots.
func (p plotter) class(peer string) string {
	others := 0
	for _, candidate := range p.report.Peers {
		class := "pf"
		switch {
		case candidate.Ours:
			class = "p0"
		case !candidate.Floor:
			class = fmt.Sprintf("p%d", 1+others%4)
			others++
		}
		if candidate.Name == peer {
			return class
		}
	}
	return "pf"
}

// of returns the rows of a metric, a scenario each.
func (p plotter) of(metric string) []Row {
	return slices.DeleteFunc(slices.Clone(p.rows), func(row Row) bool { return row.Metric.Name != metric })
}

// plotted are the peers with a figure in a row, in the report's order.
func (p plotter) plotted(row Row) []string {
	var names []string
	for _, peer := range p.report.Peers {
		if _, ok := row.Peers[peer.Name]; ok {
			names = append(names, peer.Name)
		}
	}
	return names
}

// bars draws rows as a bar for each peer, with the interval of the median, into d
// from a corner on. Each row has its scenario above it, or another label. It returns
// the y below.
func (p plotter) bars(d *drawing, corner point, width float64, rows []Row, label func(Row) string) float64 {
	gutter, most := 0.0, 0.0
	for _, row := range rows {
		for name, s := range row.Peers {
			gutter = max(gutter, letter*float64(len(name)))
			most = max(most, s.High)
		}
	}
	x := axis{low: 0, high: max(most, 1e-9), from: corner.x + gutter + 8, to: corner.x + width - 42}
	y := corner.y
	for _, row := range rows {
		d.text("group", start, point{corner.x, y + 12}, label(row))
		y += 18
		for _, name := range p.plotted(row) {
			s, class := row.Peers[name], p.class(name)
			hint := fmt.Sprintf("%s, %s: %s", label(row), name, s)
			d.text("note", end, point{corner.x + gutter, y + 11}, name)
			d.rect("bar "+class, x.from, y+2, x.at(s.Median)-x.from, 12, hint)
			if s.N > 1 {
				d.line("range", point{x.at(s.Low), y + 8}, point{x.at(s.High), y + 8})
			}
			d.text("", start, point{x.at(max(s.Median, s.High)) + 5, y + 12}, number(s.Median))
			y += 17
		}
		y += 9
	}
	return y
}

// barChart draws one metric of all scenarios, "" if none has it.
func (p plotter) barChart(metric string) string {
	return p.chart(p.of(metric), MetricOf(metric).Text, Row.heading)
}

// waitChart draws how long one waits for a picture that was not there, "" if
// nothing was measured of it.
func (p plotter) waitChart() string {
	var rows []Row
	for _, metric := range []string{"first-cold-ms", "first-warm-ms", "resume-ms", "resize-ms"} {
		rows = append(rows, p.of(metric)...)
	}
	return p.chart(rows, "Waiting, ms", func(row Row) string { return strings.TrimSuffix(row.Metric.Text, ", ms") })
}

func (p plotter) chart(rows []Row, name string, label func(Row) string) string {
	if len(rows) == 0 {
		return ""
	}
	d := &drawing{width: plotWidth}
	d.height = p.bars(d, point{0, 0}, plotWidth, rows, label)
	return d.svg(name, describe(rows, label), "")
}

// heading is what stands above a row where only the scenario differs.
func (row Row) heading() string { return row.Scenario }

// describe puts the figures of a plot into words.
func describe(rows []Row, label func(Row) string) string {
	var words []string
	for _, row := range rows {
		for _, name := range sortedKeys(row.Peers) {
			words = append(words, fmt.Sprintf("%s, %s: %s", label(row), name, row.Peers[name]))
		}
	}
	return strings.Join(words, "; ")
}

// stageChart draws the stages of our frames' way as stacked bars, "" if no page told them.
func (p plotter) stageChart() string {
	ways := p.ways()
	if len(ways) == 0 {
		return ""
	}
	longest := 0.0
	for _, w := range ways {
		longest = max(longest, w.total())
	}
	d := &drawing{width: plotWidth}
	x := axis{low: 0, high: max(longest, 1e-9), from: 0, to: plotWidth - 62}
	names := stageNames(ways)
	y := 0.0
	var words []string
	for _, w := range ways {
		d.text("group", start, point{0, y + 12}, w.scenario)
		at := 0.0
		for _, s := range w.stages {
			hint := fmt.Sprintf("%s, %s: %s ms", w.scenario, s.Name, number(s.MS))
			words = append(words, hint)
			from, to := x.at(at), x.at(at+s.MS)
			d.rect("stage s"+fmt.Sprint(slices.Index(names, s.Name)%7), from, y+18, to-from, 22, hint)
			if label := number(s.MS); to-from > letter*float64(len(label))+4 {
				d.text("inside", mid, point{(from + to) / 2, y + 33}, label)
			}
			at += s.MS
		}
		d.text("", start, point{x.at(at) + 6, y + 33}, number(at)+" ms")
		y += 52
	}
	left := 0.0
	for i, name := range names {
		wide := 18 + letter*float64(len(name)) + 10
		if left+wide > plotWidth {
			left, y = 0, y+18
		}
		d.rect(fmt.Sprintf("stage s%d", i%7), left, y, 12, 12, "")
		d.text("note", start, point{left + 17, y + 10}, name)
		left += wide
	}
	d.height = y + 16
	return d.svg("Stages of a frame's way, ms", strings.Join(words, "; "), "")
}

// way is the stages of one scenario, medians of all repetitions.
type way struct {
	scenario string
	stages   []Stage
}

func (w way) total() float64 {
	ms := 0.0
	for _, s := range w.stages {
		ms += s.MS
	}
	return ms
}

// ways returns our stages by scenario.
func (p plotter) ways() []way {
	var ways []way
	for _, scenario := range p.report.scenarios() {
		var names []string
		ms := map[string][]float64{}
		for _, r := range p.report.ran(scenario, p.link) {
			for _, s := range r.Stages {
				if !slices.Contains(names, s.Name) {
					names = append(names, s.Name)
				}
				ms[s.Name] = append(ms[s.Name], max(s.MS, 0))
			}
		}
		w := way{scenario: scenario}
		for _, name := range names {
			w.stages = append(w.stages, Stage{name, Quantile(ms[name], 0.5)})
		}
		if total := w.total(); total > 0 && !math.IsInf(total, 0) {
			ways = append(ways, w)
		}
	}
	return ways
}

// stageNames returns the stages that occur, in order.
func stageNames(ways []way) []string {
	var names []string
	for _, w := range ways {
		for _, s := range w.stages {
			if !slices.Contains(names, s.Name) {
				names = append(names, s.Name)
			}
		}
	}
	return names
}
