package xtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jezek/xgb/xproto"

	"lucarne/capture/display"
	"lucarne/input"
)

// keycaps are the keys of the four rows, in the order of the characters below.
var keycaps = strings.Fields(`
	Backquote Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal
	KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Backslash
	KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote
	IntlBackslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash`)

// A keyboard is what is printed on the keys of a country. A dead key has its
// accent as a combining character.
type keyboard struct {
	layout       input.Layout
	plain, shift string // of keycaps
	altGr        string // a key and its character, with AltGr
	shiftAltGr   string
}

var keyboards = []keyboard{{
	layout: input.Layout{Name: "us"},
	plain:  "`1234567890-=" + `qwertyuiop[]\` + "asdfghjkl;'" + "<zxcvbnm,./",
	shift:  "~!@#$%^&*()_+" + `QWERTYUIOP{}|` + `ASDFGHJKL:"` + ">ZXCVBNM<>?",
}, {
	layout: input.Layout{Name: "gb"},
	plain:  "`1234567890-=" + "qwertyuiop[]#" + "asdfghjkl;'" + `\zxcvbnm,./`,
	shift:  "¬!\"£$%^&*()_+" + "QWERTYUIOP{}~" + "ASDFGHJKL:@" + "|ZXCVBNM<>?",
	altGr:  "Backquote | Digit4 €",
}, {
	layout: input.Layout{Name: "fr"},
	plain:  "²&é\"'(-è_çà)=" + "azertyuiop\u0302$*" + "qsdfghjklmù" + "<wxcvbn,;:!",
	shift:  "~1234567890°+" + "AZERTYUIOP\u0308£µ" + "QSDFGHJKLM%" + ">WXCVBN?./§",
	altGr:  "Digit2 ~ Digit3 # Digit4 { Digit5 [ Digit6 | Digit7 ` Digit8 \\ Digit9 ^ Digit0 @ Minus ] Equal } KeyE € BracketRight ¤",
}, {
	layout: input.Layout{Name: "ca"},
	plain:  "#1234567890-=" + "qwertyuiop\u0302\u0327<" + "asdfghjkl;\u0300" + "«zxcvbnm,.é",
	shift:  "|!\"/$%?&*()_+" + "QWERTYUIOP\u0302\u0308>" + "ASDFGHJKL:\u0300" + "»ZXCVBNM'.É",
	altGr: "Backquote \\ Digit1 ± Digit2 @ Digit3 £ Digit4 ¢ Digit5 ¤ Digit6 ¬ Digit7 ¦ Digit8 ² Digit9 ³ Digit0 ¼ Minus ½ Equal ¾ " +
		"KeyO § KeyP ¶ BracketLeft [ BracketRight ] Semicolon ~ Quote { Backslash } IntlBackslash ° KeyM µ Slash \u0301",
}, {
	layout: input.Layout{Name: "de"},
	plain:  "\u03021234567890ß\u0301" + "qwertzuiopü+#" + "asdfghjklöä" + "<yxcvbnm,.-",
	shift:  "°!\"§$%&/()=?\u0300" + "QWERTZUIOPÜ*'" + "ASDFGHJKLÖÄ" + ">YXCVBNM;:_",
	altGr:  "Digit2 ² Digit3 ³ Digit7 { Digit8 [ Digit9 ] Digit0 } Minus \\ KeyQ @ KeyE € BracketRight ~ IntlBackslash | KeyM µ",
}, {
	layout:     input.Layout{Name: "it"},
	plain:      "\\1234567890'ì" + "qwertyuiopè+ù" + "asdfghjklòà" + "<zxcvbnm,.-",
	shift:      "|!\"£$%&/()=?^" + "QWERTYUIOPé*§" + "ASDFGHJKLç°" + ">ZXCVBNM;:_",
	altGr:      "KeyE € BracketLeft [ BracketRight ] Semicolon @ Quote #",
	shiftAltGr: "BracketLeft { BracketRight }",
}, {
	layout: input.Layout{Name: "es"},
	plain:  "º1234567890'¡" + "qwertyuiop\u0300+ç" + "asdfghjklñ\u0301" + "<zxcvbnm,.-",
	shift:  "ª!\"·$%&/()=?¿" + "QWERTYUIOP\u0302*Ç" + "ASDFGHJKLÑ\u0308" + ">ZXCVBNM;:_",
	altGr:  "Backquote \\ Digit1 | Digit2 @ Digit3 # Digit4 ~ Digit6 ¬ KeyE € BracketLeft [ BracketRight ] Quote { Backslash }",
}, {
	layout:     input.Layout{Name: "ch"},
	plain:      "§1234567890'\u0302" + "qwertzuiopü\u0308$" + "asdfghjklöä" + "<yxcvbnm,.-",
	shift:      "°+\"*ç%&/()=?\u0300" + "QWERTZUIOPè!£" + "ASDFGHJKLéà" + ">YXCVBNM;:_",
	altGr:      "Digit2 @ Digit3 # Digit6 ¬ Digit7 | Digit8 ¢ Minus \u0301 Equal \u0303 KeyE € BracketLeft [ BracketRight ] Quote { Backslash } IntlBackslash \\",
	shiftAltGr: "KeyQ Ω Digit1 ¡ Minus ¿",
}, {
	layout: input.Layout{Name: "ch", Variant: "fr"},
	plain:  "§1234567890'\u0302" + "qwertzuiopè\u0308$" + "asdfghjkléà" + "<yxcvbnm,.-",
	shift:  "°+\"*ç%&/()=?\u0300" + "QWERTZUIOPü!£" + "ASDFGHJKLöä" + ">YXCVBNM;:_",
	altGr:  "Digit2 @ Digit3 # Digit6 ¬ Digit7 | Digit8 ¢ Minus \u0301 Equal \u0303 KeyE € BracketLeft [ BracketRight ] Quote { Backslash } IntlBackslash \\",
}, {
	layout: input.Layout{Name: "jp"},
	plain:  " 1234567890-^" + "qwertyuiop@[]" + "asdfghjkl;:" + " zxcvbnm,./",
	shift:  " !\"#$%&'()~=~" + "QWERTYUIOP`{}" + "ASDFGHJKL+*" + " ZXCVBNM<>?",
}}

