package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// closeMemory has the system keep this process's memory, its open files and its
// environment from the other processes of the same user, who are those of the desktop:
// none may trace it, and what /proc shows of it beyond the ordinary is root's (prctl(2),
// PR_SET_DUMPABLE). Programs that it starts are as open as any.
func closeMemory() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("close the process's memory: %w", err)
	}
	return nil
}
