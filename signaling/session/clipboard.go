package session

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"lucarne/input"
)

const (
	// MaxClipboard is the longest text that is carried either way, in bytes.
	MaxClipboard = 1 << 20
	// textMIME is the type of the only representation carried.
	textMIME = "text/plain;charset=utf-8"
	// clipboardPatience is how long the owner of a selection may take to answer.
	clipboardPatience = 5 * time.Second
)

// copied is the newest text on the desktop's clipboard, as far as viewers were
// concerned with it.
type copied struct {
	count uint64 // of the texts so far; viewers compare it with what they have seen
	text  string
	from  *Viewer // who gave it; nil: the desktop
}

// SetClipboard puts the viewer's text on the desktop's clipboard, and so on
// that of the other viewers. It returns ErrTooLarge above MaxClipboard bytes.
func (v *Viewer) SetClipboard(text string) error {
	if len(text) > MaxClipboard {
		return fmt.Errorf("session: set clipboard to %d bytes: %w", len(text), ErrTooLarge)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("session: set clipboard: not UTF-8")
	}
	return v.Do(CopyIn, func() error {
		s := v.session
		clipboard, _ := s.hands.board()
		if clipboard == nil {
			return fmt.Errorf("session: set clipboard: %w", ErrNoDisplay)
		}
		if err := clipboard.Offer(input.SelectionClipboard, []input.Item{{MIME: textMIME, Data: []byte(text)}}); err != nil {
			return fmt.Errorf("session: set clipboard: %w", err)
		}
		s.publish(text, v)
		return nil
	})
}

// Clipboard returns the desktop's newest text if this viewer may have it and
// does not have it yet. Changed rings when there may be one.
func (v *Viewer) Clipboard() (text string, ok bool) {
	s := v.session
	s.mu.Lock()
	c := s.copied
	fresh := c.count != v.copied
	v.copied = c.count
	s.mu.Unlock()
	if !fresh || c.from == v || !v.allows(CopyOut) {
		return "", false
	}
	err := v.Do(CopyOut, func() error { return nil })
	return c.text, err == nil
}

// publish makes text what the viewers have not seen yet. A program of the
// desktop that takes over what a viewer has just given (a clipboard manager
// does) sends nothing back to that viewer.
func (s *Session) publish(text string, from *Viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from == nil && s.copied.from != nil && s.copied.text == text {
		return
	}
	s.copied = copied{count: s.copied.count + 1, text: text, from: from}
	for _, v := range s.viewers {
		v.ring()
	}
}

// carry reads the desktop's clipboard whenever it changes and somebody may have
// it, until ctx ends.
func (s *Session) carry(ctx context.Context) {
	for ctx.Err() == nil {
		clipboard, replaced := s.hands.board()
		var changed <-chan input.Selection
		if clipboard != nil {
			changed = clipboard.Changed()
		}
		s.carryFrom(ctx, clipboard, changed, replaced)
	}
}

// carryFrom is carry for one display's clipboard.
func (s *Session) carryFrom(ctx context.Context, clipboard input.Clipboard, changed <-chan input.Selection, replaced <-chan struct{}) {
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
			if selection == input.SelectionClipboard && s.anybody(CopyOut) {
				s.read(ctx, clipboard)
			}
		}
	}
}

func (s *Session) read(ctx context.Context, clipboard input.Clipboard) {
	ctx, cancel := context.WithTimeout(ctx, clipboardPatience)
	defer cancel()
	data, err := clipboard.Read(ctx, input.SelectionClipboard, textMIME, MaxClipboard)
	if err != nil {
		s.cfg.Log.Debug("clipboard not read", "err", err) // often a picture: there is no text to carry
		return
	}
	if utf8.Valid(data) {
		s.publish(string(data), nil)
	}
}

// anybody says whether a viewer is here who may use a feature.
func (s *Session) anybody(f Feature) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.viewers {
		if v.allows(f) {
			return true
		}
	}
	return false
}
