package report

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wellFormed reads a page or picture as XML and returns the text of its elements
// by name.
func wellFormed(t *testing.T, text string) map[string][]string {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	decoder.Entity = xml.HTMLEntity
	found := map[string][]string{}
	var open []string
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("not well formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
			found[token.Name.Local] = append(found[token.Name.Local], "")
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				name := open[len(open)-1]
				found[name][len(found[name])-1] += string(token)
			}
		}
	}
}

func rendered(t *testing.T, r *Report) string {
	t.Helper()
	var out strings.Builder
	if err := r.WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestWriteHTML(t *testing.T) {
	r := madeUp(1, 1)
	r.Partial = "interrupted"
	page := rendered(t, r)
	found := wellFormed(t, page)
	for _, want := range []string{
		"Over local", "Over wan", "Targets", "Without a result", r.Command, r.Machine.Browser, "TigerVNC 1.12, noVNC 1.3",
		"The run ended early: interrupted", "others used 0.34 of a core", "✓ kept", "✕ missed",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	captions := strings.Join(found["h3"], "\n")
	for _, want := range []string{"Latency\n", "Frames shown", "Ours against each peer", "Waiting", "Where the time goes", "Latency of flip", "Latency of scene", "Frames of scroll"} {
		if !strings.Contains(captions, want) {
			t.Errorf("no plot %q; there are:\n%s", want, captions)
		}
	}
	if svgs, names := len(found["svg"]), len(found["desc"]); svgs != 22 || names != svgs {
		t.Errorf("%d plots with %d descriptions, want 22 of each", svgs, names)
	}
	if got := found["td"]; !slices.Contains(got, "108") {
		t.Error("the table lacks the resident memory")
	}
}

// The page must not ask anybody for anything.
func TestWriteHTMLNeedsNothingElse(t *testing.T) {
	page := rendered(t, madeUp(1, 1))
	if got := regexp.MustCompile(`(?i)https?:|//[a-z]|url\(|@import|<script|<link|<img|<iframe|src=`).FindString(page); got != "" {
		t.Errorf("the page has %q", got)
	}
	for _, href := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if id, ok := strings.CutPrefix(href[1], "#"); !ok || !strings.Contains(page, `id="`+id+`"`) {
			t.Errorf("link to %q, which is not on the page", href[1])
		}
	}
}

func TestWriteHTMLEscapes(t *testing.T) {
	r := madeUp(1, 1)
	const evil = `</style><script>alert(1)</script>"'&`
	r.Command, r.Partial, r.Machine.CPU, r.Build.Version, r.Peers[1].Version, r.Void[0].Reason = evil, evil, evil, evil, evil, evil
	for i := range r.Results {
		for k := range r.Results[i].Stages {
			r.Results[i].Stages[k].Name += evil
		}
	}
	page := rendered(t, r)
	wellFormed(t, page)
	if strings.Contains(page, "<script") {
		t.Error("a script got in")
	}
	var out strings.Builder
	if err := r.WriteSVG(&out, "local"); err != nil || strings.Contains(out.String(), "<script") {
		t.Errorf("SVG: %v, or a script got in", err)
	}
}

// What a damaged or hostile file may hold: nothing of it may break the page.
func TestWriteHTMLStrangeFigures(t *testing.T) {
	for _, v := range []float64{0, -1, 1e-300, 1e300, math.MaxFloat64} {
		r := madeUp(1, 1)
		for i := range r.Results {
			result := &r.Results[i]
			for name := range result.Metrics {
				result.Metrics[name] = v
			}
			for k := range result.Delays {
				result.Delays[k] = v
			}
			for k := range result.Shown {
				result.Shown[k] = v
			}
			for k := range result.Stages {
				result.Stages[k].MS = v
			}
		}
		page := rendered(t, r)
		wellFormed(t, page)
		if got := regexp.MustCompile(`="[^"]*(NaN|Inf)[^"]*"`).FindString(page); got != "" {
			t.Errorf("figures of %v: the page has %s", v, got)
		}
	}
	wellFormed(t, rendered(t, &Report{Schema: Schema}))
}

func TestWriteSVG(t *testing.T) {
	var out strings.Builder
	if err := madeUp(1, 1).WriteSVG(&out, "local"); err != nil {
		t.Fatal(err)
	}
	found := wellFormed(t, out.String())
	for _, want := range []string{"flip", "scene", "lucarne", "x11vnc", "floor", "Frames shown a second (longer is better)", "Latency to the pixel, ms (shorter is better)"} {
		if !slices.Contains(found["text"], want) {
			t.Errorf("the plot lacks %q", want)
		}
	}
	if !strings.HasPrefix(out.String(), "<svg ") || !strings.Contains(out.String(), `xmlns="http://www.w3.org/2000/svg"`) || !strings.Contains(found["style"][0], "prefers-color-scheme: dark") {
		t.Error("it is no picture that stands alone in light and dark")
	}
	if err := madeUp(1, 1).WriteSVG(io.Discard, "lossy"); err == nil || !strings.Contains(err.Error(), "over lossy") {
		t.Errorf("nothing to plot: got %v, want an error that says so", err)
	}
}

func TestBarsAreAsLongAsTheFigures(t *testing.T) {
	p := hand().plotter("local") // medians 10, 10 and 5 ms; the largest figure is 20
	widths := regexp.MustCompile(`class="bar (p.)"[^>]* width="([^"]*)"`).FindAllStringSubmatch(p.barChart("p50-ms"), -1)
	if len(widths) != 3 || widths[0][1] != "p0" || widths[1][1] != "p1" || widths[2][1] != "pf" {
		t.Fatalf("bars: %v, want ours, vnc and the floor", widths)
	}
	full := plotWidth - 42 - 7*letter - 8
	for i, want := range []float64{full / 2, full / 2, full / 4} {
		if got := widths[i][2]; got != coordinate(want) {
			t.Errorf("bar %d is %s long, want %s", i, got, coordinate(want))
		}
	}
}

func TestComparisonsSayHowManyTimesAsGood(t *testing.T) {
	r := hand() // ratios of latency and CPU 1 [0.5, 1.2], of frames 1
	each(r, "flip", func(result *Result) { result.Metrics["frames/s"] = 20 })
	got := map[string]Stat{}
	for _, c := range r.plotter("local").comparisons() {
		got[c.text+" "+c.peer] = c.good
	}
	for name, want := range map[string][3]float64{"latency vnc": {1, 1 / 1.2, 2}, "frames vnc": {2, 2, 2}, "CPU a frame vnc": {2, 2 / 1.2, 4}} {
		if s := got[name]; math.Abs(s.Median-want[0])+math.Abs(s.Low-want[1])+math.Abs(s.High-want[2]) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, s, want)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d comparisons, want 3: none to the floor", len(got))
	}
}

