package capture

import (
	"errors"
	"image"
	"time"
)

// maxDamage bounds the rectangles that a reader keeps: past it the two that fit
// together best become one, so that a reader that looks rarely stays small.
const maxDamage = 16

// Reader is one reader's view of a Screen: a Source whose damage is what
// changed since this reader's last Grab. A frame from it must be released, or
// it holds up everybody's next grab.
type Reader struct {
	screen *Screen
	bell   chan struct{}

	// guarded by screen.mu
	damage  []image.Rectangle
	damaged time.Time // of the oldest in damage
}

// NewReader returns a reader whose first Grab has the whole picture as damage.
func (s *Screen) NewReader() *Reader {
	r := &Reader{screen: s, bell: make(chan struct{}, 1), damage: make([]image.Rectangle, 0, maxDamage)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.Size != (image.Point{}) {
		r.damage = append(r.damage, image.Rectangle{Max: s.status.Size})
	}
	s.readers[r] = struct{}{}
	ring(r.bell)
	return r
}

// Damaged returns the reader's doorbell. It is never closed: a display that has
// gone may come back.
func (r *Reader) Damaged() <-chan struct{} { return r.bell }

// Grab fills f with the newest picture. Until f.Release the picture stays as it
// is. Without a display it returns ErrNoScreen; the bell rings when there is one.
func (r *Reader) Grab(f *Frame) error {
	f.Release()
	s := r.screen
	if err := s.refresh(); err != nil {
		return err
	}
	s.picture.RLock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source == nil || s.frame.Pix == nil { // it went between the two locks, or is about to
		s.picture.RUnlock()
		return ErrNoScreen
	}
	damage := append(f.Damage[:0], r.damage...)
	*f = s.frame
	f.Damage, f.Damaged, f.release = damage, r.damaged, s.release
	if f.Damaged.IsZero() {
		f.Grabbed = time.Now() // nothing has rung: this is what the screen shows now
	}
	r.damage, r.damaged = r.damage[:0], time.Time{}
	return nil
}

// Close takes the reader off the screen. Frames it has given out still have to
// be released.
func (r *Reader) Close() error {
	r.screen.mu.Lock()
	defer r.screen.mu.Unlock()
	delete(r.screen.readers, r)
	return nil
}

// refresh grabs if the source has rung since the last grab.
func (s *Screen) refresh() error {
	if !s.rang.Load() && s.Status().State == Up {
		return nil
	}
	s.picture.Lock()
	defer s.picture.Unlock()
	s.mu.Lock()
	source := s.source
	s.mu.Unlock()
	if source == nil {
		return ErrNoScreen
	}
	if !s.rang.Load() { // another reader was faster
		return nil
	}
	if err := s.grab(source); err != nil {
		select {
		case s.fault <- err:
		default:
		}
		return errors.Join(ErrNoScreen, err)
	}
	return nil
}

// note adds a grab's damage to what the reader has not seen yet. The caller
// holds screen.mu.
func (r *Reader) note(f *Frame, resized bool) {
	if resized {
		r.damage = append(r.damage[:0], image.Rectangle{Max: f.Size})
	}
	for _, rect := range f.Damage {
		r.damage = Merge(r.damage, rect, maxDamage)
	}
	if len(r.damage) == 0 {
		return
	}
	if r.damaged.IsZero() {
		r.damaged = f.Damaged
		if r.damaged.IsZero() {
			r.damaged = f.Grabbed
		}
	}
}

// Merge adds rect to list, which may hold at most n rectangles: beyond that rect
// is united with the one whose area grows least by it. Rectangles that others
// cover are left out.
func Merge(list []image.Rectangle, rect image.Rectangle, n int) []image.Rectangle {
	if rect.Empty() {
		return list
	}
	kept := list[:0]
	for _, have := range list {
		if rect.In(have) {
			return list
		}
		if !have.In(rect) {
			kept = append(kept, have)
		}
	}
	list = kept
	if len(list) < n {
		return append(list, rect)
	}
	best, least := 0, 0
	for i, have := range list {
		if growth := area(have.Union(rect)) - area(have); i == 0 || growth < least {
			best, least = i, growth
		}
	}
	list[best] = list[best].Union(rect)
	return list
}

func area(r image.Rectangle) int { return r.Dx() * r.Dy() }
