package xtest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"lucarne/input"
)

// batch is how many characters of a text get their keycodes at once, fewer than
// there are to spare: programs that read the whole mapping whenever it changes
// then do so before they have to keep up with keys.
const batch = 16

// Prepare implements input.Preparer for the first 16 characters of a text: they get
// their keycodes, as far as there are any to spare, and those are known to programs.
func (i *Injector) Prepare(text string) (wait time.Duration, err error) {
	if i.closed {
		return 0, fmt.Errorf("xtest: prepare: %w", input.ErrGone)
	}
	if err := i.ready(); err != nil {
		return 0, fmt.Errorf("xtest: prepare: %w", err)
	}
	chars := []rune(text)
	var lent []byte
	for _, c := range chars[:min(len(chars), batch)] {
		kc, _, err := i.find(character(c))
		if err != nil {
			continue // Inject tells
		}
		if kc == 0 {
			if next, ok := i.ring.next(i.keys.down); ok && slices.Contains(lent, next.keycode) {
				break // the rest has to take those that the beginning has
			}
			kc, wait, err = i.tryLend(keysym(character(c).Keysym).canonical())
			if wait > 0 || err != nil {
				return wait, err
			}
		}
		if i.ring.lends(kc) {
			lent = append(lent, kc)
		}
	}
	if len(lent) == 0 {
		return 0, nil
	}
	return max(0, spread-time.Since(i.pings.changed)), nil
}

// text types each character: by a key that has it, under the modifiers that this
// takes, else by a spare keycode. One that cannot be typed is left out.
func (i *Injector) text(text string) error {
	var refused error
	for chars := range slices.Chunk([]rune(text), batch) {
		for _, c := range chars {
			_, _, err := i.keycode(character(c))
			if err != nil && !errors.Is(err, input.ErrInexpressible) {
				return err
			}
		}
		state, err := i.state()
		if err != nil {
			return err
		}
		for _, c := range chars {
			switch err := i.strike(character(c), state); {
			case errors.Is(err, input.ErrInexpressible):
				refused = err
			case err != nil:
				return err
			}
		}
		if err := i.ready(); err != nil { // these were many requests
			return err
		}
	}
	return refused
}

// strike presses a key, in a state of the locks, and lets it go.
func (i *Injector) strike(k input.Key, state uint16) error {
	kc, under, err := i.keycode(k)
	if err != nil {
		return err
	}
	i.press(kc, i.keymap.locked(kc, under, state))
	i.release(kc)
	return nil
}

// character returns the key for a character, wherever it is.
func character(c rune) input.Key {
	sym := symUnicode + keysym(c)
	switch {
	case c == '\n':
		sym = symReturn
	case c == '\t':
		sym = symTab
	case c < 0x100:
		sym = keysym(c)
	}
	return input.Key{Keysym: uint32(sym)}
}
