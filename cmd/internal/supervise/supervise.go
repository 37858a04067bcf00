// Package supervise runs a table of processes: started in order, watched,
// started again when they end, and stopped in reverse order. It knows nothing
// of what they do.
//
// Each process leads a process group of its own and gets SIGKILL from the
// kernel when this process dies, however it dies (PR_SET_PDEATHSIG, prctl(2)).
// When a process ends, what is left of its group, and whatever it started that
// has left the group, is asked to end, and killed after the grace, before the
// process is started again.
package supervise

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Process is one line of the table.
type Process struct {
	Name    string   // unique, put in front of each line of output
	Command []string // the program and its arguments; the program is looked up in PATH
	// Do is done in this process, once, in place of a command: the process is ready when
	// it returns nil, and has failed for good when it returns an error. It ends with ctx.
	Do  func(ctx context.Context) error
	Env []string // "NAME=value", added to this process's own environment
	Dir string   // working directory; empty: this process's own
	// After names the processes that have to be ready first. When one of them
	// ends, this process is stopped, and started again once it is ready again.
	After []string
	// Prefer names processes that this one gets on without: it is started once each of them
	// has been ready or has failed, and goes on when they end.
	Prefer []string
	// Ready returns nil once the process can be used. It blocks until then,
	// until ctx is done, or until it is sure that it never will be. nil: the
	// process is ready as soon as it runs.
	Ready func(ctx context.Context) error
	// ReadyWithin is how long Ready may take before the process is stopped and
	// started again. 0: 30 s.
	ReadyWithin time.Duration
	// Grace is the time from SIGTERM to SIGKILL, for the process and for all
	// that it started. 0: 5 s.
	Grace   time.Duration
	Backoff Backoff
}

// Backoff is the wait before a process that has ended is started again. It
// doubles each time.
type Backoff struct {
	Min     time.Duration // the first wait; 0: 250 ms
	Max     time.Duration // no wait is longer; 0: 30 s
	Healthy time.Duration // after this time of running the next wait is Min again; 0: 30 s
}

// next returns how long to wait now and what to give it the next time, after a
// process has run for so long.
func (b Backoff) next(wait, ran time.Duration) (now, then time.Duration) {
	if ran >= b.Healthy {
		wait = b.Min
	}
	return wait, min(2*wait, b.Max)
}

// State is what a process is doing.
type State string

// The states.
const (
	Waiting  State = "waiting"  // for the processes that it comes after
	Starting State = "starting" // runs, but is not ready
	Ready    State = "ready"
	Retrying State = "retrying" // has ended, and is started again after a wait
	Failed   State = "failed"   // could not be done, and is not tried again
	Stopped  State = "stopped"  // before Run and after it
)

// Status is a process as it is at one moment.
type Status struct {
	Name     string
	State    State
	Since    time.Time // of State
	PID      int       // 0: not running
	Restarts int       // how often it has been started again
	Err      error     // why it ended last; nil: it has not
	Lines    []string  // its last lines of output, oldest first
}

// Config is what a Supervisor is made of.
type Config struct {
	Processes []Process
	// Output gets the output of all, line by line, each after its process's
	// name. nil: the lines go to Log, with the attribute process.
	Output io.Writer
	Lines  int          // lines kept of each process; 0: 20
	Log    *slog.Logger // nil: slog.Default()
}

// Supervisor runs a table of processes.
type Supervisor struct {
	procs []*process // each after those it depends on

	mu    sync.Mutex
	bells map[chan struct{}]struct{}
}

