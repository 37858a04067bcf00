package activity

import (
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
	return Rule{Name: "file", Holds: func(now time.Time) (bool, error) {
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
	return Rule{Name: "process", Holds: func(time.Time) (bool, error) {
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
// processors together for all of a time. Processes that mine names are not counted:
// the desktop's own, which work for whoever looks.
func CPURule(root fs.FS, cores float64, long time.Duration, mine func(pid int, comm string) bool) Rule {
	before := map[int]time.Duration{}
	var looked, since time.Time // of the last look; from when on it was so much, zero: it is not
	return Rule{Name: "cpu", Holds: func(now time.Time) (bool, error) {
		used := map[int]time.Duration{}
		err := processes(root, func(dir string) {
			pid, _ := strconv.Atoi(path.Base(dir)) // processes has seen that it is one
			stat, err := fs.ReadFile(root, path.Join(dir, "stat"))
			if err != nil {
				return // it has ended
			}
			if comm, t, err := parseStat(string(stat)); err == nil && !mine(pid, comm) {
				used[pid] = t
			}
		})
		if err != nil {
			return false, err
		}
		var sum time.Duration
		for pid, t := range used {
			sum += max(0, t-before[pid]) // a number may have gone to another process
		}
		elapsed, first := now.Sub(looked), looked.IsZero()
		before, looked = used, now
		switch {
		case first || elapsed <= 0:
			return false, nil
		case sum.Seconds() < cores*elapsed.Seconds():
			since = time.Time{}
		case since.IsZero():
			since = now.Add(-elapsed)
		}
		return !since.IsZero() && now.Sub(since) >= long, nil
	}}
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

// parseStat reads the name of a process and the CPU time that it has used, from
// /proc/PID/stat (proc(5)).
func parseStat(stat string) (comm string, used time.Duration, err error) {
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return "", 0, fmt.Errorf("activity: stat %q: no name", stat)
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 13 {
		return "", 0, fmt.Errorf("activity: stat of %q: %d fields", stat[open+1:end], len(fields))
	}
	user, errUser := strconv.ParseInt(fields[11], 10, 64) // utime is field 14, and state, field 3, the first here
	system, errSystem := strconv.ParseInt(fields[12], 10, 64)
	if errUser != nil || errSystem != nil {
		return "", 0, fmt.Errorf("activity: stat of %q: no times", stat[open+1:end])
	}
	return stat[open+1 : end], time.Duration(user+system) * tick, nil
}
