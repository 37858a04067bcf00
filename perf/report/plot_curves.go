package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// The area of a plot of curves.
const (
	curvesLeft   = 34.0
	curvesRight  = plotWidth - 8
	curvesHeight = 150.0
)

// curve is one peer's line.
type curve struct {
	peer, label string
	points      []point // in figures
}

// delayChart draws which part of a scenario's changes was shown how soon by each
// peer, "" if none was dated.
func (p plotter) delayChart(scenario string) string {
	var curves []curve
	latest := 0.0
	for _, peer := range p.report.Peers {
		delays := p.collect(scenario, peer.Name, func(r Result) []float64 { return r.Delays })
		if len(delays) == 0 {
			continue
		}
		latest = max(latest, Quantile(delays, 0.985))
		label := fmt.Sprintf("%s %s ms", peer.Name, number(Quantile(delays, 0.5)))
		curves = append(curves, curve{peer.Name, label, distribution(delays)})
	}
	if len(curves) == 0 {
		return ""
	}
	area := area{
		x:      axis{low: 0, high: round(latest/8) * math.Ceil(latest/round(latest/8)), from: curvesLeft, to: curvesRight},
		y:      axis{low: 0, high: 100},
		levels: []float64{0, 50, 95, 100}, percent: true, unit: "ms",
	}
	return p.curves(area, curves, scenario+": share of changes shown within a time")
}

// distribution returns the empirical distribution in percent, at most 201 points of it.
func distribution(values []float64) []point {
	points := make([]point, 0, 201)
	sorted := slices.Sorted(slices.Values(values))
	n := min(len(sorted), 200)
	for i := range n {
		k := (i + 1) * len(sorted) / n
		points = append(points, point{sorted[k-1], 100 * float64(k) / float64(len(sorted))})
	}
	return append([]point{{points[0].x, 0}}, points...)
}

// frameBin is the length in ms over which frames are counted, and frameEnd the
// longest time that is drawn.
const (
	frameBin = 250.0
	frameEnd = 120_000.0
)

// frameChart draws the frames a second that each peer showed over the time of a
// scenario, the median of the repetitions; "" if none told.
func (p plotter) frameChart(scenario string) string {
	var curves []curve
	last, most := 0.0, 10.0
	for _, peer := range p.report.Peers {
		points, median := p.rates(scenario, peer.Name)
		if len(points) == 0 {
			continue
		}
		for _, at := range points {
			last, most = max(last, at.x), max(most, at.y)
		}
		curves = append(curves, curve{peer.Name, fmt.Sprintf("%s %s/s", peer.Name, number(median)), points})
	}
	if len(curves) == 0 {
		return ""
	}
	y := axis{low: 0, high: round(most/4) * math.Ceil(most/round(most/4))}
	area := area{x: axis{low: 0, high: max(last, 0.1), from: curvesLeft, to: curvesRight}, y: y, levels: y.ticks(4), unit: "s"}
	return p.curves(area, curves, scenario+": frames shown a second over time")
}

// rates returns the frames a second that a peer showed, by the second, and their median.
func (p plotter) rates(scenario, peer string) ([]point, float64) {
	var counts []map[int]float64 // of each repetition, by bin
	bins := math.MaxInt
	for _, r := range p.report.of(scenario, p.link) {
		if r.Peer != peer || len(r.Shown) == 0 {
			continue
		}
		count := map[int]float64{}
		for _, at := range r.Shown {
			if at >= 0 && at < frameEnd {
				count[int(at/frameBin)]++
			}
		}
		counts = append(counts, count)
		bins = min(bins, int(min(slices.Max(r.Shown), frameEnd)/frameBin)) // the last one is not whole
	}
	if len(counts) == 0 || bins < 2 {
		return nil, 0
	}
	var points []point
	var all []float64
	for bin := range bins {
		var rates []float64
		for _, count := range counts {
			rates = append(rates, count[bin]*1000/frameBin)
		}
		rate := Quantile(rates, 0.5)
		all = append(all, rate)
		points = append(points, point{(float64(bin) + 0.5) * frameBin / 1000, rate})
	}
	return points, Quantile(all, 0.5)
}

// collect returns what all repetitions of a peer have in a scenario.
func (p plotter) collect(scenario, peer string, of func(Result) []float64) []float64 {
	var all []float64
	for _, r := range p.report.of(scenario, p.link) {
		if r.Peer == peer {
			all = append(all, of(r)...)
		}
	}
	return all
}

// area is what curves are drawn into.
type area struct {
	x, y    axis // places of y are set by curves
	levels  []float64
	percent bool
	unit    string // of x
}

// curves draws curves with a legend that names them, ours above the others.
func (p plotter) curves(a area, curves []curve, name string) string {
	d := &drawing{width: plotWidth}
	top := p.legend(d, curves) + 12
	a.y.from, a.y.to = top+curvesHeight, top
	d.height = top + curvesHeight + 22
	for _, v := range a.levels {
		label := number(v)
		if a.percent {
			label += "%"
		}
		d.line("grid", point{a.x.from, a.y.at(v)}, point{a.x.to, a.y.at(v)})
		if v != 100 || !a.percent { // it would lie on that of 95
			d.text("note", end, point{a.x.from - 5, a.y.at(v) + 4}, label)
		}
	}
	ticks := a.x.ticks(6)
	for i, v := range ticks {
		label, anchor := number(v), mid
		if i == len(ticks)-1 {
			label, anchor = label+" "+a.unit, end
			d.text("note", anchor, point{min(a.x.at(v)+letter*float64(len(label))/2, plotWidth), d.height - 5}, label)
		} else {
			d.text("note", anchor, point{a.x.at(v), d.height - 5}, label)
		}
		d.line("axis", point{a.x.at(v), a.y.from}, point{a.x.at(v), a.y.from + 4})
	}
	d.line("axis", point{a.x.from, a.y.from}, point{a.x.to, a.y.from})
	var words []string
	for _, c := range slices.Backward(curves) {
		words = append(words, c.label)
		var points []point
		for _, at := range c.points {
			points = append(points, point{a.x.at(at.x), a.y.at(at.y)})
			if at.x > a.x.high {
				break // the rest lies on the edge
			}
		}
		d.path("curve "+p.class(c.peer), points, c.label)
	}
	return d.svg(name, "Medians: "+strings.Join(words, ", "), "")
}

// legend draws the curves' names with a piece of each, and returns the y below.
func (p plotter) legend(d *drawing, curves []curve) float64 {
	x, y := 0.0, 10.0
	for _, c := range curves {
		wide := 30 + letter*float64(len(c.label)) + 12
		if x+wide > plotWidth+12 && x > 0 {
			x, y = 0, y+17
		}
		d.path("curve "+p.class(c.peer), []point{{x, y - 4}, {x + 24, y - 4}}, "")
		d.text("", start, point{x + 29, y}, c.label)
		x += wide
	}
	return y
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
