package perf

import (
	"context"
	"fmt"
	"image"
	"math/rand/v2"
	"strings"
	"time"

	"lucarne/perf/browser"
	"lucarne/perf/peer"
	"lucarne/perf/report"
	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

// screen is the size at which everything is measured, in pixels.
var screen = image.Pt(1920, 1080)

// The places of the windows, in whole blocks of 16 pixels.
var (
	flipBounds   = image.Rect(832, 416, 832+256, 416+256)
	moveBounds   = image.Rect(320, 144, 320+1280, 144+800)
	typingBounds = image.Rect(320, 144, 320+960, 144+600)
	videoBounds  = image.Rect(320, 144, 320+1280, 144+720)
)

// inside is how far from a window's corner it is looked at, so that no codec mixes
// it up with what is outside.
var inside = image.Pt(8, 8)

// view is a peer's page, open and showing the display, and what can be drawn
// behind it.
type view struct {
	peer    *peer.Peer
	route   *route
	browser *browser.Browser
	page    *browser.Page
	sampler *sample.Sampler
	length  time.Duration // of the scenario
}

// close closes the page.
func (v *view) close() {
	if v.page != nil {
		v.page.Close() // a browser that has died has closed it too
		v.page = nil
	}
}

// open opens a page of the peer and waits for a picture.
func (v *view) open(ctx context.Context, url string) error {
	var err error
	if v.sampler, v.page, err = sample.Open(ctx, v.browser, url); err != nil {
		return fmt.Errorf("%s: %w", v.peer.Name(), err)
	}
	waiting, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := v.page.Wait(waiting, "lucarneSampler.colours([[10, 10]])[0] >= 0"); err != nil {
		v.close()
		return fmt.Errorf("%s: %w: %w", v.peer.Name(), sample.ErrNoPicture, err)
	}
	if transport(url) == climbing {
		return v.climb(ctx)
	}
	return nil
}

// climb waits until the picture comes by WebRTC, so that the change of path falls into
// no figure. Where it does not come so it is measured as it is, which the result says.
func (v *view) climb(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := v.page.Wait(waiting, `window.lucarne?.stats().transport === "webrtc"`); err != nil && waiting.Err() == nil {
		return fmt.Errorf("%s: %w", v.peer.Name(), err)
	}
	return ctx.Err()
}

// rate returns the page's animation frames a second while nothing happens: in
// the best of three looks, since what a page does when it starts is not the
// machine's fault.
func (v *view) rate(ctx context.Context) (float64, error) {
	best := 0.0
	for tries := 0; tries < 3 && best < minRate; tries++ {
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return 0, err
		}
		if err := v.sampler.StartColour(ctx, middle(flipBounds)); err != nil {
			return 0, err
		}
		if err := sleep(ctx, 500*time.Millisecond); err != nil {
			return 0, err
		}
		r, err := v.sampler.Stop(ctx)
		if err != nil {
			return 0, err
		}
		best = max(best, r.Rate())
	}
	return best, nil
}

// near is how far a channel may be from a colour that is being waited for: the
// first frame after a change need not be sharp.
const near = 48

// until waits until the page shows a colour at a position of the screen.
func (v *view) until(ctx context.Context, at image.Point, want xclient.RGB) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	expression := fmt.Sprintf(`(c => [0, 8, 16].every(s => Math.abs((c >> s & 255) - (%d >> s & 255)) <= %d))
		(lucarneSampler.colours([[%d, %d]])[0])`, want, near, at.X, at.Y)
	if err := v.page.Wait(ctx, expression); err != nil {
		return fmt.Errorf("%s does not show %06x at %v: %w: %w", v.peer.Name(), want, at, sample.ErrFrozen, err)
	}
	return nil
}

// stages are what a page of ours knows of its frames' way: the median of each
// stage over the last seconds, in the order in which a frame passes them. Other
// pages know nothing.
func (v *view) stages(ctx context.Context) ([]report.Stage, error) {
	var medians [][2]any
	err := v.page.Eval(ctx, "Object.entries(window.lucarne?.stats().stages ?? {})", &medians)
	var stages []report.Stage
	for _, m := range medians {
		name, named := m[0].(string)
		ms, known := m[1].(float64)
		if named && known && name != "total" {
			stages = append(stages, report.Stage{Name: name, MS: ms})
		}
	}
	return stages, err
}

// way is how the open page says that its pictures come and are encoded; "": it does not
// say, or there is none.
func (v *view) way(ctx context.Context) (transport, codec string, err error) {
	if v.page == nil {
		return "", "", nil
	}
	var said [2]string
	err = v.page.Eval(ctx, `(s => [s?.transport ?? "", s?.codec ?? ""])(window.lucarne?.stats())`, &said)
	return said[0], strings.ToLower(said[1]), err
}

func middle(r image.Rectangle) image.Point { return r.Min.Add(r.Size().Div(2)) }

// pause waits at a random phase of the screen's refresh, the same each time the
// program runs.
func pause(ctx context.Context, rnd *rand.Rand) error {
	return sleep(ctx, 120*time.Millisecond+time.Duration(rnd.IntN(60_000))*time.Microsecond)
}
