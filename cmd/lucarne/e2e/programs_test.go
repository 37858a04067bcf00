package e2e

import (
	"encoding/json"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"lucarne/perf/browser"
)

// A typist is a running program that has the keyboard.
type typist struct {
	text  func(page *tab) string // all that it has got
	focus func(page *tab)
}

// begin waits until the program takes keys, and returns what it has got by then.
func (p typist) begin(page *tab) string {
	page.d.t.Helper()
	poll(page.d.t, "program that takes keys", func() bool {
		p.focus(page)
		page.strike("KeyX", "x", false)
		return strings.HasSuffix(p.text(page), "x")
	})
	page.strike("KeyV", "v", false) // the last of it
	poll(page.d.t, "last key", func() bool { return strings.HasSuffix(p.text(page), "v") })
	return p.text(page)
}

// TestLayoutsIntoPrograms: every character that the keyboards of the countries
// type is what programs get. By what they mean, to a desktop whose own keyboard stays
// American, each program gets all characters, and some of the keyboards key by key; by
// their place, to a desktop that has been given the same layout, all keyboards. What a
// dead key makes goes as text either way: some of the keyboards have them by place.
func TestLayoutsIntoPrograms(t *testing.T) {
	all := readLayouts(t)
	for n, program := range []struct {
		name  string
		start func(*desk) typist
	}{
		{"xterm", startTerminal},
		{"GTK", func(d *desk) typist { return startEditor(d, "l3afpad") }},
		{"Qt", func(d *desk) typist { return startEditor(d, "featherpad") }},
		{"Chromium", startChromium},
	} {
		t.Run(program.name, func(t *testing.T) {
			d := newDesk(t, setup{})
			typist := program.start(d)
			whole, placed := share(all, n)
			typist.gets(d, byMeaning, append(whole, each(all, whole)))
			typist.gets(d, byPlace, placed)
		})
	}
}

// share returns the layouts that one of four programs gets key by key, and all, of which
// only those have dead keys.
func share(layouts []*layout, n int) (whole, all []*layout) {
	for i, l := range layouts {
		if i%4 == n {
			whole, all = append(whole, l), append(all, l)
			continue
		}
		keys := *l
		keys.dead = nil
		all = append(all, &keys)
	}
	return whole, all
}

// TestModeByLayouts: as the page thinks best, keys go by their place while the desktop
// has the layout of the person's keyboard, and by what they mean while it has another.
func TestModeByLayouts(t *testing.T) {
	if _, err := exec.LookPath("setxkbmap"); err != nil {
		t.Skip("setxkbmap is not installed")
	}
	all := readLayouts(t)
	d := newDesk(t, setup{})
	typist := startTerminal(d)
	page := d.openTyping(byChoice)
	got := typist.begin(page)
	for i, l := range all {
		page.has(l)
		d.inForce(l.name, l.variant)
		page.tells(l, "physical")
		got = typist.receives(page, l.sample(), got, false)
		other := all[(i+3)%len(all)] // as somebody at a program of the desktop wants it
		if out, err := exec.Command("setxkbmap", "-display", d.plan.Display, other.name, "-variant", other.variant).CombinedOutput(); err != nil {
			t.Fatalf("setxkbmap %v: %v\n%s", other, err, out)
		}
		d.check(page.MouseMove(d.ctx, image.Pt(300, 310+i), browser.NoButton)) // the change is noticed by what is done next
		page.tells(l, "text")
		got = typist.receives(page, l.sample(), got, false)
	}
}

// tells waits until the page has told the server of a layout and of a mode.
func (t *tab) tells(l *layout, mode string) {
	t.d.t.Helper()
	t.wait(fmt.Sprintf(`(({layout, variant, mode}) => layout === %q && variant === %q && mode === %q)(keyboardTold)`, l.name, l.variant, mode))
}

// readLayouts reads the layouts of the countries.
func readLayouts(t *testing.T) (all []*layout) {
	t.Helper()
	if _, err := exec.LookPath("xkbcomp"); err != nil {
		t.Skip("xkbcomp is not installed")
	}
	c := readCompose(t)
	for _, country := range countries() {
		all = append(all, readLayout(t, c, country[0], country[1]))
	}
	return all
}

// The ways of keys to the desktop, as the settings that the person has chosen: by
// what they mean to a desktop that keeps its own layout, by their place on one that
// has the same, or as the page thinks best.
const (
	byMeaning = `{"keyboard": "text", "layout": "us"}`
	byPlace   = `{"keyboard": "physical"}`
	byChoice  = `{}`
)

// openTyping opens a page of a person who has chosen these settings before, as JSON.
func (d *desk) openTyping(settings string) *tab {
	d.t.Helper()
	remember := fmt.Sprintf("localStorage.setItem('lucarne.settings', %q);", settings)
	page := d.load(d.browser, d.url("?resize=off"), keyboardScript+remember)
	page.picture()
	page.focus()
	return page
}

// gets types the characters of layouts into a page with these settings, and checks that the program has got them.
func (p typist) gets(d *desk, settings string, layouts []*layout) {
	d.t.Helper()
	page := d.openTyping(settings)
	got := p.begin(page)
	for _, l := range layouts {
		page.has(l)
		if settings == byMeaning {
			d.inForce("us", "")
		} else {
			d.inForce(l.name, l.variant)
		}
		// Qt takes a change of the mapping with the modifiers as they are when it comes to it: one
		// held meanwhile may count as up for the keys before. By place, nothing changes.
		got = p.receives(page, l, got, settings == byPlace)
	}
	d.check(page.Close())
}

