package cost_test

import (
	"os"
	"os/exec"
	"testing"

	"lucarne/perf/cost"
)

func TestEach(t *testing.T) {
	child := exec.Command("sleep", "1000")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer child.Process.Kill()
	all, err := cost.Each(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]cost.Process{}
	for _, p := range all {
		found[p.PID] = p
	}
	us, sleep := found[os.Getpid()], found[child.Process.Pid]
	if us.CPU <= 0 || us.Memory.Proportional < 1<<20 || us.Memory.Resident < us.Memory.Proportional || us.Name == "" {
		t.Errorf("of ourselves %+v", us)
	}
	if sleep.Memory.Proportional <= 0 || sleep.CPU >= us.CPU+1e9 {
		t.Errorf("of a child %+v", sleep)
	}
	if _, err := cost.Each(1 << 30); err == nil {
		t.Error("a process that there is not")
	}
}