// symbols are keysyms of the characters above that are not those of Unicode.
var symbols = map[rune]keysym{
	'\u0300': 0xfe50, '\u0301': 0xfe51, '\u0302': 0xfe52, '\u0303': 0xfe53, '\u0308': 0xfe57, '\u0327': 0xfe5b,
	'€': symEuro,
}

// composed is what each dead key makes of a letter.
var composed = map[rune][2]rune{
	'\u0300': {'a', 'à'}, '\u0301': {'e', 'é'}, '\u0302': {'o', 'ô'}, '\u0303': {'n', 'ñ'}, '\u0308': {'u', 'ü'}, '\u0327': {'c', 'ç'},
}

// A stroke is a key with the modifiers that are held for it, and its character.
type stroke struct {
	code  string
	under mods
	char  rune
}

func (k keyboard) strokes() (all []stroke) {
	for _, level := range []struct {
		under mods
		chars string
	}{{mods{}, k.plain}, {mods{shift: true}, k.shift}} {
		for n, c := range []rune(level.chars) {
			if c != ' ' {
				all = append(all, stroke{keycaps[n], level.under, c})
			}
		}
	}
	for _, level := range []struct {
		under mods
		pairs string
	}{{mods{level3: true}, k.altGr}, {mods{shift: true, level3: true}, k.shiftAltGr}} {
		pairs := strings.Fields(level.pairs)
		for n := 0; n+1 < len(pairs); n += 2 {
			all = append(all, stroke{pairs[n], level.under, []rune(pairs[n+1])[0]})
		}
	}
	return all
}

// strike presses a key by its place alone, and its modifiers around it.
func (d *desktop) strike(s stroke) {
	d.t.Helper()
	var held []string
	if s.under.shift {
		held = append(held, "ShiftLeft")
	}
	if s.under.level3 {
		held = append(held, "AltRight")
	}
	for _, code := range held {
		d.inject(down(code, 0))
	}
	d.inject(down(s.code, 0), up(s.code, 0))
	for _, code := range held {
		d.inject(up(code, 0))
	}
}

