package encode

import (
	"cmp"
	"errors"
	"fmt"

	"lucarne/capture"
)

// Notify has changed called whenever Err or a seat's Encoding may have become
// another. It is called from any goroutine and must not block.
func (f *Fanout) Notify(changed func()) { f.notify.Store(&changed) }

func (f *Fanout) tell() {
	if changed := f.notify.Load(); changed != nil {
		(*changed)()
	}
}

// Err returns why an encoder makes no packets although it is wanted, which it
// goes on trying; nil if it makes them, as far as is known. An error stays after
// the last seat has been given up, until a stream or Try has made a packet.
func (f *Fanout) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return cmp.Or(f.failing[:]...)
}

// fail notes that a stream's encoder fails, and with nil that it works.
func (f *Fanout) fail(class Class, err error) {
	f.mu.Lock()
	before := f.failing[class]
	f.failing[class] = err
	f.mu.Unlock()
	if (err == nil) != (before == nil) {
		f.tell()
	}
}

// Try encodes the picture that there is now with an encoder of its own, and
// takes what failed before for mended if that makes a packet. No seat gets it. A
// stream that is watched tries for itself: its error is returned. Of a backend that
// is slow to open the encoder is kept for a while, and makes the Fanout Ready.
func (f *Fanout) Try() error {
	if err := f.watchedErr(); err != nil {
		return err
	}
	if err := f.encodeOnce(); err != nil {
		if !errors.Is(err, capture.ErrNoScreen) {
			f.fail(Main, err)
		}
		return fmt.Errorf("encode: try %s: %w", f.cfg.Backend.Name, err)
	}
	watched := f.watched()
	f.mu.Lock()
	for class := range classes {
		if !watched[class] {
			f.failing[class] = nil
		}
	}
	f.mu.Unlock()
	f.tell()
	return nil
}

// watchedErr returns why a stream fails that somebody watches; nil: none does.
func (f *Fanout) watchedErr() error {
	watched := f.watched()
	f.mu.Lock()
	defer f.mu.Unlock()
	for class := range classes {
		if watched[class] && f.failing[class] != nil {
			return f.failing[class]
		}
	}
	return nil
}

func (f *Fanout) encodeOnce() error {
	source := f.cfg.Open()
	defer source.Close()
	var frame capture.Frame
	if err := source.Grab(&frame); err != nil {
		return err
	}
	defer frame.Release()
	main := f.streams[Main].cfg
	cfg := Config{Size: frame.Size, BitrateBps: main.BitrateBps, MaxFPS: main.MaxFPS, Threads: main.Threads}
	encoder, err := f.cfg.Backend.Open(cfg)
	if err != nil {
		return err
	}
	if _, err = encoder.Encode(&frame, Op{Key: true}); err != nil {
		_ = encoder.Close() // that it fails is known
		return err
	}
	return f.keep(encoder, cfg)
}
