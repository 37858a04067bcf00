package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// errLost ends a process because one that it comes after has ended.
var errLost = errors.New("supervise: a process that it needs has ended")

// process is one line of the table with its state.
type process struct {
	Process
	mark   string // in the environment of everything that it starts
	after  []*gate
	prefer []*gate // open once what they are of has been ready or has failed
	ready  *gate
	tried  *gate // opens once it has been ready or has failed, and stays open
	log    *slog.Logger
	lines  *lines
	notify func()

	mu     sync.Mutex
	status Status
}

// run keeps the process running until ctx is done.
func (p *process) run(ctx context.Context) {
	defer p.set(Stopped, 0)
	wait := p.Backoff.Min
	for {
		p.set(Waiting, 0)
		if !p.awaitDependencies(ctx) {
			return
		}
		if p.Do != nil {
			p.do(ctx)
			return
		}
		began := time.Now()
		err := p.once(ctx)
		p.ready.set(false)
		p.tried.set(true)
		if ctx.Err() != nil {
			return
		}
		p.ended(err)
		if errors.Is(err, errLost) {
			p.log.Info("stopped: what it needs has ended")
			continue
		}
		var now time.Duration
		now, wait = p.Backoff.next(wait, time.Since(began))
		p.log.Warn("ended, will be started again", "err", p.snapshot().Err, "wait", now)
		p.set(Retrying, 0)
		select {
		case <-time.After(now):
		case <-ctx.Done():
			return
		}
	}
}

// do does what is done in this process, and returns when ctx is done.
func (p *process) do(ctx context.Context) {
	p.set(Starting, 0)
	err := p.Do(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		p.log.Warn("failed", "err", err)
		p.ended(err)
		p.set(Failed, 0)
	} else {
		p.set(Ready, 0)
		p.ready.set(true)
	}
	p.tried.set(true)
	<-ctx.Done()
	p.ready.set(false)
}

// awaitDependencies waits until all are ready at once, and those that are preferred have
// been tried; false: ctx is done.
func (p *process) awaitDependencies(ctx context.Context) bool {
	for _, g := range p.prefer {
		select {
		case <-g.whenOpen():
		case <-ctx.Done():
			return false
		}
	}
	for {
		for _, g := range p.after {
			select {
			case <-g.whenOpen():
			case <-ctx.Done():
				return false
			}
		}
		if !p.anyLost() {
			return ctx.Err() == nil
		}
	}
}

func (p *process) anyLost() bool {
	for _, g := range p.after {
		select {
		case <-g.whenClosed():
			return true
		default:
		}
	}
	return false
}

// once starts the process and returns why it ended.
func (p *process) once(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var aside sync.WaitGroup // whatever runs beside the child
	defer aside.Wait()
	defer cancel()

	c, err := start(p.Process, p.mark, p.lines)
	if err != nil {
		return err
	}
	p.set(Starting, c.pid)
	p.log.Debug("started", "pid", c.pid)

	lost := make(chan struct{}, len(p.after))
	for _, g := range p.after {
		aside.Go(func() {
			select {
			case <-g.whenClosed():
				lost <- struct{}{}
			case <-ctx.Done():
			}
		})
	}
	ready := make(chan error, 1)
	aside.Go(func() { ready <- p.checkReady(ctx) })

	for {
		select {
		case err := <-ready:
			ready = nil
			if ctx.Err() != nil {
				continue
			}
			if err != nil {
				c.stop()
				return fmt.Errorf("supervise: %s: not ready: %w", p.Name, err)
			}
			p.set(Ready, c.pid)
			p.ready.set(true)
			p.tried.set(true)
			p.log.Info("ready", "pid", c.pid)
		case <-c.done:
			return c.err
		case <-lost:
			p.ready.set(false)
			c.stop()
			return errLost
		case <-ctx.Done():
			p.ready.set(false)
			c.stop()
			return ctx.Err()
		}
	}
}

func (p *process) checkReady(ctx context.Context) error {
	if p.Ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.ReadyWithin)
	defer cancel()
	return p.Process.Ready(ctx)
}

func (p *process) set(state State, pid int) {
	p.mu.Lock()
	changed := p.status.State != state
	if state == Starting && p.status.Err != nil {
		p.status.Restarts++
	}
	if changed {
		p.status.State, p.status.Since = state, time.Now()
	}
	p.status.PID = pid
	p.mu.Unlock()
	if changed {
		p.notify()
	}
}

func (p *process) ended(err error) {
	if err == nil {
		err = fmt.Errorf("supervise: %s: ended with exit status 0", p.Name)
	}
	p.mu.Lock()
	p.status.Err = err
	p.mu.Unlock()
}

func (p *process) snapshot() Status {
	p.mu.Lock()
	st := p.status
	p.mu.Unlock()
	st.Lines = p.lines.last()
	return st
}
