package cost

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Reading is how much CPU time the machine has spent at a moment since it was
// started, and how much of it on the processes that were asked for.
type Reading struct {
	At    time.Time
	Busy  time.Duration // of all cores together, on whatever it was
	Steal time.Duration // while a core wanted to run and the host ran something else
	Ours  time.Duration // of processes and their descendants, as CPU returns it
}

// Load is CPU time over an interval, in cores.
type Load struct {
	Outside float64 // used by processes that were not asked for; the kernel's own work included
	Steal   float64 // withheld by the host of a virtual machine
}

// Read takes a reading; ours are the roots of what belongs to the run. A
// program that has started all that it measures names itself alone.
func Read(ours ...int) (Reading, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Reading{}, fmt.Errorf("cost: %w", err)
	}
	r, err := parseMachine(string(text))
	if err != nil {
		return Reading{}, fmt.Errorf("cost: /proc/stat: %w", err)
	}
	r.At = time.Now()
	r.Ours, err = CPU(ours...)
	return r, err
}

// Until returns the load between a reading and a later one of the same roots.
// The kernel counts Busy in ticks: over 5 s on two cores it is right to some
// hundredths of a core.
func (r Reading) Until(later Reading) Load {
	seconds := later.At.Sub(r.At).Seconds()
	if seconds <= 0 {
		return Load{}
	}
	outside := later.Busy - r.Busy - (later.Ours - r.Ours)
	return Load{
		Outside: max(0, outside.Seconds()/seconds),
		Steal:   max(0, (later.Steal-r.Steal).Seconds()/seconds),
	}
}

// parseMachine reads the first line of /proc/stat (proc(5)): user, nice, system,
// idle, iowait, irq, softirq, steal; what guests use is part of user.
func parseMachine(text string) (Reading, error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return Reading{}, errors.New("no line of all cores")
	}
	var r Reading
	for i, sum := range map[int]*time.Duration{1: &r.Busy, 2: &r.Busy, 3: &r.Busy, 6: &r.Busy, 7: &r.Busy, 8: &r.Steal} {
		ticks, err := strconv.Atoi(fields[i])
		if err != nil {
			return Reading{}, err
		}
		*sum += time.Duration(ticks) * clockTick
	}
	return r, nil
}
