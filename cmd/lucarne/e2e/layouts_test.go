package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"lucarne/perf/browser"
)

// A layout is what a keyboard types, by xkeyboard-config.
type layout struct {
	name, variant string
	strokes       []stroke // that type a character, dead keys not
	dead          []stroke // with the key that follows
	plain         map[rune]string
}

// A stroke is a key with the modifiers that are held for it.
type stroke struct {
	code         string // as in KeyboardEvent
	shift, altGr bool
	key          string // what it types; of a dead key, with what follows
	next         string // the code of the key after a dead one
}

// countries are the layouts that are tested, by name and variant.
func countries() [][2]string {
	return [][2]string{
		{"us"}, {"gb"}, {"fr"}, {"ca"}, {"de"}, {"it"}, {"es"}, {"ch"}, {"ch", "fr"}, {"jp"},
	}
}

func (l *layout) String() string { return strings.TrimSpace(l.name + " " + l.variant) }

// writingKeys are the keys that write, by their names in XKB and in KeyboardEvent,
// row by row.
func writingKeys() (keys [][2]string) {
	keys = [][2]string{{"SPCE", "Space"}, {"TLDE", "Backquote"}, {"BKSL", "Backslash"}, {"LSGT", "IntlBackslash"}}
	for _, row := range [][2]string{
		{"AE", "Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal IntlYen"},
		{"AD", "KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight"},
		{"AC", "KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote"},
		{"AB", "KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash IntlRo"},
	} {
		for i, code := range strings.Fields(row[1]) {
			keys = append(keys, [2]string{fmt.Sprintf("%s%02d", row[0], i+1), code})
		}
	}
	return keys
}

var (
	keySymbols   = regexp.MustCompile(`key\s+<(\w+)>\s*\{([^}]*)\}`)
	levelSymbols = regexp.MustCompile(`(?:symbols\[Group1\]=|^)\s*\[([^\]]*)\]`)
)

// readLayout has XKB's own compiler read a layout, and takes what is dead in it,
// and what dead keys make of the next one, from Xlib's rules of composing.
func readLayout(t *testing.T, c *compose, name, variant string) *layout {
	t.Helper()
	l := &layout{name: name, variant: variant, plain: map[rune]string{}}
	symbols := map[string][]string{} // by key and level
	for _, key := range keySymbols.FindAllStringSubmatch(compileLayout(t, name, variant), -1) {
		if found := levelSymbols.FindStringSubmatch(key[2]); found != nil {
			symbols[key[1]] = strings.Split(strings.Join(strings.Fields(found[1]), ""), ",")
		}
	}
	reachable := 2
	if len(symbols["RALT"]) > 0 && symbols["RALT"][0] == "ISO_Level3_Shift" {
		reachable = 4
	}
	var dead []stroke
	for _, key := range writingKeys() {
		for level, symbol := range symbols[key[0]] {
			s := stroke{code: key[1], shift: level%2 == 1, altGr: level >= 2}
			if level >= reachable {
				break
			}
			if strings.HasPrefix(symbol, "dead_") {
				s.key = symbol
				dead = append(dead, s)
				continue
			}
			r, ok := c.character(symbol)
			if !ok || !unicode.IsPrint(r) { // a key of another kind; Qt gives no-break spaces out as others
				continue
			}
			s.key = string(r)
			l.strokes = append(l.strokes, s)
			if level == 0 {
				l.plain[r] = s.code
			}
		}
	}
	for _, s := range dead {
		l.dead = append(l.dead, c.sequences(s, l.plain)...)
	}
	if len(l.strokes) < 94 {
		t.Fatalf("layout %v has no more than %d characters", l, len(l.strokes))
	}
	return l
}

