package session

import (
	"time"

	"lucarne/input"
)

// Copied returns the desktop's newest content if this viewer may have it and does
// not have it yet; without items there is none. ErrTooLarge and ErrTooOften say that
// there would be one. Changed rings when there may be one.
func (v *Viewer) Copied() (Content, error) {
	s := v.session
	s.mu.Lock()
	content, c := s.newestFor(v)
	v.copying.seen = s.copies.count
	s.mu.Unlock()
	if c.count == 0 || c.from == v || !v.allows(CopyOut) {
		return Content{}, nil
	}
	terms := s.copyTerms(CopyOut)
	if c.err == nil {
		if content.Items = terms.carried(c.items); len(content.Items) == 0 {
			return Content{}, nil
		}
	}
	err := v.Use(CopyOut, Detail{Objects: terms.recorded(c.objects)}, func(*Detail) error {
		if c.err != nil {
			return v.refuse("copy", c.err)
		}
		return s.release(v, content, terms)
	})
	if err != nil {
		return Content{}, err
	}
	return content, nil
}

// HasCopied says that a content has got to the viewer. What has not is news for
// who joins instead of it.
func (v *Viewer) HasCopied(content Content) {
	v.session.mu.Lock()
	defer v.session.mu.Unlock()
	v.copying.has = max(v.copying.has, content.count)
}

// newestFor returns the newest content that a viewer has not been offered yet; its
// count is 0 for none. The caller holds s.mu.
func (s *Session) newestFor(v *Viewer) (content Content, newest copied) {
	for selection, c := range s.copies.newest {
		wanted := selection == input.SelectionClipboard || v.copying.primary
		if wanted && c.count > max(v.copying.seen, newest.count) {
			content, newest = Content{Selection: selection, count: c.count}, c
		}
	}
	return content, newest
}

// release counts a content that leaves the desktop, if it may.
func (s *Session) release(v *Viewer, content Content, terms CopyLimits) error {
	bytes := size(content.Items)
	if bytes > terms.MaxBytes {
		return v.refuse("copy", ErrTooLarge)
	}
	s.mu.Lock()
	now := time.Now()
	if content.count == s.copies.outNow { // others have it already
		terms.Interval = 0
	}
	spent := s.copies.out.spent(terms, now)
	if !spent {
		s.copies.out.charge(bytes, now)
		s.copies.outNow = content.count
	}
	s.mu.Unlock()
	if spent {
		return v.refuse("copy", ErrTooOften)
	}
	return nil
}

// publish makes a content what the viewers have not seen yet. A program of the
// desktop that takes over what a viewer has just given (a clipboard manager does)
// sends nothing back to that viewer.
func (s *Session) publish(selection input.Selection, c copied) {
	s.mu.Lock()
	defer s.mu.Unlock()
	given := s.copies.newest[input.SelectionClipboard]
	if c.from == nil && given.from != nil && repeats(c.items, given.items) {
		return
	}
	s.copies.count++
	c.count = s.copies.count
	if s.copies.newest == nil {
		s.copies.newest = make(map[input.Selection]copied)
	}
	s.copies.newest[selection] = c
	if c.from != nil {
		c.from.copying.has = c.count
	}
	for _, v := range s.viewers {
		v.ring()
	}
}
