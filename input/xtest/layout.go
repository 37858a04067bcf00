package xtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"lucarne/input"
)

// layouts is what the injector knows of the display's layout.
type layouts struct {
	xkb      *xkb        // nil: the display has none
	now      components  // that the keymap was compiled from
	original *components // as now, before SetLayout; nil: not changed
	rules    xproto.Atom // the property that says what setxkbmap was last called with
	property []byte      // its value before SetLayout
}

// SetLayout implements input.LayoutSetter by having the X server compile the layout
// from its own xkb-data, as setxkbmap does: the server cannot start without. What
// is held is let go. It takes the server some 10 ms, when it does nothing else.
func (i *Injector) SetLayout(l input.Layout) error {
	if i.closed {
		return fmt.Errorf("xtest: set layout: %w", input.ErrGone)
	}
	if l != (input.Layout{}) && !slices.Contains(input.Layouts(), l) {
		return fmt.Errorf("xtest: set layout: %w", input.ErrInexpressible)
	}
	if err := i.changeLayout(l); err != nil {
		return fmt.Errorf("xtest: set layout %s %s: %w", l.Name, l.Variant, err)
	}
	return nil
}

// Layout implements input.LayoutSetter.
func (i *Injector) Layout() input.Layout { return i.layouts.now.layout() }

func (i *Injector) changeLayout(l input.Layout) error {
	if err := i.ready(); err != nil {
		return err
	}
	s := &i.layouts
	if s.xkb == nil {
		return fmt.Errorf("%w: %w", input.ErrInexpressible, errNoXKB)
	}
	if l == (input.Layout{}) {
		return i.restoreLayout()
	}
	if l == s.now.layout() {
		return nil
	}
	before := s.now
	if err := i.compile(before.with(l)); err != nil {
		return err
	}
	if s.original == nil {
		s.original = &before
		reply, err := await(i, xproto.GetProperty(i.conn, false, i.root, s.rules, xproto.AtomString, 0, 256).Reply)
		if err != nil {
			return err
		}
		s.property = reply.Value
	}
	i.nameLayout([]byte(strings.Join([]string{"evdev", "pc105", l.Name, l.Variant, "", ""}, "\x00")))
	return nil
}

// restoreLayout puts the layout in force that there was before SetLayout.
func (i *Injector) restoreLayout() error {
	s := &i.layouts
	if s.original == nil {
		return nil
	}
	if err := i.compile(*s.original); err != nil {
		return err
	}
	i.nameLayout(s.property)
	s.original, s.property = nil, nil
	return nil
}

// compile puts a keymap in force and reads it. Keys that are down would keep the
// modifiers of the old one.
func (i *Injector) compile(c components) error {
	i.letGo()
	if _, err := await(i, xproto.GetInputFocus(i.conn).Reply); err != nil { // they are up
		return err
	}
	loaded, err := i.load(i.layouts.xkb, c)
	if err != nil {
		return err
	}
	if !loaded {
		return fmt.Errorf("%w: the X server has no %s", input.ErrInexpressible, c.symbols)
	}
	return i.readKeymap()
}

// nameLayout tells programs which layout there is, as setxkbmap does.
func (i *Injector) nameLayout(value []byte) {
	xproto.ChangeProperty(i.conn, xproto.PropModeReplace, i.root, i.layouts.rules, xproto.AtomString, 8, uint32(len(value)), value)
}

// findLayouts makes ready for changes of the layout, if the display has XKB.
func (i *Injector) findLayouts(connect func() (*xgb.Conn, error)) error {
	const name = "_XKB_RULES_NAMES"
	atom, err := await(i, xproto.InternAtom(i.conn, false, uint16(len(name)), name).Reply)
	if err != nil {
		return err
	}
	i.layouts.rules = atom.Atom
	i.layouts.xkb, err = i.openXKB(connect)
	if errors.Is(err, errNoXKB) {
		return nil
	}
	return err
}

// The parts of the symbols that every layout is put between, by the rules "evdev".
const (
	symbolsBase = "pc"
	symbolsLast = "inet(evdev)"
)

// layout returns the layout of a keymap; zero: it has none, or several.
func (c components) layout() (l input.Layout) {
	parts := strings.Split(c.symbols, "+")
	if len(parts) < 2 || parts[0] != symbolsBase || slices.ContainsFunc(parts, isFurther) {
		return input.Layout{}
	}
	l.Name, l.Variant, _ = strings.Cut(parts[1], "(")
	l.Variant = strings.TrimSuffix(l.Variant, ")")
	return l
}

// isFurther reports whether a part of the symbols is for another group than the
// first: "fr:2".
func isFurther(part string) bool {
	_, group, found := strings.Cut(part, ":")
	return found && group != "1"
}

// with returns the components of another layout; options are kept.
func (c components) with(l input.Layout) components {
	name := l.Name
	if l.Variant != "" {
		name += "(" + l.Variant + ")"
	}
	to := components{keycodes: "evdev+aliases(qwerty)", types: "complete", compat: "complete"}
	switch l.Name { // as the rules have it
	case "fr", "be":
		to.keycodes = "evdev+aliases(azerty)"
	case "de", "ch":
		to.keycodes = "evdev+aliases(qwertz)"
	case "jp":
		to.compat = "complete+japan"
	}
	parts := []string{symbolsBase, name, symbolsLast}
	if c.layout() != (input.Layout{}) {
		parts = strings.Split(c.symbols, "+")
		parts[1] = name
	}
	to.symbols = strings.Join(parts, "+")
	return to
}
