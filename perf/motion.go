package perf

import (
	"context"
	"errors"
	"image"
	"io"
	"time"

	"lucarne/perf/floor"
	"lucarne/perf/report"
	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

const (
	frameRate = 60          // of all animations, in frames a second
	warmUp    = time.Second // how much of an animation's beginning does not count
)

// scroll measures scrolling text; of the floor, the frames' numbers alone.
func scroll(ctx context.Context, v *view) (report.Result, error) {
	return v.animated(ctx, moveBounds, func(w *xclient.Window) (xclient.Animation, error) { return xclient.NewText(w) })
}

// drag measures a window that is dragged over text.
func drag(ctx context.Context, v *view) (report.Result, error) {
	return v.animated(ctx, moveBounds, func(w *xclient.Window) (xclient.Animation, error) { return xclient.NewDrag(w) })
}

// scene measures the shaded scene.
func scene(ctx context.Context, v *view) (report.Result, error) {
	return v.animated(ctx, moveBounds, func(w *xclient.Window) (xclient.Animation, error) { return xclient.NewScene(w) })
}

// video measures natural motion.
func video(ctx context.Context, v *view) (report.Result, error) {
	return v.animated(ctx, videoBounds, func(w *xclient.Window) (xclient.Animation, error) { return xclient.NewVideo(w) })
}

// openScene puts the shaded scene on the display, for scenarios that draw it beside
// something else, until close.
func (v *view) openScene() (scene *xclient.Scene, close func(), err error) {
	w, err := xclient.Open(v.peer.Display(), moveBounds, backdrop)
	if err != nil {
		return nil, nil, err
	}
	if scene, err = xclient.NewScene(w); err != nil {
		w.Close()
		return nil, nil, err
	}
	return scene, func() {
		scene.Close()
		w.Close()
	}, nil
}

// animated shows an animation's numbered frames and measures how many of them the
// page shows, and how late; then how good they are.
func (v *view) animated(ctx context.Context, bounds image.Rectangle, open func(*xclient.Window) (xclient.Animation, error)) (report.Result, error) {
	if board := v.peer.Floor(); board != nil {
		return v.motion(ctx, numbers{board.Open(bounds, backdrop)}, bounds)
	}
	w, err := xclient.Open(v.peer.Display(), bounds, backdrop)
	if err != nil {
		return report.Result{}, err
	}
	defer w.Close()
	a, err := open(w)
	if err != nil {
		return report.Result{}, err
	}
	if c, ok := a.(io.Closer); ok {
		defer c.Close()
	}
	if err := v.until(ctx, bounds.Max.Sub(inside), backdrop); err != nil {
		return report.Result{}, err
	}
	r, err := v.motion(ctx, a, bounds)
	if err != nil {
		return r, err
	}
	return r, v.judge(ctx, w, a, r.Metrics)
}

// numbers is an animation of bar codes and nothing else, which is not looked at.
type numbers struct{ *floor.Board }

// Picture returns nil: there is nothing to judge.
func (numbers) Picture(int) *image.RGBA { return nil }

// motion measures an animation's frames for as long as the scenario takes.
func (v *view) motion(ctx context.Context, a xclient.Animation, bounds image.Rectangle) (report.Result, error) {
	return v.motionDuring(ctx, a, bounds, func(ctx context.Context) error { return sleep(ctx, v.length) })
}

// motionDuring measures an animation's frames while something else is done.
func (v *view) motionDuring(ctx context.Context, a xclient.Animation, bounds image.Rectangle, other func(context.Context) error) (report.Result, error) {
	r := report.Result{Metrics: map[string]float64{}}
	if err := v.sampler.StartFrames(ctx, bounds.Min); err != nil {
		return r, err
	}
	used, err := v.meter(ctx)
	if err != nil {
		return r, err
	}
	moving, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		defer stop()
		done <- other(moving)
	}()
	drawn, err := xclient.Animate(moving, a, frameRate)
	stop()
	if err = errors.Join(err, <-done); err != nil {
		return r, err
	}
	if err := used.read(ctx, r.Metrics); err != nil {
		return r, err
	}
	recording, err := v.sampler.Stop(ctx)
	if err != nil {
		return r, err
	}
	r.Metrics[pageFrames] = recording.Rate()
	if r.Stages, err = v.stages(ctx); err != nil {
		return r, err
	}
	// A picture that stands still is a figure like others: no frames a second.
	showing, err := sample.Shown(drawn, recording.Samples, warmUp)
	if err != nil && !errors.Is(err, sample.ErrFrozen) {
		return r, err
	}
	addShowing(&r, showing)
	return r, nil
}

// addShowing adds what a page made of an animation to a result.
func addShowing(r *report.Result, s sample.Showing) {
	for _, f := range s.Frames {
		r.Shown = append(r.Shown, ms(f.At))
		r.Delays = append(r.Delays, ms(f.Delay))
	}
	distribution(r.Metrics, r.Delays)
	if seconds := s.Time.Seconds(); seconds > 0 {
		r.Metrics["frames/s"] = float64(len(s.Frames)) / seconds
		r.Metrics["drawn/s"] = float64(s.Drawn) / seconds
	}
	r.Metrics["older-frames"] = float64(s.Older)
	r.Metrics["frozen-ms"] = ms(s.Frozen)
}
