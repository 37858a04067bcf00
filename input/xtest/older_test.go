package xtest

import "testing"

// Each set of older keysyms is compared at its ends.
func TestOlderKeysyms(t *testing.T) {
	for _, test := range []struct {
		sym  keysym
		char rune // 0: it stays
	}{
		{0x1a0, 0}, {0x1a1, 'Ą'}, {0x1a4, 0}, {0x1b3, 'ł'}, {0x1d0, 'Đ'}, {0x1ff, '˙'},
		{0x2a1, 'Ħ'}, {0x2b9, 'ı'}, {0x2fe, 'ŝ'}, {0x2ff, 0},
		{0x3a2, 'ĸ'}, {0x3bc, 'ŧ'}, {0x3bd, 'Ŋ'}, {0x3bf, 'ŋ'}, {0x3fe, 'ū'},
		{0x4a1, '。'}, {0x4b1, 'ア'}, {0x4df, '゜'},
		{0x5c1, 'ء'}, {0x5da, 'غ'}, {0x5db, 0}, {0x5e0, 'ـ'}, {0x5f2, '\u0652'},
		{0x6a1, 'ђ'}, {0x6c1, 'а'}, {0x6ff, 'Ъ'},
		{0x7a1, 'Ά'}, {0x7d9, 'Ω'}, {0x7f9, 'ω'},
		{0x8bc, '≤'}, {0x8fb, '←'}, {0x8fe, '↓'},
		{0xaa9, '—'}, {0xac3, '⅛'}, {0xac9, '™'}, {0xad0, '‘'}, {0xafe, '„'}, {0xaff, 0},
		{0xce0, 'א'}, {0xcfa, 'ת'}, {0xda1, 'ก'}, {0xdda, 'ฺ'}, {0xddf, '฿'}, {0xded, 'ํ'}, {0xdf0, '๐'}, {0xdf9, '๙'},
		{0x13bc, 'Œ'}, {0x13bd, 'œ'}, {0x13be, 'Ÿ'}, {symEuro, 0}, {symReturn, 0}, {'a', 0}, {symUnicode + 'ł', 0},
	} {
		want := test.sym
		if test.char != 0 {
			want = symUnicode + keysym(test.char)
		}
		if got := test.sym.canonical(); got != want {
			t.Errorf("canonical of %#x is %#x, want %#x", uint32(test.sym), uint32(got), uint32(want))
		}
	}
}
