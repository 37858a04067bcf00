package perf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/perf/peer"
	"lucarne/perf/report"
)

func TestTurns(t *testing.T) {
	peers := []contender{{"a", desktop}, {"b", desktop}, {"floor", 0}}
	var got []string
	for _, turn := range turns([]scenario{{name: "flip"}, {name: "idle", needs: desktop, once: true}}, peers, 2) {
		got = append(got, fmt.Sprintf("%d %s %s", turn.repetition, turn.scenario.name, turn.peer))
	}
	want := []string{"1 flip a", "1 flip b", "1 flip floor", "1 idle a", "1 idle b", "2 flip floor", "2 flip b", "2 flip a"}
	if !slices.Equal(got, want) {
		t.Errorf("turns\n got %q\nwant %q", got, want)
	}
}

// Each peer is measured in what it can do: an image shows nothing that is drawn, only a
// page that begins on the WebSocket goes over to WebRTC.
func TestTurnsOfEachKind(t *testing.T) {
	some, err := chosen([]string{"flip", "first-frame", "switch", "resume", "wire"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Ours:    peer.Lucarne("lucarne", "transport=auto"),
		Against: []peer.Spec{peer.Image(), peer.Floor(), peer.VNC()}, Repetitions: 1,
	}
	for link, want := range map[string][]string{
		local: {"flip lucarne", "flip floor", "flip vnc", "first-frame lucarne", "first-frame image", "first-frame floor",
			"first-frame vnc", "switch lucarne", "wire lucarne"},
		"lan": {"flip lucarne", "flip floor", "flip vnc", "first-frame lucarne", "first-frame image", "first-frame floor",
			"first-frame vnc", "switch lucarne", "resume lucarne", "resume vnc", "wire lucarne"},
	} {
		var got []string
		for _, turn := range cfg.turns(link, some) {
			got = append(got, turn.scenario.name+" "+turn.peer)
		}
		if !slices.Equal(got, want) {
			t.Errorf("over %s\n got %q\nwant %q", link, got, want)
		}
	}
}

func TestChosen(t *testing.T) {
	got, err := chosen([]string{"idle", "flip"})
	if err != nil || len(got) != 2 || got[0].name != "flip" || got[1].name != "idle" {
		t.Errorf("chosen: %v, %v; want flip and idle", got, err)
	}
	if _, err := chosen([]string{"flop"}); err == nil || !strings.Contains(err.Error(), `"flop"`) {
		t.Errorf("chosen of what does not exist: %v", err)
	}
}

// fine is a result that counts.
func fine() report.Result {
	return report.Result{AnimationRate: 60, Metrics: map[string]float64{"p50-ms": 1}}
}

func oneSecond(scenario) time.Duration { return time.Second }

// measured runs two repetitions of flip, key and scroll on one peer with a fake
// in place of the browser, in no time.
func measured(t *testing.T, try attempt) (m *measurement, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		all := turns([]scenario{{name: "flip"}, {name: "key"}, {name: "scroll"}}, []contender{{"a", 0}}, 2)
		m = &measurement{maxLoad: 0.1, report: &report.Report{}, progress: newProgress(io.Discard, oneSecond, all)}
		err = m.run(t.Context(), "local", all, try)
		if left := len(m.progress.left); err == nil && left != 0 {
			t.Errorf("%d turns are left", left)
		}
	})
	return m, err
}

func TestDisturbedRepetitionsAreRepeated(t *testing.T) {
	for name, disturb := range map[string]func(*report.Result){
		"starved browser": func(r *report.Result) { r.AnimationRate = 54 },
		"load of others":  func(r *report.Result) { r.OutsideLoad = 0.1 },
		"a link too fast": func(r *report.Result) { r.Metrics[emulation] = maxEmulation + 1 },
	} {
		attempts := map[string]int{}
		m, err := measured(t, func(_ context.Context, turn turn) (report.Result, error) {
			r := fine()
			if attempts[turn.scenario.name]++; turn.scenario.name == "key" && attempts["key"] < maxAttempts {
				disturb(&r)
			}
			return r, nil
		})
		if want := map[string]int{"flip": 2, "key": maxAttempts + 1, "scroll": 2}; err != nil || !maps.Equal(attempts, want) {
			t.Errorf("%s: %v, attempts %v, want %v", name, err, attempts, want)
		}
		if len(m.report.Results) != 6 || len(m.report.Void) != 0 || m.report.Results[1].Attempts != maxAttempts {
			t.Errorf("%s: results %+v, void %v", name, m.report.Results, m.report.Void)
		}
	}
}

