package perf

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"lucarne/perf/report"
	"lucarne/perf/xclient"
)

const (
	cut      = 3 * time.Second  // how long the network is gone in the scenario resume
	longCut  = 25 * time.Second // and in outage: browsers hold back who has failed that often
	patience = 70 * time.Second // how long a page may take to come back
)

// resume measures after a short cut.
func resume(ctx context.Context, v *view) (report.Result, error) { return v.resume(ctx, cut) }

// outage measures after a long one.
func outage(ctx context.Context, v *view) (report.Result, error) { return v.resume(ctx, longCut) }

// resume cuts the network for a while when text scrolls and measures, from when it is
// back, until the page shows a frame that was drawn since.
func (v *view) resume(ctx context.Context, gone time.Duration) (report.Result, error) {
	r := report.Result{Metrics: map[string]float64{}}
	w, err := xclient.Open(v.peer.Display(), moveBounds, backdrop)
	if err != nil {
		return r, err
	}
	defer w.Close()
	text, err := xclient.NewText(w)
	if err != nil {
		return r, err
	}
	if err := v.until(ctx, moveBounds.Max.Sub(inside), backdrop); err != nil {
		return r, err
	}
	if err := v.sampler.StartFrames(ctx, moveBounds.Min); err != nil {
		return r, err
	}
	moving := &counted{Animation: text}
	defer background(ctx, func(ctx context.Context) error {
		_, err := xclient.Animate(ctx, moving, frameRate)
		return err
	})()
	back, err := v.interrupt(ctx, gone)
	if err != nil {
		return r, err
	}
	took, err := v.newer(ctx, back, int(moving.last.Load()))
	if err != nil {
		return r, err
	}
	r.Metrics["resume-ms"] = ms(took)
	return r, nil
}

// counted is an animation that says how far it is.
type counted struct {
	xclient.Animation
	last atomic.Int64
}

// Draw draws a frame.
func (c *counted) Draw(number int) (time.Time, error) {
	at, err := c.Animation.Draw(number)
	c.last.Store(int64(number))
	return at, err
}

// interrupt cuts the network for a while and returns when it was back.
func (v *view) interrupt(ctx context.Context, gone time.Duration) (time.Time, error) {
	if err := sleep(ctx, time.Second); err != nil { // in the middle of things
		return time.Time{}, err
	}
	if err := v.route.cut(true); err != nil {
		return time.Time{}, err
	}
	err := sleep(ctx, gone)
	return time.Now(), errors.Join(err, v.route.cut(false))
}

// newer waits until the page shows a frame with a higher number and returns how
// long after a moment that was.
func (v *view) newer(ctx context.Context, than time.Time, number int) (time.Duration, error) {
	for time.Since(than) < patience {
		if err := sleep(ctx, time.Second); err != nil {
			return 0, err
		}
		recording, err := v.sampler.Stop(ctx)
		if err != nil {
			return 0, err
		}
		for _, s := range recording.Samples {
			if s.Value > number {
				return s.At.Sub(than), nil
			}
		}
		if err := v.sampler.StartFrames(ctx, moveBounds.Min); err != nil {
			return 0, err
		}
	}
	return 0, errors.New(v.peer.Name() + " shows nothing new after the cut")
}
