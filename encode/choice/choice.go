// Package choice finds out which of the encoders that are built in are fast
// enough on this machine as it is now, and puts them in the order in which they
// are to be chosen. It is pure Go: the backends and the picture are handed in.
package choice

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// share of the frame interval that encoding may take nine times in ten. The rest
// is for the grab, for what sends and for what draws.
const share = 0.75

const (
	// leastRounds are made whatever they take, but for patience.
	leastRounds = 10
	// leastFrames of a backend have to be measured for its cost to be known.
	leastFrames = 5
	// patience times the budget is the longest that measuring may take.
	patience = 5
)

// step is by how much the middle of the picture scrolls from frame to frame, in
// pixels.
const step = 24

// Config says what is measured.
type Config struct {
	Backends []encode.Backend // best first, as far as can be known beforehand
	// Source gives the picture, at the size at which is measured. One is taken.
	Source     capture.Source
	BitrateBps int // 0: the encoders' default
	MaxFPS     int // 0: 60
	Threads    int // of each encoder; 0: one
	// Budget is for all of them together; 0: 1 s. On a machine that is too busy for a
	// few frames of each it may become five times as long.
	Budget time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Waited is how long this thread has waited for a processor that others had.
	// What a frame waits tells nothing of its encoder, and does not count. nil: not
	// known.
	Waited func() time.Duration
}

