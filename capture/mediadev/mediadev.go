// Package mediadev makes a capture.Source a screen of pion/mediadevices, so that
// GetDisplayMedia works for programs that use it.
package mediadev

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"sync"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"

	"lucarne/capture"
)

// Register adds a screen under a label to mediadevices' drivers, which live as
// long as the program. open is called each time that the screen is opened: once
// to look at it and once to use it. The driver closes the source, and runs it
// while it is used if it is a capture.Runner.
func Register(label string, open func() (capture.Source, error)) error {
	info := driver.Info{Label: label, DeviceType: driver.Screen}
	if err := driver.GetManager().Register(&screen{open: open}, info); err != nil {
		return fmt.Errorf("mediadev: register %s: %w", label, err)
	}
	return nil
}

// screen is a driver.Adapter and VideoRecorder.
type screen struct {
	open func() (capture.Source, error)

	mu     sync.Mutex
	source capture.Source // nil: not open
	first  *Image         // grabbed to learn the size
	pool   pool
	done   chan struct{} // closed by Close: no more pictures
	stop   func()        // ends what VideoRecord has started, and waits for it

	grabbing sync.Mutex // held while a reader uses the source, and to close it
}

var (
	_ driver.Adapter       = (*screen)(nil)
	_ driver.VideoRecorder = (*screen)(nil)
)

// Open implements driver.Adapter. It grabs a picture: its size is the screen's.
func (s *screen) Open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	source, err := s.open()
	if err != nil {
		return fmt.Errorf("mediadev: open: %w", err)
	}
	var f capture.Frame
	if err := source.Grab(&f); err != nil {
		source.Close()
		return fmt.Errorf("mediadev: grab the first picture: %w", err)
	}
	defer f.Release()
	s.first = s.pool.get()
	s.first.copyOf(&f)
	s.source, s.done, s.stop = source, make(chan struct{}), func() {}
	return nil
}

// Close implements driver.Adapter. A Read that waits returns io.EOF.
func (s *screen) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source == nil {
		return nil
	}
	close(s.done)
	s.stop()
	s.grabbing.Lock()
	defer s.grabbing.Unlock()
	err := s.source.Close()
	s.source, s.first = nil, nil
	return err
}

// Properties implements driver.Adapter.
func (s *screen) Properties() []prop.Media {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == nil {
		return nil
	}
	size := s.first.frame.Size
	return []prop.Media{{Video: prop.Video{Width: size.X, Height: size.Y}}}
}

// VideoRecord implements driver.VideoRecorder. Each Read waits for something to
// change and returns an *Image.
func (s *screen) VideoRecord(prop.Media) (video.Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source == nil {
		return nil, errors.New("mediadev: record: the screen is not open")
	}
	if runner, ok := s.source.(capture.Runner); ok {
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { runner.Run(ctx) }) // its end is told by Grab
		s.stop = func() { cancel(); running.Wait() }
	}
	r := &reader{screen: s, source: s.source, done: s.done, first: s.first}
	return video.ReaderFunc(r.read), nil
}

// reader reads an open screen.
type reader struct {
	screen *screen
	source capture.Source
	done   <-chan struct{}
	first  *Image // to be read first; nil: has been
	frame  capture.Frame
}

func (r *reader) read() (image.Image, func(), error) {
	if m := r.first; m != nil {
		r.first = nil
		return m, r.screen.pool.release(m), nil
	}
	for {
		select {
		case <-r.done:
			return nil, nil, io.EOF
		case <-r.source.Damaged():
		}
		m, err := r.grab()
		if errors.Is(err, capture.ErrNoScreen) {
			continue // it rings when there is one
		}
		if err != nil {
			return nil, nil, err
		}
		return m, r.screen.pool.release(m), nil
	}
}

// grab copies a picture out of the source, unless that is being closed.
func (r *reader) grab() (*Image, error) {
	r.screen.grabbing.Lock()
	defer r.screen.grabbing.Unlock()
	select {
	case <-r.done:
		return nil, io.EOF
	default:
	}
	if err := r.source.Grab(&r.frame); err != nil {
		return nil, fmt.Errorf("mediadev: grab: %w", err)
	}
	defer r.frame.Release()
	m := r.screen.pool.get()
	m.copyOf(&r.frame)
	return m, nil
}
