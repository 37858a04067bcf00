package capture

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// State is how a Screen's display is.
type State uint8

// The states, in the order in which a display usually goes through them.
const (
	Starting State = iota // not there yet, and never was
	Up                    // there
	Failed                // never was there, and the last try ended in an error
	Gone                  // was there; it is tried again
	States                // how many there are
)

// String returns the state's name as the page knows it.
func (s State) String() string {
	return [...]string{"starting", "up", "failed", "gone"}[s]
}

// Status is what a Screen knows of its display.
type Status struct {
	State State
	Size  image.Point // pixels; of the last picture if the display is not Up
	Err   error       // why it has failed or gone; nil otherwise
}

// Runner is a Source with a loop of its own, which reads the display's events.
// Screen runs it for as long as it uses the source; when it returns, the source
// is finished.
type Runner interface {
	Run(ctx context.Context) error
}

// Screen shares one Source, which may come and go, among any number of readers:
// one grab serves them all, and each learns what changed since it last looked.
type Screen struct {
	log   *slog.Logger
	rang  atomic.Bool   // the source rang since the last grab
	stale atomic.Bool   // the cursor changed since it was last fetched
	fault chan error    // a grab failed: Run gives the source up
	first time.Duration // back-off after the first failure to open

	// picture is held for writing while a grab writes into the source's memory
	// or the source is replaced, and for reading while a frame is in use.
	picture sync.RWMutex
	frame   Frame  // as last grabbed; guarded by picture
	release func() // picture.RUnlock, made once so that a Grab allocates nothing

	fetching sync.Mutex // held while the cursor is asked for

	mu      sync.Mutex // guards what follows; taken after picture and fetching, never before
	source  Source     // nil while there is none
	status  Status
	cursor  Cursor
	moved   time.Time // when a picture with damage was last grabbed
	readers map[*Reader]struct{}
	bells   map[chan struct{}]struct{}
}

// NewScreen returns a Screen without a source; Run gives it one.
func NewScreen(log *slog.Logger) *Screen {
	s := &Screen{
		log:     log,
		fault:   make(chan error, 1),
		first:   200 * time.Millisecond,
		readers: make(map[*Reader]struct{}),
		bells:   make(map[chan struct{}]struct{}),
	}
	s.release = s.picture.RUnlock
	return s
}

// maxPause is the longest pause before a display is tried again.
const maxPause = 5 * time.Second

// Run opens a source and serves the readers from it; when it is finished or a
// grab fails it opens another, with growing pauses up to 5 s. It returns when
// ctx ends, with the source closed.
func (s *Screen) Run(ctx context.Context, open func(context.Context) (Source, error)) error {
	pause := s.first
	for ctx.Err() == nil {
		opened := time.Now()
		source, err := open(ctx)
		if err == nil {
			err = s.attach(source)
			if err == nil {
				err = s.serve(ctx, source)
			}
			s.detach(source)
			if time.Since(opened) > maxPause { // it was of use
				pause = s.first
			}
		}
		if ctx.Err() != nil {
			break
		}
		s.down(err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
	return ctx.Err()
}

// serve passes the source's bells on until it is finished, and says why.
func (s *Screen) serve(ctx context.Context, source Source) error {
	ctx, cancel := context.WithCancel(ctx)
	finished := make(chan error, 1)
	if runner, ok := source.(Runner); ok {
		go func() { finished <- runner.Run(ctx) }()
	} else {
		finished = nil
	}
	defer func() {
		cancel()
		if finished != nil {
			<-finished
		}
	}()

	var cursor <-chan struct{}
	if pointed, ok := source.(Pointed); ok {
		cursor = pointed.CursorChanged()
	}
	heard := cursor // nil while it rests
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-finished:
			finished = nil
			return orGone(err)
		case err := <-s.fault:
			return err
		case _, open := <-source.Damaged():
			if !open {
				if finished == nil {
					return errGone
				}
				err := <-finished // it says why
				finished = nil
				return orGone(err)
			}
			s.rang.Store(true)
			s.Invalidate()
		case <-heard:
			heard = nil
			rest.Reset(s.cursorRest())
			s.stale.Store(true)
			s.notify()
		case <-rest.C:
			heard = cursor
		}
	}
}

// cursorRest returns how long nobody is told of a further cursor: as many as 40 a
// second are an animation, and large ones take time to be packed and sent.
func (s *Screen) cursorRest() time.Duration {
	const least, perPixel = 25 * time.Millisecond, 4 * time.Microsecond
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cursor.Image == nil {
		return least
	}
	size := s.cursor.Image.Rect.Size()
	return least + time.Duration(size.X*size.Y)*perPixel
}

// errGone is for a source that does not say why it has finished.
var errGone = errors.New("capture: the display has gone")

func orGone(err error) error {
	if err == nil {
		return errGone
	}
	return err
}

// attach makes source the screen's and takes its first picture, so that the
// size is known.
func (s *Screen) attach(source Source) error {
	s.picture.Lock()
	defer s.picture.Unlock()
	select {
	case <-s.fault: // the previous source's
	default:
	}
	s.stale.Store(true)
	s.mu.Lock()
	s.source = source
	s.cursor = Cursor{}
	s.mu.Unlock()
	if err := s.grab(source); err != nil {
		return err
	}
	s.mu.Lock()
	s.status.State, s.status.Err = Up, nil
	s.mu.Unlock()
	s.log.Info("display is up", "width", s.frame.Size.X, "height", s.frame.Size.Y)
	s.notify()
	s.Invalidate()
	return nil
}