func TestDistribution(t *testing.T) {
	got := distribution([]float64{30, 10, 20, 40})
	if want := []point{{10, 0}, {10, 25}, {20, 50}, {30, 75}, {40, 100}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	many := distribution(make([]float64, 10_000))
	if len(many) != 201 || many[200].y != 100 {
		t.Errorf("%d points up to %v, want 201 up to 100", len(many), many[len(many)-1].y)
	}
}

func TestRates(t *testing.T) {
	r := &Report{Peers: []Peer{{Name: "lucarne", Ours: true}}}
	var shown []float64
	for at := 0.0; at < 1100; at += 50 {
		if at < 500 || at >= 750 { // 20 frames/s, and a quarter of a second without
			shown = append(shown, at)
		}
	}
	r.Results = []Result{{Scenario: "scroll", Link: "local", Peer: "lucarne", Repetition: 1, Shown: shown}}
	points, median := r.plotter("local").rates("scroll", "lucarne")
	if want := []point{{0.125, 20}, {0.375, 20}, {0.625, 0}, {0.875, 20}}; !slices.Equal(points, want) || median != 20 {
		t.Errorf("got %v, median %v; want %v, 20", points, median, want)
	}
}

func TestAxis(t *testing.T) {
	linear, log := axis{low: 0, high: 50, from: 100, to: 0}, axis{low: 0.25, high: 4, from: 0, to: 100, log: true}
	for _, c := range []struct {
		axis     axis
		at, want float64
	}{{linear, 0, 100}, {linear, 25, 50}, {linear, 80, 0}, {linear, -1, 100}, {log, 1, 50}, {log, 2, 75}, {log, 99, 100}} {
		if got := c.axis.at(c.at); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v is at %v, want %v", c.at, got, c.want)
		}
	}
	if got, want := linear.ticks(5), []float64{0, 10, 20, 30, 40, 50}; !slices.Equal(got, want) {
		t.Errorf("ticks %v, want %v", got, want)
	}
	if got, want := log.ticks(0), []float64{0.25, 0.5, 1, 2, 4}; !slices.Equal(got, want) {
		t.Errorf("ticks %v, want %v", got, want)
	}
}
