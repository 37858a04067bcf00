package watermark

import (
	"context"
	"errors"
	"image"
	"math/rand/v2"
	"time"

	"lucarne/capture"
)

// screen is a display that writes, as X displays do, more than what changed: the parts
// that it tells of by Fresh.
type screen struct {
	capture.Pointed
	shown   []byte // what the screen shows, without anything drawn over it
	size    image.Point
	pix     []byte
	changed []image.Rectangle // since the last Grab
	wider   []image.Rectangle // that the next Grab writes as well
	fresh   []image.Rectangle
	whole   bool
	renewed int
	fault   error // of the next Grab
	bell    chan struct{}
}

var errFault = errors.New("the screen does not answer")

func newScreen(size image.Point) *screen {
	s := &screen{bell: make(chan struct{}, 1)}
	s.Resize(size)
	return s
}

func (s *screen) Grab(f *capture.Frame) error {
	if s.fault != nil {
		err := s.fault
		s.fault, s.whole = nil, true
		for i := range s.pix[:len(s.pix)/2] {
			s.pix[i] = s.shown[i] // it came that far
		}
		return err
	}
	f.Damage, s.fresh = append(f.Damage[:0], s.changed...), append(append(s.fresh[:0], s.changed...), s.wider...)
	if s.whole {
		f.Damage = append(f.Damage[:0], image.Rectangle{Max: s.size})
		s.fresh = append(s.fresh[:0], f.Damage...)
	}
	s.changed, s.wider, s.whole = s.changed[:0], s.wider[:0], false
	for _, r := range s.fresh {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			row := 4 * y * s.size.X
			copy(s.pix[row+4*r.Min.X:row+4*r.Max.X], s.shown[row+4*r.Min.X:])
		}
	}
	f.Pix, f.Stride, f.Size, f.Grabbed = s.pix, 4*s.size.X, s.size, time.Now()
	f.Segment = capture.Segment{ID: 7, Generation: 1}
	return nil
}

func (s *screen) Resize(size image.Point) (image.Point, error) {
	s.size, s.whole = size, true
	s.shown, s.pix = make([]byte, 4*size.X*size.Y), make([]byte, 4*size.X*size.Y)
	s.changed, s.wider = nil, nil
	return size, nil
}

func (s *screen) Renew() {
	s.whole = true
	s.renewed++
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

func (s *screen) Damaged() <-chan struct{}      { return s.bell }
func (s *screen) Fresh() []image.Rectangle      { return s.fresh }
func (s *screen) SetDPI(int) error              { return nil }
func (s *screen) Close() error                  { return nil }
func (s *screen) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// part returns any part of the screen.
func (s *screen) part(random *rand.Rand) image.Rectangle {
	x, y := random.IntN(s.size.X), random.IntN(s.size.Y)
	return image.Rect(x, y, x+1+random.IntN(s.size.X-x), y+1+random.IntN(s.size.Y-y))
}

// paint gives a part of the screen any colours.
func (s *screen) paint(random *rand.Rand, r image.Rectangle) {
	colour := random.Uint32()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			pixel := s.shown[4*(y*s.size.X+x):][:4]
			pixel[0], pixel[1], pixel[2], pixel[3] = byte(colour)+byte(x), byte(colour>>8)+byte(y), byte(colour>>16), byte(colour>>24)
		}
	}
	s.changed = append(s.changed, r)
}
