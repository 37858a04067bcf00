package perf

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"lucarne/capture/display"
	"lucarne/perf/browser"
	"lucarne/perf/peer"
	"lucarne/perf/sample"
)

// onFloor is a run that needs no display: the floor is the peer under test. How
// busy the machine is does not matter.
func onFloor(t *testing.T) Config {
	t.Helper()
	if _, err := browser.Find(); err != nil {
		t.Skip("chromium is not installed")
	}
	return Config{
		Ours: peer.Floor(), Scenarios: []string{"flip", "first-frame", "scroll"},
		Repetitions: 1, Length: 2 * time.Second, MaxLoad: 1000,
	}
}

// A peer that does not start is named, and the rest is measured.
func TestRun(t *testing.T) {
	cfg := onFloor(t)
	cfg.Against = []peer.Spec{{
		Name: "broken", Server: display.Xvfb, URL: "http://{host}:{port}/",
		Command: [][]string{{"sh", "-c", "echo out of order; exit 1", "{port}"}},
	}}
	r, err := Run(t.Context(), cfg)
	if errors.Is(err, ErrInconclusive) {
		t.Skip("the machine is too busy:", err)
	}
	if err == nil || !strings.Contains(err.Error(), "broken") || !strings.Contains(r.Partial, "broken") {
		t.Errorf("error %v, partial %q: want the broken peer named", err, r.Partial)
	}
	if len(r.Void) != 3 {
		t.Errorf("void: %+v, want the three scenarios of the broken peer", r.Void)
	}
	got := map[string]map[string]float64{}
	for _, result := range r.Results {
		got[result.Scenario] = result.Metrics
	}
	if got["flip"]["p50-ms"] <= 0 || got["scroll"]["frames/s"] <= 0 || got["first-frame"]["first-cold-ms"] <= 0 {
		t.Errorf("results %+v", r.Results)
	}
	if err := r.WriteJSON(io.Discard); err != nil {
		t.Error(err)
	}
}

func TestRunInterrupted(t *testing.T) {
	cfg := onFloor(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	cfg.Repetitions = 100
	r, err := Run(ctx, cfg)
	if !errors.Is(err, context.DeadlineExceeded) || r == nil || r.Partial != "interrupted" {
		t.Errorf("%v, report %+v; want one that says that it was interrupted", err, r)
	}
}

func TestBrowserThatDies(t *testing.T) {
	cfg := onFloor(t).withDefaults()
	b, err := openBench(t.Context(), cfg, local)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	}()
	first := cfg.turns(local, scenarios())[0]
	if err := syscall.Kill(b.browser.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := b.try(t.Context(), first); err == nil || !strings.Contains(err.Error(), "the browser has died") {
		t.Errorf("with a browser that was killed: %v", err)
	}
	if _, err := b.try(t.Context(), first); err != nil {
		t.Errorf("with the next browser: %v", err)
	}
}

func TestPageWithoutPicture(t *testing.T) {
	cfg := onFloor(t).withDefaults()
	b, err := openBench(t.Context(), cfg, local)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	empty := httptest.NewServer(http.NotFoundHandler())
	defer empty.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	v := &view{peer: b.peers["floor"], route: b.route, browser: b.browser}
	if err := v.open(ctx, empty.URL); !errors.Is(err, sample.ErrNoPicture) || !strings.Contains(err.Error(), "floor") {
		t.Errorf("a page without a picture: %v", err)
	}
}

func TestLinksAreKnown(t *testing.T) {
	if err := checkLinks([]string{"moon"}); err == nil || !strings.Contains(err.Error(), "wan") {
		t.Errorf("checkLinks of one that does not exist: %v, want those that do", err)
	}
}
