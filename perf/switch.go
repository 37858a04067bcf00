package perf

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lucarne/perf/report"
	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

// switching is how long a page is given to go over to WebRTC.
const switching = 10 * time.Second

// switchPath opens the page while text scrolls and follows the picture on its way from
// the WebSocket to WebRTC, and for a second there.
func switchPath(ctx context.Context, v *view) (report.Result, error) {
	r := report.Result{Metrics: map[string]float64{}}
	v.close()
	w, err := xclient.Open(v.peer.Display(), moveBounds, backdrop)
	if err != nil {
		return r, err
	}
	defer w.Close()
	text, err := xclient.NewText(w)
	if err != nil {
		return r, err
	}
	var drawn []time.Time
	err = alongside(ctx, func(ctx context.Context) (err error) {
		drawn, err = xclient.Animate(ctx, text, frameRate)
		return err
	}, func() error { return v.follow(ctx, r.Metrics) })
	if err != nil {
		return r, err
	}
	recording, err := v.sampler.Stop(ctx)
	if err != nil {
		return r, err
	}
	r.Metrics[pageFrames] = recording.Rate()
	showing, err := sample.Shown(drawn, recording.Samples, warmUp)
	if err != nil && !errors.Is(err, sample.ErrFrozen) {
		return r, err
	}
	addShowing(&r, showing)
	return r, nil
}

// follow opens the page, records what it shows until a second after the picture has come
// by WebRTC, and notes when that was.
func (v *view) follow(ctx context.Context, metrics map[string]float64) error {
	var err error
	if v.sampler, v.page, err = sample.Open(ctx, v.browser, v.peer.URL()); err != nil {
		return err
	}
	if err := v.sampler.StartFrames(ctx, moveBounds.Min); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, switching)
	defer cancel()
	var took float64
	err = v.page.Eval(waiting, `new Promise(done => {
		const timer = setInterval(() => {
			if (window.lucarne?.stats().transport !== "webrtc") return;
			clearInterval(timer);
			done(performance.now());
		}, 50);
	})`, &took)
	if err != nil {
		return fmt.Errorf("%s does not go over to WebRTC: %w", v.peer.Name(), err)
	}
	metrics["switch-ms"] = took
	return sleep(ctx, time.Second)
}
