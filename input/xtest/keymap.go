package xtest

import (
	"slices"
	"unicode"

	"github.com/jezek/xgb/xproto"
)

// A keymap is the display's core keyboard mapping (X11 protocol, section 5) and
// its modifiers.
type keymap struct {
	first byte              // the lowest keycode
	width int               // keysyms a keycode
	syms  []keysym          // width for each keycode
	index map[keysym][]byte // the keycodes that can mean it, in group 1
	mods  [256]uint16       // modifiers that a keycode sets, as in the state of an event

	shift, level3 byte   // keycodes of these modifiers; 0: there is none
	level3Mask    uint16 // the modifier of level3
	numMask       uint16 // the modifier of Num_Lock
}

// columns are where the four levels of the first group stand among a keycode's
// keysyms, as the server writes an XKB map into the core one (XKB protocol,
// section 12.3): level 1 and 2 of groups 1 and 2, then level 3 and 4 of group 1.
var columns = [4]int{0, 1, 4, 5}

// mods are the modifiers that choose a level.
type mods struct{ shift, level3 bool }

func newKeymap(first byte, mapping *xproto.GetKeyboardMappingReply, modifiers *xproto.GetModifierMappingReply) *keymap {
	m := &keymap{first: first, width: int(mapping.KeysymsPerKeycode), index: make(map[keysym][]byte)}
	m.syms = make([]keysym, len(mapping.Keysyms))
	for i, s := range mapping.Keysyms {
		m.syms[i] = keysym(s)
	}
	per := int(modifiers.KeycodesPerModifier)
	for i, kc := range modifiers.Keycodes {
		if kc != 0 {
			m.mods[kc] |= 1 << (i / per)
		}
	}
	for i := range m.count() {
		m.add(first + byte(i))
	}
	// AltGr sets its modifier without being in the map of modifiers, by XKB.
	for _, kc := range m.index[symLevel3] {
		m.mods[kc] |= m.level3Mask
	}
	return m
}

// count is how many keycodes there are.
func (m *keymap) count() int {
	if m.width == 0 {
		return 0
	}
	return len(m.syms) / m.width
}

// row returns the keysyms of a keycode; nil if there is no such keycode.
func (m *keymap) row(kc byte) []keysym {
	i := int(kc) - int(m.first)
	if i < 0 || i >= m.count() {
		return nil
	}
	return m.syms[i*m.width : (i+1)*m.width]
}

// add enters a keycode into the index.
func (m *keymap) add(kc byte) {
	row := m.row(kc)
	for _, c := range columns {
		if c >= len(row) || row[c] == 0 {
			continue
		}
		s := row[c].canonical()
		if !slices.Contains(m.index[s], kc) {
			m.index[s] = append(m.index[s], kc)
		}
		switch {
		case s == symShift && m.mods[kc]&xproto.ModMaskShift != 0 && m.shift == 0:
			m.shift = kc
		case s == symLevel3 && m.mods[kc] != 0 && m.level3 == 0:
			m.level3, m.level3Mask = kc, m.mods[kc]
		case s == symNumLock:
			m.numMask |= m.mods[kc]
		}
	}
}

// set changes what a keycode means, in all levels.
func (m *keymap) set(kc byte, s keysym) {
	row := m.row(kc)
	for _, c := range columns {
		if c < len(row) && row[c] != 0 {
			old := row[c].canonical()
			m.index[old] = slices.DeleteFunc(m.index[old], func(k byte) bool { return k == kc })
		}
	}
	clear(row)
	for i := range min(2, len(row)) {
		row[i] = s
	}
	if s != 0 {
		m.add(kc)
	}
}

// meaning returns what a keycode means under modifiers, as a client sees it.
func (m *keymap) meaning(kc byte, under mods) keysym {
	row := m.row(kc)
	at := func(c int) keysym {
		if c < len(row) {
			return row[c].canonical()
		}
		return 0
	}
	base := 0
	if under.level3 && (at(columns[2]) != 0 || at(columns[3]) != 0) {
		base = 2
	}
	if s := at(columns[base+1]); under.shift && s != 0 {
		return s
	}
	return at(columns[base])
}

// has reports whether a keycode means s in some level.
func (m *keymap) has(kc byte, s keysym) bool { return slices.Contains(m.index[s], kc) }

// reach returns the modifiers under which a keycode means s, the ones in force
// if these will do.
func (m *keymap) reach(kc byte, s keysym, now mods) (mods, bool) {
	for _, under := range [...]mods{now, {}, {shift: true}, {level3: true}, {shift: true, level3: true}} {
		if under.shift && m.shift == 0 || under.level3 && m.level3 == 0 {
			continue
		}
		if m.meaning(kc, under) == s {
			return under, true
		}
	}
	return mods{}, false
}

// locked returns the modifiers under which a keycode means, with the locks in the
// state of the display, what it means under others without; nil, those in force,
// as it is.
func (m *keymap) locked(kc byte, under *mods, state uint16) *mods {
	if under == nil || !m.inverts(kc, state) {
		return under
	}
	return &mods{shift: !under.shift, level3: under.level3}
}

// inverts reports whether a lock that is on, in the state of the display, swaps
// what Shift does to a keycode.
func (m *keymap) inverts(kc byte, state uint16) bool {
	plain, shifted := m.meaning(kc, mods{}), m.meaning(kc, mods{shift: true})
	if shifted.keypadText() {
		return state&m.numMask != 0
	}
	return state&xproto.ModMaskLock != 0 && alphabetic(plain, shifted)
}

// alphabetic reports whether Caps_Lock acts on a key with these two meanings.
func alphabetic(plain, shifted keysym) bool {
	letter := func(s keysym) rune {
		switch {
		case s < 0x100:
			return rune(s)
		case s >= symUnicode && s <= symUnicodeMax:
			return rune(s - symUnicode)
		}
		return 0
	}
	p, s := letter(plain), letter(shifted)
	return p != s && unicode.IsLetter(p) && unicode.ToUpper(p) == s
}

// spares returns the keycodes that mean nothing and set nothing, the highest
// first: the lowest ones are the likeliest to have a meaning for somebody.
func (m *keymap) spares() (free []byte) {
	for i := m.count() - 1; i >= 0; i-- {
		kc := m.first + byte(i)
		if m.mods[kc] == 0 && !slices.ContainsFunc(m.row(kc), func(s keysym) bool { return s != 0 }) {
			free = append(free, kc)
		}
	}
	return free
}