// receives types the characters of a layout and checks that the program has got them
// after those before.
func (p typist) receives(page *tab, l *layout, before string, forAll bool) (got string) {
	page.d.t.Helper()
	want := before + l.typeKeys(page, forAll)
	want += l.typeDead(page)
	for deadline := time.Now().Add(patience); len(got) < len(want) && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		got = p.text(page)
	}
	if got != want {
		var told string
		page.d.check(page.Eval(page.d.ctx, "JSON.stringify(keyboardTold)", &told))
		page.d.t.Fatalf("layout %v, the page tells %s: the program got\n%q, want\n%q", l, told, got, want)
	}
	return got
}

// has gives the browser's keyboard a layout.
func (t *tab) has(l *layout) {
	t.d.t.Helper()
	typed := map[string]string{}
	for r, code := range l.plain {
		typed[code] = string(r)
	}
	script, err := json.Marshal(typed)
	t.d.check(err, t.Eval(t.d.ctx, fmt.Sprintf("switchLayout(%s), 1", script), nil))
}

// inForce waits until the display has a layout, by what setxkbmap is told.
func (d *desk) inForce(name, variant string) {
	d.t.Helper()
	var names []string
	defer func() {
		if d.t.Failed() {
			d.t.Logf("the display's layout is %q", names)
		}
	}()
	poll(d.t, fmt.Sprintf("layout %s %s on the display", name, variant), func() bool {
		reply := asked(d, func(conn *xgb.Conn, root xproto.Window) (*xproto.GetPropertyReply, error) {
			const property = "_XKB_RULES_NAMES"
			atom, err := xproto.InternAtom(conn, false, uint16(len(property)), property).Reply()
			if err != nil {
				return nil, err
			}
			return xproto.GetProperty(conn, false, root, atom.Atom, xproto.AtomString, 0, 256).Reply()
		})
		names = strings.Split(string(reply.Value), "\x00") // rules, model, layout, variant, options
		return len(names) > 3 && names[2] == name && names[3] == variant
	})
}

func startTerminal(d *desk) typist {
	term := d.terminal()
	return typist{focus: term.focus, text: func(*tab) string {
		text, err := os.ReadFile(term.file)
		d.check(err)
		return string(text)
	}}
}

// startEditor starts an editor, which is asked to save what it has got.
func startEditor(d *desk, name string) typist {
	d.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		d.t.Skipf("%s is not installed", name)
	}
	home := d.t.TempDir()
	file := filepath.Join(home, "text.txt")
	d.check(os.WriteFile(file, nil, 0o600))
	editor := exec.Command(path, file)
	editor.Env = append(os.Environ(), "DISPLAY="+d.plan.Display, "LC_ALL=C.UTF-8", "HOME="+home, "XDG_CONFIG_HOME="+home,
		"NO_AT_BRIDGE=1", "GTK_IM_MODULE=gtk-im-context-simple", "QT_IM_MODULE=simple")
	d.check(editor.Start())
	d.t.Cleanup(func() {
		editor.Process.Kill()
		editor.Wait() // killed
	})
	looks := 0
	text := func(page *tab) string {
		const often = 20
		if looks%often == 0 {
			page.control("s")
		}
		looks++
		text, err := os.ReadFile(file)
		d.check(err)
		return strings.ReplaceAll(string(text), "\n", "") // some end the last line whenever they save
	}
	return typist{text: text, focus: func(*tab) { d.raise() }}
}

// startChromium starts a browser on the desktop, with a text field.
func startChromium(d *desk) typist {
	d.t.Helper()
	remote := d.startBrowser(browser.Config{Size: image.Pt(1000, 600), Args: []string{"--ozone-platform=x11"}, Start: func(cmd *exec.Cmd) error {
		cmd.Args = slices.DeleteFunc(cmd.Args, func(arg string) bool { return arg == "--headless" })
		cmd.Env = append(cmd.Env, "DISPLAY="+d.plan.Display)
		return cmd.Start()
	}})
	field, err := remote.Open(d.ctx, "data:text/html,<textarea autofocus style='position:fixed;inset:0'></textarea>")
	d.check(err)
	eval := func(expression string, result any) { d.check(field.Eval(d.ctx, expression, result)) }
	text := func(*tab) (text string) {
		eval(`document.querySelector("textarea").value`, &text)
		return text
	}
	return typist{text: text, focus: func(*tab) { d.raise() }}
}

// control strikes a letter with Control.
func (t *tab) control(letter string) {
	t.d.t.Helper()
	control := browser.Key{Code: "ControlLeft", Key: "Control", Modifiers: browser.Ctrl}
	t.d.check(t.KeyDown(t.d.ctx, control))
	t.d.check(t.Press(t.d.ctx, browser.Key{Code: "Key" + strings.ToUpper(letter), Key: letter, Modifiers: browser.Ctrl}))
	control.Modifiers = 0
	t.d.check(t.KeyUp(t.d.ctx, control))
}

// raise gives the keyboard to the uppermost of the large windows, as a window
// manager would; until there is one, to none.
func (d *desk) raise() {
	d.t.Helper()
	asked(d, func(conn *xgb.Conn, root xproto.Window) (bool, error) {
		tree, err := xproto.QueryTree(conn, root).Reply()
		if err != nil {
			return false, err
		}
		for _, w := range slices.Backward(tree.Children) {
			attributes, err := xproto.GetWindowAttributes(conn, w).Reply()
			if err != nil || attributes.MapState != xproto.MapStateViewable || attributes.Class != xproto.WindowClassInputOutput {
				continue // or it has gone
			}
			if g, err := xproto.GetGeometry(conn, xproto.Drawable(w)).Reply(); err != nil || g.Width < 200 || g.Height < 200 {
				continue
			}
			// The window may go before this.
			return true, xproto.SetInputFocusChecked(conn, xproto.InputFocusPointerRoot, w, xproto.TimeCurrentTime).Check()
		}
		return false, nil
	})
}
