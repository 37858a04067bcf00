// Package cgroup puts processes into a control group with a quota of the
// processors (cgroups(7)), as a container has one.
package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrUnsupported is returned by Open where no group can be made: there are no
// control groups, or none that this user may make.
var ErrUnsupported = errors.New("no control group can be made here")

// period is that of the quota, in µs: the kernel's default.
const period = 100_000

// Group is a control group below ours.
type Group struct {
	dir, parent string
	enabled     bool // the controller, in parent, by us
}

// Open makes a group whose processes may use so many processors together. It
// has to be closed.
func Open(cores float64) (*Group, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("cgroup: %w: %w", ErrUnsupported, err)
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("cgroup: %w: %w", ErrUnsupported, err)
	}
	parent, version := place(string(text), string(groups))
	if parent == "" {
		return nil, fmt.Errorf("cgroup: %w: none is mounted", ErrUnsupported)
	}
	g := &Group{parent: parent}
	if err := g.open(version, cores); err != nil {
		return nil, fmt.Errorf("cgroup: %w: %w", ErrUnsupported, errors.Join(err, g.Close()))
	}
	return g, nil
}

// place returns the directory of our own group, as far as it can be seen, and
// the version of its hierarchy, which has processors to give.
func place(mounts, groups string) (dir string, version int) {
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(kind) < 3 {
			continue
		}
		switch {
		case kind[0] == "cgroup" && slices.Contains(strings.Split(kind[2], ","), "cpu"):
			return below(fields[4], groups, "cpu"), 1
		case kind[0] == "cgroup2" && version == 0:
			dir, version = below(fields[4], groups, ""), 2
		}
	}
	return dir, version
}

// below returns our group's directory in a hierarchy, or its mount point where
// our group cannot be seen.
func below(mount, groups, controller string) string {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && slices.Contains(strings.Split(parts[1], ","), controller) {
			if dir := filepath.Join(mount, parts[2]); isDir(dir) {
				return dir
			}
		}
	}
	return mount
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (g *Group) open(version int, cores float64) error {
	if version == 2 {
		if err := g.enable(); err != nil {
			return err
		}
	}
	var err error
	if g.dir, err = os.MkdirTemp(g.parent, "lucarne-"); err != nil {
		return err
	}
	quota := int(cores * period)
	if version == 2 {
		return write(g.dir, "cpu.max", fmt.Sprintf("%d %d", quota, period))
	}
	return errors.Join(write(g.dir, "cpu.cfs_period_us", strconv.Itoa(period)), write(g.dir, "cpu.cfs_quota_us", strconv.Itoa(quota)))
}

// enable lets groups below our own have the controller.
func (g *Group) enable() error {
	const control = "cgroup.subtree_control"
	on, err := os.ReadFile(filepath.Join(g.parent, control))
	if err != nil || slices.Contains(strings.Fields(string(on)), "cpu") {
		return err
	}
	if err := write(g.parent, control, "+cpu"); err != nil {
		return err
	}
	g.enabled = true
	return nil
}

// Add puts processes into the group, with all their threads and what they will
// start.
func (g *Group) Add(pids ...int) error {
	for _, pid := range pids {
		if err := write(g.dir, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("cgroup: %w", err)
		}
	}
	return nil
}

// Close puts the processes back to where this one is and removes the group. It
// is idempotent.
func (g *Group) Close() error {
	var errs []error
	if g.dir != "" {
		pids, err := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
		errs = append(errs, err)
		for _, pid := range strings.Fields(string(pids)) {
			_ = write(g.parent, "cgroup.procs", pid) // one that has ended is not in it
		}
		errs = append(errs, os.Remove(g.dir))
		g.dir = ""
	}
	if g.enabled {
		errs = append(errs, write(g.parent, "cgroup.subtree_control", "-cpu"))
		g.enabled = false
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cgroup: close: %w", err)
	}
	return nil
}

func write(dir, file, text string) error {
	return os.WriteFile(filepath.Join(dir, file), []byte(text), 0)
}
