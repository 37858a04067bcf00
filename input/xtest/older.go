package xtest

// older has the characters that have keysyms from the time before Unicode (X11 protocol,
// appendix A), set by set from the first keysym of each; a space: none, or not for sure.
var older = []struct {
	first keysym
	chars []rune
}{
	{0x1a1, []rune("Ą˘Ł ĽŚ  ŠŞŤŹ ŽŻ ą˛ł ľśˇ šşťź˝žżŔ  Ă ĹĆ Č Ę Ě  ĎĐŃŇ  Ő  ŘŮ Ű  Ţ ŕ  ă ĺć č ę ě  ďđńň  ő  řů ű  ţ˙")}, // Latin 2
	{0x2a1, []rune("Ħ    Ĥ  İ ĞĴ    ħ    ĥ  ı ğĵ        ĊĈ              Ġ  Ĝ    ŬŜ      ċĉ              ġ  ĝ    ŭŝ")},  // Latin 3
	{0x3a2, []rune("ĸŖ ĨĻ   ĒĢŦ      ŗ ĩļ   ēģŧŊ ŋĀ      Į    Ė  Ī ŅŌĶ     Ų   ŨŪ ā      į    ė  ī ņōķ     ų   ũū")},   // Latin 4
	{0x4a1, []rune("。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜")},                                 // Katakana
	{0x6a1, []rune("ђѓёєѕіїјљњћќґўџ№ЂЃЁЄЅІЇЈЉЊЋЌҐЎЏюабцдефгхийклмнопярстужвьызшэщчъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ")}, // Cyrillic
	{0x7a1, []rune("ΆΈΉΊΪ ΌΎΫ Ώ  ΅― άέήίϊΐόύϋΰώ     ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣ ΤΥΦΧΨΩ       αβγδεζηθικλμνξοπρσςτυφχψω")},       // Greek
	{0x8bc, []rune("≤≠≥∫∴∝∞  ∇  ∼≃   ⇔⇒≡      √   ⊂⊃∩∪∧∨               ∂      ƒ    ←↑→↓")},                             // Technical
	{0xaa9, []rune("—–   …‥⅓⅔⅕⅖⅗⅘⅙⅚℅  ‒       ⅛⅜⅝⅞  ™      ‘’“”℞‰′″ ✝                  ♣♦♥ ✠†‡✓✗♯♭♂♀☎⌕℗‸‚„")},          // Publishing
	{0x13bc, []rune("ŒœŸ")}, // Latin 9
}

// olderRuns are the sets that are in the order of Unicode.
var olderRuns = []struct {
	first, last keysym
	char        rune // of the first
}{
	{0x5c1, 0x5da, 0x0621}, {0x5e0, 0x5f2, 0x0640}, // Arabic
	{0xce0, 0xcfa, 0x05d0},                                                 // Hebrew
	{0xda1, 0xdda, 0x0e01}, {0xddf, 0xded, 0x0e3f}, {0xdf0, 0xdf9, 0x0e50}, // Thai
}

// modern returns the keysym that Unicode gives to the character of an older one; any
// other is returned as it is.
func (s keysym) modern() keysym {
	for _, set := range older {
		if i := int(s) - int(set.first); i >= 0 && i < len(set.chars) && set.chars[i] != ' ' {
			return symUnicode + keysym(set.chars[i])
		}
	}
	for _, run := range olderRuns {
		if s >= run.first && s <= run.last {
			return symUnicode + keysym(run.char) + s - run.first
		}
	}
	return s
}
