// Package quota reads which part of the machine's processors a container may use
// and what it has used of it, from control groups of version 1 and 2
// (cgroups(7), and Documentation/scheduler/sched-bwc.rst of the Linux kernel).
package quota

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Usage is the quota of the group that has the tightest, among ours and those
// that it lies in, and what that group has used since it was made.
type Usage struct {
	Group     string        // its directory; "": no group has a quota
	Cores     float64       // processors that its processes may use together; 0: no quota
	Used      time.Duration // CPU time of all of them; 0: not known
	Periods   int           // of the scheduler, in which one of them ran
	Throttled int           // of these, the periods in which the quota was used up
}

// Read returns the quota of this process. root is the machine's file system,
// os.DirFS("/"). Where there are no control groups there is no quota. An error
// names the file that is not as it should be.
func Read(root fs.FS) (Usage, error) {
	u, err := read(root)
	if err != nil {
		return Usage{}, fmt.Errorf("quota: %w", err)
	}
	return u, nil
}

// Own returns the CPU time that this process has used, those of its threads
// included that have ended.
func Own() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		return 0 // there is no Linux without this clock
	}
	return time.Duration(t.Nano())
}

func read(root fs.FS) (Usage, error) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if errors.Is(err, fs.ErrNotExist) {
		return Usage{}, nil
	}
	if err != nil {
		return Usage{}, err
	}
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return Usage{}, err
	}
	if h, ok := find(string(groups), string(mounts), "cpu"); ok {
		accounts, known := find(string(groups), string(mounts), "cpuacct")
		return tightest(h, func(dir string) (Usage, error) {
			u, err := version1(root, dir)
			if err == nil && u.Cores > 0 && known && accounts.group == h.group {
				u.Used, err = used(root, path.Join(accounts.mount, strings.TrimPrefix(dir, h.mount)))
			}
			return u, err
		})
	}
	if h, ok := find(string(groups), string(mounts), ""); ok {
		return tightest(h, func(dir string) (Usage, error) { return version2(root, dir) })
	}
	return Usage{}, nil
}

// tightest returns the usage of the group with the least quota, from ours up to
// the outermost that can be seen.
func tightest(h hierarchy, read func(dir string) (Usage, error)) (Usage, error) {
	var least Usage
	for group := h.group; ; group = path.Dir(group) {
		u, err := read(path.Join(h.mount, group))
		if err != nil {
			return Usage{}, err
		}
		if u.Cores > 0 && (least.Cores == 0 || u.Cores < least.Cores) {
			least = u
		}
		if group == "/" {
			return least, nil
		}
	}
}

// version1 reads the group of version 1 at a directory.
func version1(root fs.FS, dir string) (Usage, error) {
	quota, err := number(root, path.Join(dir, "cpu.cfs_quota_us"))
	if err != nil || quota <= 0 {
		return Usage{}, err // -1: there is none
	}
	period, err := number(root, path.Join(dir, "cpu.cfs_period_us"))
	if err != nil {
		return Usage{}, err
	}
	return usage(root, dir, quota, period)
}

// version2 reads the group of version 2 at a directory.
func version2(root fs.FS, dir string) (Usage, error) {
	file := path.Join(dir, "cpu.max")
	text, err := text(root, file)
	if err != nil || text == "" {
		return Usage{}, err // the root of all has no such file
	}
	quota, period, _ := strings.Cut(text, " ")
	if quota == "max" {
		return Usage{}, nil
	}
	q, errQ := strconv.Atoi(quota)
	p, errP := strconv.Atoi(period)
	if err := errors.Join(errQ, errP); err != nil {
		return Usage{}, fmt.Errorf("%s: %w", file, err)
	}
	return usage(root, dir, q, p)
}

// usage adds what both versions say in cpu.stat; only version 2 says there how
// much was used.
func usage(root fs.FS, dir string, quota, period int) (Usage, error) {
	if quota <= 0 || period <= 0 {
		return Usage{}, fmt.Errorf("%s: %d µs of %d µs are no quota", dir, quota, period)
	}
	u := Usage{Group: dir, Cores: float64(quota) / float64(period)}
	file := path.Join(dir, "cpu.stat")
	stat, err := text(root, file)
	if err != nil {
		return Usage{}, err
	}
	for line := range strings.Lines(stat) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		var to *int
		var µs int
		switch name {
		case "nr_periods":
			to = &u.Periods
		case "nr_throttled":
			to = &u.Throttled
		case "usage_usec":
			to = &µs
		default:
			continue
		}
		if *to, err = strconv.Atoi(value); err != nil {
			return Usage{}, fmt.Errorf("%s: %w", file, err)
		}
		u.Used += time.Duration(µs) * time.Microsecond
	}
	return u, nil
}

// used reads what a group of version 1 has used; 0 if that is not counted.
func used(root fs.FS, dir string) (time.Duration, error) {
	ns, err := number(root, path.Join(dir, "cpuacct.usage"))
	return time.Duration(ns), err
}

// number reads a file that holds one; 0 if there is no such file.
func number(root fs.FS, file string) (int, error) {
	s, err := text(root, file)
	if err != nil || s == "" {
		return 0, err
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return n, nil
}

// text reads a file; "" if there is none.
func text(root fs.FS, file string) (string, error) {
	b, err := fs.ReadFile(root, strings.TrimPrefix(file, "/"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(b)), err
}
