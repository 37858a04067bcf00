package main

import (
	"context"
	"fmt"
	"image"
	"runtime"
	"slices"
	"strings"
	"time"

	"lucarne/capture/synth"
	"lucarne/encode"
	"lucarne/encode/choice"
)

// measuredSize is the picture that the encoders are measured with, in pixels.
var measuredSize = image.Pt(1920, 1080)

// automatic returns the fan-outs without a GPU that are chosen for who asks for none,
// best first as far as is known before they are measured.
func (d *desktop) automatic() []*encode.Fanout {
	return slices.DeleteFunc(slices.Clone(d.fanouts), func(f *encode.Fanout) bool {
		return choice.OnlyAsked(f.Codec()) || slices.Contains(d.byGPU, f)
	})
}

// order has the fan-outs chosen in this order, but that those of --codec come first,
// and then the GPU's.
func (d *desktop) order(fanouts []*encode.Fanout) error {
	fanouts = slices.Concat(slices.DeleteFunc(slices.Clone(d.byGPU), func(f *encode.Fanout) bool { return choice.OnlyAsked(f.Codec()) }), fanouts)
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
// that. Viewers that come before its end, mostly a second after the start, are moved.
func (d *desktop) measure(ctx context.Context) error {
	candidates := d.automatic()
	choose, spread := d.flags.Codec == "auto" && len(candidates) > 1, d.flags.Threads == 0 && runtime.NumCPU() > spare
	if choose || spread {
		idle := idleCores()
		costs := d.costs(ctx, candidates, max(1, d.flags.Threads), time.Second)
		if choose && costs != nil {
			d.rank(candidates, costs)
		}
		if threads := threadsFor(idle(), quotaCores()); spread && threads > 1 && costs != nil {
			d.spread(candidates, costs, d.costs(ctx, candidates, threads, time.Second/2), threads)
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// costs measures the encoders with so many threads each; nil if that cannot be.
func (d *desktop) costs(ctx context.Context, candidates []*encode.Fanout, threads int, budget time.Duration) []choice.Cost {
	var backends []encode.Backend
	for _, f := range candidates {
		backends = append(backends, f.Backend())
	}
	source := synth.New(synth.Config{Size: measuredSize})
	defer source.Close()
	costs, err := choice.Measure(ctx, choice.Config{
		Backends: backends, Source: source,
		BitrateBps: int(d.flags.Bitrate), MaxFPS: d.flags.MaxFPS, Threads: threads, Budget: budget, Waited: waited,
	})
	if err != nil && ctx.Err() == nil {
		d.log.Warn("encoders not measured", "err", err)
	}
	return costs
}

// rank has the fan-outs chosen by what they cost.
func (d *desktop) rank(candidates []*encode.Fanout, costs []choice.Cost) {
	var order []*encode.Fanout
	figures := []any{"size", fmt.Sprintf("%dx%d", measuredSize.X, measuredSize.Y)}
	for _, i := range choice.Order(costs, d.flags.MaxFPS) {
		order = append(order, candidates[i])
		figures = append(figures, strings.ToLower(string(candidates[i].Codec())), costs[i])
	}
	d.log.Info("encoders measured, best first", figures...)
	if err := d.order(order); err != nil {
		d.log.Warn("order of the encoders not changed", "err", err)
	}
}
