package session

import (
	"context"
	"slices"
	"strings"
	"time"

	"lucarne/input"
)

const (
	// pieceRunes is how much of a text is typed at once: between two pieces others
	// have their turn, for a program may have to be waited for.
	pieceRunes = 16
	// maxBacklog is how many events of a viewer may wait for a text before them.
	maxBacklog = 1024
	// maxPreparing is how long a piece waits for a display that makes ready for it: what
	// others type may undo that again and again.
	maxPreparing = 5 * time.Second
)

// backlog is a viewer's text that is being typed, and what comes after it.
type backlog struct {
	typing bool // there is one
	rest   string
	waited time.Duration // for the display to make ready for the next piece
	events []late
}

// late is an event that waits.
type late struct {
	seq, at uint32
	event   input.Event
}

// postpone keeps a text, which may take its time, and what comes after it by the
// reliable channel for Run. Motion does not wait, and repeats are of no use later.
// It reports whether the event is seen to. The caller holds hands.mu.
func (v *Viewer) postpone(e late) bool {
	text := false
	if _, text = e.event.(input.Text); !text && !v.backlog.typing {
		return false
	}
	switch key, isKey := e.event.(input.Key); {
	case isKey && key.Action == input.Repeat:
		return true
	case !input.Reliable(e.event):
		return false
	}
	if _, release := e.event.(input.Release); release {
		v.session.hands.letGo(v) // now, as well as what is still to be pressed
	}
	n := len(v.backlog.events)
	if n >= maxBacklog-1 { // of what is lost no release may be
		e.event = input.Release{}
		v.counts.Failed++
	}
	if n == maxBacklog {
		e.seq = max(e.seq, v.backlog.events[n-1].seq)
		v.backlog.events[n-1] = e
		return true
	}
	v.backlog.events = append(v.backlog.events, e)
	if h := v.session.hands; !v.backlog.typing {
		v.backlog.typing = true
		h.typing = append(h.typing, v)
		ring(v.session.texts)
	}
	return true
}

// inherit has a viewer go on with the text of another of the same page: what the page
// does next comes after it. The rest that had to wait is sent again.
func (h *hands) inherit(v, from *Viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := slices.Index(h.typing, from)
	if n < 0 || from.backlog.rest == "" {
		return
	}
	v.backlog = backlog{typing: true, rest: from.backlog.rest}
	from.backlog = backlog{}
	h.typing[n] = v
}

// typeTexts types what has been postponed until ctx ends.
func (s *Session) typeTexts(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.texts:
		}
		for ctx.Err() == nil && s.typeSome() {
		}
	}
}

// typeSome types a piece for the viewer whose turn it is, or deals with what comes
// after its text, and reports whether there may be more. Nobody waits while it does.
func (s *Session) typeSome() (more bool) {
	wait, more := s.typeNext()
	time.Sleep(wait)
	return more
}

// typeNext is typeSome, or returns how long the display has to be waited for before.
func (s *Session) typeNext() (wait time.Duration, more bool) {
	h := s.hands
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.typing) == 0 {
		return 0, false
	}
	v := h.typing[0] // until its piece is typed: two would take what they need from each other
	if wait := v.prepare(); wait > 0 {
		return wait, true
	}
	h.typing = h.typing[1:]
	if v.typePiece() {
		h.typing = append(h.typing, v)
	}
	return 0, true
}

// prepare has the display make ready for the next piece, and returns how long to wait
// for it. The caller holds hands.mu.
func (v *Viewer) prepare() (wait time.Duration) {
	preparer, ok := v.session.hands.injector.(input.Preparer)
	if !ok || v.backlog.rest == "" || v.backlog.waited >= maxPreparing || !v.types() {
		return 0
	}
	piece, _ := cut(v.backlog.rest)
	wait, err := preparer.Prepare(piece)
	if err != nil {
		return 0 // typing the piece tells
	}
	v.backlog.waited += wait
	return wait
}

// types reports whether the viewer may go on with its text.
func (v *Viewer) types() bool { return v.allows(Keyboard) && v.Err() == nil }

// typePiece reports whether there is more. The caller holds hands.mu.
func (v *Viewer) typePiece() bool {
	b := &v.backlog
	if b.rest == "" {
		if len(b.events) == 0 {
			*b = backlog{}
			return false
		}
		next := b.events[0]
		b.events = b.events[1:]
		v.take(next)
		return true
	}
	if !v.types() {
		b.rest = ""
		return true
	}
	h := v.session.hands
	var piece string
	piece, b.rest = cut(b.rest)
	b.waited = 0
	h.events = append(h.events[:0], input.Text{Text: piece})
	refused, _ := h.inject(h.events)
	v.counts.Failed += refused
	return true
}

// cut takes a piece off a text.
func cut(text string) (piece, rest string) {
	runes := 0
	i := strings.IndexFunc(text, func(rune) bool {
		runes++
		return runes > pieceRunes
	})
	if i < 0 {
		return text, ""
	}
	return text[:i], text[i:]
}