func compileLayout(t *testing.T, name, variant string) string {
	t.Helper()
	if variant != "" {
		name += "(" + variant + ")"
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	must(t, os.WriteFile(in, fmt.Appendf(nil, `xkb_keymap {
		xkb_keycodes { include "evdev+aliases(qwerty)" };
		xkb_types { include "complete" };
		xkb_compat { include "complete" };
		xkb_symbols { include "pc+%s+inet(evdev)" };
	};`, name), 0o600))
	if log, err := exec.Command("xkbcomp", "-w0", "-xkb", in, out).CombinedOutput(); err != nil {
		t.Fatalf("xkbcomp: %v\n%s", err, log)
	}
	compiled, err := os.ReadFile(out)
	must(t, err)
	return string(compiled)
}

// each returns one stroke for each character of the layouts, but for those that have
// been typed.
func each(layouts, typed []*layout) *layout {
	all, seen := &layout{name: "us"}, map[string]bool{}
	unseen := func(strokes []stroke) (fresh []stroke) {
		for _, s := range strokes {
			if !seen[s.key] {
				seen[s.key] = true
				fresh = append(fresh, s)
			}
		}
		return fresh
	}
	for _, l := range typed {
		unseen(l.strokes)
		unseen(l.dead)
	}
	for _, l := range layouts {
		all.strokes = append(all.strokes, unseen(l.strokes)...)
		all.dead = append(all.dead, unseen(l.dead)...)
	}
	return all
}

// sample returns some of the layout's strokes, of all modifiers, and a dead key.
func (l *layout) sample() *layout {
	const oneOf = 7
	some := *l
	some.strokes, some.dead = nil, l.dead[:min(1, len(l.dead))]
	for i := 0; i < len(l.strokes); i += oneOf {
		some.strokes = append(some.strokes, l.strokes[i])
	}
	return &some
}

// typeKeys types every character of the layout that is on a key, in the browser, and
// returns them in their order. The modifiers are held for all that need the same ones,
// or for each; those that nothing needs are not touched, for alone they are commands.
func (l *layout) typeKeys(page *tab, forAll bool) (text string) {
	page.d.t.Helper()
	for _, level := range []stroke{{}, {shift: true}, {altGr: true}, {shift: true, altGr: true}} {
		first := true
		for _, s := range l.strokes {
			if s.shift != level.shift || s.altGr != level.altGr {
				continue
			}
			if first || !forAll {
				page.hold(level)
			}
			first = false
			page.strike(s.code, s.key, s.shift)
			if !forAll {
				page.letGo(level)
			}
			text += s.key
		}
		if forAll && !first {
			page.letGo(level)
		}
	}
	return text
}

// typeDead types the characters of dead keys, as typeKeys does.
func (l *layout) typeDead(page *tab) (text string) {
	page.d.t.Helper()
	for _, s := range l.dead {
		page.hold(s)
		page.strike(s.code, "Dead", s.shift)
		page.letGo(s)
		page.strike(s.next, s.key, false)
		text += s.key
	}
	return text
}

func (t *tab) strike(code, key string, shift bool) {
	t.d.t.Helper()
	t.d.check(t.Press(t.d.ctx, browser.Key{Code: code, Key: key, Modifiers: modifiers(shift)}))
}

// hold presses the modifiers of a stroke.
func (t *tab) hold(s stroke) {
	t.d.t.Helper()
	if s.shift {
		t.d.check(t.KeyDown(t.d.ctx, browser.Key{Code: "ShiftLeft", Key: "Shift", Modifiers: browser.Shift}))
	}
	if s.altGr {
		t.d.check(t.KeyDown(t.d.ctx, browser.Key{Code: "AltRight", Key: "AltGraph", Modifiers: modifiers(s.shift)}))
	}
}

func (t *tab) letGo(s stroke) {
	t.d.t.Helper()
	if s.altGr {
		t.d.check(t.KeyUp(t.d.ctx, browser.Key{Code: "AltRight", Key: "AltGraph", Modifiers: modifiers(s.shift)}))
	}
	if s.shift {
		t.d.check(t.KeyUp(t.d.ctx, browser.Key{Code: "ShiftLeft", Key: "Shift"}))
	}
}

func modifiers(shift bool) browser.Modifier {
	if shift {
		return browser.Shift
	}
	return 0
}

// compose is what Xlib's rules of composing (Compose(5)) for UTF-8 tell.
type compose struct {
	characters map[string]rune            // by the names of their keysyms
	dead       map[string]map[string]rune // what a dead key makes of another, by the names of both
}

// composeRule is a line of the rules: keys, what they make, and the name of its keysym.
var composeRule = regexp.MustCompile(`^((?:<\w+>\s*)+):\s*"((?:[^"\\]|\\.)+)"\s+(\w+)`)

func readCompose(t *testing.T) *compose {
	t.Helper()
	const path = "/usr/share/X11/locale/en_US.UTF-8/Compose"
	file, err := os.Open(path)
	must(t, err)
	defer file.Close()
	c := &compose{characters: map[string]rune{}, dead: map[string]map[string]rune{}}
	for symbol, r := range rarelyComposed {
		c.characters[symbol] = r
	}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		rule := composeRule.FindStringSubmatch(lines.Text())
		if rule == nil {
			continue
		}
		text, err := strconv.Unquote(`"` + rule[2] + `"`)
		runes := []rune(text)
		if err != nil || len(runes) != 1 {
			continue
		}
		c.characters[rule[3]] = runes[0]
		keys := strings.Fields(strings.NewReplacer("<", " ", ">", " ").Replace(rule[1]))
		if len(keys) != 2 || !strings.HasPrefix(keys[0], "dead_") {
			continue
		}
		if c.dead[keys[0]] == nil {
			c.dead[keys[0]] = map[string]rune{}
		}
		c.dead[keys[0]][keys[1]] = runes[0]
	}
	return c
}

