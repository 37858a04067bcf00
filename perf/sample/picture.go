package sample

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"strings"
	"time"

	"lucarne/perf/browser"
)

// ErrNoPicture is returned by Picture when the page shows none.
var ErrNoPicture = errors.New("sample: no picture in the page")

// Picture returns a rectangle of the picture that the page shows, in the
// picture's own pixels and as the browser converts its colours; all of it for
// the empty rectangle. What lies outside of the picture is black. The corner of
// the result is at 0, 0. It takes the page some 100 ms: not while measuring.
func (s *Sampler) Picture(ctx context.Context, r image.Rectangle) (*image.RGBA, error) {
	var url string
	call := fmt.Sprintf("lucarneSampler.picture(%d, %d, %d, %d)", r.Min.X, r.Min.Y, r.Dx(), r.Dy())
	if err := s.page.Eval(ctx, call, &url); err != nil {
		return nil, err
	}
	if url == "" {
		return nil, ErrNoPicture
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(url, "data:image/png;base64,"))
	if err != nil {
		return nil, fmt.Errorf("sample: picture: %w", err)
	}
	decoded, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("sample: picture: %w", err)
	}
	picture := image.NewRGBA(image.Rectangle{Max: decoded.Bounds().Size()})
	draw.Draw(picture, picture.Rect, decoded, decoded.Bounds().Min, draw.Src)
	return picture, nil
}

// FirstPixel opens a page and returns how long it took from the beginning of the
// navigation to the first animation frame in which the page shows a picture that
// is not black: have a window on the display. cold: with nothing cached, in a
// browser context of its own; else with what the pages before have left in the
// browser's cache.
func FirstPixel(ctx context.Context, b *browser.Browser, url string, cold bool) (time.Duration, error) {
	open := b.NewPage
	if cold {
		open = b.NewPrivatePage
	}
	page, err := open(ctx)
	if err != nil {
		return 0, err
	}
	defer page.Close()
	for _, source := range []string{script, "window.lucarneFirstPixel = lucarneSampler.firstPixel()"} {
		if err := page.Init(ctx, source); err != nil {
			return 0, err
		}
	}
	if err := page.Navigate(ctx, url); err != nil {
		return 0, err
	}
	var ms float64
	if err := page.Eval(ctx, "lucarneFirstPixel", &ms); err != nil {
		return 0, fmt.Errorf("sample: first pixel: %w", err)
	}
	return fromSpan(ms), nil
}
