package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// markName is the environment variable by which a process that has left its
// process group is still recognised as ours.
const markName = "LUCARNE_PROCESS"

// drain is how long output is still read after the last process of the group
// has been killed, should the pipe have been handed to a stranger.
const drain = 200 * time.Millisecond

// child is a running process and its group.
type child struct {
	pid  int // also the group's id
	done chan struct{}
	err  error // why it ended; valid once done is closed
}

// start runs the process. The returned child's done is closed when it has
// ended, nothing of its group is left and all its output has been read.
func start(p Process, mark string, out *lines) (*child, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("supervise: %s: pipe: %w", p.Name, err)
	}
	cmd := exec.Command(p.Command[0], p.Command[1:]...)
	cmd.Env = append(append(os.Environ(), p.Env...), mark)
	cmd.Dir = p.Dir
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	c := &child{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The death signal comes when the thread that forked ends, so the
		// thread is kept for as long as the child lives (prctl(2)).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		w.Close()
		if err != nil {
			r.Close()
			started <- fmt.Errorf("supervise: %s: start: %w", p.Name, err)
			return
		}
		c.pid = cmd.Process.Pid
		started <- nil
		defer close(c.done)
		read := make(chan struct{})
		go func() {
			defer close(read)
			out.readFrom(r)
		}()
		awaitExit(c.pid)
		// Not reaped yet: the group's id cannot have gone to anybody else.
		_ = unix.Kill(-c.pid, unix.SIGKILL)
		killMarked(mark)
		_ = r.SetReadDeadline(time.Now().Add(drain))
		<-read
		r.Close()
		if err := cmd.Wait(); err != nil {
			c.err = fmt.Errorf("supervise: %s: %w", p.Name, err)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// stop asks the group to end, kills it after grace, and waits until it is gone.
func (c *child) stop(grace time.Duration) {
	select {
	case <-c.done:
		return
	default:
	}
	_ = unix.Kill(-c.pid, unix.SIGTERM)
	select {
	case <-c.done:
		return
	case <-time.After(grace):
	}
	_ = unix.Kill(-c.pid, unix.SIGKILL)
	<-c.done
}

// awaitExit returns when the process has ended, leaving it to be reaped.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// killMarked kills every process that has the mark in its environment: those
// that have made a session of their own. It looks until it finds none, for one
// that forks while it looks.
func killMarked(mark string) {
	for range 10 {
		found := false
		environs, err := filepath.Glob("/proc/[0-9]*/environ")
		if err != nil {
			return
		}
		for _, path := range environs {
			env, err := os.ReadFile(path)
			if err != nil || !hasEntry(env, mark) {
				continue
			}
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err == nil && unix.Kill(pid, unix.SIGKILL) == nil {
				found = true
			}
		}
		if !found {
			return
		}
		time.Sleep(time.Millisecond) // for the killed to leave /proc
	}
}

// hasEntry reports whether the NUL-separated environment has the entry.
func hasEntry(env []byte, entry string) bool {
	for e := range bytes.SplitSeq(env, []byte{0}) {
		if string(e) == entry {
			return true
		}
	}
	return false
}