func (s *Screen) detach(source Source) {
	s.picture.Lock() // nobody reads the picture that Close unmaps
	defer s.picture.Unlock()
	s.mu.Lock()
	s.source = nil
	s.mu.Unlock()
	s.frame.Pix = nil
	if err := source.Close(); err != nil {
		s.log.Warn("display did not close", "err", err)
	}
}

// down notes why there is no source now.
func (s *Screen) down(err error) {
	s.mu.Lock()
	next := Status{State: Failed, Size: s.status.Size, Err: err}
	if s.status.State == Up || s.status.State == Gone {
		next.State = Gone
	}
	changed := next.State != s.status.State || s.status.Err == nil || next.Err.Error() != s.status.Err.Error()
	s.status = next
	s.mu.Unlock()
	if changed {
		s.log.Warn("display is "+next.State.String(), "err", err)
		s.notify()
	}
}

// grab takes a picture from the source and notes for every reader what changed.
// The caller holds picture for writing.
func (s *Screen) grab(source Source) error {
	s.rang.Store(false) // before the grab: what changes during it rings again
	if err := source.Grab(&s.frame); err != nil {
		s.frame.Pix = nil // what it was may not be there any more
		return err
	}
	s.mu.Lock()
	resized := s.status.Size != s.frame.Size
	s.status.Size = s.frame.Size
	if len(s.frame.Damage) > 0 {
		s.moved = time.Now()
	}
	for r := range s.readers {
		r.note(&s.frame, resized)
	}
	s.mu.Unlock()
	if resized {
		s.notify()
	}
	return nil
}

// Invalidate rings every reader although there may be nothing new to it.
func (s *Screen) Invalidate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.readers {
		ring(r.bell)
	}
}

// Status returns how the display is.
func (s *Screen) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// stillAfter is for how long after its last change a picture counts as moving: what draws
// may itself be held up, by what asks for the answer.
const stillAfter = 2 * time.Second

// Moving says whether a reader has a picture that changes: it has lately, or has and the
// reader has had no time for it yet.
func (s *Screen) Moving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.readers) > 0 && (s.rang.Load() || time.Since(s.moved) <= stillAfter)
}

// Subscribe returns a doorbell of capacity 1 that rings when Status or Cursor
// has something new; it has rung once already. cancel ends it.
func (s *Screen) Subscribe() (bell <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	s.mu.Lock()
	s.bells[c] = struct{}{}
	s.mu.Unlock()
	return c, func() {
		s.mu.Lock()
		delete(s.bells, c)
		s.mu.Unlock()
	}
}

func (s *Screen) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for bell := range s.bells {
		ring(bell)
	}
}

// Cursor returns the cursor as last known, the zero Cursor while there is none.
// It asks the display only when the cursor has changed since the last call, so
// that cursors nobody looks at cost nothing.
func (s *Screen) Cursor() Cursor {
	s.picture.RLock() // keeps the source open
	defer s.picture.RUnlock()
	s.fetching.Lock() // who comes second waits for the new one
	defer s.fetching.Unlock()
	s.mu.Lock()
	pointed, ok := s.source.(Pointed)
	cursor := s.cursor
	s.mu.Unlock()
	if !ok || !s.stale.Swap(false) {
		return cursor
	}
	cursor, err := pointed.Cursor()
	if err != nil { // the display is going: its end is noticed elsewhere
		return Cursor{}
	}
	s.mu.Lock()
	s.cursor = cursor
	s.mu.Unlock()
	return cursor
}

// Doubt has the next Cursor ask the display although the picture is the same: a
// program may have put the pointer elsewhere, of which the display tells nobody.
func (s *Screen) Doubt() { s.stale.Store(true) }

// Resize asks the display for another size and returns the one it has then.
// Without a display, or with one that cannot be resized, it is an error.
func (s *Screen) Resize(size image.Point) (image.Point, error) {
	s.picture.RLock() // keeps the source open
	defer s.picture.RUnlock()
	s.mu.Lock()
	source := s.source
	s.mu.Unlock()
	if source == nil {
		return image.Point{}, ErrNoScreen
	}
	resizer, ok := source.(Resizer)
	if !ok {
		return image.Point{}, fmt.Errorf("capture: resize to %v: the display cannot be resized", size)
	}
	return resizer.Resize(size)
}

// SetDPI says to the display how many dots per inch it has. One that cannot be
// told stays as it is, which is no error; without a display it is ErrNoScreen.
func (s *Screen) SetDPI(dpi int) error {
	s.picture.RLock() // keeps the source open
	defer s.picture.RUnlock()
	s.mu.Lock()
	source := s.source
	s.mu.Unlock()
	if source == nil {
		return ErrNoScreen
	}
	if setter, ok := source.(DPISetter); ok {
		return setter.SetDPI(dpi)
	}
	return nil
}

// ring puts a value into a doorbell that may hold one already.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
