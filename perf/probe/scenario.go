package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"time"

	"lucarne/perf/browser"
	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

// viewer is a peer's page, open and showing the display.
type viewer struct {
	peer    *peer
	page    *browser.Page
	sampler *sample.Sampler
}

// figures are what one scenario found in one repetition, by unit: "p50-ms".
type figures map[string]float64

// scenario measures one thing.
type scenario struct {
	name string
	run  func(ctx context.Context, v *viewer, length time.Duration) (figures, error)
}

// scenarios in the order in which they are measured.
func scenarios() []scenario {
	return []scenario{
		{"flip", flip}, {"key", key},
		{"scroll", func(ctx context.Context, v *viewer, length time.Duration) (figures, error) {
			return animation(ctx, v, length, func(w *xclient.Window) (xclient.Animation, error) { return xclient.NewText(w) })
		}},
		{"scene", scene},
		{"idle", idle},
	}
}

// The places of the windows, in whole blocks of 16 pixels.
var (
	flipBounds = image.Rect(832, 416, 832+256, 416+256)
	moveBounds = image.Rect(320, 144, 320+1280, 144+800)
)

// The colours between which flip alternates.
const (
	flipA xclient.RGB = 0x2060c0
	flipB xclient.RGB = 0xe0a030
)

// near is how far a channel may be from a colour that is being waited for: the
// first frame after a change need not be sharp.
const near = 48

// until polls the middle of a window in the page until it has a colour.
func (v *viewer) until(ctx context.Context, at image.Point, want xclient.RGB) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	expression := fmt.Sprintf(`(c => [0, 8, 16].every(s => Math.abs((c >> s & 255) - (%d >> s & 255)) <= %d))
		(lucarneSampler.colours([[%d, %d]])[0])`, want, near, at.X, at.Y)
	if err := v.page.Wait(ctx, expression); err != nil {
		return fmt.Errorf("%s does not show %06x at %v: %w", v.peer.name, want, at, err)
	}
	return nil
}

func middle(r image.Rectangle) image.Point { return r.Min.Add(r.Size().Div(2)) }

// pause waits at a random phase of the screen's refresh, the same each time the
// program runs.
func pause(ctx context.Context, rnd *rand.Rand) {
	select {
	case <-ctx.Done():
	case <-time.After(120*time.Millisecond + time.Duration(rnd.IntN(60_000))*time.Microsecond):
	}
}

