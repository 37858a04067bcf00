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
		number, ok := numberOf(picture)
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
	var looks []quality.Look
	for {
		at := time.Now()
		picture, err := v.sampler.Picture(ctx, w.Bounds)
		if err != nil {
			return err
		}
		looks = append(looks, quality.Look{At: at, Picture: picture})
		settled, score, err := quality.Settled(looks, drawn, sharp)
		if errors.Is(err, quality.ErrSize) {
			return err
		}
		rests := err == nil && at.Sub(settled) > still
		if !rests && at.Sub(ended) < settling {
			continue
		}
		if err == nil {
			metrics["settle-ms"] = ms(settled.Sub(ended))
		}
		metrics["rest-psnr-y-db"], metrics["rest-psnr-c-db"], metrics["rest-ssim-y"] = score.PSNR.Luma, score.PSNR.Chroma, score.SSIM.Luma
		return nil
	}
}

// numberOf reads the bar code in a picture's upper left corner.
func numberOf(picture *image.RGBA) (int, bool) {
	var cells [xclient.BarcodeCells]bool
	for i := range cells {
		r, g, b, _ := picture.At(i*xclient.Cell+xclient.Cell/2, xclient.Cell/2).RGBA()
		cells[i] = r+g+b > 3*0x8000
	}
	return xclient.DecodeBarcode(cells)
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