// New checks the table. It starts nothing.
func New(cfg Config) (*Supervisor, error) {
	if cfg.Lines == 0 {
		cfg.Lines = 20
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	table, err := ordered(cfg.Processes)
	if err != nil {
		return nil, err
	}
	s := &Supervisor{bells: map[chan struct{}]struct{}{}}
	out := &output{w: cfg.Output}
	byName := map[string]*process{}
	for _, spec := range table {
		p := &process{
			Process: spec.withDefaults(),
			mark:    markName + "=" + spec.Name + "." + rand.Text(),
			log:     cfg.Log.With("process", spec.Name),
			ready:   newGate(),
			tried:   newGate(),
			status:  Status{Name: spec.Name, State: Stopped, Since: time.Now()},
			notify:  s.notify,
		}
		pass := func(line string) { p.log.Info(line) }
		if cfg.Output != nil {
			pass = func(line string) { out.writeLine(p.Name, line) }
		}
		p.lines = newLines(pass, s.notify, cfg.Lines)
		for _, name := range spec.After {
			p.after = append(p.after, byName[name].ready)
		}
		for _, name := range spec.Prefer {
			p.prefer = append(p.prefer, byName[name].tried)
		}
		byName[spec.Name] = p
		s.procs = append(s.procs, p)
	}
	return s, nil
}

// Run starts the processes and keeps them running until ctx is done; then it
// stops them, the last started first, and returns when none is left.
func (s *Supervisor) Run(ctx context.Context) error {
	type running struct {
		stop context.CancelFunc
		done chan struct{}
	}
	var all []running
	for _, p := range s.procs {
		pctx, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{stop: stop, done: make(chan struct{})}
		go func() {
			defer close(r.done)
			p.run(pctx)
		}()
		all = append(all, r)
	}
	<-ctx.Done()
	for _, r := range slices.Backward(all) {
		r.stop()
		<-r.done
	}
	return ctx.Err()
}

// Status returns what each process is doing, in the order in which they are
// started. It may be called at any time.
func (s *Supervisor) Status() []Status {
	all := make([]Status, len(s.procs))
	for i, p := range s.procs {
		all[i] = p.snapshot()
	}
	return all
}

// Subscribe returns a doorbell of capacity 1: it holds a value when a Status has
// changed since the last receive, until unsubscribe is called.
func (s *Supervisor) Subscribe() (bell <-chan struct{}, unsubscribe func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(chan struct{}, 1)
	s.bells[c] = struct{}{}
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.bells, c)
	}
}

func (s *Supervisor) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.bells {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// ordered returns the table with each process after those it depends on,
// otherwise in the order given.
func ordered(table []Process) ([]Process, error) {
	byName := map[string]Process{}
	for _, p := range table {
		if p.Name == "" || (len(p.Command) == 0) == (p.Do == nil) {
			return nil, errors.New("supervise: table: a process without a name or a command, or with two")
		}
		if _, twice := byName[p.Name]; twice {
			return nil, fmt.Errorf("supervise: table: two processes named %q", p.Name)
		}
		byName[p.Name] = p
	}
	var order []Process
	const (
		onTheWay = iota + 1
		placed
	)
	mark := map[string]int{}
	var place func(p Process) error
	place = func(p Process) error {
		switch mark[p.Name] {
		case placed:
			return nil
		case onTheWay:
			return fmt.Errorf("supervise: table: %q comes after itself", p.Name)
		}
		mark[p.Name] = onTheWay
		for _, name := range slices.Concat(p.After, p.Prefer) {
			dep, known := byName[name]
			if !known {
				return fmt.Errorf("supervise: table: %q comes after %q, which there is not", p.Name, name)
			}
			if err := place(dep); err != nil {
				return err
			}
		}
		mark[p.Name] = placed
		order = append(order, p)
		return nil
	}
	for _, p := range table {
		if err := place(p); err != nil {
			return nil, err
		}
	}
	return order, nil
}

func (p Process) withDefaults() Process {
	setDefault(&p.ReadyWithin, 30*time.Second)
	setDefault(&p.Grace, 5*time.Second)
	setDefault(&p.Backoff.Min, 250*time.Millisecond)
	setDefault(&p.Backoff.Max, 30*time.Second)
	setDefault(&p.Backoff.Healthy, 30*time.Second)
	return p
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}
