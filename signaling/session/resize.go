package session

import (
	"errors"
	"fmt"
	"image"
	"math"

	"lucarne/capture"
)

// Wish is how a viewer would like the screen.
type Wish struct {
	Size  image.Point // pixels
	Scale float64     // device pixels to one of the page's, minScale to maxScale; 0: 1
}

// The scales that pages have: zoomed far out on a coarse screen, and a fine
// phone's.
const minScale, maxScale = 0.5, 4

// standardDPI is what a desktop is drawn for at a scale of 1.
const standardDPI = 96

// Resize asks for the screen that the viewer would like: of its size, which is
// shrunk to the session's MaxPixels, and with a DPI for which things are as large
// as on the page. It returns the size there is then. The screen is the leader's:
// anybody else's wish is ErrNotLeading, to be asked for again with the lead. One
// that no window has is ErrSize.
func (v *Viewer) Resize(wish Wish) (image.Point, error) {
	var got image.Point
	err := v.Do(Resize, func() (err error) {
		got, err = v.session.resize(v, wish)
		return err
	})
	return got, err
}

// resize gives the screen the size that its leader would like.
func (s *Session) resize(v *Viewer, wish Wish) (image.Point, error) {
	want, err := fit(wish, s.cfg.MaxPixels)
	if err != nil {
		return image.Point{}, fmt.Errorf("session: resize to %v: %w", wish, err)
	}
	s.resizing.Lock() // so that of two leaders in turn the later one's size is the last
	defer s.resizing.Unlock()
	if _, leads := v.Leader(); !leads {
		return image.Point{}, fmt.Errorf("session: resize: %w", ErrNotLeading)
	}
	s.setDPI(dpi(wish, want))
	got, err := s.cfg.Screen.Resize(want)
	if err != nil || got == want {
		return got, err
	}
	s.setDPI(dpi(wish, got))
	return s.cfg.Screen.Resize(got)
}

// setDPI sets the screen's DPI where it has one. With another it is still a
// screen to look at.
func (s *Session) setDPI(dpi int) {
	setter, ok := s.cfg.Screen.(capture.DPISetter)
	if !ok {
		return
	}
	if err := setter.SetDPI(dpi); err != nil && !errors.Is(err, capture.ErrNoScreen) {
		s.cfg.Log.Warn("desktop keeps its DPI", "err", err)
	}
}

// fit returns the size as it is asked of the screen: with the same proportions
// and at most pixels. Wishes that no window has are ErrSize.
func fit(wish Wish, pixels int) (image.Point, error) {
	const least, most = 64, 16384
	size := wish.Size
	if size.X < least || size.Y < least || size.X > most || size.Y > most {
		return image.Point{}, ErrSize
	}
	if wish.Scale != 0 && !(wish.Scale >= minScale && wish.Scale <= maxScale) { // NaN is neither
		return image.Point{}, ErrSize
	}
	if size.X*size.Y > pixels {
		scale := math.Sqrt(float64(pixels) / float64(size.X*size.Y))
		size = image.Pt(int(float64(size.X)*scale), int(float64(size.Y)*scale))
	}
	return size, nil
}

// dpi returns the DPI of a screen of a size that was wished for otherwise. The
// page enlarges a screen that is smaller, so that its things have to be smaller
// too, but never so small that there is nothing left to enlarge.
func dpi(wish Wish, got image.Point) int {
	scale := wish.Scale
	if scale == 0 {
		scale = 1
	}
	shown := min(float64(wish.Size.X)/float64(got.X), float64(wish.Size.Y)/float64(got.Y))
	least := min(scale, 1)
	return int(math.Round(standardDPI * max(scale/max(shown, 1), least)))
}