// character returns what a keysym types, by its name; false: none, or it is not known.
func (c *compose) character(symbol string) (rune, bool) {
	if len(symbol) == 1 {
		return rune(symbol[0]), true
	}
	if point, err := strconv.ParseUint(strings.TrimPrefix(symbol, "U"), 16, 32); err == nil && symbol[0] == 'U' {
		return rune(point), true
	}
	r, ok := c.characters[symbol]
	return r, ok
}

// sequences returns a dead key with each of the keys that it composes with: some
// letters, and the space for the accent alone. One under AltGr has a letter alone.
func (c *compose) sequences(dead stroke, plain map[rune]string) (all []stroke) {
	made := c.dead[dead.key]
	for _, next := range []string{"e", "o", "c", "a", "i", "u", "n", "y", "space"} {
		r := made[next]
		base, _ := c.character(next)
		if r == 0 || unicode.IsMark(r) || plain[base] == "" {
			continue
		}
		s := dead
		s.key, s.next = string(r), plain[base]
		if all = append(all, s); dead.altGr {
			return all
		}
	}
	return all
}

// rarelyComposed are the characters of keysyms that no rule of composing makes
// (X Window System Protocol, appendix A), but for those of one letter.
var rarelyComposed = map[string]rune{
	"space": ' ', "exclam": '!', "percent": '%', "ampersand": '&', "parenleft": '(', "parenright": ')', "asterisk": '*',
	"plus": '+', "minus": '-', "period": '.', "colon": ':', "semicolon": ';', "equal": '=', "question": '?', "underscore": '_',
	"ENG": 'Ŋ', "eng": 'ŋ', "Hstroke": 'Ħ', "hstroke": 'ħ', "Lstroke": 'Ł', "lstroke": 'ł', "Tslash": 'Ŧ', "tslash": 'ŧ',
	"kra": 'ĸ', "idotless": 'ı', "Greek_OMEGA": 'Ω', "endash": '–', "emdash": '—', "trademark": '™',
	"leftsinglequotemark": '‘', "rightsinglequotemark": '’', "singlelowquotemark": '‚',
	"leftdoublequotemark": '“', "rightdoublequotemark": '”', "doublelowquotemark": '„',
	"leftarrow": '←', "uparrow": '↑', "rightarrow": '→', "downarrow": '↓',
	"oneeighth": '⅛', "threeeighths": '⅜', "fiveeighths": '⅝', "seveneighths": '⅞',
}

// keyboardScript gives the browser a keyboard that switchLayout gives a layout, by
// what each code types, and keeps what the page tells of it. The debugging protocol has
// no modifier AltGraph.
const keyboardScript = `{
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    const message = typeof data === "string" ? JSON.parse(data) : {};
    if (message.type === "keyboard") window.keyboardTold = message;
    send.call(this, data);
  };
  const listeners = [];
  let typed = {}, altGraph = false;
  navigator.keyboard.getLayoutMap = async () => new Map(Object.entries(typed));
  navigator.keyboard.addEventListener = (_, listener) => listeners.push(listener);
  window.switchLayout = next => {
    typed = next;
    for (const listener of listeners) listener();
  };
  for (const type of ["keydown", "keyup"]) {
    addEventListener(type, e => { if (e.key === "AltGraph") altGraph = type === "keydown"; }, true);
  }
  const state = KeyboardEvent.prototype.getModifierState;
  KeyboardEvent.prototype.getModifierState = function (name) {
    return name === "AltGraph" ? altGraph : state.call(this, name);
  };
}`
