package report

import (
	"fmt"
	"math"
	"strings"
)

// facet is one metric of a plot and what it is called there.
type facet struct{ metric, text string }

// comparison is one line of the ratio chart.
type comparison struct {
	row      Row
	text     string // the metric
	peer     string // the other
	good     Stat   // how many times as good ours is
	follows  bool   // the line above is of the same figure
	standing bool   // it is the only line of its figure
}

// comparisons returns the lines of the ratio chart.
func (p plotter) comparisons() []comparison {
	var all []comparison
	for _, f := range []facet{{"p50-ms", "latency"}, {"frames/s", "frames"}, {"cpu-ms/frame", "CPU a frame"}} {
		for _, row := range p.of(f.metric) {
			first := len(all)
			for _, peer := range p.report.others() {
				if ratio, ok := row.Ratios[peer.Name]; ok && ratio.Low > 0 {
					all = append(all, comparison{row: row, text: f.text, peer: peer.Name, good: advantage(row.Metric, ratio), follows: len(all) > first})
				}
			}
			if len(all) == first+1 {
				all[first].standing = true
			}
		}
	}
	return all
}

// advantage turns a ratio around where less is better, so that more is better.
func advantage(m Metric, s Stat) Stat {
	if m.Better == Higher {
		return s
	}
	return Stat{N: s.N, Median: 1 / s.Median, Low: 1 / s.High, High: 1 / s.Low, Confidence: s.Confidence}
}

// ratioChart draws how many times as good as each other peer ours is, with the
// interval, "" if there is nothing to compare.
func (p plotter) ratioChart() string {
	all := p.comparisons()
	if len(all) == 0 {
		return ""
	}
	d := &drawing{width: plotWidth}
	left := 0.0
	for _, peer := range p.report.others() {
		text := "against " + peer.Name
		d.dot("dot "+p.class(peer.Name), point{left + 6, 6}, "")
		d.text("", start, point{left + 15, 10}, text)
		left += 30 + letter*float64(len(text))
	}
	const top, line, gap = 48.0, 17.0, 14.0
	y := top - line
	places := make([]float64, len(all))
	for i, c := range all {
		switch {
		case c.follows || i == 0:
			y += line
		case all[i-1].standing:
			y += line + gap + 8 // the name of its figure takes two lines
		default:
			y += line + gap
		}
		places[i] = y
	}
	below := y + 18
	d.height = below + 18
	x := ratioAxis(all)
	for _, v := range x.ticks(0) {
		class := "grid"
		if v == 1 {
			class = "even"
		}
		d.line(class, point{x.at(v), 36}, point{x.at(v), below})
		d.text("note", mid, point{x.at(v), below + 14}, number(v)+"×")
	}
	d.text("note", end, point{x.at(1) - 8, 29}, "← worse")
	d.text("note", start, point{x.at(1) + 8, 29}, "better →")
	var words []string
	for i, c := range all {
		y, class := places[i], p.class(c.peer)
		if !c.follows {
			d.text("group", start, point{0, y + 4}, c.row.Scenario)
			d.text("note", start, point{0, y + 17}, c.text)
		}
		hint := fmt.Sprintf("%s, %s against %s: %s times as good", c.row.Scenario, c.text, c.peer, c.good)
		words = append(words, hint)
		d.line("span "+class, point{x.at(c.good.Low), y}, point{x.at(c.good.High), y})
		d.dot("dot "+class, point{x.at(c.good.Median), y}, hint)
		decimals := 2
		if c.good.Median >= 10 {
			decimals = 1
		}
		d.text("", end, point{plotWidth, y + 4}, fmt.Sprintf("%.*f×", decimals, c.good.Median))
	}
	return d.svg("Ours against each peer", strings.Join(words, "; "), "")
}

// ratioAxis returns an axis for the lines, from a half to 2 at least and from a
// sixteenth to 16 at most.
func ratioAxis(all []comparison) axis {
	low, high := 0.5, 2.0
	for _, c := range all {
		low = min(low, c.good.Low)
		high = max(high, c.good.High)
	}
	power := func(v float64, whole func(float64) float64) float64 {
		return math.Pow(2, whole(math.Log2(min(max(v, 1.0/16), 16))))
	}
	return axis{low: power(low, math.Floor), high: power(high, math.Ceil), from: 96, to: plotWidth - 56, log: true}
}
