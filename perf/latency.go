package perf

import (
	"context"
	"image"
	"math/rand/v2"
	"time"

	"lucarne/perf/browser"
	"lucarne/perf/report"
	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

// backdrop is what a window shows before anything is drawn in it.
const backdrop xclient.RGB = 0x2060c0

// trials are changes that are made one after the other, each of which is waited
// for in the page.
type trials struct {
	at    image.Point // where the page is looked at
	first xclient.RGB // what is there before

	// start has the sampler begin to record there.
	start func(context.Context, image.Point) error
	// make makes one change.
	make func(context.Context) error
	// made are the changes that were made, in order.
	made func(sample.Recording) []sample.Change
	// tolerance is how far a sample may be from a change's value.
	tolerance int
}

// flip draws a 256×256 rectangle and measures until the page shows its colour.
func flip(ctx context.Context, v *view) (report.Result, error) {
	w, err := v.surface(flipBounds, xclient.Turn(0))
	if err != nil {
		return report.Result{}, err
	}
	defer w.Close()
	rnd := rand.New(rand.NewPCG(3, 4))
	var drawn []sample.Change
	return v.latency(ctx, trials{
		at: middle(flipBounds), first: xclient.Turn(0), start: v.sampler.StartColour, tolerance: near,
		make: func(ctx context.Context) error {
			if err := pause(ctx, rnd); err != nil {
				return err
			}
			next := xclient.Turn(len(drawn) + 1)
			drawn = append(drawn, sample.Change{At: time.Now(), Value: int(next)})
			w.Fill(image.Rectangle{Max: flipBounds.Size()}, next)
			return nil
		},
		made: func(sample.Recording) []sample.Change { return drawn },
	})
}

// pressKeys presses a key in the page and measures until the page shows what a
// program on the display answers.
func pressKeys(ctx context.Context, v *view) (report.Result, error) {
	return v.echo(ctx, func(ctx context.Context) error { return v.page.Press(ctx, letter('a')) },
		func(r sample.Recording) []time.Time { return r.Keys })
}

// click does the same with a button of the mouse.
func click(ctx context.Context, v *view) (report.Result, error) {
	at := middle(flipBounds)
	if err := v.page.MouseMove(ctx, at, browser.NoButton); err != nil {
		return report.Result{}, err
	}
	return v.echo(ctx, func(ctx context.Context) error {
		if err := v.page.MouseDown(ctx, at, browser.Left); err != nil {
			return err
		}
		return v.page.MouseUp(ctx, at, browser.Left)
	}, func(r sample.Recording) []time.Time { return r.Clicks })
}

// letter is the key of a letter.
func letter(r rune) browser.Key {
	return browser.Key{Code: "Key" + string(r-'a'+'A'), Key: string(r)}
}

// echo has a program answer what the page is told, by the next colour at each event.
func (v *view) echo(ctx context.Context, act func(context.Context) error, events func(sample.Recording) []time.Time) (report.Result, error) {
	w, err := v.surface(flipBounds, xclient.Turn(0))
	if err != nil {
		return report.Result{}, err
	}
	defer background(ctx, w.Echo)()
	if err := w.Focus(); err != nil {
		w.Close()
		return report.Result{}, err
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	return v.latency(ctx, trials{
		at: middle(flipBounds), first: xclient.Turn(0), start: v.sampler.StartColour, tolerance: near,
		make: func(ctx context.Context) error {
			if err := pause(ctx, rnd); err != nil {
				return err
			}
			return act(ctx)
		},
		made: func(r sample.Recording) []sample.Change {
			var changes []sample.Change
			for i, at := range events(r) {
				changes = append(changes, sample.Change{At: at, Value: int(xclient.Turn(i + 1))})
			}
			return changes
		},
	})
}

// typing presses keys as a fast typist does, and measures until the page shows
// what an editor has made of each.
func typing(ctx context.Context, v *view) (report.Result, error) {
	w, err := xclient.Open(v.peer.Display(), typingBounds, backdrop)
	if err != nil {
		return report.Result{}, err
	}
	defer w.Close()
	editor, err := xclient.NewTyping(w)
	if err != nil {
		return report.Result{}, err
	}
	if err := w.Focus(); err != nil {
		return report.Result{}, err
	}
	defer background(ctx, func(ctx context.Context) error {
		_, err := editor.Run(ctx)
		return err
	})()
	rnd := rand.New(rand.NewPCG(7, 8))
	return v.latency(ctx, trials{
		at: typingBounds.Min, first: 0xffffff, start: v.sampler.StartFrames,
		make: func(ctx context.Context) error {
			if err := sleep(ctx, time.Duration(60_000+rnd.IntN(60_000))*time.Microsecond); err != nil {
				return err
			}
			return v.page.Press(ctx, letter('a'+rune(rnd.IntN(26))))
		},
		made: func(r sample.Recording) []sample.Change {
			var changes []sample.Change
			for i, at := range r.Keys { // the editor counts them
				changes = append(changes, sample.Change{At: at, Value: i + 1})
			}
			return changes
		},
	})
}

// background runs a program until the function returned is called, which waits for
// its end. Why it ends is not said: what it should have drawn is missed.
func background(ctx context.Context, run func(context.Context) error) func() {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return func() {
		stop()
		<-ended
	}
}

// latency makes changes and measures how long each takes to be shown.
func (v *view) latency(ctx context.Context, t trials) (report.Result, error) {
	if err := v.until(ctx, t.at, t.first); err != nil {
		return report.Result{}, err
	}
	if err := t.start(ctx, t.at); err != nil {
		return report.Result{}, err
	}
	used, err := v.meter(ctx)
	if err != nil {
		return report.Result{}, err
	}
	for end := time.Now().Add(v.length); time.Now().Before(end); {
		if err := t.make(ctx); err != nil {
			return report.Result{}, err
		}
	}
	if err := sleep(ctx, 400*time.Millisecond); err != nil { // the last one arrives
		return report.Result{}, err
	}
	r := report.Result{Metrics: map[string]float64{}}
	if err := used.read(ctx, r.Metrics); err != nil {
		return r, err
	}
	recording, err := v.sampler.Stop(ctx)
	if err != nil {
		return r, err
	}
	r.Metrics[pageFrames] = recording.Rate()
	made := t.made(recording)
	addDelays(&r, len(made), sample.Delays(made, recording.Samples, t.tolerance))
	r.Stages, err = v.stages(ctx)
	return r, err
}

// addDelays adds to a result how long the changes took of which there were made so many.
func addDelays(r *report.Result, made int, delays []time.Duration) {
	for _, d := range delays {
		r.Delays = append(r.Delays, ms(d))
	}
	distribution(r.Metrics, r.Delays)
	r.Metrics["lost"] = float64(made - len(delays))
}

// distribution adds the quantiles of delays in ms, if there are any.
func distribution(metrics map[string]float64, delays []float64) {
	if len(delays) == 0 {
		return
	}
	for name, q := range map[string]float64{"p50-ms": 0.5, "p95-ms": 0.95, "p99-ms": 0.99} {
		metrics[name] = report.Quantile(delays, q)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
