package cost

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Process is what one process has used and occupies.
type Process struct {
	PID    int
	Name   string        // of the program, as the kernel has it: 15 bytes at most
	CPU    time.Duration // since it began, without its children
	Memory Memory
}

// Each returns a process and its descendants one by one, by their numbers. A root that
// has ended, or that is another user's, is an error; memory is as MemoryOf has it.
func Each(root int) ([]Process, error) {
	all, err := processes()
	if err != nil {
		return nil, fmt.Errorf("cost: %w", err)
	}
	members, err := family(all, []int{root})
	if err != nil {
		return nil, fmt.Errorf("cost: %w", err)
	}
	var list []Process
	for _, pid := range members {
		memory, err := memoryOf(pid)
		if err != nil {
			return nil, fmt.Errorf("cost: %w", err)
		}
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil {
			continue // it has ended meanwhile
		}
		list = append(list, Process{
			PID: pid, Name: strings.TrimSpace(string(name)), CPU: cpuTime(pid), Memory: memory,
		})
	}
	slices.SortFunc(list, func(a, b Process) int { return cmp.Compare(a.PID, b.PID) })
	return list, nil
}