func (d *desktop) setLayout(l input.Layout) {
	d.t.Helper()
	if err := d.i.SetLayout(l); err != nil {
		d.t.Fatal(err)
	}
	if got := d.i.Layout(); got != l {
		d.t.Errorf("the layout in force is %v, want %v", got, l)
	}
}

func TestKeyboardsAreComplete(t *testing.T) {
	var got []input.Layout
	for _, k := range keyboards {
		got = append(got, k.layout)
		for _, level := range []string{k.plain, k.shift} {
			if n := len([]rune(level)); n != len(keycaps) {
				t.Errorf("%v: %d characters for %d keys in %q", k.layout, n, len(keycaps), level)
			}
		}
	}
	if want := input.Layouts(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("layouts %v, want %v", got, want)
	}
}

// By its place alone each key means, in each layout, what is printed on it.
func TestLayouts(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		for _, k := range keyboards {
			d.setLayout(k.layout)
			for _, s := range k.strokes() {
				want, ok := symbols[s.char]
				if !ok {
					want = keysym(character(s.char).Keysym)
				}
				d.strike(s)
				if got, _ := d.pressed(); keysym(got).canonical() != want {
					t.Errorf("%v: %s under %+v: the program got keysym %#x, want %#x (%c)", k.layout, s.code, s.under, got, want, s.char)
				}
			}
			d.sync()
			d.nothingDown()
		}
	})
}

// What keys of a layout have is typed by them, also where the layout names it as was done
// before Unicode: no keycode is lent.
func TestLayoutsTypeWhatTheyHave(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		for layout, text := range map[input.Layout]string{
			{Name: "gb"}: "łŁđªŧŦŋŊħĦĸıΩ←↑→↓“”„•½⅛⅜⅝⅞™",
			{Name: "ca"}: "±¤¼½¾§¶«»éÉ",
			{Name: "de"}: "ĸłŁđŊħĦ·…–“”„‚‘’™⅛⅜",
		} {
			d.setLayout(layout)
			d.inject(input.Text{Text: text})
			for _, want := range text {
				if got, _ := d.pressed(); keysym(got).canonical() != keysym(character(want).Keysym).canonical() {
					t.Errorf("%v: the program got keysym %#x, want %q", layout, got, want)
				}
			}
			if lent := d.i.ring.lent(); len(lent) > 0 {
				t.Errorf("%v: %d keycodes were lent for characters that keys have", layout, len(lent))
			}
		}
	})
}

// A terminal that runs all the while types what is printed on the keys, with the
// dead keys composed by it.
func TestLayoutsIntoXterm(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		out := d.startXterm()
		want := ""
		for _, k := range keyboards {
			d.setLayout(k.layout)
			strokes := k.strokes()
			letters := make(map[rune]stroke)
			for _, s := range strokes {
				if s.under == (mods{}) {
					letters[s.char] = s
				}
			}
			for _, s := range strokes {
				d.strike(s)
				if pair, dead := composed[s.char]; dead {
					d.strike(letters[pair[0]])
					want += string(pair[1])
				} else {
					want += string(s.char)
				}
			}
			d.strike(stroke{code: "Enter"})
			want += "\n"
			eventually(t, func() error {
				got, _ := os.ReadFile(out)
				if string(got) != want {
					return fmt.Errorf("layout %v: the program got\n%q, want\n%q", k.layout, got, want)
				}
				return nil
			})
		}
	})
}

// What SetLayout changes is what setxkbmap tells of, and Close puts it back.
func TestLayoutIsRestored(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		query := func() string {
			out, err := exec.Command("setxkbmap", "-display", d.name, "-query").Output()
			if errors.Is(err, exec.ErrNotFound) {
				t.Skip("setxkbmap is not installed")
			}
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		}
		mapping := func() string {
			reply, err := xproto.GetKeyboardMapping(d.conn, 8, 240).Reply()
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(reply.Keysyms)
		}
		query0, mapping0 := query(), mapping()
		d.setLayout(input.Layout{Name: "ch", Variant: "fr"})
		for _, want := range []string{"layout:     ch\n", "variant:    fr\n"} {
			if got := query(); !strings.Contains(got, want) {
				t.Errorf("setxkbmap -query = %q, want %q in it", got, want)
			}
		}
		d.inject(input.Text{Text: "日"})
		d.setLayout(input.Layout{Name: "jp"})
		if err := d.i.SetLayout(input.Layout{}); err != nil {
			t.Fatal(err)
		}
		if got := mapping(); got != mapping0 {
			t.Error("the mapping is not what it was before SetLayout")
		}
		d.setLayout(input.Layout{Name: "fr"})
		d.i.Close()
		if got := query(); got != query0 {
			t.Errorf("setxkbmap -query = %q after Close, want %q", got, query0)
		}
		if got := mapping(); got != mapping0 {
			t.Error("the mapping is not what it was before Open")
		}
	})
}

