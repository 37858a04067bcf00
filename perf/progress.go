package perf

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lucarne/perf/report"
)

// overhead is what a turn takes beside the scenario itself, as long as nothing
// better is known.
const overhead = 5 * time.Second

// progress tells a person how far a run is.
type progress struct {
	out    io.Writer
	length func(scenario) time.Duration
	left   []turn                      // still to come, on all links
	took   map[[2]string]time.Duration // the last turn of a scenario and a peer
	total  int
}

func newProgress(out io.Writer, length func(scenario) time.Duration, all []turn) *progress {
	return &progress{out: out, length: length, left: slices.Clone(all), total: len(all), took: map[[2]string]time.Duration{}}
}

// next takes one turn off what is left and returns how many are done.
func (p *progress) next() int {
	p.left = p.left[min(1, len(p.left)):]
	return p.total - len(p.left)
}

// remaining estimates the time that what is left will take.
func (p *progress) remaining() time.Duration {
	var sum time.Duration
	for _, t := range p.left {
		took, ok := p.took[[2]string{t.scenario.name, t.peer}]
		if !ok {
			took = p.length(t.scenario) + overhead
		}
		sum += took
	}
	return sum
}

// done prints what a turn has found.
func (p *progress) done(r report.Result, took time.Duration) {
	p.took[[2]string{r.Scenario, r.Peer}] = took
	n := p.next()
	var figures strings.Builder
	for _, name := range headlines {
		if value, ok := r.Metrics[name]; ok {
			fmt.Fprintf(&figures, "  %.4g %s", value, name)
		}
	}
	fmt.Fprintf(p.out, "%3d/%d %-6s %-11s %-8s%s  (%v left)\n", n, p.total, r.Link, r.Scenario, r.Peer, figures.String(), p.remaining().Round(time.Second))
}

// again says that a turn did not count.
func (p *progress) again(t turn, why string) {
	fmt.Fprintf(p.out, "        %s %s: %s; again\n", t.scenario.name, t.peer, why)
}

// void says that a scenario is given up on a peer.
func (p *progress) void(link string, t turn, err error) {
	n := p.next()
	fmt.Fprintf(p.out, "%3d/%d %-6s %-11s %-8s  given up: %v\n", n, p.total, link, t.scenario.name, t.peer, err)
}

// skip passes over a turn of what is given up.
func (p *progress) skip() { p.next() }

// headlines are the metrics that the progress shows.
var headlines = []string{
	"p50-ms", "lost", "frames/s", "older-frames", "first-cold-ms", "first-warm-ms", "resume-ms", "resize-ms", "neighbour", "cpu-ms-30s", "cpu-ms-30s-alone", "cpu-ms/s", "bytes/s",
}
