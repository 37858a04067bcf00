package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that runs beside the measurement.
type process struct {
	cmd    *exec.Cmd
	output lockedBuffer
	exited chan struct{}
}

// lockedBuffer keeps what a program says, for the error when it ends.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// tail returns the last lines.
func (l *lockedBuffer) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(l.b.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

// start runs a program in a process group of its own, which ends with us.
func start(env []string, command ...string) (*process, error) {
	p := &process{cmd: exec.Command(command[0], command[1:]...), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait() // its output says more than its status
		close(p.exited)
	}()
	return p, nil
}

// stop ends the program's process group: at first gently.
func (p *process) stop() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(3 * time.Second):
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.exited
}

// listens waits until something accepts connections at a port of ours.
func (p *process) listens(port int) error {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.exited:
			return fmt.Errorf("%s has ended:\n%s", p.cmd.Path, p.output.tail())
		default:
		}
		if c, err := net.Dial("tcp", loopback(port)); err == nil {
			return c.Close()
		}
	}
	return fmt.Errorf("%s does not listen at port %d:\n%s", p.cmd.Path, port, p.output.tail())
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePort returns a port that nothing listens at.
func freePort() (int, error) {
	l, err := net.Listen("tcp", loopback(0))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// clockTick is the unit of times in /proc/PID/stat, USER_HZ, which is the same
// on every Linux that Go runs on (proc(5)).
const clockTick = 10 * time.Millisecond

// stat is what /proc/PID/stat says of a process.
type stat struct {
	parent   int
	own      time.Duration // user and system, in whole ticks
	children time.Duration // the same of those it waited for
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The name in parentheses may hold anything; the fields begin after the last one.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 15 {
		return stat{}, errors.New("short stat")
	}
	s := stat{}
	s.parent, err = strconv.Atoi(fields[1])
	for i, sum := range []*time.Duration{&s.own, &s.own, &s.children, &s.children} {
		ticks, tickErr := strconv.Atoi(fields[11+i])
		err = errors.Join(err, tickErr)
		*sum += time.Duration(ticks) * clockTick
	}
	return s, err
}

// threadTime returns what the threads of a process that are left have used, to
// the nanosecond (/proc/PID/task/TID/schedstat); 0: the kernel does not say.
func threadTime(pid int) time.Duration {
	paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*/schedstat", pid))
	var sum time.Duration
	for _, path := range paths {
		text, _ := os.ReadFile(path) // gone is nothing used
		if fields := strings.Fields(string(text)); len(fields) > 0 {
			ns, _ := strconv.Atoi(fields[0])
			sum += time.Duration(ns)
		}
	}
	return sum
}

// family returns a process and its living descendants.
func family(root int) []int {
	parents := map[int]int{}
	paths, _ := filepath.Glob("/proc/[0-9]*")
	for _, path := range paths {
		pid, _ := strconv.Atoi(filepath.Base(path))
		if s, err := readStat(pid); err == nil {
			parents[pid] = s.parent
		}
	}
	members := []int{root}
	for pid := range parents {
		for p := parents[pid]; p > 1; p = parents[p] {
			if p == root {
				members = append(members, pid)
				break
			}
		}
	}
	return members
}

// cpuTime returns what processes and their descendants have used so far.
func cpuTime(roots []int) time.Duration {
	var sum time.Duration
	for _, root := range roots {
		for _, pid := range family(root) {
			// The threads are exact, the ticks include threads that have ended.
			if s, err := readStat(pid); err == nil {
				sum += max(threadTime(pid), s.own) + s.children
			}
		}
	}
	return sum
}

// resident returns the resident memory of processes and their descendants, in bytes.
func resident(roots []int) int {
	sum := 0
	for _, root := range roots {
		for _, pid := range family(root) {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)) // gone is nothing resident
			if fields := strings.Fields(string(text)); len(fields) > 1 {
				pages, _ := strconv.Atoi(fields[1])
				sum += pages * os.Getpagesize()
			}
		}
	}
	return sum
}
