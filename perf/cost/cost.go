// Package cost says what processes and their descendants use of a machine: CPU
// time and memory; and how much of the machine somebody else uses meanwhile, which
// makes a measurement worthless.
package cost

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// CPU returns the CPU time that processes and their descendants have used since
// they began: of those that live to the nanosecond, of those that have ended,
// and that their parents have waited for, to 10 ms. A root that has ended is an
// error: what it used can no longer be told.
func CPU(roots ...int) (time.Duration, error) {
	all, err := processes()
	if err != nil {
		return 0, fmt.Errorf("cost: %w", err)
	}
	members, err := family(all, roots)
	if err != nil {
		return 0, fmt.Errorf("cost: %w", err)
	}
	var sum time.Duration
	for _, pid := range members {
		sum += cpuTime(pid) + all[pid].children
	}
	return sum, nil
}

// Memory is what processes occupy, in bytes.
type Memory struct {
	Proportional int // PSS: a page that n processes share counts 1/n in each
	Resident     int // RSS: a shared page counts in full in each
}

// MemoryOf returns the memory of processes and their descendants now
// (/proc/PID/smaps_rollup). A root that has ended, or that is another user's, is
// an error. Of a process of this user's that keeps that to itself (PR_SET_DUMPABLE in
// prctl(2)), as lucarne does, all that is resident counts as its own.
func MemoryOf(roots ...int) (Memory, error) {
	all, err := processes()
	if err != nil {
		return Memory{}, fmt.Errorf("cost: %w", err)
	}
	members, err := family(all, roots)
	if err != nil {
		return Memory{}, fmt.Errorf("cost: %w", err)
	}
	var sum Memory
	for _, pid := range members {
		m, err := memoryOf(pid)
		if err != nil {
			return Memory{}, fmt.Errorf("cost: %w", err)
		}
		sum.Proportional += m.Proportional
		sum.Resident += m.Resident
	}
	return sum, nil
}

// memoryOf returns the memory of one process; one that has ended occupies nothing.
func memoryOf(pid int) (Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if os.IsPermission(err) {
		return closedMemory(pid)
	}
	return parseRollup(string(text)), nil
}

// closedMemory is what everybody is told of a process's memory (/proc/PID/status), if it is
// this user's.
func closedMemory(pid int) (Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Memory{}, nil // it has ended
	}
	var resident, uid int
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 3 && fields[0] == "VmRSS:":
			resident, _ = strconv.Atoi(fields[1])
		case len(fields) == 5 && fields[0] == "Uid:":
			uid, _ = strconv.Atoi(fields[1])
		}
	}
	if uid != os.Getuid() {
		return Memory{}, fmt.Errorf("process %d is another user's: %w", pid, os.ErrPermission)
	}
	return Memory{Proportional: resident << 10, Resident: resident << 10}, nil
}

// Volume is an amount of network traffic in one direction.
type Volume struct{ Bytes, Packets int }

// parseRollup reads the text of /proc/PID/smaps_rollup (proc(5)).
func parseRollup(text string) Memory {
	var m Memory
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		n, _ := strconv.Atoi(fields[1])
		switch fields[0] {
		case "Pss:":
			m.Proportional = n << 10
		case "Rss:":
			m.Resident = n << 10
		}
	}
	return m
}
