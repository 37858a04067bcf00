package activity

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of a process's times in /proc/PID/stat: USER_HZ, which Linux
// has fixed for all architectures that Go knows (proc(5)).
const tick = 10 * time.Millisecond

// FileRule holds while a file exists that was changed less than limit ago.
func FileRule(path string, limit time.Duration) Rule {
	return Rule{Name: "file", Holds: func(_ context.Context, now time.Time) (bool, error) {
		info, err := os.Stat(path)
		if err != nil {
			return false, nil // that it is not there is the usual case
		}
		return now.Sub(info.ModTime()) < limit, nil
	}}
}

// ProcessRule holds while a program of one of these names runs. root is the
// machine's file system, os.DirFS("/").
func ProcessRule(root fs.FS, names ...string) Rule {
	return Rule{Name: "process", Holds: func(context.Context, time.Time) (bool, error) {
		found := false
		err := processes(root, func(dir string) {
			if comm, err := fs.ReadFile(root, path.Join(dir, "comm")); err == nil {
				found = found || slices.Contains(names, strings.TrimSuffix(string(comm), "\n"))
			}
		})
		return found, err
	}}
}

// CPURule holds when the programs of the desktop have used more than so many
// processors together for all of a time, those that have ended since included.
// Processes that mine names are not counted: the desktop's own, which work for
// whoever looks.
func CPURule(root fs.FS, cores float64, long time.Duration, mine func(pid int, comm string) bool) Rule {
	var before map[int]process
	var looked time.Time
	var busy lasting
	return Rule{Name: "cpu", Holds: func(_ context.Context, now time.Time) (bool, error) {
		found := map[int]process{}
		err := processes(root, func(dir string) {
			pid, _ := strconv.Atoi(path.Base(dir)) // processes has seen that it is one
			stat, err := fs.ReadFile(root, path.Join(dir, "stat"))
			if err != nil {
				return // it has ended
			}
			if p, err := parseStat(string(stat)); err == nil {
				found[pid] = p
			}
		})
		if err != nil {
			return false, err
		}
		used, elapsed, first := usedSince(before, found, mine), now.Sub(looked), before == nil
		before, looked = found, now
		if first || elapsed <= 0 {
			return false, nil
		}
		return busy.lasts(used.Seconds() >= cores*elapsed.Seconds(), now.Add(-elapsed), now, long), nil
	}}
}

// usedSince returns the CPU time that processes have used from one look to the next.
// What ended between the two is in the time that its parent has waited for, together
// with what it had used before.
func usedSince(before, now map[int]process, mine func(pid int, comm string) bool) (sum time.Duration) {
	counted := map[int]time.Duration{} // of those that have ended, by parent
	for pid, p := range before {
		if _, runs := now[pid]; !runs {
			counted[p.parent] += p.used + p.waited
		}
	}
	for pid, p := range now {
		if mine(pid, p.comm) {
			continue
		}
		// A number may have gone to another process.
		sum += max(0, p.used-before[pid].used) + max(0, p.waited-before[pid].waited-counted[pid])
	}
	return sum
}

// GPURule holds when a GPU has been so busy, in percent of the time, at each look for
// all of a time.
func GPURule(busy func(context.Context) (percent int, err error), percent int, long time.Duration) Rule {
	var enough lasting
	return Rule{Name: "gpu", Holds: func(ctx context.Context, now time.Time) (bool, error) {
		got, err := busy(ctx)
		if err != nil {
			return false, err
		}
		return enough.lasts(got >= percent, now, now, long), nil
	}}
}

// lasting is since when something has been so; zero: it is not.
type lasting struct{ since time.Time }

// lasts notes whether it is so now, from when on if it was not before, and returns
// whether it has been for as long.
func (l *lasting) lasts(so bool, from, now time.Time, long time.Duration) bool {
	switch {
	case !so:
		l.since = time.Time{}
	case l.since.IsZero():
		l.since = from
	}
	return so && now.Sub(l.since) >= long
}

// processes calls each with the directory of every process in /proc.
func processes(root fs.FS, each func(dir string)) error {
	entries, err := fs.ReadDir(root, "proc")
	if err != nil {
		return fmt.Errorf("activity: %w", err)
	}
	for _, entry := range entries {
		if _, err := strconv.ParseUint(entry.Name(), 10, 31); err == nil {
			each(path.Join("proc", entry.Name()))
		}
	}
	return nil
}

// process is what /proc/PID/stat says of one (proc(5)).
type process struct {
	comm         string
	parent       int
	used, waited time.Duration // CPU time: its own, and that of its children that have ended
}

// parseStat reads the text of /proc/PID/stat.
func parseStat(stat string) (process, error) {
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return process{}, fmt.Errorf("activity: stat %q: no name", stat)
	}
	p := process{comm: stat[open+1 : end]}
	const ppid, utime, before = 4, 14, 3 // fields as proc(5) counts them; the first one here
	fields := strings.Fields(stat[end+1:])
	if len(fields) < utime-before+4 {
		return process{}, fmt.Errorf("activity: stat of %q: %d fields", p.comm, len(fields))
	}
	var numbers [5]int64
	for n, field := range append([]string{fields[ppid-before]}, fields[utime-before:utime-before+4]...) {
		var err error
		if numbers[n], err = strconv.ParseInt(field, 10, 64); err != nil {
			return process{}, fmt.Errorf("activity: stat of %q: %w", p.comm, err)
		}
	}
	p.parent = int(numbers[0])
	p.used = time.Duration(numbers[1]+numbers[2]) * tick
	p.waited = time.Duration(numbers[3]+numbers[4]) * tick
	return p, nil
}
