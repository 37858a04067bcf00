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
	"sync"
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

// look is the time between two looks at what is left of a child.
const look = 10 * time.Millisecond

// child is a running process, its group, and what it started that left the group.
type child struct {
	pid   int // also the group's id
	mark  string
	grace time.Duration
	done  chan struct{}
	err   error // why it ended; valid once done is closed

	asked    sync.Once
	deadline time.Time // of those that were asked to end; valid after ask
}

// start runs the process. The returned child's done is closed when it has
// ended, nothing that it started is left and all its output has been read.
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

	c := &child{mark: mark, grace: p.Grace, done: make(chan struct{})}
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
		c.ask()
		for len(c.rest()) > 0 && time.Now().Before(c.deadline) {
			time.Sleep(look)
		}
		c.kill()
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

// ask asks all to end; the first time counts.
func (c *child) ask() {
	c.asked.Do(func() {
		c.deadline = time.Now().Add(c.grace)
		_ = unix.Kill(-c.pid, unix.SIGTERM)
		for _, m := range c.rest() {
			if m.group != c.pid {
				_ = unix.Kill(m.pid, unix.SIGTERM)
			}
		}
	})
}

// stop asks all to end, kills them after the grace, and waits until they are gone.
func (c *child) stop() {
	select {
	case <-c.done:
		return
	default:
	}
	c.ask()
	select {
	case <-c.done:
		return
	case <-time.After(time.Until(c.deadline)):
	}
	_ = unix.Kill(-c.pid, unix.SIGKILL)
	<-c.done
}

// kill ends all that is left. It looks until it finds none, for one that forks
// while it looks.
func (c *child) kill() {
	_ = unix.Kill(-c.pid, unix.SIGKILL)
	for range 10 {
		rest := c.rest()
		if len(rest) == 0 {
			return
		}
		for _, m := range rest {
			_ = unix.Kill(m.pid, unix.SIGKILL)
		}
		time.Sleep(time.Millisecond) // for the killed to leave /proc
	}
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

// member is a living process of a child.
type member struct{ pid, group int }

// rest returns the living processes of the group and those that have the mark
// in their environment: such as have made a group or a session of their own.
func (c *child) rest() []member {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	var all []member
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		group, living := groupOf(dir)
		if !living {
			continue
		}
		if group != c.pid {
			env, err := os.ReadFile(filepath.Join(dir, "environ"))
			if err != nil || !hasEntry(env, c.mark) {
				continue
			}
		}
		all = append(all, member{pid, group})
	}
	return all
}

// groupOf returns a process's group, and whether it lives: a zombie does not
// (/proc/PID/stat, proc(5)).
func groupOf(dir string) (group int, living bool) {
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0, false
	}
	// The name in parentheses may hold anything; the fields begin after the last one.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 3 || fields[0][0] == 'Z' || fields[0][0] == 'X' {
		return 0, false
	}
	group, err = strconv.Atoi(string(fields[2]))
	return group, err == nil
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