// An injector that was killed could not put the layout back: the next one does.
func TestOpenRestoresLayout(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		property := func() string {
			reply, err := xproto.GetProperty(d.conn, false, d.root, d.i.layouts.rules, xproto.AtomString, 0, 256).Reply()
			if err != nil {
				t.Fatal(err)
			}
			return string(reply.Value)
		}
		before, name := d.i.layouts.now, property()
		var killed display.Conns
		first, err := Open(Config{Display: d.name, Connect: killed.Connect})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range []input.Layout{{Name: "ch", Variant: "fr"}, {Name: "jp"}} {
			if err := first.SetLayout(l); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := await(first, xproto.GetInputFocus(first.conn).Reply); err != nil {
			t.Fatal(err)
		}
		killed.Close()
		first.hangUpAll()

		second := d.open()
		defer second.Close()
		d.sync()
		if got := second.layouts.now; got != before {
			t.Errorf("after Open the keymap is of %+v, want %+v", got, before)
		}
		if err := second.SetLayout(input.Layout{Name: "fr"}); err != nil {
			t.Fatal(err)
		}
		second.Close()
		if got := property(); got != name {
			t.Errorf("after Close the layout is called %q, want %q", got, name)
		}
		mark, err := xproto.GetProperty(d.conn, false, d.root, second.layouts.mark, xproto.GetPropertyTypeAny, 0, 1).Reply()
		if err != nil || mark.Type != xproto.AtomNone {
			t.Errorf("the mark is still there: %+v, %v", mark, err)
		}
	})
}

// A layout that somebody else sets is known, and so is that there are several.
func TestLayoutOfOthers(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		for _, test := range []struct {
			args []string
			want input.Layout
		}{
			{[]string{"pl"}, input.Layout{Name: "pl"}},
			{[]string{"us", "-variant", "intl"}, input.Layout{Name: "us", Variant: "intl"}},
			{[]string{"fr", "-option", "ctrl:nocaps"}, input.Layout{Name: "fr"}},
			{[]string{"us,de"}, input.Layout{}},
		} {
			if err := exec.Command("setxkbmap", append([]string{"-display", d.name}, test.args...)...).Run(); err != nil {
				t.Skipf("setxkbmap %v: %v", test.args, err)
			}
			eventually(t, func() error {
				d.inject(input.Shift{})
				if got := d.i.Layout(); got != test.want {
					return fmt.Errorf("setxkbmap %v: the layout is %v, want %v", test.args, got, test.want)
				}
				return nil
			})
		}
		d.setLayout(input.Layout{Name: "de"})
	})
}

func TestSetLayoutRefuses(t *testing.T) {
	d := newDesktop(t, "Xvfb")
	d.inject(down("ShiftLeft", 0))
	for _, l := range []input.Layout{{Name: "xx"}, {Variant: "fr"}, {Name: "us", Variant: "fr"}, {Name: "us+fr:2"}} {
		if err := d.i.SetLayout(l); !errors.Is(err, input.ErrInexpressible) {
			t.Errorf("SetLayout(%v) = %v, want %v", l, err, input.ErrInexpressible)
		}
	}
	if !d.i.mods().shift {
		t.Error("a layout that was refused has let keys go")
	}
	d.setLayout(input.Layout{Name: "fr"})
	d.sync()
	d.nothingDown()
	d.i.Close()
	if err := d.i.SetLayout(input.Layout{Name: "de"}); !errors.Is(err, input.ErrGone) {
		t.Errorf("SetLayout after Close = %v, want %v", err, input.ErrGone)
	}
}
