package idle

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lucarne/perf/cost"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBetween(t *testing.T) {
	process := func(pid int, name string, cpu time.Duration, memory int) cost.Process {
		return cost.Process{PID: pid, Name: name, CPU: cpu, Memory: cost.Memory{Proportional: memory, Resident: 9 * memory}}
	}
	before := []cost.Process{process(1, "lucarne", 100, 1), process(2, "xterm", 10, 1), process(3, "sh", 50, 1)}
	after := []cost.Process{process(1, "lucarne", 130, 1000), process(2, "xterm", 11, 10), process(4, "xterm", 5, 20)}
	got := between(before, after, 77)
	want := []Process{{"lucarne", 30, 1000}, {"xterm", 6, 30}}
	if len(got.Processes) != 2 || got.Processes[0] != want[0] || got.Processes[1] != want[1] || got.CPU != 77 || got.Memory != 1030 {
		t.Errorf("%+v, want %+v, 77 and 1030", got, want)
	}
}

func TestTable(t *testing.T) {
	desktop := func(cpu time.Duration, memory int) Desktop {
		return Desktop{CPU: cpu, Memory: memory, Processes: []Process{{"xterm", 0, 1e6}, {"lucarne", cpu, memory - 1e6}}}
	}
	r := Report{Length: time.Minute, Paused: true, Desktops: []Desktop{
		desktop(6*time.Millisecond, 40e6), desktop(600*time.Millisecond, 42e6), desktop(12*time.Millisecond, 41e6),
	}}
	var b strings.Builder
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	want := `3 idle desktops for 60 s, each with a viewer whose page is hidden:

| | PSS, MB | CPU, % of a core |
| --- | --- | --- |
| ` + "`lucarne`" + ` | 40.0 | 0.020 |
| ` + "`xterm`" + ` | 1.0 | 0.000 |
| a desktop, median | 41.0 | 0.020 |
| a desktop, the dearest | 42.0 | 1.000 |
| 60 desktops, extrapolated | 2460.0 | 1.200 |
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// What does not come up is said, with its own words, and nothing of it is left.
func TestDesktopThatDoesNotStart(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	_, err := Run(t.Context(), Config{Bin: "/bin/ls", Desktops: 2, Settle: 1, Length: 1})
	if err == nil || !strings.Contains(err.Error(), "desktop 1") || !strings.Contains(err.Error(), "ls: ") {
		t.Errorf("%v, want what ls says", err)
	}
}
