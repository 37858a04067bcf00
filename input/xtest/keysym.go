package xtest

// A keysym names what a key means (X11 protocol, appendix A).
type keysym uint32

const (
	symShift      keysym = 0xffe1 // Shift_L
	symLevel3     keysym = 0xfe03 // ISO_Level3_Shift, AltGr
	symNumLock    keysym = 0xff7f
	symCapsLock   keysym = 0xffe5
	symReturn     keysym = 0xff0d
	symTab        keysym = 0xff09
	symEuro       keysym = 0x20ac
	symUnicode    keysym = 0x01000000 // plus a code point of at least 0x100
	symUnicodeMax keysym = symUnicode + 0x10ffff
)

// canonical returns the one keysym of those that mean the same by which they are
// compared: that of Latin 1 or the euro sign for its characters, else that of Unicode.
func (s keysym) canonical() keysym {
	switch c := s - symUnicode; {
	case s < symUnicode:
		return s.modern()
	case c >= 0x20 && c <= 0x7e, c >= 0xa0 && c <= 0xff:
		return c
	case c == 0x20ac:
		return symEuro
	}
	return s
}

// exists reports whether s is a keysym that X can have: in one of the ranges of
// keysymdef.h and XF86keysym.h, or a Unicode character.
func (s keysym) exists() bool {
	switch {
	case s >= 0x20 && s <= 0x7e, s >= 0xa0 && s <= 0x20ff:
		return true
	case s >= 0xfd00 && s <= 0xffff:
		return true
	case s >= 0x10080000 && s <= 0x1008ffff:
		return true
	case s >= symUnicode+0x100 && s <= symUnicodeMax:
		c := s - symUnicode
		return c&0xfffe != 0xfffe && (c < 0xd800 || c > 0xdfff)
	}
	return false
}

// text reports whether s is a character rather than a function, so that the
// modifiers in force must not turn it into another.
func (s keysym) text() bool {
	return s >= 0x20 && s < 0xfd00 || s >= symUnicode && s <= symUnicodeMax || s.keypadText()
}

// keypadText reports whether s is a digit or a separator of the keypad.
func (s keysym) keypadText() bool {
	return s >= 0xffb0 && s <= 0xffb9 || s == 0xffac || s == 0xffae
}

// modifier reports whether s only changes what other keys mean.
func (s keysym) modifier() bool {
	return s >= 0xffe1 && s <= 0xffee || s >= 0xfe01 && s <= 0xfe13 || s == 0xff7e || s == symNumLock
}
