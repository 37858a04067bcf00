package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"
)

func TestWriteBenchmarks(t *testing.T) {
	r := madeUp(1, 1)
	r.Machine.Browser = "Chromium\n156" // a line break would end the line's meaning
	var out bytes.Buffer
	if err := r.WriteBenchmarks(&out); err != nil {
		t.Fatal(err)
	}
	reader := benchfmt.NewReader(&out, "bench.txt")
	var results []*benchfmt.Result
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.Result:
			results = append(results, record.Clone())
		case *benchfmt.SyntaxError:
			t.Fatal(record)
		}
	}
	if len(results) != len(r.Results) {
		t.Fatalf("%d lines, want one for each of %d results", len(results), len(r.Results))
	}
	for i, got := range results {
		want := r.Results[i]
		name := camel(want.Scenario) + "/peer=" + want.Peer + "/link=" + want.Link
		if got.Name.String() != name || len(got.Values) != len(want.Metrics) {
			t.Fatalf("line %d: %s with %d figures, want %s with %d", i, got.Name, len(got.Values), name, len(want.Metrics))
		}
		for metric, v := range want.Metrics {
			if strings.Contains(metric, "MB") {
				continue // the reader makes bytes of it
			}
			if read, ok := got.Value(metric); !ok || read != v {
				t.Errorf("%s: %s is %v, want %v", name, metric, read, v)
			}
		}
	}
	for key, want := range map[string]string{"goos": "linux", "cpu": "AMD EPYC", "class": "2x-amd-epyc", "browser": "Chromium 156", "commit": "7f3c2a1d9be0"} {
		if got := results[0].GetConfig(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if reader.Units().GetBetter("frames/s") != 1 || reader.Units().GetBetter("p50-ms") != -1 || reader.Units().GetBetter("drawn/s") != 0 {
		t.Error("the units do not say which way they are better")
	}
	if !slices.ContainsFunc(results, func(r *benchfmt.Result) bool { return r.Name.String() == "FirstFrame/peer=vnc/link=local" }) {
		t.Error("first-frame is not FirstFrame")
	}
}

// junit decodes what was written and finds cases by "suite class name".
func junit(t *testing.T, write func(io.Writer) error) (testSuites, map[string]testCase) {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	var suites testSuites
	if err := xml.Unmarshal(out.Bytes(), &suites); err != nil {
		t.Fatal(err)
	}
	cases := map[string]testCase{}
	for _, s := range suites.Suites {
		for _, c := range s.Cases {
			cases[s.Name+" "+c.Class+" "+c.Name] = c
		}
	}
	return suites, cases
}

func TestWriteJUnit(t *testing.T) {
	r := madeUp(1, 1)
	each(r, "flip", func(result *Result) { result.Metrics["p50-ms"] = 100 })
	r.Void = append(r.Void, Void{Scenario: "drag", Link: "local", Peer: "lucarne", Reason: "no frame <was> shown", Frozen: true})
	r.Partial = "interrupted"
	each(r, "key", func(result *Result) { result.Metrics["p50-ms"] = 1 })
	suites, cases := junit(t, r.WriteJUnit)
	if got := cases["local flip lucarne"].Failure; got == nil || !strings.Contains(got.Message, "want ≤ 1.15× vnc") {
		t.Errorf("flip: %+v, want the missed target", got)
	}
	if c := cases["local scroll lucarne"]; c.Failure != nil || !strings.Contains(c.Out, "frames/s ") {
		t.Errorf("scroll: %+v, want it passed, with its figures", c)
	}
	if c := cases["wan scene x11vnc"]; c.Skipped == nil || !strings.HasPrefix(c.Skipped.Message, "inconclusive") {
		t.Errorf("scene over wan: %+v, want it skipped with the reason", c)
	}
	if c := cases["local drag lucarne"]; c.Failure == nil || c.Failure.Message != "frozen: no frame <was> shown" {
		t.Errorf("drag: %+v, want it failed as frozen", c)
	}
	if c := cases["run run complete"]; c.Error == nil || c.Error.Message != "interrupted" {
		t.Errorf("a partial run: %+v, want an error", c)
	}
	if suites.Tests != len(cases) || suites.Failures != 2 || suites.Skipped != 1 || suites.Errors != 1 || len(suites.Suites) != 3 {
		t.Errorf("%d tests, %d failures, %d skipped, %d errors in %d suites", suites.Tests, suites.Failures, suites.Skipped, suites.Errors, len(suites.Suites))
	}
}

func TestComparisonWriteJUnit(t *testing.T) {
	new := madeUp(2, 1)
	each(new, "flip", func(r *Result) { r.Metrics["p50-ms"] += 20 })
	each(new, "scene", func(r *Result) { r.Metrics = map[string]float64{"frames/s": 0} })
	each(new, "key", func(r *Result) { delete(r.Metrics, "p50-ms") })
	c, _ := compared(t, madeUp(1, 1), new)
	suites, cases := junit(t, c.WriteJUnit)
	if got := cases["local flip p50-ms"].Failure; got == nil || !strings.Contains(got.Message, "p50-ms worse") {
		t.Errorf("flip: %+v, want a failure", got)
	}
	if got := cases["local scene all"].Failure; got == nil || !strings.Contains(got.Message, "frozen") {
		t.Errorf("scene: %+v, want a failure", got)
	}
	if got := cases["local key p50-ms"].Skipped; got == nil {
		t.Error("key: not skipped")
	}
	if suites.Failures != 2 || suites.Skipped != 1 || suites.Tests != len(c.Changes) {
		t.Errorf("%d failures, %d skipped, %d tests", suites.Failures, suites.Skipped, suites.Tests)
	}
}

func TestWriteTable(t *testing.T) {
	r := hand()
	each(r, "flip", func(result *Result) { delete(result.Metrics, "cpu-ms/s") })
	r.Void = []Void{{Scenario: "key", Link: "local", Peer: "vnc", Reason: "busy"}}
	r.Partial = "interrupted"
	var out strings.Builder
	if err := r.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	want := `
                lucarne  vnc  floor  floor +              / vnc
flip over local
  p50-ms             10   10      5        5  1.00 [0.50, 1.20]  ≤ 1.15× vnc, kept
  frames/s           10   10     10           1.00 [1.00, 1.00]
  cpu-ms/s                10      5
  cpu-ms/frame             1    0.5
  zeta                1    1      1
Of 3 repetitions the median, and an interval that holds it with a probability of 75 %.
1 of 1 targets kept.
key over local on vnc: no result: busy
the run ended early: interrupted
`
	if got := "\n" + out.String(); got != want {
		t.Errorf("got:%swant:%s", got, want)
	}
}

func TestWriteMarkdown(t *testing.T) {
	var out strings.Builder
	if err := madeUp(1, 1).WriteMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	tables := strings.Split(out.String(), "\n\n")
	if len(tables) != 4 || !strings.HasPrefix(tables[1], "| over wan | lucarne | vnc | x11vnc | floor | ratio to vnc | ratio to x11vnc | wanted |\n| --- |") {
		t.Fatalf("want a table for each link and a foot:\n%s", out.String())
	}
	for line := range strings.Lines(tables[0]) {
		if got := strings.Count(line, "|"); got != 9 {
			t.Errorf("%d bars, want 9: %s", got, line)
		}
	}
	if want := "10 of 12 targets kept: flip p50-ms ≤ 1.15× vnc, missed; key p50-ms ≤ 1× vnc, missed.\n"; tables[3] != want || !strings.Contains(tables[2], "DeferRendererTasksAfterInput") {
		t.Errorf("foot %q, want what Chromium does and %q", tables[2:], want)
	}
	if !strings.Contains(tables[0], "idle: resident memory, MB | 108 |") || strings.Contains(tables[0], "95th") {
		t.Errorf("want the headlines and the targets:\n%s", tables[0])
	}
}

// full is a disk without space.
type full struct{}

var errFull = errors.New("no space")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWritersReportErrors(t *testing.T) {
	r := madeUp(1, 1)
	c, _ := compared(t, r, r)
	for i, write := range []func(io.Writer) error{
		r.WriteJSON, r.WriteBenchmarks, r.WriteJUnit, r.WriteTable, r.WriteMarkdown, c.WriteText, c.WriteJUnit, r.WriteHTML,
		func(w io.Writer) error { return r.WriteSVG(w, "local") },
	} {
		if err := write(full{}); !errors.Is(err, errFull) {
			t.Errorf("writer %d: got %v, want that the disk is full", i, err)
		}
	}
}
