package session

import (
	"errors"
	"fmt"
	"time"

	"lucarne/input"
)

// MaxInput is the size of the longest message of input, in bytes.
const MaxInput = input.MaxMessage

// Input takes one message of package input's wire format, from whichever
// channel it came by; messages of one viewer may come from several goroutines.
// What is malformed, refused or cannot be done is counted; a malformed message is
// an ErrMalformed, so that a transport can end a page that sends nothing else.
// msg is not kept.
func (v *Viewer) Input(msg []byte) error {
	seq, at, event, err := input.Decode(msg)
	h := v.session.hands
	h.mu.Lock()
	if err != nil {
		v.counts.Malformed++
		h.mu.Unlock()
		return fmt.Errorf("session: input: %w: %w", ErrMalformed, err)
	}
	if e := (late{seq, at, event}); !v.postpone(e) {
		v.take(e)
	}
	h.mu.Unlock()
	return nil
}

// take deals with an event in its turn. The caller holds hands.mu.
func (v *Viewer) take(e late) {
	held := v.keyboard.Holds()
	if v.perform(e.seq, e.at, e.event) && input.Reliable(e.event) && e.seq > v.seq.Load() {
		v.seq.Store(e.seq)
		v.ring()
	}
	if !held && v.keyboard.Holds() {
		v.session.ring()
	}
}

// perform lets an event happen, if the policy does. Letting go and renewing
// need no permission and show no person. It reports whether the event is dealt
// with: not if the viewer has left. The caller holds hands.mu.
func (v *Viewer) perform(seq, at uint32, event input.Event) (done bool) {
	var feature Feature
	switch event.(type) {
	case input.Key, input.Text, input.Locks:
		feature = Keyboard
	case input.Motion, input.Relative, input.Button, input.Wheel:
		feature = Pointer
	default:
		if done = v.present(); done {
			v.handle(seq, at, event)
		}
		return done
	}
	err := v.Do(feature, func() error { return v.handle(seq, at, event) })
	if err == nil {
		v.counts.Handled++
	}
	if _, moves := event.(input.Relative); moves && errors.Is(err, ErrRefused) {
		h := v.session.hands
		h.events = v.keyboard.Handle(h.events[:0], time.Now(), seq, at, event) // should it be let later
	}
	return !errors.Is(err, ErrLeft)
}

// handle brings the keyboard up to date and injects what follows from it. The
// caller holds hands.mu.
func (v *Viewer) handle(seq, at uint32, event input.Event) error {
	h := v.session.hands
	switch event.(type) {
	case input.Key, input.Text:
		v.session.followLeader(time.Now()) // whose keys they are may have changed with this one
	}
	h.events = v.keyboard.Handle(h.events[:0], time.Now(), seq, at, event)
	if len(h.events) == 1 {
		if text, ok := h.events[0].(input.Text); ok {
			v.backlog.rest = text.Text // it is typed by pieces
			return nil
		}
	}
	refused, err := h.inject(h.events)
	v.counts.Failed += refused
	if h.injector == nil {
		h.letGo(v) // pressed on no display: nothing of it is held
	}
	v.session.noteLayout() // somebody may have changed it on the desktop
	return err
}

// InputSeq returns the newest reliable sequence that has been handled: what the
// page need not send again. Changed rings when it grows, which it does not once the
// viewer has left.
func (v *Viewer) InputSeq() uint32 { return v.seq.Load() }
