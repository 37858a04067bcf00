package perf

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lucarne/perf/report"
	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

// idle leaves the screen alone and measures what that costs: without a viewer,
// then with one.
func idle(ctx context.Context, v *view) (report.Result, error) {
	r := report.Result{Metrics: map[string]float64{}}
	v.close()
	if err := sleep(ctx, 3*time.Second); err != nil { // the end of a page is not idleness
		return r, err
	}
	alone, err := v.leftAlone(ctx)
	if err != nil {
		return r, err
	}
	r.Metrics["cpu-ms-30s-alone"] = alone
	w, err := xclient.Open(v.peer.Display(), moveBounds, backdrop)
	if err != nil {
		return r, err
	}
	defer w.Close()
	if err := v.open(ctx, v.peer.URL()); err != nil {
		return r, err
	}
	if err := v.until(ctx, middle(moveBounds), backdrop); err != nil {
		return r, err
	}
	before, err := v.settle(ctx)
	if err != nil {
		return r, err
	}
	if r.Metrics["cpu-ms-30s"], err = v.leftAlone(ctx); err != nil {
		return r, err
	}
	after, err := v.sampler.Inbound(ctx)
	if err != nil {
		return r, err
	}
	if before.Bytes > 0 { // the page knows what it receives
		r.Metrics["media-B"] = float64(after.Bytes - before.Bytes)
	}
	return r, addMemory(r.Metrics, v.peer)
}

// leftAlone waits and returns the CPU time of what carries the display to the
// page meanwhile, in ms of 30 s.
func (v *view) leftAlone(ctx context.Context) (float64, error) {
	before, err := worked(v.peer)
	if err != nil {
		return 0, err
	}
	if err := sleep(ctx, v.length); err != nil {
		return 0, err
	}
	after, err := worked(v.peer)
	used := max(0, after.agent-before.agent) // what ends meanwhile counts in ticks from then on
	return 30_000 * used.Seconds() / after.at.Sub(before.at).Seconds(), err
}

// settle waits until nothing has come for two seconds: whatever refines the
// picture after a change is done. It gives up after 15, and what still comes counts.
func (v *view) settle(ctx context.Context) (sample.Inbound, error) {
	var last sample.Inbound
	for still, end := 0, time.Now().Add(15*time.Second); still < 4 && time.Now().Before(end); still++ {
		if err := sleep(ctx, 500*time.Millisecond); err != nil {
			return last, err
		}
		in, err := v.sampler.Inbound(ctx)
		if err != nil {
			return last, err
		}
		if in != last {
			still = 0
		}
		last = in
	}
	return last, nil
}

// The size that resize gives the page, in CSS pixels.
const smallerWidth, smallerHeight = 1600, 900

// resize makes the page smaller and measures until the desktop has followed: the
// page shows a picture of the new size.
func resize(ctx context.Context, v *view) (report.Result, error) {
	r := report.Result{Metrics: map[string]float64{}}
	v.close()
	if err := v.open(ctx, strings.Replace(v.peer.URL(), "resize=off", "resize=remote", 1)); err != nil {
		return r, err
	}
	// Whatever comes of it, the desktop is given its size back for the next scenario.
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if v.page.Resize(ctx, screen.X, screen.Y) == nil {
			v.page.Wait(ctx, ofSize(screen.X, screen.Y)) // the next scenario tells if it has not come
		}
	}()
	if err := v.page.Wait(ctx, ofSize(screen.X, screen.Y)); err != nil {
		return r, fmt.Errorf("%s does not fill the page: %w", v.peer.Name(), err)
	}
	began := time.Now()
	if err := v.page.Resize(ctx, smallerWidth, smallerHeight); err != nil {
		return r, err
	}
	waiting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	// Looked at in each animation frame: what polls from outside is too coarse.
	if err := v.page.Eval(waiting, fmt.Sprintf(`new Promise(done => {
		const look = () => %s ? done() : requestAnimationFrame(look);
		look();
	})`, ofSize(smallerWidth, smallerHeight)), nil); err != nil {
		return r, fmt.Errorf("%s does not follow the page's size: %w", v.peer.Name(), err)
	}
	r.Metrics["resize-ms"] = time.Since(began).Seconds() * 1000
	return r, nil
}

// ofSize is an expression that says whether the page has a picture of a size.
func ofSize(width, height int) string {
	return fmt.Sprintf(`[...document.querySelectorAll("video, canvas")].some(e =>
		(e.videoWidth || e.width) === %d && (e.videoHeight || e.height) === %d)`, width, height)
}
