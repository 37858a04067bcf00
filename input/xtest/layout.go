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
	mark     xproto.Atom // where the display keeps original and property
}

// layoutMark is a property of the root window: original and property of layouts, a
// STRING of parts that end with 0, for as long as an injector has the layout changed.
// It outlives an injector that is killed.
const layoutMark = "_LUCARNE_LAYOUT"

// SetLayout implements input.LayoutSetter by having the X server compile the layout
// from its own xkb-data, as setxkbmap does: the server cannot start without. What
// is held is let go. It takes the server some 10 ms, when it does nothing else, after
// the wait for characters that spare keycodes have just been pressed for.
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
	first := s.original == nil
	if first {
		if err := i.keepLayout(); err != nil {
			return err
		}
	}
	if err := i.compile(s.now.with(l)); err != nil {
		if first && errors.Is(err, input.ErrInexpressible) {
			i.forgetLayout()
		}
		return err
	}
	i.nameLayout(s.rules, []byte(strings.Join([]string{"evdev", "pc105", l.Name, l.Variant, "", ""}, "\x00")))
	return nil
}

// keepLayout remembers the layout that there is, here and on the display.
func (i *Injector) keepLayout() error {
	s := &i.layouts
	reply, err := await(i, xproto.GetProperty(i.conn, false, i.root, s.rules, xproto.AtomString, 0, 256).Reply)
	if err != nil {
		return err
	}
	original := s.now
	s.original, s.property = &original, reply.Value
	parts := []string{original.keycodes, original.types, original.compat, original.symbols, string(s.property)}
	i.nameLayout(s.mark, []byte(strings.Join(parts, "\x00")))
	return nil
}

// restoreForgottenLayout restores the layout as an injector that was killed would
// have. Otherwise its change would be taken for the display's own from now on.
func (i *Injector) restoreForgottenLayout() error {
	s := &i.layouts
	if s.xkb == nil {
		return nil
	}
	mark, err := await(i, xproto.GetProperty(i.conn, false, i.root, s.mark, xproto.AtomString, 0, 1024).Reply)
	if err != nil {
		return err
	}
	parts := strings.SplitN(string(mark.Value), "\x00", 5)
	if len(parts) < 5 {
		return nil
	}
	s.original = &components{keycodes: parts[0], types: parts[1], compat: parts[2], symbols: parts[3]}
	s.property = []byte(parts[4])
	if err := i.restoreLayout(); err != nil && !errors.Is(err, input.ErrInexpressible) {
		return err
	}
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
	i.nameLayout(s.rules, s.property)
	i.forgetLayout()
	return nil
}

// forgetLayout is for when the layout is the display's own.
func (i *Injector) forgetLayout() {
	xproto.DeleteProperty(i.conn, i.root, i.layouts.mark)
	i.layouts.original, i.layouts.property = nil, nil
}

// compile puts a keymap in force and reads it. Keys that are down would keep the
// modifiers of the old one, and spare keycodes that the program has not read lose
// their meaning.
func (i *Injector) compile(c components) error {
	if err := i.settleKeys(i.ring.latest()); err != nil {
		return err
	}
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

// nameLayout writes a layout into a property: into rules it tells programs which one
// there is, as setxkbmap does.
func (i *Injector) nameLayout(property xproto.Atom, value []byte) {
	xproto.ChangeProperty(i.conn, xproto.PropModeReplace, i.root, property, xproto.AtomString, 8, uint32(len(value)), value)
}

// findLayouts makes ready for changes of the layout, if the display has XKB.
func (i *Injector) findLayouts(connect func() (*xgb.Conn, error)) error {
	for name, atom := range map[string]*xproto.Atom{"_XKB_RULES_NAMES": &i.layouts.rules, layoutMark: &i.layouts.mark} {
		reply, err := await(i, xproto.InternAtom(i.conn, false, uint16(len(name)), name).Reply)
		if err != nil {
			return err
		}
		*atom = reply.Atom
	}
	var err error
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
