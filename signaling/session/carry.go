package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"lucarne/input"
)

const (
	// clipboardPatience is how long the owner of a selection may take over one type.
	clipboardPatience = 5 * time.Second
	// carryShare is the part of the time that is spent on reading one selection, at
	// most, whatever programs do: one in so many.
	carryShare = 5
	// carryPause is the least time between two readings, so that text which grows
	// while it is marked is not read at each step.
	carryPause = 50 * time.Millisecond
)

// carry reads the desktop's clipboards whenever they change and somebody may have
// what they hold, until ctx ends.
func (s *Session) carry(ctx context.Context) {
	for ctx.Err() == nil {
		clipboard, replaced := s.hands.board()
		s.carryFrom(ctx, clipboard, replaced)
	}
}

// carryFrom is carry for one display's clipboard; nil: there is no display. Each
// selection has a reader of its own: an owner that does not answer holds up the
// other one not at all.
func (s *Session) carryFrom(ctx context.Context, clipboard input.Clipboard, replaced <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	var changed <-chan input.Selection
	bells := make(map[input.Selection]chan struct{})
	if clipboard != nil {
		changed = clipboard.Changed()
		for _, selection := range [...]input.Selection{input.SelectionClipboard, input.SelectionPrimary} {
			bell := make(chan struct{}, 1)
			bells[selection] = bell
			readers.Go(func() { s.carrySelection(ctx, clipboard, selection, bell) })
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-replaced:
			return
		case selection, open := <-changed:
			if !open {
				changed = nil // the display is going; replaced follows
			}
			if bell := bells[selection]; bell != nil {
				ring(bell)
			}
		}
	}
}

// carrySelection is carryFrom for one selection.
func (s *Session) carrySelection(ctx context.Context, clipboard input.Clipboard, selection input.Selection, bell <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-bell:
		}
		if !s.awaited(selection) {
			continue
		}
		began := time.Now()
		items, err := s.read(ctx, clipboard, selection)
		if len(items) > 0 || err != nil {
			s.publish(selection, copied{items: items, objects: s.objects(items), err: err})
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(carryPause, (carryShare-1)*time.Since(began))):
		}
	}
}

// read reads what of a selection can be carried. The error is ErrTooLarge, where
// there is nothing else; all others mean that there is nothing.
func (s *Session) read(ctx context.Context, clipboard input.Clipboard, selection input.Selection) (items []input.Item, tooLarge error) {
	left := s.cfg.MaxClipboard
	for _, mime := range copyTypes {
		data, err := s.readType(ctx, clipboard, selection, mime, left)
		switch {
		case errors.Is(err, input.ErrTooLarge):
			tooLarge = ErrTooLarge
		case errors.Is(err, context.DeadlineExceeded):
			s.cfg.Log.Info("clipboard not read: its owner does not answer", "selection", selection, "type", mime)
			return items, nil // nor will it for the types to come
		case err != nil: // mostly a type that there is not
			s.cfg.Log.Debug("clipboard not read", "selection", selection, "type", mime, "err", err)
		case len(data) > 0:
			items = append(items, input.Item{MIME: mime, Data: data})
			left -= len(data)
		}
	}
	if len(items) > 0 {
		return items, nil
	}
	return nil, tooLarge
}

// readType reads one type, as far as it can be carried.
func (s *Session) readType(ctx context.Context, clipboard input.Clipboard, selection input.Selection, mime string, limit int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, clipboardPatience)
	defer cancel()
	data, err := clipboard.Read(ctx, selection, mime, limit)
	if err != nil {
		return nil, err
	}
	return clean(mime, data)
}

// awaited says whether a viewer is here who may have what a selection holds.
func (s *Session) awaited(selection input.Selection) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.viewers {
		if v.allows(CopyOut) && (selection == input.SelectionClipboard || v.copying.primary) {
			return true
		}
	}
	return false
}
