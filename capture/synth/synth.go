// Package synth is a source of deterministic moving pictures with the frame
// number painted in, for tests and measurements without a display.
package synth

import (
	"context"
	"errors"
	"image"
	"sync"
	"time"

	"lucarne/capture"
)

// The frame number is a row of 32 blocks in the top left corner, the highest
// bit first, white for 1 and black for 0, so that it survives any codec.
const (
	blockSize = 8
	numberLen = 32
)

// NumberBounds is where the frame number is painted; screens smaller than that
// carry as much of it as fits and cannot be read back.
var NumberBounds = image.Rect(0, 0, numberLen*blockSize, blockSize)

// Config says what pictures there are.
type Config struct {
	Size image.Point // pixels; zero: 1280x720
	FPS  float64     // how often Run rings; 0: 60
	// Frames ends the source after so many pictures; 0: never.
	Frames int
}

// Source paints picture n as a function of n alone: a grey gradient that
// scrolls, a bright square that moves across it, and n itself. Each Grab is the
// next picture. It is safe for one grabbing goroutine and one that runs Run.
type Source struct {
	cfg  Config
	bell chan struct{}

	mu     sync.Mutex
	pix    []byte
	size   image.Point // of pix
	want   image.Point // asked for by Resize
	next   uint32      // number of the next picture
	rung   time.Time
	square image.Rectangle // of the last picture
	closed bool
}

// errClosed is what a Grab after Close or after the last picture returns.
var errClosed = errors.New("synth: grab: the source is closed")

// New returns a source whose bell has rung once; without Run it rings no more.
func New(cfg Config) *Source {
	if cfg.Size == (image.Point{}) {
		cfg.Size = image.Pt(1280, 720)
	}
	if cfg.FPS == 0 {
		cfg.FPS = 60
	}
	s := &Source{cfg: cfg, bell: make(chan struct{}, 1), want: cfg.Size}
	s.Ring()
	return s
}

// Run rings FPS times a second until ctx ends or the last picture was grabbed.
func (s *Source) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Duration(float64(time.Second) / s.cfg.FPS))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if s.finished() {
				return errClosed
			}
			s.Ring()
		}
	}
}

func (s *Source) finished() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || s.cfg.Frames > 0 && int(s.next) >= s.cfg.Frames
}

// Ring says that there is a new picture, for a test that keeps its own time.
func (s *Source) Ring() {
	s.mu.Lock()
	s.rung = time.Now()
	s.mu.Unlock()
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// Damaged implements capture.Source.
func (s *Source) Damaged() <-chan struct{} { return s.bell }

// Grab implements capture.Source. The pixels are valid until the next Grab.
func (s *Source) Grab(f *capture.Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.cfg.Frames > 0 && int(s.next) >= s.cfg.Frames {
		return errClosed
	}
	damage := f.Damage[:0]
	whole := image.Rectangle{Max: s.want}
	if s.size != s.want {
		s.size = s.want
		s.pix = make([]byte, 4*s.size.X*s.size.Y)
		damage = append(damage, whole)
		s.paint(whole, gradient)
	} else {
		s.paint(s.square, gradient)
	}
	before := s.square
	s.square = s.place(s.next).Intersect(whole)
	s.paint(s.square, func(image.Point) [3]byte { return [3]byte{0x30, 0xc0, 0xf0} })
	s.paintNumber(s.next)
	if len(damage) == 0 {
		for _, r := range []image.Rectangle{before, s.square, NumberBounds.Intersect(whole)} {
			if !r.Empty() {
				damage = append(damage, r)
			}
		}
	}
	s.next++
	*f = capture.Frame{
		Pix: s.pix, Stride: 4 * s.size.X, Size: s.size, Damage: damage,
		Seq: uint64(s.next), Damaged: s.rung, Grabbed: time.Now(),
	}
	return nil
}

// Resize implements capture.Resizer.
func (s *Source) Resize(size image.Point) (image.Point, error) {
	if size.X < 1 || size.Y < 1 || size.X > 16384 || size.Y > 16384 {
		return image.Point{}, errors.New("synth: resize: not a size: " + size.String())
	}
	s.mu.Lock()
	s.want = size
	s.mu.Unlock()
	s.Ring()
	return size, nil
}

// Close implements capture.Source.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// place returns where the square is in picture n: it goes through the picture
// on a path that does not repeat for a long time.
func (s *Source) place(n uint32) image.Rectangle {
	side := max(min(s.size.X, s.size.Y)/6, 1)
	spanX, spanY := max(s.size.X-side, 1), max(s.size.Y-side-blockSize, 1)
	at := image.Pt(int(n)*7%spanX, blockSize+int(n)*5%spanY)
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))}
}

// gradient is the background: grey values with a slow change in both directions.
func gradient(p image.Point) [3]byte {
	v := byte(32 + (p.X/4+p.Y/2)%160)
	return [3]byte{v, v, v}
}

// paint fills r with a colour (B, G, R) for each pixel.
func (s *Source) paint(r image.Rectangle, colour func(image.Point) [3]byte) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := s.pix[4*(y*s.size.X+r.Min.X):]
		for x := r.Min.X; x < r.Max.X; x++ {
			c := colour(image.Pt(x, y))
			row[0], row[1], row[2] = c[0], c[1], c[2]
			row = row[4:]
		}
	}
}

func (s *Source) paintNumber(n uint32) {
	bounds := NumberBounds.Intersect(image.Rectangle{Max: s.size})
	s.paint(bounds, func(p image.Point) [3]byte {
		if n>>(numberLen-1-p.X/blockSize)&1 == 1 {
			return [3]byte{0xff, 0xff, 0xff}
		}
		return [3]byte{}
	})
}

// Number reads the frame number back from a decoded picture's luma plane,
// stride bytes a row. ok is false if the picture is too small to carry it.
func Number(luma []byte, stride int, size image.Point) (n uint32, ok bool) {
	if !NumberBounds.In(image.Rectangle{Max: size}) {
		return 0, false
	}
	for bit := range numberLen {
		n <<= 1
		if luma[blockSize/2*stride+bit*blockSize+blockSize/2] > 0x80 {
			n |= 1
		}
	}
	return n, true
}
