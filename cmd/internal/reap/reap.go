// Package reap is a container's first process: it passes signals on to the program that the
// container is for, and buries the processes that lose their parents, which are given to it
// (PID 1, pid_namespaces(7)). The program itself waits for its own children alone, so the
// two are processes of their own.
package reap

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// passed are the signals that the program gets when this process does. The kernel sends
// the first process none that it does not ask for.
var passed = []os.Signal{
	unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM,
	unix.SIGUSR1, unix.SIGUSR2, unix.SIGCONT, unix.SIGWINCH,
}

// First says whether this is a container's first process.
func First() bool { return os.Getpid() == 1 }

// Run starts this very binary again, with the same arguments and environment, buries what
// ends, and returns the exit code when the program has ended: its own, or 128 and
// the number of the signal that has killed it. What is still running then ends with this
// process. No other child of this process may be waited for meanwhile.
func Run() (code int, err error) {
	signals := make(chan os.Signal, len(passed))
	signal.Notify(signals, passed...)
	defer signal.Stop(signals)
	program, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   attributes(),
	})
	if err != nil {
		return 0, fmt.Errorf("reap: start: %w", err)
	}
	go func() {
		for s := range signals {
			_ = program.Signal(s) // it may just have ended
		}
	}()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("reap: wait: %w", err)
		case pid == program.Pid && status.Signaled():
			return 128 + int(status.Signal()), nil
		case pid == program.Pid:
			return status.ExitStatus(), nil
		}
	}
}

// attributes give the program a process group of its own, and the terminal if there is
// one: a Ctrl-C there is for it, and is not to come twice.
func attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if _, err := unix.IoctlGetInt(int(os.Stdin.Fd()), unix.TIOCGPGRP); err == nil {
		attr.Foreground, attr.Ctty = true, int(os.Stdin.Fd())
	}
	return attr
}
