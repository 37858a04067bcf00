package session

import (
	"errors"
	"sync"
	"time"

	"lucarne/input"
)

// hands are what the session does to the display with: they come and go with it.
type hands struct {
	mu       sync.Mutex // guards the injector's use and every viewer's keyboard
	injector input.Injector
	held     input.Held
	typists  int          // viewers who may use the keyboard
	silent   bool         // the display has not answered: releases may have been refused
	asked    input.Layout // that the display was last asked for
	askedAt  time.Time
	typing   []*Viewer // who have a backlog, those who have left too: what is acknowledged is typed to its end
	events   []input.Event
	wake     chan struct{}        // the session's
	present  map[*Viewer]struct{} // whose counts are their own
	past     Counts               // of viewers who have left

	boardMu   sync.Mutex
	clipboard input.Clipboard
	replaced  chan struct{} // closed when clipboard is another
}

func newHands(wake chan struct{}) *hands {
	return &hands{wake: wake, replaced: make(chan struct{}), present: make(map[*Viewer]struct{})}
}

// SetHands gives the session the display's injector and clipboard; nil, nil says
// that the display is gone. What viewers hold is let go on the old display and
// has to be pressed again on the new one. The session closes neither; when
// SetHands returns it does not use the old injector any more.
func (s *Session) SetHands(injector input.Injector, clipboard input.Clipboard) {
	h := s.hands
	h.mu.Lock()
	for _, v := range s.everybody() {
		h.letGo(v)
	}
	if h.typists > 0 {
		h.autoRepeat(true)
	}
	h.injector, h.silent, h.asked, h.askedAt = injector, false, input.Layout{}, time.Time{}
	if h.typists > 0 {
		h.autoRepeat(false)
	}
	s.followLeader(time.Now())
	s.noteLayout()
	h.mu.Unlock()

	h.boardMu.Lock()
	defer h.boardMu.Unlock()
	h.clipboard = clipboard
	close(h.replaced)
	h.replaced = make(chan struct{})
}

// board returns the clipboard there is, nil for none, and what is closed when
// there is another.
func (h *hands) board() (input.Clipboard, <-chan struct{}) {
	h.boardMu.Lock()
	defer h.boardMu.Unlock()
	return h.clipboard, h.replaced
}

// count counts a viewer among the typists if it may use the keyboard. While
// somebody may, keys repeat in the browser and not on the display: there a release
// that the network holds up would type a line of letters. The caller holds mu.
func (h *hands) count(v *Viewer) {
	typist := v.present() && v.allows(Keyboard)
	if typist == v.typist {
		return
	}
	before := h.typists
	if v.typist = typist; typist {
		h.typists++
	} else {
		h.typists--
	}
	if (before == 0) != (h.typists == 0) {
		h.autoRepeat(h.typists == 0)
	}
}

// autoRepeat switches the display's own key repeat. A display that is going
// cannot be told, and a new one is told anew. The caller holds mu.
func (h *hands) autoRepeat(on bool) {
	if repeater, ok := h.injector.(input.AutoRepeater); ok {
		h.note(repeater.SetAutoRepeat(on))
	}
}

// note remembers a display that is there and does not answer. It lets go of
// everything once it answers, but has to be asked. The caller holds mu.
func (h *hands) note(err error) {
	before := h.silent
	h.silent = err != nil && !errors.Is(err, input.ErrGone) && !errors.Is(err, input.ErrInexpressible)
	if h.silent && !before {
		ring(h.wake)
	}
}

// askSilent asks a display that has not answered again, and says whether it
// still does not.
func (s *Session) askSilent() bool {
	h := s.hands
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.silent {
		return false
	}
	h.silent = false
	if repeater, ok := h.injector.(input.AutoRepeater); ok {
		err := repeater.SetAutoRepeat(h.typists == 0)
		h.silent = err != nil && !errors.Is(err, input.ErrGone)
	}
	return h.silent
}

// inject performs events in order and returns how many the display refused.
// The caller holds mu.
func (h *hands) inject(events []input.Event) (refused uint64, err error) {
	for _, e := range events {
		if h.injector == nil {
			return refused, ErrNoDisplay
		}
		injectErr := h.injector.Inject(e)
		if h.note(injectErr); injectErr != nil {
			refused, err = refused+1, injectErr
		}
	}
	return refused, err
}

// letGo releases all that a viewer holds. The caller holds mu.
func (h *hands) letGo(v *Viewer) {
	h.events = v.keyboard.Release(h.events[:0])
	h.inject(h.events) // what cannot be released on a display that goes is gone with it
}

// expire lets go of keys and buttons that no page has renewed, and says whether
// any are still held.
func (s *Session) expire(now time.Time) (held bool) {
	h := s.hands
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range s.everybody() {
		if v.keyboard.Holds() {
			h.events = v.keyboard.Expire(h.events[:0], now)
			h.inject(h.events)
			held = held || v.keyboard.Holds()
		}
	}
	return held
}
