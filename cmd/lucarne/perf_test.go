package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lucarne/perf/report"
)

// runOf is a run of flip on a machine of a class, with a median a repetition.
func runOf(class string, medians ...float64) *report.Report {
	r := &report.Report{
		Schema: report.Schema, Machine: report.Machine{Class: class},
		Peers: []report.Peer{{Name: "lucarne", Ours: true}},
	}
	for i, ms := range medians {
		r.Results = append(r.Results, report.Result{
			Scenario: "flip", Link: "local", Peer: "lucarne", Repetition: i + 1,
			Metrics: map[string]float64{"p50-ms": ms}, AnimationRate: 60, Attempts: 1,
		})
	}
	return r
}

func saved(t *testing.T, r *report.Report) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.json")
	if err := writeFile(path, r.WriteJSON); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPerfCompare(t *testing.T) {
	before := saved(t, runOf("2x-a", 20, 21, 22, 23, 24))
	slower := saved(t, runOf("2x-a", 40, 41, 42, 43, 44))
	void := runOf("2x-a")
	void.Void = []report.Void{{Scenario: "flip", Link: "local", Peer: "lucarne", Reason: "the machine was too busy"}}
	truncated := filepath.Join(t.TempDir(), "truncated.json")
	if err := os.WriteFile(truncated, []byte(`{"schema": 1, "results": [`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old, new string
		code     int
		says     string
	}{
		"the same":      {before, before, exitOK, "no significant change"},
		"slower":        {before, slower, exitFailure, "flip"},
		"faster":        {slower, before, exitOK, "better"},
		"not measured":  {before, saved(t, void), exitInconclusive, "too busy"},
		"another class": {before, saved(t, runOf("4x-b", 20)), exitUsage, "4x-b"},
		"truncated":     {before, truncated, exitNoInput, "truncated.json"},
		"no baseline":   {t.TempDir(), before, exitNoInput, "2x-a"},
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), []string{"perf", "compare", c.old, c.new}, &out, &errs)
		if said := out.String() + errs.String(); code != c.code || !strings.Contains(said, c.says) {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s", name, code, c.code, c.says, said)
		}
	}
}

func TestPerfBaseline(t *testing.T) {
	folder := t.TempDir()
	before := saved(t, runOf("2x-a", 20, 21, 22, 23, 24))
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"perf", "baseline", "--folder", folder, before}, &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	if !strings.Contains(out.String(), "2x-a.json") {
		t.Errorf("said %q, want the file's name", &out)
	}
	if code := run(t.Context(), []string{"perf", "compare", folder, before}, &out, &errs); code != exitOK {
		t.Errorf("compared with the baseline: exit code %d: %s", code, &errs)
	}
}

func TestPerfRunRefuses(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"--reps 0", "--reps"},
		{"--length 1ms", "--length"},
		{"--scenario flop", "flop"},
		{"--link moon", "moon"},
		{"--against rdp", "rdp"},
		{"--against gone.json", "gone.json"},
		{"--against 20MB", "20MB"},
		{"--codec h265", "h265"},
		{"--against h264 --codec h264", "lucarne is measured already"},
		{"--against vnc,vnc", "vnc is measured already"},
		{"--against ws --transport ws", "lucarne-ws is measured already"},
		{"--against webrtc", "lucarne is measured already"},
	} {
		var out, errs bytes.Buffer
		args := append([]string{"perf", "run", "--out", t.TempDir()}, strings.Fields(c.args)...)
		if code := run(t.Context(), args, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%s: exit code %d, %q; want %d and %q named", c.args, code, &errs, exitUsage, c.says)
		}
	}
}

func TestPeersAreNamedByWhatIsSpecialOfThem(t *testing.T) {
	c := perfRunCmd{Transport: "webrtc", Codec: "h264", Against: []string{"ws", "auto", "vnc", "vp8", "20M", "image"}, Bin: "lucarne"}
	cfg, err := c.config()
	if err != nil {
		t.Fatal(err)
	}
	got := []string{cfg.Ours.Name}
	for _, spec := range cfg.Against {
		got = append(got, spec.Name)
	}
	if want := []string{"lucarne", "lucarne-ws", "lucarne-auto", "vnc", "lucarne-vp8", "lucarne-20m", "image"}; !slices.Equal(got, want) {
		t.Errorf("peers %q, want %q", got, want)
	}
	if page := cfg.Against[0].URL; !strings.Contains(page, "codec=h264") || !strings.Contains(page, "transport=ws") {
		t.Errorf("the page by WebSocket is %s, want h264 and ws asked for", page)
	}
	if page := cfg.Against[3].URL; !strings.Contains(page, "codec=vp8") || !strings.Contains(page, "transport=webrtc") {
		t.Errorf("the page by VP8 is %s, want vp8 and webrtc asked for", page)
	}
	if command := strings.Join(cfg.Against[4].Command[0], " "); !strings.HasSuffix(command, "--bitrate 20M") {
		t.Errorf("with another bitrate: %s", command)
	}
}

func TestPerfCommandSaysWhatWasMeasured(t *testing.T) {
	c := perfRunCmd{Scenario: []string{"flip", "key"}, Link: []string{"local"}, Against: []string{"vnc"}, Transport: "ws", Codec: "vp8", Reps: 5, Length: 4e9, Idle: 30e9, MaxOutsideLoad: 0.1, Out: "somewhere"}
	if got, want := c.command(), "lucarne perf run --scenario flip,key --link local --against vnc --reps 5 --length 4s --idle 30s --transport ws --codec vp8"; got != want {
		t.Errorf("command %q, want %q", got, want)
	}
}
