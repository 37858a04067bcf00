package perf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lucarne/perf/report"
	"lucarne/perf/sample"
)

// ErrInconclusive is returned by Run when the machine was too busy to measure
// something that was asked for. The report's Void says what.
var ErrInconclusive = errors.New("inconclusive: the machine was too busy")

// errNotHere marks an error that says that something cannot be measured on this
// machine, which is nobody's fault.
var errNotHere = errors.New("not on this machine")

// errDown marks an error that trying again does not mend.
var errDown = errors.New("not running")

// What makes a repetition count.
const (
	// minRate is the animation frames a second that a page must have while
	// nothing happens. Below it the browser is starved, and nothing it shows counts.
	minRate = 55
	// maxAttempts is how often one repetition is tried before its scenario is given up.
	maxAttempts = 10
	// maxErrors is how many of these may be errors, one after the other.
	maxErrors = 2
	// maxEmulation is the CPU time that emulating a link may take, in ms a second.
	// Above it the link is not what it says.
	maxEmulation = 150
	// breath is the time between two attempts: what disturbed the first may end.
	breath = time.Second
)

// emulation is the metric that says what emulating the link has taken.
const emulation = "link-cpu-ms/s"

// pageFrames is the metric that says how many animation frames a second the page had
// during a scenario: where it is low, the browser was starved by what it had to show.
const pageFrames = "page-frames/s"

// attempt measures a turn once. The result's animation rate and outside load
// say whether it counts.
type attempt func(context.Context, turn) (report.Result, error)

// measurement is a run in progress.
type measurement struct {
	maxLoad  float64 // cores that others may use
	progress *progress
	report   *report.Report
	errs     []error // why there are voids
}

// run measures the turns of one link. A turn that fails is void with all others of its
// scenario and peer, and the rest is measured all the same. The error is that of ctx.
func (m *measurement) run(ctx context.Context, link string, turns []turn, try attempt) error {
	for _, t := range turns {
		if m.isVoid(link, t) {
			m.progress.skip()
			continue
		}
		started := time.Now()
		r, err := m.repeat(ctx, t, try)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			m.void(link, t, err)
			m.progress.void(link, t, err)
			continue
		}
		r.Scenario, r.Link, r.Peer, r.Repetition = t.scenario.name, link, t.peer, t.repetition
		m.report.Results = append(m.report.Results, r)
		m.progress.done(r, time.Since(started))
	}
	return nil
}

// repeat tries a turn until it counts.
func (m *measurement) repeat(ctx context.Context, t turn, try attempt) (report.Result, error) {
	failed := 0 // one after the other
	for n := 1; ; n++ {
		r, err := try(ctx, t)
		why := ""
		switch {
		case ctx.Err() != nil:
			return r, ctx.Err()
		case err != nil:
			if failed++; failed == maxErrors || errors.Is(err, errDown) || errors.Is(err, errNotHere) {
				return r, err
			}
			why = err.Error()
		default:
			if why = m.disturbed(r); why == "" {
				r.Attempts = n
				return r, nil
			}
			failed = 0
		}
		m.progress.again(t, why)
		if n == maxAttempts {
			return r, fmt.Errorf("%w: %s, %d times", ErrInconclusive, why, n)
		}
		if err := sleep(ctx, breath); err != nil {
			return r, err
		}
	}
}

// disturbed says why a result does not count; empty: it does.
func (m *measurement) disturbed(r report.Result) string {
	switch {
	case r.AnimationRate < minRate:
		return fmt.Sprintf("only %.0f animation frames/s when idle", r.AnimationRate)
	case r.OutsideLoad >= m.maxLoad:
		return fmt.Sprintf("others used %.2f of a core", r.OutsideLoad)
	case r.Metrics[emulation] > maxEmulation:
		return fmt.Sprintf("emulating the link used %.2f of a core", r.Metrics[emulation]/1000)
	}
	return ""
}

func (m *measurement) isVoid(link string, t turn) bool {
	return slices.ContainsFunc(m.report.Void, func(v report.Void) bool {
		return v.Scenario == t.scenario.name && v.Link == link && v.Peer == t.peer
	})
}

// void gives a scenario up on a peer, with what was found of it so far: some of
// the repetitions are not what was asked for.
func (m *measurement) void(link string, t turn, err error) {
	v := report.Void{Scenario: t.scenario.name, Link: link, Peer: t.peer, Reason: err.Error(), Frozen: errors.Is(err, sample.ErrFrozen)}
	m.report.Void = append(m.report.Void, v)
	m.report.Results = slices.DeleteFunc(m.report.Results, func(r report.Result) bool {
		return r.Scenario == v.Scenario && r.Link == v.Link && r.Peer == v.Peer
	})
	if !errors.Is(err, errNotHere) {
		m.errs = append(m.errs, fmt.Errorf("%s: %s: %s: %w", v.Link, v.Scenario, v.Peer, err))
	}
}

// sleep waits, unless ctx is done before.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
