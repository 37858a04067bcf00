package cores

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// Waited returns how long this thread has been ready to run while others had the
// processors, or while its container had used up its share of them (the second
// number of /proc/thread-self/schedstat, in ns; Documentation/scheduler/sched-stats.rst
// of the Linux kernel). root is the machine's file system, os.DirFS("/").
func Waited(root fs.FS) (time.Duration, error) {
	const file = "proc/thread-self/schedstat"
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return 0, fmt.Errorf("cores: %w", err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("cores: %s: %q has no second number", file, text)
	}
	ns, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("cores: %s: %w", file, err)
	}
	return time.Duration(ns), nil
}
