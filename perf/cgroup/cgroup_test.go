package cgroup

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestPlace(t *testing.T) {
	const (
		v1 = "32 31 0:29 / /g/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
		v2 = "30 23 0:26 / /g/unified rw shared:4 - cgroup2 cgroup2 rw\n"
	)
	for name, c := range map[string]struct {
		mounts, dir string
		version     int
	}{
		"none":         {"21 1 8:1 / / rw - ext4 /dev/sda rw\n", "", 0},
		"garbage":      {"\n - \n1 2 3 - cgroup2\n", "", 0},
		"version 1":    {v1, "/g/cpu", 1},
		"version 2":    {v2, "/g/unified", 2},
		"both":         {v2 + v1, "/g/cpu", 1},
		"both, turned": {v1 + v2, "/g/cpu", 1},
	} {
		if dir, version := place(c.mounts, "4:cpu,cpuacct:/gone\n0::/gone\n"); dir != c.dir || version != c.version {
			t.Errorf("%s: %q, %d; want %q, %d", name, dir, version, c.dir, c.version)
		}
	}
}

func TestGroup(t *testing.T) {
	g, err := Open(0.5)
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := g.dir
	defer g.Close()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if err := g.Add(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	inside, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil || !slices.Contains(strings.Fields(string(inside)), strconv.Itoa(cmd.Process.Pid)) {
		t.Errorf("in the group: %q, %v; want %d", inside, err, cmd.Process.Pid)
	}
	if err := errors.Join(g.Close(), g.Close()); err != nil {
		t.Error(err)
	}
	if isDir(dir) {
		t.Errorf("%s is still there", dir)
	}
	if err := cmd.Process.Signal(os.Signal(os.Kill)); err != nil {
		t.Errorf("who was in it has ended: %v", err)
	}
}
