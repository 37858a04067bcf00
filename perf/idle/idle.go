// Package idle measures what desktops cost that nobody uses: whole ones, each as lucarne
// up starts it, side by side on one machine. Memory is PSS, of which what processes share
// counts once; CPU is the time that the processes themselves have used, so that a machine
// that is busy otherwise changes little.
package idle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"lucarne/perf/cost"
	"lucarne/perf/viewer"
)

// Config says what is measured.
type Config struct {
	Bin      string        // path of lucarne
	Session  string        // command of each desktop's session
	Desktops int           // 0: 12
	Settle   time.Duration // from their start, before anything counts; 0: 20 s
	Length   time.Duration // 0: 60 s
	Paused   bool          // each has a viewer whose page is hidden
	Progress io.Writer     // for a person; nil: none
}

// Desktop is what one of them has cost.
type Desktop struct {
	Processes []Process // those that were there at the end
	CPU       time.Duration
	Memory    int // bytes, PSS
}

// Process is what the processes of one name of a desktop have cost.
type Process struct {
	Name   string
	CPU    time.Duration
	Memory int // bytes, PSS
}

// Report is what was found.
type Report struct {
	Paused   bool
	Length   time.Duration
	Desktops []Desktop
}

// Run starts the desktops, waits until they are at rest, and watches them. Nothing is left
// running.
func Run(ctx context.Context, cfg Config) (r *Report, err error) {
	cfg.Desktops = cmp.Or(cfg.Desktops, 12)
	cfg.Settle, cfg.Length = cmp.Or(cfg.Settle, 20*time.Second), cmp.Or(cfg.Length, time.Minute)
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	dir, err := os.MkdirTemp("", "lucarne-idle-")
	if err != nil {
		return nil, fmt.Errorf("idle: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var running []*running
	defer func() { err = errors.Join(err, stopAll(running)) }()
	for n := range cfg.Desktops {
		d, err := start(ctx, cfg, dir, n)
		if err != nil {
			return nil, fmt.Errorf("idle: desktop %d: %w", n+1, err)
		}
		running = append(running, d)
		fmt.Fprintf(cfg.Progress, "%d of %d desktops are up\n", n+1, cfg.Desktops)
	}
	if cfg.Paused {
		viewers, err := hide(ctx, running)
		defer func() {
			for _, v := range viewers {
				v.Close()
			}
		}()
		if err != nil {
			return nil, fmt.Errorf("idle: %w", err)
		}
	}
	if err := sleep(ctx, cfg.Settle); err != nil {
		return nil, err
	}
	return watch(ctx, cfg, running)
}

// hide gives each desktop a viewer whose page is hidden.
func hide(ctx context.Context, all []*running) (viewers []*viewer.Viewer, err error) {
	for _, d := range all {
		v, err := viewer.Start(ctx, d.page, viewer.Config{})
		if err != nil {
			return viewers, err
		}
		viewers = append(viewers, v)
		if err := v.Hide(); err != nil {
			return viewers, err
		}
	}
	return viewers, nil
}

// watch reads what the desktops use, waits, and reads it again.
func watch(ctx context.Context, cfg Config, all []*running) (*Report, error) {
	fmt.Fprintf(cfg.Progress, "watching them for %v\n", cfg.Length)
	before, began := make([][]cost.Process, len(all)), time.Now()
	sums := make([]time.Duration, len(all))
	for i, d := range all {
		var err error
		if before[i], err = cost.Each(d.pid()); err != nil {
			return nil, err
		}
		if sums[i], err = cost.CPU(d.pid()); err != nil {
			return nil, err
		}
	}
	if err := sleep(ctx, cfg.Length); err != nil {
		return nil, err
	}
	r := &Report{Paused: cfg.Paused, Length: time.Since(began)}
	for i, d := range all {
		after, err := cost.Each(d.pid())
		if err != nil {
			return nil, err
		}
		sum, err := cost.CPU(d.pid())
		if err != nil {
			return nil, err
		}
		r.Desktops = append(r.Desktops, between(before[i], after, sum-sums[i]))
	}
	return r, nil
}

// between is what the processes of a desktop have used between two readings; cpu is what
// all have, those that have come and gone included.
func between(before, after []cost.Process, cpu time.Duration) Desktop {
	d := Desktop{CPU: cpu}
	used := map[int]time.Duration{}
	for _, p := range before {
		used[p.PID] = p.CPU
	}
	place := map[string]int{}
	for _, p := range after {
		i, known := place[p.Name]
		if !known {
			i = len(d.Processes)
			place[p.Name] = i
			d.Processes = append(d.Processes, Process{Name: p.Name})
		}
		d.Processes[i].CPU += p.CPU - used[p.PID]
		d.Processes[i].Memory += p.Memory.Proportional
		d.Memory += p.Memory.Proportional
	}
	return d
}

// stopAll stops desktops, all at a time.
func stopAll(all []*running) error {
	errs := make([]error, len(all))
	var wait sync.WaitGroup
	for i, d := range all {
		wait.Go(func() { errs[i] = d.stop() })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// sleep waits, or returns ctx's error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
