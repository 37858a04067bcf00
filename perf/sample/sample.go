// Package sample records what a page shows, pixel by pixel and animation frame
// by animation frame, whatever page it is: it reads the <video> or <canvas>
// with the picture.
package sample

import (
	"context"
	_ "embed" // for the script
	"fmt"
	"image"
	"time"

	"lucarne/perf/browser"
	"lucarne/perf/xclient"
)

//go:embed sampler.js
var script string

// Sampler is the recorder in a page.
type Sampler struct {
	page   *browser.Page
	offset time.Duration // of the page's clock from ours
}

// Sample is a value from the moment it was first seen.
type Sample struct {
	At time.Time // on our clock
	// Value is a colour as 0xRRGGBB, or a frame number, or -1 where there is no
	// bar code to be read.
	Value int
}

// Recording is what was seen between Start and Stop.
type Recording struct {
	Samples []Sample
	Keys    []time.Time // when the page got each keydown event
	Frames  int         // animation frames
	Time    time.Duration
	Cost    time.Duration // what reading the picture took of it: the harness's own part
}

// Rate returns the animation frames a second.
func (r Recording) Rate() float64 {
	if r.Time <= 0 {
		return 0
	}
	return float64(r.Frames) / r.Time.Seconds()
}

// Open opens a page with a recorder in it. Further scripts run after the
// recorder and before the page's own.
func Open(ctx context.Context, b *browser.Browser, url string, scripts ...string) (*Sampler, *browser.Page, error) {
	page, err := b.NewPage(ctx)
	if err != nil {
		return nil, nil, err
	}
	s := &Sampler{page: page}
	for _, source := range append([]string{script}, scripts...) {
		if err == nil {
			err = page.Init(ctx, source)
		}
	}
	if err == nil {
		err = page.Navigate(ctx, url)
	}
	if err == nil {
		err = s.setClock(ctx)
	}
	if err != nil {
		page.Close()
		return nil, nil, err
	}
	return s, page, nil
}

// setClock compares the page's clock with ours: both are the machine's, but the
// page's was set when it was loaded, and has been running freely since.
func (s *Sampler) setClock(ctx context.Context) error {
	best := time.Hour
	for range 20 {
		var ms float64
		before := time.Now()
		if err := s.page.Eval(ctx, "lucarneSampler.now()", &ms); err != nil {
			return err
		}
		if trip := time.Since(before); trip < best {
			best = trip
			s.offset = fromMS(ms).Sub(before.Add(trip / 2))
		}
	}
	return nil
}

// Offset returns how far the page's clock is ahead of ours.
func (s *Sampler) Offset() time.Duration { return s.offset }

func fromMS(ms float64) time.Time { return time.UnixMicro(int64(ms * 1000)) }

func fromSpan(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

func (s *Sampler) time(ms float64) time.Time { return fromMS(ms).Add(-s.offset) }

// StartColour begins to record the colour of one pixel of the picture.
func (s *Sampler) StartColour(ctx context.Context, at image.Point) error {
	return s.start(ctx, at, 1, 1)
}

// StartFrames begins to record the numbers of frames painted as a bar code with
// its corner at a position in the picture.
func (s *Sampler) StartFrames(ctx context.Context, at image.Point) error {
	return s.start(ctx, at, xclient.Cell, xclient.BarcodeCells)
}

func (s *Sampler) start(ctx context.Context, at image.Point, cell, cells int) error {
	return s.page.Eval(ctx, fmt.Sprintf("lucarneSampler.start(%d, %d, %d, %d), 1", at.X, at.Y, cell, cells), nil)
}

// Stop ends the recording and returns it.
func (s *Sampler) Stop(ctx context.Context) (Recording, error) {
	var raw struct {
		Samples [][2]float64
		Keys    []float64
		Frames  int
		Cost    float64
		MS      float64
	}
	if err := s.page.Eval(ctx, "lucarneSampler.stop()", &raw); err != nil {
		return Recording{}, err
	}
	r := Recording{Frames: raw.Frames, Time: fromSpan(raw.MS), Cost: fromSpan(raw.Cost)}
	for _, v := range raw.Samples {
		r.Samples = append(r.Samples, Sample{At: s.time(v[0]), Value: int(v[1])})
	}
	for _, ms := range raw.Keys {
		r.Keys = append(r.Keys, s.time(ms))
	}
	return r, nil
}

// Colours returns the colours of the picture at positions in its own pixels;
// negative while there is no picture.
func (s *Sampler) Colours(ctx context.Context, at ...image.Point) ([]int, error) {
	list := "["
	for _, p := range at {
		list += fmt.Sprintf("[%d,%d],", p.X, p.Y)
	}
	var colours []int
	err := s.page.Eval(ctx, "lucarneSampler.colours("+list+"])", &colours)
	return colours, err
}

// Inbound is what the page's WebRTC connections have received.
type Inbound struct {
	Bytes, Packets, Frames int
}

// Inbound returns the sums since the page was loaded.
func (s *Sampler) Inbound(ctx context.Context) (Inbound, error) {
	var in Inbound
	err := s.page.Eval(ctx, "lucarneSampler.inbound()", &in)
	return in, err
}
