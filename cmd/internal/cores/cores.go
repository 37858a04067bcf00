// Package cores reads how many of the machine's processors have nothing to do
// (/proc/stat, proc(5)), and how long a thread has waited for one.
package cores

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Times are what the processors have spent together since the machine started, in
// ticks of the kernel's.
type Times struct {
	Cores int
	Idle  uint64 // waiting for disks included
	Total uint64
}

// The columns of a line of /proc/stat after its name that count. Those of guests
// are in user and nice already.
const (
	idleColumn    = 3
	waitColumn    = 4
	countedColumn = 8 // and those before it
)

// Read returns the times until now. root is the machine's file system,
// os.DirFS("/").
func Read(root fs.FS) (Times, error) {
	const file = "proc/stat"
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return Times{}, fmt.Errorf("cores: %w", err)
	}
	var t Times
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || !strings.HasPrefix(fields[0], "cpu"):
		case fields[0] != "cpu":
			t.Cores++
		default:
			for column, field := range fields[1:min(len(fields), countedColumn+1)] {
				ticks, err := strconv.ParseUint(field, 10, 64)
				if err != nil {
					return Times{}, fmt.Errorf("cores: %s: %w", file, err)
				}
				if t.Total += ticks; column == idleColumn || column == waitColumn {
					t.Idle += ticks
				}
			}
		}
	}
	return t, nil
}

// IdleSince returns how many processors had nothing to do on the average since an
// earlier time.
func (t Times) IdleSince(before Times) float64 {
	if t.Total <= before.Total || t.Idle < before.Idle { // the counters of some kernels go back
		return 0
	}
	return float64(t.Cores) * float64(t.Idle-before.Idle) / float64(t.Total-before.Total)
}
