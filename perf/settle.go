package perf

import (
	"context"
	"errors"
	"image"
	"time"

	"lucarne/perf/quality"
	"lucarne/perf/report"
	"lucarne/perf/xclient"
)

const (
	pages = 3                      // of text, one after the other
	fresh = 800 * time.Millisecond // the least from a page of text to the next
)

// sharpness is what text has to come to, in dB: its brightness; where colour is not
// sampled down, that as well, and more.
func sharpness(codec string) quality.Planes {
	if codec == "h264-444" {
		return quality.Planes{Luma: 48, Chroma: 48}
	}
	return quality.Planes{Luma: 44}
}

// settle has a page of a real terminal's text appear and measures until what is shown of
// it is sharp and stays so.
func settle(ctx context.Context, v *view) (report.Result, error) {
	r := report.Result{Metrics: map[string]float64{}}
	text, err := xclient.Terminal(ctx, v.peer.Display(), typingBounds)
	if err != nil {
		return r, err
	}
	w, err := xclient.Open(v.peer.Display(), typingBounds, backdrop)
	if err != nil {
		return r, err
	}
	defer w.Close()
	photo, err := xclient.NewPhoto(w, text)
	if err != nil {
		return r, err
	}
	defer photo.Close()
	_, codec, err := v.way(ctx)
	if err != nil {
		return r, err
	}
	var took []float64
	for range pages {
		looks, drawn, err := v.turnPage(ctx, w, photo)
		if err != nil {
			return r, err
		}
		reached, score, err := quality.Reached(looks, photo.Picture(1), sharpness(codec))
		switch {
		case err == nil:
			took = append(took, ms(reached.Sub(drawn)))
		case !errors.Is(err, quality.ErrUnsettled):
			return r, err
		}
		r.Metrics["rest-psnr-y-db"], r.Metrics["rest-psnr-c-db"], r.Metrics["rest-ssim-y"] = score.PSNR.Luma, score.PSNR.Chroma, score.SSIM.Luma
	}
	if len(took) == pages { // what never is sharp has no time
		r.Metrics["settle-ms"] = report.Quantile(took, 0.5)
	}
	return r, nil
}

// turnPage shows the text where there was nothing, and returns when, and what the page
// showed until it came to rest.
func (v *view) turnPage(ctx context.Context, w *xclient.Window, photo *xclient.Photo) (looks []quality.Look, drawn time.Time, err error) {
	w.Fill(image.Rectangle{Max: w.Bounds.Size()}, backdrop)
	if err := w.Sync(); err != nil {
		return nil, drawn, err
	}
	if err := v.until(ctx, w.Bounds.Max.Sub(inside), backdrop); err != nil {
		return nil, drawn, err
	}
	if err := sleep(ctx, fresh); err != nil { // it has come to rest
		return nil, drawn, err
	}
	if drawn, err = photo.Draw(1); err != nil {
		return nil, drawn, err
	}
	for {
		picture, err := v.sampler.Picture(ctx, w.Bounds)
		if err != nil {
			return nil, drawn, err
		}
		// No earlier than this it is known to have been shown.
		looks = append(looks, quality.Look{At: time.Now(), Picture: picture})
		newest := looks[len(looks)-1].At
		if newest.Sub(drawn) > settling || newest.Sub(quality.Unchanged(looks)) > still && newest.Sub(drawn) > 2*still {
			return looks, drawn, nil
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil { // what is looked at needs the CPU as well
			return nil, drawn, err
		}
	}
}
