package report

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

func TestBaseline(t *testing.T) {
	r := madeUp(1, 1)
	folder := fstest.MapFS{
		"2x-amd-epyc.json": {Data: encoded(t, r.Trim())},
		"4x-other.json":    {Data: encoded(t, r.Trim())},
		"broken.json":      {Data: []byte("{")},
	}
	if got, err := Baseline(folder, r.Machine.Class); err != nil || len(got.Results) != len(r.Results) {
		t.Errorf("got %v, want the baseline", err)
	}
	if _, err := Baseline(folder, "8x-none"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "lucarne perf baseline") {
		t.Errorf("no baseline: got %v, want fs.ErrNotExist and what to do", err)
	}
	for class, want := range map[string]string{
		"4x-other":  "is of machine class 2x-amd-epyc",
		"broken":    "read baseline broken.json: truncated",
		"../secret": "want small letters",
		"":          "want small letters",
	} {
		if _, err := Baseline(folder, class); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("class %q: got %v, want %q", class, err, want)
		}
	}
}

func TestWriteBaseline(t *testing.T) {
	folder := t.TempDir()
	r := madeUp(1, 1)
	for range 2 { // the second takes the place of the first
		name, err := r.WriteBaseline(folder)
		if err != nil || name != filepath.Join(folder, "2x-amd-epyc.json") {
			t.Fatalf("got %s, %v", name, err)
		}
	}
	got, err := Baseline(os.DirFS(folder), r.Machine.Class)
	if err != nil || !reflect.DeepEqual(got, r.Trim()) {
		t.Errorf("read back: %v, or another report", err)
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 {
		t.Errorf("%d files, %v; want the baseline alone", len(files), err)
	}
}

func TestWriteBaselineRefuses(t *testing.T) {
	folder := t.TempDir()
	for want, change := range map[string]func(*Report){
		"ended early (interrupted)": func(r *Report) { r.Partial = "interrupted" },
		"key over local on lucarne": func(r *Report) { r.Void = append(r.Void, Void{"key", "local", "lucarne", "busy", false}) },
		"no result of ours":         func(r *Report) { r.Peers[0].Ours = false },
		"want small letters":        func(r *Report) { r.Machine.Class = "../2x" },
		"unsupported value":         func(r *Report) { r.Results[0].Metrics["p50-ms"] = math.NaN() },
	} {
		r := madeUp(1, 1)
		change(r)
		if _, err := r.WriteBaseline(folder); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 0 {
		t.Errorf("%d files, %v; want none left", len(files), err)
	}
}

// The budgets are documented where the baselines are.
func TestBudgetsAreDocumented(t *testing.T) {
	readme, err := os.ReadFile("../baseline/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("<!-- budgets -->\n| metric | meaning | better | may lose | or, if more |\n| --- | --- | --- | --- | --- |\n")
	for _, m := range Metrics() {
		if m.Better == Neither {
			continue
		}
		better := "lower"
		if m.Better == Higher {
			better = "higher"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s | %.0f %% | %s |\n", m.Name, m.Text, better, 100*m.May.Part, number(m.May.Amount))
	}
	want.WriteString("<!-- end of budgets -->\n")
	if !strings.Contains(string(readme), want.String()) {
		t.Errorf("perf/baseline/README.md lacks the budgets as they are:\n%s", want.String())
	}
}
