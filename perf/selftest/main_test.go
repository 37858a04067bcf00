package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lucarne/perf/report"
)

// flips is a run of flip in which slow is 20 ms later than the others.
func flips() *report.Report {
	rnd := rand.New(rand.NewPCG(1, 2))
	r := &report.Report{Schema: report.Schema}
	for _, agent := range []string{"sound", "again", "slow"} {
		r.Peers = append(r.Peers, report.Peer{Name: agent, Ours: agent == "sound"})
		for repetition := 1; repetition <= 6; repetition++ {
			ms := 18 + rnd.Float64()
			if agent == "slow" {
				ms += 20
			}
			r.Results = append(r.Results, report.Result{
				Scenario: "flip", Link: "local", Peer: agent, Repetition: repetition,
				Metrics: map[string]float64{"p50-ms": ms, "p95-ms": ms + 4, "lost": 0},
			})
		}
	}
	return r
}

// scrolls is a run of scroll with what the faults make of it.
func scrolls() *report.Report {
	r := &report.Report{Schema: report.Schema}
	for agent, frames := range map[string]float64{"sound": 55, "frozen": 0, "older": 39} {
		r.Peers = append(r.Peers, report.Peer{Name: agent, Ours: agent == "sound"})
		for repetition := 1; repetition <= 2; repetition++ {
			metrics := map[string]float64{"frames/s": frames, "drawn/s": 60, "older-frames": 0, "frozen-ms": 50}
			switch agent {
			case "frozen":
				metrics["frozen-ms"] = 2000
			case "older":
				metrics["older-frames"] = 40
			}
			r.Results = append(r.Results, report.Result{Scenario: "scroll", Link: "local", Peer: agent, Repetition: repetition, Metrics: metrics})
		}
	}
	return r
}

// without removes all results of an agent.
func without(r *report.Report, agent string) *report.Report {
	r.Results = slices.DeleteFunc(r.Results, func(result report.Result) bool { return result.Peer == agent })
	r.Void = append(r.Void, report.Void{Scenario: r.Results[0].Scenario, Link: "local", Peer: agent, Reason: "not running"})
	return r
}

// Nothing passes for shown that was not measured.
func TestJudge(t *testing.T) {
	noFigure := flips()
	for _, result := range noFigure.Results {
		if result.Peer == "again" {
			delete(result.Metrics, "p50-ms")
		}
	}
	silent := scrolls()
	for _, result := range silent.Results {
		if result.Peer == "older" {
			result.Metrics["frames/s"] = 0
		}
	}
	for name, c := range map[string]struct {
		flip, scroll *report.Report
		fails        string // what is said to have failed; "": nothing
	}{
		"all is told":            {flips(), scrolls(), ""},
		"again did not start":    {without(flips(), "again"), scrolls(), "the same program twice"},
		"a figure is missing":    {noFigure, scrolls(), "the same program twice"},
		"slow did not start":     {without(flips(), "slow"), scrolls(), "20 ms added"},
		"frozen did not start":   {flips(), without(scrolls(), "frozen"), "a stream that freezes"},
		"older did not start":    {flips(), without(scrolls(), "older"), "older frames do not count"},
		"older showed no frames": {flips(), silent, "older frames do not count"},
	} {
		var out strings.Builder
		err := (&check{out: &out}).judge(c.flip, c.scroll)
		if (err == nil) != (c.fails == "") || c.fails != "" && !strings.Contains(out.String(), "FAILED "+c.fails) {
			t.Errorf("%s: %v, want %q to fail\n%s", name, err, c.fails, out.String())
		}
	}
}
