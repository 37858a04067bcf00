// Package sample records what a page shows, pixel by pixel and animation frame
// by animation frame, whatever page it is: it reads the <video>, <canvas> or <img>
// with the picture.
package sample

import (
	"context"
	_ "embed" // for the script
	"errors"
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
	// Presented is when the browser handed the video frame with the value to its
	// compositor (requestVideoFrameCallback); zero for a canvas and where it is
	// not known. At is the animation frame in which the page could first know of
	// it, which is what all kinds of pages are compared by.
	Presented time.Time
}

// Recording is what was seen between Start and Stop.
type Recording struct {
	Samples []Sample
	Keys    []time.Time // when the page got each keydown event
	Clicks  []time.Time // and each pointerdown event
	Frames  int         // animation frames
	// Presented is how many frames of a video were handed to the compositor; 0
	// for a canvas.
	Presented int
	Time      time.Duration
	// Cost is what reading the picture took of Time. Reading a canvas first does
	// what was drawn on it and put off by the browser, which is the page's own
	// part and would have come later.
	Cost time.Duration
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
	if err := s.load(ctx, url, scripts); err != nil {
		page.Close()
		return nil, nil, err
	}
	return s, page, nil
}

func (s *Sampler) load(ctx context.Context, url string, scripts []string) error {
	for _, source := range append([]string{script}, scripts...) {
		if err := s.page.Init(ctx, source); err != nil {
			return err
		}
	}
	if err := s.page.Navigate(ctx, url); err != nil {
		return err
	}
	return s.setClock(ctx)
}

// setClock compares the page's clock with ours: both are the machine's, but the
// page's was set when it was loaded, and has been running freely since. A page
// that loads itself anew meanwhile has another clock.
func (s *Sampler) setClock(ctx context.Context) error {
	for {
		err := s.compareClocks(ctx)
		if !errors.Is(err, browser.ErrNavigated) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *Sampler) compareClocks(ctx context.Context) error {
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
		Samples      [][3]float64
		Keys, Clicks []float64
		Frames       int
		Presented    int
		Cost         float64
		MS           float64
	}
	if err := s.page.Eval(ctx, "lucarneSampler.stop()", &raw); err != nil {
		return Recording{}, err
	}
	r := Recording{
		Keys: s.times(raw.Keys), Clicks: s.times(raw.Clicks),
		Frames: raw.Frames, Presented: raw.Presented, Time: fromSpan(raw.MS), Cost: fromSpan(raw.Cost),
	}
	for _, v := range raw.Samples {
		sample := Sample{At: s.time(v[0]), Value: int(v[1])}
		if v[2] != 0 {
			sample.Presented = s.time(v[2])
		}
		r.Samples = append(r.Samples, sample)
	}
	return r, nil
}

func (s *Sampler) times(ms []float64) []time.Time {
	var times []time.Time
	for _, at := range ms {
		times = append(times, s.time(at))
	}
	return times
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

// Inbound is what the page has received of pictures: by WebRTC, and in binary messages
// by WebSocket, which have no packets and no frames that a page knows of.
type Inbound struct {
	Bytes, Packets, Frames int
}

// Inbound returns the sums since the page was loaded.
func (s *Sampler) Inbound(ctx context.Context) (Inbound, error) {
	var in Inbound
	err := s.page.Eval(ctx, "lucarneSampler.inbound()", &in)
	return in, err
}