func (c Config) withDefaults() Config {
	if c.MaxFPS <= 0 {
		c.MaxFPS = 60
	}
	if c.Budget <= 0 {
		c.Budget = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Waited == nil {
		c.Waited = func() time.Duration { return 0 }
	}
	return c
}

// Cost is what a frame costs with one backend, from BGRX to the packet.
type Cost struct {
	Backend encode.Backend
	Frames  int // measured
	P50     time.Duration
	P90     time.Duration
	Err     error // why nothing was measured; nil: something was
}

// LogValue makes a group of the figures.
func (c Cost) LogValue() slog.Value {
	if c.Err != nil {
		return slog.StringValue(c.Err.Error())
	}
	return slog.GroupValue(
		slog.Duration("p50", c.P50.Round(100*time.Microsecond)),
		slog.Duration("p90", c.P90.Round(100*time.Microsecond)),
		slog.Int("frames", c.Frames),
	)
}

// ErrTooFew is the Err of a backend that works, but has encoded too few frames in the
// time there was.
var ErrTooFew = errors.New("choice: too few frames were encoded")

// Measure has all backends in turn encode the same picture, the middle of which
// scrolls, until the budget is spent, and returns what each frame after the first
// cost, one Cost for each backend in their order. They take turns frame by frame,
// so that what else the machine is doing hits them alike. The error is the
// source's, or ctx's.
func Measure(ctx context.Context, cfg Config) ([]Cost, error) {
	runtime.LockOSThread() // Waited is of one thread
	defer runtime.UnlockOSThread()
	cfg = cfg.withDefaults()
	began := cfg.Now()
	scroll, err := newScroll(cfg.Source)
	if err != nil {
		return nil, fmt.Errorf("choice: grab: %w", err)
	}
	runs := make([]run, len(cfg.Backends))
	defer func() {
		for i := range runs {
			runs[i].close()
		}
	}()
	for i, backend := range cfg.Backends {
		runs[i].open(backend, encode.Config{
			Size: scroll.frame.Size, BitrateBps: cfg.BitrateBps, MaxFPS: cfg.MaxFPS, Threads: cfg.Threads,
		})
	}
	interval := time.Second / time.Duration(cfg.MaxFPS)
	for round := 0; cfg.goOn(round, cfg.Now().Sub(began)); round++ {
		for i := range runs {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			runs[i].encode(scroll.picture(began.Add(time.Duration(round)*interval)), &cfg)
		}
		scroll.advance()
	}
	costs := make([]Cost, len(runs))
	for i, backend := range cfg.Backends {
		costs[i] = runs[i].cost(backend)
	}
	return costs, nil
}

// goOn says whether there is another round after so many that took so long.
func (c *Config) goOn(rounds int, took time.Duration) bool {
	return took < c.Budget || rounds < leastRounds && took < patience*c.Budget
}

// run is one backend's part in a measurement.
type run struct {
	encoder encode.Encoder // nil: not open
	begun   bool           // it has made its key frame
	spent   []time.Duration
	err     error
}

func (r *run) open(backend encode.Backend, cfg encode.Config) {
	r.encoder, r.err = backend.Open(cfg)
	if r.err != nil {
		r.encoder = nil
	}
}

func (r *run) close() {
	if r.encoder != nil {
		r.encoder.Close()
		r.encoder = nil
	}
}

// encode takes the time of one frame. The key frame is none that counts, and
// neither is a frame that the encoder drops.
func (r *run) encode(frame capture.Frame, cfg *Config) {
	if r.encoder == nil {
		return
	}
	waited, before := cfg.Waited(), cfg.Now()
	packet, err := r.encoder.Encode(&frame, encode.Op{})
	spent := cfg.Now().Sub(before)
	spent = max(0, spent-(cfg.Waited()-waited))
	switch {
	case err != nil:
		r.err = err
		r.close()
	case len(packet.Data) == 0:
	case !r.begun:
		r.begun = true
	default:
		r.spent = append(r.spent, spent)
	}
}

func (r *run) cost(backend encode.Backend) Cost {
	c := Cost{Backend: backend, Frames: len(r.spent), Err: r.err}
	switch {
	case r.err != nil:
	case len(r.spent) < leastFrames:
		c.Err = ErrTooFew
	default:
		slices.Sort(r.spent)
		c.P50, c.P90 = r.spent[len(r.spent)/2], r.spent[len(r.spent)*9/10]
	}
	return c
}

// scroll is a picture whose middle moves: 1280×800 of it, as when a page is read.
type scroll struct {
	frame  capture.Frame
	pix    []byte // of the source
	area   image.Rectangle
	offset int // rows by which the middle has moved
}

func newScroll(source capture.Source) (*scroll, error) {
	var f capture.Frame
	if err := source.Grab(&f); err != nil {
		return nil, err
	}
	defer f.Release()
	part := image.Rectangle{Max: image.Pt(1280, 800)}
	part = part.Add(f.Size.Sub(part.Max).Div(2)).Intersect(image.Rectangle{Max: f.Size})
	s := &scroll{pix: slices.Clone(f.Pix), area: part}
	s.frame = capture.Frame{
		Pix: slices.Clone(f.Pix), Stride: f.Stride, Size: f.Size, Damage: []image.Rectangle{{Max: f.Size}},
	}
	return s, nil
}

// picture returns the picture as it is now, as of a moment.
func (s *scroll) picture(at time.Time) capture.Frame {
	f := s.frame
	f.Damaged, f.Grabbed = at, at
	f.Damage = slices.Clone(s.frame.Damage)
	return f
}

// advance scrolls: the middle is a window on the source's picture that moves
// down, and begins again at its top.
func (s *scroll) advance() {
	s.offset += step
	left, right := 4*s.area.Min.X, 4*s.area.Max.X
	for y := s.area.Min.Y; y < s.area.Max.Y; y++ {
		from := s.pix[(y+s.offset)%s.frame.Size.Y*s.frame.Stride:]
		copy(s.frame.Pix[y*s.frame.Stride:][left:right], from[left:right])
	}
	s.frame.Seq++
	s.frame.Damage = []image.Rectangle{s.area}
}

// Order returns the indices of the costs in the order in which their backends are
// to be chosen at maxFPS (0: 60): as they are given, but that one that does not
// encode in time comes after those that are well faster, JPEG, which takes the most
// bits, after all others, and what failed last of all. What was not measured well
// enough stays where it is.
func Order(costs []Cost, maxFPS int) []int {
	if maxFPS <= 0 {
		maxFPS = 60
	}
	inTime := time.Duration(share * float64(time.Second/time.Duration(maxFPS)))
	order := make([]int, 0, len(costs))
	for i, c := range costs {
		at := len(order)
		for at > 0 && overtakes(c, costs[order[at-1]], inTime) {
			at--
		}
		order = slices.Insert(order, at, i)
	}
	return order
}

// overtakes says whether a backend is to be chosen before one that is before it.
func overtakes(c, before Cost, inTime time.Duration) bool {
	switch {
	case c.failed() || before.failed():
		return !c.failed()
	case c.Backend.Codec == encode.JPEG || before.Backend.Codec == encode.JPEG:
		return c.Backend.Codec != encode.JPEG
	}
	return before.P90 > inTime && Pays(before, c)
}

// failed says that the backend does not work.
func (c Cost) failed() bool { return c.Err != nil && !errors.Is(c.Err, ErrTooFew) }

// Pays says whether what another way to encode costs is worth changing to it: it has
// to save a quarter of the time.
func Pays(from, to Cost) bool {
	return from.Err == nil && to.Err == nil && 4*to.P50 <= 3*from.P50
}

// OnlyAsked says whether a codec is for those alone who ask for it: it costs more
// than most gain by it, and so is neither measured nor put in order.
func OnlyAsked(codec encode.Codec) bool { return codec == encode.H264444 }
