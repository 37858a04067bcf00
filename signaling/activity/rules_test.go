package activity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"
)

// proc is /proc with processes of a name and the CPU time in ticks that they have used.
func proc(processes map[int]struct {
	comm  string
	ticks int
}) fstest.MapFS {
	root := fstest.MapFS{"proc/self/x": {}, "proc/12x/comm": {Data: []byte("blender\n")}}
	for pid, p := range processes {
		stat := fmt.Sprintf("%d (%s) S 1 1 1 0 -1 4194304 100 0 0 0 %d %d 0 0 20 0 1 0 100 1000 10", pid, p.comm, p.ticks/2, p.ticks-p.ticks/2)
		root[fmt.Sprintf("proc/%d/comm", pid)] = &fstest.MapFile{Data: []byte(p.comm + "\n")}
		root[fmt.Sprintf("proc/%d/stat", pid)] = &fstest.MapFile{Data: []byte(stat)}
	}
	return root
}

type processTable = map[int]struct {
	comm  string
	ticks int
}

func TestProcessRule(t *testing.T) {
	root := proc(processTable{7: {"bash", 0}, 9: {"python (3) x", 0}})
	for name, want := range map[string]bool{"bash": true, "python (3) x": true, "blender": false, "": false} {
		got, err := ProcessRule(root, "other", name).Holds(t.Context(), time.Now())
		if err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", name, got, err, want)
		}
	}
	if _, err := ProcessRule(fstest.MapFS{}, "bash").Holds(t.Context(), time.Now()); err == nil {
		t.Error("no error without /proc")
	}
}

func TestCPURule(t *testing.T) {
	root := fstest.MapFS{}
	ours := func(pid int, comm string) bool { return comm == "lucarne" }
	rule := CPURule(root, 0.5, 2*time.Minute, ours)
	start := time.Now()
	steps := []struct {
		after time.Duration
		table processTable
		want  bool
	}{
		{0, processTable{7: {"blender", 1000}, 8: {"lucarne", 0}}, false},
		{time.Minute, processTable{7: {"blender", 1100}, 8: {"lucarne", 6000}}, false},                    // 1 s of 60; ours does not count
		{2 * time.Minute, processTable{7: {"blender", 4200}, 8: {"lucarne", 12000}}, false},               // 31 s: half a core for a minute
		{3 * time.Minute, processTable{7: {"blender", 5700}, 9: {"cc1) x", 1600}}, true},                  // 15 s and 16 s: for two
		{4 * time.Minute, processTable{7: {"blender", 5800}, 9: {"cc1) x", 1700}, 8: {"x", 10}}, false},   // 2 s
		{5 * time.Minute, processTable{7: {"blender", 8900}}, false},                                      // again, for a minute
		{5 * time.Minute, processTable{7: {"blender", 9900}}, false},                                      // no time has passed
		{7 * time.Minute, processTable{7: {"bash", 10}, 10: {"blender", 6000}, 11: {"blender", 0}}, true}, // 7 is another process
	}
	for n, step := range steps {
		clear(root)
		for name, file := range proc(step.table) {
			root[name] = file
		}
		got, err := rule.Holds(t.Context(), start.Add(step.after))
		if err != nil || got != step.want {
			t.Errorf("step %d: %v, %v, want %v", n, got, err, step.want)
		}
	}
}

// TestUsedSince: programs count that have ended since, and what they had used before
// does not count again.
func TestUsedSince(t *testing.T) {
	none := func(_ int, comm string) bool { return comm == "lucarne" }
	const s = time.Second
	tests := []struct {
		name        string
		before, now map[int]process
		want        time.Duration
	}{
		{"short ones, never seen", map[int]process{7: {"make", 1, s, 100 * s}}, map[int]process{7: {"make", 1, 2 * s, 130 * s}}, 31 * s},
		{"one that was seen", map[int]process{7: {"make", 1, s, 0}, 8: {"cc1", 7, 50 * s, 0}}, map[int]process{7: {"make", 1, s, 55 * s}}, 5 * s},
		{"one with children", map[int]process{6: {"bash", 1, s, 0}, 7: {"make", 6, s, 99 * s}}, map[int]process{6: {"bash", 1, s, 103 * s}}, 3 * s},
		{"one that nobody waits for", map[int]process{7: {"sh", 1, s, 0}, 8: {"job", 7, 50 * s, 0}}, map[int]process{7: {"sh", 1, s, 0}}, 0},
		{"another of the same number", map[int]process{7: {"a", 1, 50 * s, 9 * s}}, map[int]process{7: {"b", 1, 2 * s, 0}}, 0},
		{"a new one", nil, map[int]process{7: {"a", 1, 2 * s, s}}, 3 * s},
		{"the desktop's own", nil, map[int]process{7: {"lucarne", 1, 2 * s, s}}, 0},
	}
	for _, tt := range tests {
		if got := usedSince(tt.before, tt.now, none); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestParseStat(t *testing.T) {
	got, err := parseStat("9 (a b) c) S 7 1 1 0 -1 4194304 100 0 0 0 10 20 30 40 20 0 1 0 100 1000 10")
	if want := (process{"a b) c", 7, 300 * time.Millisecond, 700 * time.Millisecond}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

func TestGPURule(t *testing.T) {
	var percent int
	var broken error
	rule := GPURule(func(context.Context) (int, error) { return percent, broken }, 50, time.Minute)
	start := time.Now()
	steps := []struct {
		after   time.Duration
		percent int
		broken  error
		want    bool
	}{
		{0, 50, nil, false},
		{30 * time.Second, 100, nil, false},
		{time.Minute, 60, nil, true},
		{90 * time.Second, 49, nil, false},
		{2 * time.Minute, 60, nil, false},
		{150 * time.Second, 60, errors.New("no driver"), false},
		{3 * time.Minute, 60, nil, true},
	}
	for n, step := range steps {
		percent, broken = step.percent, step.broken
		if got, err := rule.Holds(t.Context(), start.Add(step.after)); got != step.want || !errors.Is(err, step.broken) {
			t.Errorf("step %d: %v, %v, want %v", n, got, err, step.want)
		}
	}
}

func TestCPURuleOnThisMachine(t *testing.T) {
	rule := CPURule(os.DirFS("/"), 1000, time.Second, func(int, string) bool { return false })
	for range 2 {
		if holds, err := rule.Holds(t.Context(), time.Now()); holds || err != nil {
			t.Errorf("%v, %v: a thousand processors are in use", holds, err)
		}
	}
}

func TestFileRule(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".keep-alive")
	rule := FileRule(path, time.Hour)
	now := time.Now()
	check := func(want bool) {
		t.Helper()
		if got, err := rule.Holds(t.Context(), now); got != want || err != nil {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	check(false)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check(true)
	if err := os.Chtimes(path, now, now.Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	check(false)
}

func FuzzParseStat(f *testing.F) {
	f.Add("7 (a b) S 1 1 1 0 -1 4194304 100 0 0 0 10 20 0 0")
	f.Add("7 (")
	f.Add(") (")
	f.Add("7 (x) S 1 1 1 0 -1 4194304 100 0 0 0 x 20 0 0")
	f.Fuzz(func(t *testing.T, stat string) {
		if p, err := parseStat(stat); err == nil && len(p.comm) > len(stat) {
			t.Errorf("%q: name %q", stat, p.comm)
		}
	})
}
