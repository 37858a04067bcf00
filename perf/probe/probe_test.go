package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lucarne/perf/sample"
)

var start0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(ms float64) time.Time { return start0.Add(time.Duration(ms * float64(time.Millisecond))) }

// drawnAt100 returns the times of n frames at 100 frames/s, from number 1.
func drawnAt100(n int) []time.Time {
	drawn := make([]time.Time, n+1)
	for i := 1; i <= n; i++ {
		drawn[i] = at(float64(i) * 10)
	}
	return drawn
}

func TestShownCountsNewFramesOnly(t *testing.T) {
	drawn := drawnAt100(301) // the first second is not counted: frames 101 to 301 are
	var every, repeated, frozen []sample.Sample
	for i := 1; i <= 301; i++ {
		s := sample.Sample{At: at(float64(i)*10 + 5), Value: i}
		every = append(every, s)
		repeated = append(repeated, s, sample.Sample{At: s.At.Add(time.Millisecond), Value: i - 1}, sample.Sample{At: s.At.Add(2 * time.Millisecond), Value: -1})
		if i < 50 {
			frozen = append(frozen, s)
		}
	}
	f, err := shown(drawn, every)
	if err != nil || f["frames/s"] != 100 || f["p50-ms"] != 5 {
		t.Errorf("every frame: %v, %v; want 100 frames/s, 5 ms", f, err)
	}
	again, err := shown(drawn, repeated)
	if err != nil || again["frames/s"] != f["frames/s"] || again["p50-ms"] != f["p50-ms"] {
		t.Errorf("older frames shown again: %v, %v; want as without them, %v", again, err, f)
	}
	if f, err := shown(drawn, frozen); err == nil {
		t.Errorf("frozen picture: %v, want an error", f)
	}
}

func TestDelays(t *testing.T) {
	changes := []change{{at(0), flipB}, {at(100), flipA}, {at(200), flipB}}
	f, err := delays(changes, []sample.Sample{
		{At: at(-5), Value: int(flipA)}, {At: at(12), Value: int(flipB) + 0x020202}, {At: at(230), Value: int(flipB)},
	})
	if err != nil || f["p50-ms"] != 21 || f["lost"] != 1 {
		t.Errorf("delays: %v, %v; want a median of 12 and 30 ms and one lost", f, err)
	}
	if _, err := delays(changes, nil); err == nil {
		t.Error("delays of a page that shows nothing: no error")
	}
}

func TestInterval(t *testing.T) {
	for _, c := range []struct {
		n         int
		low, high float64
	}{{1, 1, 1}, {5, 1, 5}, {6, 1, 6}, {9, 2, 8}, {20, 6, 15}} {
		var values []float64
		for i := range c.n {
			values = append(values, float64(c.n-i))
		}
		low, high, confidence := interval(values)
		if low != c.low || high != c.high || c.n >= 5 && confidence < 0.93 {
			t.Errorf("interval of 1..%d = %v, %v at %.3f; want %v, %v", c.n, low, high, confidence, c.low, c.high)
		}
	}
}

func TestReport(t *testing.T) {
	results := []result{
		{"flip", map[string]figures{"a": {"p50-ms": 10}, "b": {"p50-ms": 20}}},
		{"flip", map[string]figures{"a": {"p50-ms": 12}, "b": {"p50-ms": 10}}},
		{"flip", map[string]figures{"a": {"p50-ms": 10}, "b": {"p50-ms": 10}}},
	}
	var out strings.Builder
	writeTable(&out, results, []string{"a", "b"})
	writeBenchmarks(&out, results, []string{"a", "b"})
	for _, want := range []string{"1.00 [0.50, 1.20] n=3", "(≤ 1.15: kept)", "BenchmarkFlip/peer=a\t1\t12.000 p50-ms\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, out.String())
		}
	}
}

func TestCPUTimeSeesChildren(t *testing.T) {
	p, err := start(nil, "sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done & wait; sleep 60")
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	for deadline := time.Now().Add(30 * time.Second); cpuTime([]int{p.cmd.Process.Pid}) < 50*time.Millisecond; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the child's time is not counted")
		}
	}
	if got := resident([]int{os.Getpid()}); got < 1e6 {
		t.Errorf("resident = %d bytes", got)
	}
}

func TestThreadTimeIsFine(t *testing.T) {
	if threadTime(os.Getpid()) == 0 {
		t.Skip("this kernel has no schedstat")
	}
	before := threadTime(os.Getpid())
	for deadline := time.Now().Add(10 * time.Second); threadTime(os.Getpid()) == before; {
		if time.Now().After(deadline) {
			t.Fatal("no time is used by this loop")
		}
	}
	if used := threadTime(os.Getpid()) - before; used%clockTick == 0 {
		t.Errorf("%v is a whole number of ticks", used)
	}
}

func TestOwnBudgets(t *testing.T) {
	idle := figures{"cpu-ms": 150, "cpu-ms-alone": 31, "media-B": 0, "rss-MB": 121}
	var out strings.Builder
	writeTable(&out, []result{{"idle", map[string]figures{ours: idle, "b": idle}}}, []string{ours, "b"})
	for _, want := range []string{"(≤ 150: kept)", "(≤ 30: missed)", "(≤ 0: kept)", "(≤ 120: missed)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, &out)
		}
	}
	if got := msIn30s(10*time.Millisecond, 3*time.Second); math.Abs(got-100) > 1e-9 {
		t.Errorf("10 ms in 3 s are %v ms in 30 s, want 100", got)
	}
}

// A scenario that is never measured well leaves the others alone.
func TestOneInconclusiveScenario(t *testing.T) {
	attempts := map[string]int{}
	m := &measurement{
		peers: []*peer{{name: "a"}}, progress: io.Discard,
		cfg: config{reps: 2, scenarios: []string{"flip", "key", "scroll"}},
		attempt: func(_ context.Context, _ *peer, s scenario) (figures, float64, error) {
			attempts[s.name]++
			if s.name == "key" && attempts["key"] > 1 {
				return nil, minRate - 1, nil
			}
			return figures{"p50-ms": 1}, minRate, nil
		},
	}
	if err := m.run(t.Context()); !errors.Is(err, errInconclusive) || !strings.Contains(err.Error(), "key: a: ") {
		t.Errorf("error %v, want that key is inconclusive", err)
	}
	if want := map[string]int{"flip": 2, "key": 1 + maxAttempts, "scroll": 2}; !maps.Equal(attempts, want) {
		t.Errorf("attempts %v, want %v", attempts, want)
	}
	if got := keys(m.results); !slices.Equal(got, []string{"flip p50-ms", "scroll p50-ms"}) {
		t.Errorf("results of %v", got)
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{4, 1, 3, 2}
	for _, c := range []struct{ q, want float64 }{{0, 1}, {0.5, 2.5}, {1, 4}} {
		if got := quantile(values, c.q); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("quantile(%v) = %v, want %v", c.q, got, c.want)
		}
	}
	if !slices.Equal(values, []float64{4, 1, 3, 2}) {
		t.Error("quantile changed its argument")
	}
}
