package cost

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of times in /proc, USER_HZ, which is the same on every
// Linux that Go runs on (proc(5)).
const clockTick = 10 * time.Millisecond

// process is what /proc/PID/stat says of one.
type process struct {
	parent, group int
	children      time.Duration // what those that it has waited for have used, and theirs, in whole ticks
}

// parseStat reads the text of /proc/PID/stat (proc(5)).
func parseStat(text []byte) (process, error) {
	// The name in parentheses may hold anything; the fields begin after the last one.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return process{}, errors.New("short stat")
	}
	var numbers [4]int
	var errs error
	for i, field := range []int{1, 2, 13, 14} { // ppid, pgrp, cutime, cstime
		n, err := strconv.Atoi(string(fields[field]))
		numbers[i], errs = n, errors.Join(errs, err)
	}
	return process{
		parent: numbers[0], group: numbers[1],
		children: time.Duration(numbers[2]+numbers[3]) * clockTick,
	}, errs
}

// processes returns all that there are. Those that end meanwhile are left out.
func processes() (map[int]process, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	all := make(map[int]process, len(dirs))
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue
		}
		if all[pid], err = parseStat(text); err != nil {
			return nil, fmt.Errorf("process %d: %w", pid, err)
		}
	}
	return all, nil
}

// family returns the roots, their descendants, and who is in a process group
// that one of these leads although its own parent has ended; each once.
func family(all map[int]process, roots []int) ([]int, error) {
	ours := map[int]bool{}
	for _, root := range roots {
		if _, there := all[root]; !there {
			return nil, fmt.Errorf("process %d has ended", root)
		}
		ours[root] = true
	}
	for before := 0; before < len(ours); {
		before = len(ours)
		for pid, p := range all {
			if ours[p.parent] || ours[p.group] {
				ours[pid] = true
			}
		}
	}
	return slices.Collect(maps.Keys(ours)), nil
}

// cpuTime returns what a process's threads have used, those that have ended
// included; 0 when it is gone. The clock (clock_getcpuclockid(3)) counts
// nanoseconds, where /proc/PID/stat counts ticks and /proc/PID/task forgets the
// threads that have ended.
func cpuTime(pid int) time.Duration {
	const scheduled = 2 // CPUCLOCK_SCHED, of the whole process
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
