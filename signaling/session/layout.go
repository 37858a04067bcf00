package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"lucarne/input"
)

// Layout names a keyboard layout.
type Layout = input.Layout

// layoutPause is the least time between two changes of the display's layout, for
// which it stands still.
const layoutPause = time.Second

// SetLayout says which keyboard layout the viewer's browser has, zero for
// unknown. That of who leads, if it may use the keyboard, is put in force on the
// display, also when the lead passes and when there is another display; one that is
// not known leaves the display as it is. A layout that is not among input.Layouts
// is an input.ErrInexpressible.
func (v *Viewer) SetLayout(l Layout) error {
	s := v.session
	if l != (Layout{}) && !slices.Contains(input.Layouts(), l) {
		s.hands.mu.Lock()
		v.counts.Failed++
		s.hands.mu.Unlock()
		return fmt.Errorf("session: set layout: %w", input.ErrInexpressible)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.left {
		return fmt.Errorf("session: set layout: %w", ErrLeft)
	}
	v.layout = l
	s.ring()
	return nil
}

// Layout returns the layout in force on the display, zero for unknown. Changed
// rings when it is another.
func (v *Viewer) Layout() Layout {
	v.session.mu.Lock()
	defer v.session.mu.Unlock()
	return v.session.layout
}

// leaderLayout returns the layout that the display should have; zero: any.
func (s *Session) leaderLayout() Layout {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leader == nil || !s.leader.allows(Keyboard) {
		return Layout{}
	}
	return s.leader.layout
}

// changeLayout gives the display the layout of who leads, once: one that somebody
// changes on the desktop stays as they want it. What is held is let go before. It
// returns how long it has to wait with it, 0 for not at all.
func (s *Session) changeLayout(now time.Time) (wait time.Duration) {
	h := s.hands
	h.mu.Lock()
	defer h.mu.Unlock()
	return s.followLeader(now)
}

// followLeader is changeLayout for who holds hands.mu.
func (s *Session) followLeader(now time.Time) (wait time.Duration) {
	h := s.hands
	want := s.leaderLayout()
	setter, ok := h.injector.(input.LayoutSetter)
	if !ok || want == (Layout{}) || want == h.asked || h.silent {
		return 0
	}
	if wait = layoutPause - now.Sub(h.askedAt); wait > 0 {
		return wait
	}
	h.asked, h.askedAt = want, now
	if want != setter.Layout() {
		for _, v := range s.everybody() {
			h.letGo(v)
		}
		err := setter.SetLayout(want)
		if h.note(err); h.silent {
			h.asked = Layout{} // again when it answers
		}
		if err != nil && !errors.Is(err, input.ErrGone) {
			s.cfg.Log.Warn("keyboard layout not set", "layout", want.Name, "variant", want.Variant, "err", err)
		}
	}
	s.noteLayout()
	return 0
}

// noteLayout tells everybody if the display's layout is another. The caller holds
// hands.mu.
func (s *Session) noteLayout() {
	var now Layout
	if setter, ok := s.hands.injector.(input.LayoutSetter); ok {
		now = setter.Layout()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now == s.layout {
		return
	}
	s.layout = now
	for _, v := range s.viewers {
		v.ring()
	}
}
