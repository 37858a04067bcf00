package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// grace is how long a program has to end when asked.
	grace = 3 * time.Second
	// drain is how long its output is still read when it has ended, should
	// somebody else hold on to the pipe.
	drain = 200 * time.Millisecond
	// poll is the time between two looks whether a program listens.
	poll = 20 * time.Millisecond
)

// process is a program of a peer, in a process group of its own.
type process struct {
	name   string // of the program
	mark   string // in the environment of whatever it starts
	cmd    *exec.Cmd
	output tail
	exited chan struct{} // closed when it has ended and its output is there; stop reaps it
}

// run starts a program in a namespace.
func run(space Namespace, mark string, env, command []string) (*process, error) {
	p := &process{name: command[0], mark: mark, exited: make(chan struct{})}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Env = append(environment(), append(env, mark)...)
	p.cmd.Stdout, p.cmd.Stderr = w, w
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := space.Start(p.cmd); err != nil {
		r.Close()
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	go p.watch(r)
	return p, nil
}

// watch closes exited when the program has ended and its output has been read.
// It does not reap it: until then its group's id cannot become anybody else's.
func (p *process) watch(output *os.File) {
	defer close(p.exited)
	defer output.Close()
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(&p.output, output) // until its end, or the deadline
	}()
	for {
		err := unix.Waitid(unix.P_PID, p.pid(), nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	output.SetReadDeadline(time.Now().Add(drain))
	<-read
}

// environment is ours without what would configure one of the programs.
func environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "LUCARNE_") && !strings.HasPrefix(e, "NB_PREFIX=") && !strings.HasPrefix(e, "JUPYTERHUB_") {
			env = append(env, e)
		}
	}
	return env
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the program, its group and what has left the group: at first gently.
func (p *process) stop() error {
	syscall.Kill(-p.pid(), syscall.SIGTERM)
	for _, pid := range living(p.mark) {
		if group, err := syscall.Getpgid(pid); err == nil && group != p.pid() {
			syscall.Kill(pid, syscall.SIGTERM)
		}
	}
	select {
	case <-p.exited:
	case <-time.After(grace):
	}
	syscall.Kill(-p.pid(), syscall.SIGKILL)
	err := sweep(p.mark)
	<-p.exited
	p.cmd.Wait() // its output says more than its status
	return err
}

// await polls until ready returns nil, the program has ended, or ctx is done.
// The context that ready gets is done in all of these cases.
func (p *process) await(ctx context.Context, what string, ready func(context.Context) error) error {
	trying, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		select {
		case <-p.exited:
			cancel()
		case <-trying.Done():
		}
	})
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		err := ready(trying)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return p.ended()
		case <-ctx.Done():
			return fmt.Errorf("%s does not %s: %w: %w%s", p.name, what, context.Cause(ctx), err, p.output.quote())
		case <-tick.C:
		}
	}
}

// ended is the error of a program that should not have.
func (p *process) ended() error {
	return fmt.Errorf("%s has ended%s", p.name, p.output.quote())
}

const (
	tailLines = 5    // that an error tells
	tailBytes = 4096 // that are kept
)

// tail keeps the end of what a program says, for the error when it ends. The
// zero value is empty.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write never fails.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if cut := len(t.text) - tailBytes; cut > 0 {
		t.text = append(t.text[:0], t.text[cut:]...)
	}
	return len(b), nil
}

// quote returns the last lines, to be put behind an error.
func (t *tail) quote() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.text), "?"))
	if text == "" {
		return ", and said nothing"
	}
	lines := strings.Split(text, "\n")
	return ":\n\t" + strings.Join(lines[max(0, len(lines)-tailLines):], "\n\t")
}