// A scenario that is never measured well is void as a whole, and leaves the others alone.
func TestInconclusiveScenario(t *testing.T) {
	attempts := map[string]int{}
	m, err := measured(t, func(_ context.Context, turn turn) (report.Result, error) {
		r := fine()
		if attempts[turn.scenario.name]++; turn.scenario.name == "key" && attempts["key"] > 1 {
			r.AnimationRate = 20
		}
		return r, nil
	})
	if want := map[string]int{"flip": 2, "key": 1 + maxAttempts, "scroll": 2}; err != nil || !maps.Equal(attempts, want) {
		t.Errorf("%v, attempts %v, want %v", err, attempts, want)
	}
	if len(m.errs) != 1 || !errors.Is(m.errs[0], ErrInconclusive) {
		t.Errorf("errors %v, want one that it is inconclusive", m.errs)
	}
	if len(m.report.Results) != 4 || len(m.report.Void) != 1 || m.report.Void[0].Scenario != "key" {
		t.Errorf("results %+v, void %v; want four results and key void", m.report.Results, m.report.Void)
	}
}

func TestErrorsAreTriedAgainOnce(t *testing.T) {
	noPicture := errors.New("no picture")
	for _, c := range []struct {
		name     string
		err      error
		succeeds int // the attempt that does
		attempts int
		void     bool
	}{
		{"it recovers", noPicture, 2, 3, false},
		{"it does not", noPicture, 0, maxErrors, true},
		{"it is not running", fmt.Errorf("vnc: %w", errDown), 0, 1, true},
	} {
		attempts := 0
		m, err := measured(t, func(_ context.Context, turn turn) (report.Result, error) {
			if turn.scenario.name != "key" {
				return fine(), nil
			}
			if attempts++; c.succeeds == 0 || attempts < c.succeeds {
				return report.Result{}, c.err
			}
			return fine(), nil
		})
		if err != nil || attempts != c.attempts {
			t.Errorf("%s: %v, %d attempts, want %d", c.name, err, attempts, c.attempts)
		}
		if void := len(m.report.Void) == 1 && strings.Contains(m.report.Void[0].Reason, c.err.Error()); void != c.void {
			t.Errorf("%s: void %v", c.name, m.report.Void)
		}
	}
}

func TestInterruptedRunKeepsItsResults(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	all := turns([]scenario{{name: "flip"}}, []contender{{"a", 0}, {"b", 0}}, 3)
	m := &measurement{maxLoad: 0.1, report: &report.Report{}, progress: newProgress(io.Discard, oneSecond, all)}
	err := m.run(ctx, "local", all, func(ctx context.Context, turn turn) (report.Result, error) {
		if turn.repetition == 2 {
			cancel()
			return report.Result{}, ctx.Err()
		}
		return fine(), nil
	})
	if !errors.Is(err, context.Canceled) || len(m.report.Results) != 2 || len(m.report.Void) != 0 {
		t.Errorf("%v, results %v, void %v; want the two of the first repetition", err, m.report.Results, m.report.Void)
	}
}

func TestSlug(t *testing.T) {
	for model, want := range map[string]string{
		"Intel(R) Xeon(R) CPU @ 2.80GHz": "intel-xeon-2.80ghz",
		"AMD EPYC 7B13":                  "amd-epyc-7b13",
		"../../etc/passwd":               "..-..-etc-passwd",
	} {
		if got := slug(model); got != want {
			t.Errorf("slug(%q) = %q, want %q", model, got, want)
		}
	}
}

func TestProgressSaysHowLongItTakes(t *testing.T) {
	var out strings.Builder
	all := turns([]scenario{{name: "flip"}}, []contender{{"a", 0}, {"b", 0}}, 2)
	p := newProgress(&out, oneSecond, all)
	if got, want := p.remaining(), 4*(time.Second+overhead); got != want {
		t.Errorf("remaining at first %v, want %v", got, want)
	}
	r := fine()
	r.Scenario, r.Link, r.Peer = "flip", "local", "a"
	p.done(r, 10*time.Second)
	if got, want := p.remaining(), 10*time.Second+2*(time.Second+overhead); got != want {
		t.Errorf("remaining after a turn of 10 s %v, want %v", got, want)
	}
	if got := out.String(); !strings.Contains(got, "1/4 local  flip") || !strings.Contains(got, "1 p50-ms") || !strings.Contains(got, "(22s left)") {
		t.Errorf("progress %q", got)
	}
}
