package session

import (
	"fmt"
	"time"

	"lucarne/input"
)

// defaultMaxClipboard is how much one content may have, in bytes.
const defaultMaxClipboard = 16 << 20

// copies are the newest contents of the desktop's clipboards, as far as viewers
// were concerned with them. Guarded by session.mu.
type copies struct {
	count   uint64 // of the contents so far; viewers compare it with what they have seen
	newest  map[input.Selection]copied
	in, out allowance
	outNow  uint64 // count of the content that has last been released
}

// copied is one of them.
type copied struct {
	count   uint64
	items   []input.Item
	objects []Object // what the audit is told of the items
	err     error    // why there are none: ErrTooLarge
	from    *Viewer  // who gave it; nil: the desktop
}

// join begins with a viewer. What was copied before is not news, unless it comes
// instead of another that was not done with it.
func (c *copies) join(v, instead *Viewer) {
	v.copying.seen, v.copying.has = c.count, c.count
	if instead != nil {
		v.copying.seen, v.copying.has = instead.copying.has, instead.copying.has
	}
}

// forget makes what a viewer has given the desktop's own.
func (c *copies) forget(v *Viewer) {
	for selection, copied := range c.newest {
		if copied.from == v {
			copied.from = nil
			c.newest[selection] = copied
		}
	}
}

// copying is what a viewer does with clipboards. Guarded by session.mu.
type copying struct {
	seen    uint64 // newest content that it has been told of
	has     uint64 // newest content that has got to it, or has come from it
	primary bool   // it wants what is marked with the mouse as well
	unfit   uint64
}

// CopyTerms say what a viewer's clipboard may be.
type CopyTerms struct {
	MaxBytes int  // of one content
	Primary  bool // the selection PRIMARY is carried, if the viewer wants it
}

// CopyTerms returns what the viewer's clipboard may be, for CopyIn or CopyOut.
func (v *Viewer) CopyTerms(f Feature) CopyTerms {
	s := v.session
	return CopyTerms{MaxBytes: s.copyTerms(f).MaxBytes, Primary: s.cfg.Primary}
}

// WantPrimary says whether the viewer's clipboard is also that of the selection
// PRIMARY, what is marked with the mouse. It is not unless Config.Primary is set.
func (v *Viewer) WantPrimary(on bool) {
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	v.copying.primary = on && s.cfg.Primary
}

// Announcement is a representation of a content that is to come.
type Announcement struct {
	MIME string `json:"mime"`
	Size int    `json:"size"` // bytes
}

// Announce returns the error that SetClipboard would for a content of these types
// and sizes, as far as they show it, so that it need not come at all.
func (v *Viewer) Announce(items []Announcement) error {
	s := v.session
	err := s.announce(v, items)
	if err == nil {
		return nil
	}
	detail := Detail{Operation: "announce"}
	for _, item := range items[:min(len(items), len(copyTypes))] {
		if carries(item.MIME) {
			detail.Objects = append(detail.Objects, Object{Type: item.MIME, Bytes: int64(item.Size)})
		}
	}
	return v.Use(CopyIn, detail, func(*Detail) error { return v.refuse("announce", err) })
}

func (s *Session) announce(v *Viewer, items []Announcement) error {
	terms := s.copyTerms(CopyIn)
	if !v.allows(CopyIn) {
		return ErrRefused
	}
	if len(items) == 0 || len(items) > len(copyTypes) {
		return ErrMalformed
	}
	left, known := terms.MaxBytes, make(map[string]bool)
	for _, item := range items {
		switch {
		case item.Size <= 0, known[item.MIME], !carries(item.MIME):
			return ErrMalformed
		case item.Size > left:
			return ErrTooLarge
		}
		known[item.MIME] = true
		left -= item.Size
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.copies.in.spent(terms, time.Now()) {
		return ErrTooOften
	}
	return nil
}

// carries says whether clipboards carry a type.
func carries(mime string) bool {
	for _, known := range copyTypes {
		if mime == known {
			return true
		}
	}
	return false
}

// refuse counts a content that is not carried.
func (v *Viewer) refuse(operation string, err error) error {
	v.session.mu.Lock()
	v.copying.unfit++
	v.session.mu.Unlock()
	return fmt.Errorf("session: %s clipboard: %w", operation, err)
}

// SetClipboard puts the viewer's content on the desktop's clipboard, and on PRIMARY
// as well if the viewer wants that, and so on the clipboards of the other viewers:
// who copied last has the clipboard. Types that the policy does not carry are left
// out. The errors are ErrRefused, ErrTooLarge, ErrTooOften, ErrMalformed and
// ErrNoDisplay. items must not change afterwards.
func (v *Viewer) SetClipboard(items []input.Item) error {
	return v.Use(CopyIn, Detail{}, func(detail *Detail) error {
		s := v.session
		given := items
		items, err := s.admit(v, given)
		if err != nil {
			detail.Objects = s.objects(given)
			return v.refuse("set", err)
		}
		detail.Objects = s.objects(items)
		clipboard, _ := s.hands.board()
		if clipboard == nil {
			return fmt.Errorf("session: set clipboard: %w", ErrNoDisplay)
		}
		s.mu.Lock()
		primary := v.copying.primary
		s.mu.Unlock()
		if err := clipboard.Offer(input.SelectionClipboard, items); err != nil {
			return fmt.Errorf("session: set clipboard: %w", err)
		}
		if primary {
			err = clipboard.Offer(input.SelectionPrimary, items)
		}
		s.publish(input.SelectionClipboard, copied{items: items, objects: detail.Objects, from: v})
		if err != nil {
			return fmt.Errorf("session: set clipboard: %w", err)
		}
		return nil
	})
}

// admit returns what of a viewer's content may be carried, and counts it.
func (s *Session) admit(v *Viewer, items []input.Item) ([]input.Item, error) {
	terms := s.copyTerms(CopyIn)
	if items = terms.carried(items); len(items) == 0 {
		return nil, ErrRefused
	}
	if size(items) > terms.MaxBytes {
		return nil, ErrTooLarge
	}
	var fitting []input.Item
	for _, item := range items {
		data, err := clean(item.MIME, item.Data)
		if err != nil {
			return nil, err
		}
		fitting = append(fitting, input.Item{MIME: item.MIME, Data: data})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.copies.in.spent(terms, now) {
		return nil, ErrTooOften
	}
	s.copies.in.charge(size(items), now)
	return fitting, nil
}
