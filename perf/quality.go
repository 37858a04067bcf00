package perf

import (
	"context"
	"errors"
	"image"
	"time"

	"lucarne/perf/quality"
	"lucarne/perf/xclient"
)

const (
	glances  = 2                      // pictures that are compared while there is motion
	settling = 5 * time.Second        // how long a picture may take to come to rest
	still    = 600 * time.Millisecond // for how long a picture that rests has not changed
	sharp    = 30                     // PSNR of luma in dB, below which a picture at rest is none
)

// judge compares what the page shows of an animation with what was drawn: while it
// moves, and when it has ended. What it costs the page is not part of any figure.
func (v *view) judge(ctx context.Context, w *xclient.Window, a xclient.Animation, metrics map[string]float64) error {
	ended, err := v.judgeMotion(ctx, w, a, metrics)
	if err != nil {
		return err
	}
	return v.judgeRest(ctx, w, ended, metrics)
}

// judgeMotion compares some frames, each with the one of its number, and returns
// when the animation had ended.
func (v *view) judgeMotion(ctx context.Context, w *xclient.Window, a xclient.Animation, metrics map[string]float64) (ended time.Time, err error) {
	var shown []*image.RGBA
	err = alongside(ctx, func(ctx context.Context) error {
		_, err := xclient.Animate(ctx, a, frameRate)
		return err
	}, func() error {
		for range glances {
			if err := sleep(ctx, 200*time.Millisecond); err != nil {
				return err
			}
			picture, err := v.sampler.Picture(ctx, w.Bounds)
			if err != nil {
				return err
			}
			shown = append(shown, picture)
		}
		return nil
	})
	ended = time.Now()
	if err != nil {
		return ended, err
	}
	var sum quality.Score
	n := 0.0
	for _, picture := range shown {
		number, ok := xclient.ReadNumber(picture)
		if !ok {
			continue // so blurred that the number cannot be read
		}
		score, err := quality.Compare(picture, a.Picture(number))
		if err != nil {
			return ended, err
		}
		sum.PSNR.Luma += score.PSNR.Luma
		sum.PSNR.Chroma += score.PSNR.Chroma
		sum.SSIM.Luma += score.SSIM.Luma
		n++
	}
	if n > 0 {
		metrics["psnr-y-db"], metrics["psnr-c-db"], metrics["ssim-y"] = sum.PSNR.Luma/n, sum.PSNR.Chroma/n, sum.SSIM.Luma/n
	}
	return ended, nil
}

// judgeRest looks at the page until its picture has come to rest, and compares it
// with the screen. Where it does not come to rest there is no time until it did.
func (v *view) judgeRest(ctx context.Context, w *xclient.Window, ended time.Time, metrics map[string]float64) error {
	drawn, err := w.Look()
	if err != nil {
		return err
	}
	settled, score, err := atRest(ended, func() (quality.Look, error) {
		at := time.Now()
		picture, err := v.sampler.Picture(ctx, w.Bounds)
		return quality.Look{At: at, Picture: picture}, err
	}, func(looks []quality.Look) (time.Time, quality.Score, error) {
		return quality.Settled(looks, drawn, sharp)
	})
	switch {
	case err == nil:
		metrics["settle-ms"] = ms(settled.Sub(ended))
	case !errors.Is(err, quality.ErrUnsettled):
		return err
	}
	metrics["rest-psnr-y-db"], metrics["rest-psnr-c-db"], metrics["rest-ssim-y"] = score.PSNR.Luma, score.PSNR.Chroma, score.SSIM.Luma
	return nil
}

// atRest looks until the picture has settled, as judged, or for as long as it may
// take, and returns what was judged last. Between looks that differ nothing is
// judged: it takes CPU time that the page needs to come to rest.
func atRest(ended time.Time, look func() (quality.Look, error), judge func([]quality.Look) (time.Time, quality.Score, error)) (time.Time, quality.Score, error) {
	var looks []quality.Look
	var judged time.Time // since when the picture was that was judged last
	for {
		newest, err := look()
		if err != nil {
			return time.Time{}, quality.Score{}, err
		}
		looks = append(looks, newest)
		since := quality.Unchanged(looks)
		late := newest.At.Sub(ended) >= settling
		if !late && (newest.At.Sub(since) <= still || since.Equal(judged)) {
			continue
		}
		judged = since
		settled, score, err := judge(looks)
		if err == nil || late || !errors.Is(err, quality.ErrUnsettled) {
			return settled, score, err
		}
	}
}

// alongside runs a program for as long as another takes, and returns the errors
// of both.
func alongside(ctx context.Context, run func(context.Context) error, while func() error) error {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	err := while()
	stop()
	return errors.Join(err, <-ended)
}
