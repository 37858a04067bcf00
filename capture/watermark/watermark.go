// Package watermark draws a text over every picture of a screen, before any
// encoder sees it, so that whatever carries the picture carries the text: who
// photographs or records the desktop records whose it was, and when.
//
// The text repeats at an angle, in light letters with a dark rim, so that it is
// read on any ground. It is drawn into the source's own memory, and only where
// that was written anew: nothing is copied, and what shared memory names the
// picture goes on naming it.
package watermark

import (
	"context"
	"image"
	"sync"
	"sync/atomic"
	"time"

	"lucarne/capture"
)

// Display is a source that can be drawn into: capture/x11 has one.
type Display interface {
	capture.Source
	capture.Runner
	capture.Resizer
	capture.DPISetter
	capture.Pointed
	// Fresh returns the parts of Pix that the last Grab has written, at least its
	// damage; they may overlap. What lies outside is as whoever drew into it left
	// it. They are valid until the next Grab, and not asked for during one.
	Fresh() []image.Rectangle
	// Renew has the next Grab write all of the picture, and says by Damaged that
	// there is one to be had.
	Renew()
}

// Config is what is drawn.
type Config struct {
	Text    Text    // its zero value draws nothing
	Fields  Fields  // that the text names
	Opacity float64 // of the letters, to 1; 0: 0.15
}

const defaultOpacity = 0.15

// Source is a Display whose pictures have the text on them. It is used as the
// Display is, which nobody else may use then.
type Source struct {
	Display
	cfg Config
	dpi atomic.Int64

	// touched by the goroutine that grabs
	drawn  look // what the picture's text is, wherever it was not written anew
	mark   mark
	pieces []image.Rectangle // scratch: what was written anew, without overlap
}

// look is what decides how the text looks, but for the picture's size.
type look struct {
	minute int64 // since 1970; 0: the text does not tell the time
	dpi    int64
}

// New returns the display with the text on it.
func New(display Display, cfg Config) *Source {
	if !(cfg.Opacity > 0) {
		cfg.Opacity = defaultOpacity
	}
	cfg.Opacity = min(cfg.Opacity, 1)
	s := &Source{Display: display, cfg: cfg}
	s.dpi.Store(standardDPI)
	return s
}

// Grab implements capture.Source. When the text is another than before the damage
// is the whole picture, for the earlier one has to go from everywhere.
func (s *Source) Grab(f *capture.Frame) error {
	now := time.Now()
	want := s.look(now)
	if want != s.drawn {
		s.Display.Renew()
	}
	if err := s.Display.Grab(f); err != nil {
		return err
	}
	if want != s.drawn || f.Size != s.mark.size {
		s.mark = newMark(s.cfg.Text.expand(s.cfg.Fields, now), s.cfg.Opacity, f.Size, int(want.dpi))
		s.drawn = want
	}
	s.pieces = disjoint(s.pieces[:0], s.Display.Fresh())
	for _, piece := range s.pieces {
		s.mark.blend(f.Pix, f.Stride, piece)
	}
	return nil
}

func (s *Source) look(now time.Time) look {
	l := look{dpi: s.dpi.Load()}
	if s.cfg.Text.timed() {
		l.minute = now.Unix() / 60
	}
	return l
}

// SetDPI implements capture.DPISetter: the text keeps its size among other text.
func (s *Source) SetDPI(dpi int) error {
	if err := s.Display.SetDPI(dpi); err != nil {
		return err
	}
	if s.dpi.Swap(int64(dpi)) != int64(dpi) {
		s.Display.Renew()
	}
	return nil
}

// Run implements capture.Runner. Each minute it rings if the text tells the time;
// where nobody watches nobody grabs, and that is all that it costs.
func (s *Source) Run(ctx context.Context) error {
	if !s.cfg.Text.timed() {
		return s.Display.Run(ctx)
	}
	ticking, stop := context.WithCancel(ctx)
	var clock sync.WaitGroup
	defer clock.Wait()
	defer stop()
	clock.Go(func() { s.tick(ticking) })
	return s.Display.Run(ctx)
}

func (s *Source) tick(ctx context.Context) {
	const late = 20 * time.Millisecond // for a clock that is being put right meanwhile
	for {
		now := time.Now()
		select {
		case <-ctx.Done():
			return
		case <-time.After(now.Truncate(time.Minute).Add(time.Minute + late).Sub(now)):
			s.Display.Renew()
		}
	}
}

// disjoint appends rectangles to list that cover the same and do not overlap.
func disjoint(list, rects []image.Rectangle) []image.Rectangle {
	for _, r := range rects {
		list = appendRest(list, 0, len(list), r)
	}
	return list
}

// appendRest appends to list what of r is outside of list[from:to].
func appendRest(list []image.Rectangle, from, to int, r image.Rectangle) []image.Rectangle {
	for ; from < to && !r.Overlaps(list[from]); from++ {
	}
	if r.Empty() {
		return list
	}
	if from == to {
		return append(list, r)
	}
	hole := r.Intersect(list[from])
	for _, rest := range [...]image.Rectangle{
		image.Rect(r.Min.X, r.Min.Y, r.Max.X, hole.Min.Y),
		image.Rect(r.Min.X, hole.Min.Y, hole.Min.X, hole.Max.Y),
		image.Rect(hole.Max.X, hole.Min.Y, r.Max.X, hole.Max.Y),
		image.Rect(r.Min.X, hole.Max.Y, r.Max.X, r.Max.Y),
	} {
		list = appendRest(list, from+1, to, rest)
	}
	return list
}
