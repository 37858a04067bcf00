package main

import (
	"context"
	"fmt"
	"image"
	"log/slog"
	"slices"
	"strings"

	"lucarne/capture/synth"
	"lucarne/encode"
	"lucarne/encode/choice"
)

// measuredSize is the picture that the encoders are measured with, in pixels.
var measuredSize = image.Pt(1920, 1080)

// automatic returns the fan-outs that are chosen for who asks for none, best first
// as far as is known before they are measured.
func (d *desktop) automatic() []*encode.Fanout {
	return slices.DeleteFunc(slices.Clone(d.fanouts), func(f *encode.Fanout) bool { return choice.OnlyAsked(f.Codec()) })
}

// order has the fan-outs chosen in this order, but that those of --codec come first.
func (d *desktop) order(fanouts []*encode.Fanout) error {
	if d.flags.Codec == "auto" {
		d.session.SetOrder(fanouts)
		return nil
	}
	wanted := slices.DeleteFunc(slices.Clone(d.fanouts), func(f *encode.Fanout) bool {
		return !strings.EqualFold(string(f.Codec()), d.flags.Codec)
	})
	if len(wanted) == 0 {
		return exitError{exitNoEncoder, fmt.Errorf("--codec %s: this build has no encoder for it", d.flags.Codec)}
	}
	d.session.SetOrder(append(wanted, fanouts...))
	return nil
}

// measure finds out what the encoders take here and now, and has them chosen by
// that. Viewers that come before its end, a second after the start, are moved.
func (d *desktop) measure(ctx context.Context) error {
	candidates := d.automatic()
	if d.flags.Codec == "auto" && len(candidates) > 1 {
		d.compare(ctx, candidates)
	}
	<-ctx.Done()
	return ctx.Err()
}

func (d *desktop) compare(ctx context.Context, candidates []*encode.Fanout) {
	var backends []encode.Backend
	for _, f := range candidates {
		backends = append(backends, f.Backend())
	}
	source := synth.New(synth.Config{Size: measuredSize})
	defer source.Close()
	costs, err := choice.Measure(ctx, choice.Config{
		Backends: backends, Source: source,
		BitrateBps: int(d.flags.Bitrate), MaxFPS: d.flags.MaxFPS, Threads: d.flags.Threads,
	})
	if err != nil {
		if ctx.Err() == nil {
			d.log.Warn("encoders not measured", "err", err)
		}
		return
	}
	var order []*encode.Fanout
	figures := []any{slog.String("size", fmt.Sprintf("%dx%d", measuredSize.X, measuredSize.Y))}
	for _, i := range choice.Order(costs, d.flags.MaxFPS) {
		order = append(order, candidates[i])
		figures = append(figures, slog.Any(strings.ToLower(string(candidates[i].Codec())), costs[i]))
	}
	d.log.Info("encoders measured, best first", figures...)
	if err := d.order(order); err != nil {
		d.log.Warn("order of the encoders not changed", "err", err)
	}
}