// flip draws a 256×256 rectangle and measures until the page shows its colour.
func flip(ctx context.Context, v *viewer, length time.Duration) (figures, error) {
	w, err := xclient.Open(v.peer.display.Display, flipBounds, flipA)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := v.until(ctx, middle(flipBounds), flipA); err != nil {
		return nil, err
	}
	if err := v.sampler.StartColour(ctx, middle(flipBounds)); err != nil {
		return nil, err
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	var drawn []change
	for end, next := time.Now().Add(length), flipB; time.Now().Before(end); next = flipA + flipB - next {
		pause(ctx, rnd)
		drawn = append(drawn, change{time.Now(), next})
		w.Fill(image.Rectangle{Max: flipBounds.Size()}, next)
	}
	pause(ctx, rnd)
	r, err := v.sampler.Stop(ctx)
	if err != nil {
		return nil, err
	}
	return delays(drawn, r.Samples)
}

// change is a colour from a moment on.
type change struct {
	at     time.Time
	colour xclient.RGB
}

// delays dates each change in the page and returns the figures of the delays.
// A change that was never shown counts as lost.
func delays(changes []change, samples []sample.Sample) (figures, error) {
	var ms []float64
	for i, c := range changes {
		for _, s := range samples {
			if s.At.Before(c.at) || !sample.Near(s.Value, int(c.colour), near) {
				continue
			}
			if i+1 == len(changes) || s.At.Before(changes[i+1].at) {
				ms = append(ms, s.At.Sub(c.at).Seconds()*1000)
			}
			break
		}
	}
	if len(ms) == 0 {
		return nil, errors.New("no change was shown")
	}
	return figures{"p50-ms": quantile(ms, 0.5), "p95-ms": quantile(ms, 0.95), "lost": float64(len(changes) - len(ms))}, nil
}

// key presses a key in the page and measures until the page shows what a
// program on the display answers.
func key(ctx context.Context, v *viewer, length time.Duration) (figures, error) {
	w, err := xclient.Open(v.peer.display.Display, flipBounds, xclient.EchoRest)
	if err != nil {
		return nil, err
	}
	if err := w.Focus(); err != nil {
		w.Close()
		return nil, err
	}
	listening, stop := context.WithCancel(ctx)
	echoed := make(chan error, 1)
	go func() { echoed <- w.Echo(listening) }()
	defer func() {
		stop()
		<-echoed
	}()
	if err := v.until(ctx, middle(flipBounds), xclient.EchoRest); err != nil {
		return nil, err
	}
	if err := v.sampler.StartColour(ctx, middle(flipBounds)); err != nil {
		return nil, err
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	a := browser.Key{Code: "KeyA", Key: "a"}
	for end := time.Now().Add(length); time.Now().Before(end); {
		pause(ctx, rnd)
		if err := v.page.Press(ctx, a); err != nil {
			return nil, err
		}
	}
	pause(ctx, rnd)
	r, err := v.sampler.Stop(ctx)
	if err != nil {
		return nil, err
	}
	changes := make([]change, len(r.Keys))
	for i, at := range r.Keys {
		changes[i] = change{at, [...]xclient.RGB{xclient.EchoPressed, xclient.EchoRest}[i%2]}
	}
	return delays(changes, r.Samples)
}

// scene measures the shaded scene.
func scene(ctx context.Context, v *viewer, length time.Duration) (figures, error) {
	var s *xclient.Scene
	defer func() {
		if s != nil {
			s.Close()
		}
	}()
	return animation(ctx, v, length, func(w *xclient.Window) (_ xclient.Animation, err error) {
		s, err = xclient.NewScene(w)
		return s, err
	})
}

// animation shows numbered frames at 60 a second and measures how many of them
// the page shows, and how late.
func animation(ctx context.Context, v *viewer, length time.Duration, open func(*xclient.Window) (xclient.Animation, error)) (figures, error) {
	w, err := xclient.Open(v.peer.display.Display, moveBounds, flipA)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	a, err := open(w)
	if err != nil {
		return nil, err
	}
	if err := v.until(ctx, middle(moveBounds), flipA); err != nil {
		return nil, err
	}
	if err := v.sampler.StartFrames(ctx, moveBounds.Min); err != nil {
		return nil, err
	}
	before, cpu := time.Now(), cpuTime(v.peer.everyone())
	moving, stop := context.WithTimeout(ctx, length)
	defer stop()
	drawn, err := xclient.Animate(moving, a, 60)
	if err != nil {
		return nil, err
	}
	elapsed := time.Since(before)
	used := cpuTime(v.peer.everyone()) - cpu
	r, err := v.sampler.Stop(ctx)
	if err != nil {
		return nil, err
	}
	f, err := shown(drawn, r.Samples)
	if err != nil {
		return nil, err
	}
	f["cpu-%"] = 100 * used.Seconds() / elapsed.Seconds()
	f["raf/s"] = r.Rate()
	f["probe-%"] = 100 * r.Cost.Seconds() / r.Time.Seconds()
	return f, nil
}

// warmUp is how much of an animation's beginning does not count.
const warmUp = time.Second

// shown counts the frames that a page has shown, each once and only if it is
// newer than all before it, and how late they were.
func shown(drawn []time.Time, samples []sample.Sample) (figures, error) {
	var from, to time.Time
	for _, t := range drawn {
		if !t.IsZero() && from.IsZero() {
			from = t.Add(warmUp)
		}
		if !t.IsZero() {
			to = t
		}
	}
	newest, made := 0, 0
	var ms []float64
	for _, s := range samples {
		if s.Value <= newest || s.Value >= len(drawn) || drawn[s.Value].IsZero() {
			continue
		}
		newest = s.Value
		if s.At.After(from) && s.At.Before(to) {
			ms = append(ms, s.At.Sub(drawn[s.Value]).Seconds()*1000)
		}
	}
	for _, t := range drawn {
		if t.After(from) {
			made++
		}
	}
	seconds := to.Sub(from).Seconds()
	if len(ms) == 0 || seconds <= 0 {
		return nil, errors.New("no frame was shown")
	}
	return figures{
		"frames/s": float64(len(ms)) / seconds, "drawn/s": float64(made) / seconds,
		"p50-ms": quantile(ms, 0.5), "p95-ms": quantile(ms, 0.95),
	}, nil
}

// idle leaves the screen alone and measures what that costs.
func idle(ctx context.Context, v *viewer, length time.Duration) (figures, error) {
	w, err := xclient.Open(v.peer.display.Display, moveBounds, flipA)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := v.until(ctx, middle(moveBounds), flipA); err != nil {
		return nil, err
	}
	in, err := v.settle(ctx)
	if err != nil {
		return nil, err
	}
	cpu := cpuTime(v.peer.carriers())
	if err := sleep(ctx, length); err != nil {
		return nil, err
	}
	used := cpuTime(v.peer.carriers()) - cpu
	after, err := v.sampler.Inbound(ctx)
	if err != nil {
		return nil, err
	}
	return figures{
		"cpu-ms": msIn30s(used, length), "media-B": float64(after.Bytes - in.Bytes),
		"rss-MB": float64(resident(v.peer.carriers())) / 1e6,
	}, nil
}

// msIn30s returns CPU time that was used within length as ms in 30 s.
func msIn30s(used, length time.Duration) float64 {
	return 30_000 * used.Seconds() / length.Seconds()
}

// settle waits until nothing has come for two seconds: whatever refines the
// picture after a change is done. It gives up after 15, and what still comes counts.
func (v *viewer) settle(ctx context.Context) (sample.Inbound, error) {
	var last sample.Inbound
	for still, end := 0, time.Now().Add(15*time.Second); still < 4 && time.Now().Before(end); still++ {
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-time.After(500 * time.Millisecond):
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
