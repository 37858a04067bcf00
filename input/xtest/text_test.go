package xtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jezek/xgb/xproto"

	"lucarne/input"
)

// rare are 200 characters that no key has, each one but once.
var rare = func() (all []rune) {
	for n := range rune(180) {
		all = append(all, '一'+7*n)
	}
	for n := range rune(20) {
		all = append(all, '😀'+n)
	}
	return all
}()

// No character of a text is lost, mixed up or twice there in a terminal, whatever
// is held. A terminal cannot be asked whether it has read them: here it shows.
func TestTextIntoXterm(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		out, want := d.startXterm(), ""
		expect := func() {
			t.Helper()
			eventually(t, func() error {
				got, _ := os.ReadFile(out)
				if string(got) != want {
					return fmt.Errorf("the program got\n%q, want\n%q", got, want)
				}
				return nil
			})
		}
		for chars := range slices.Chunk(rare, batch) {
			text := string(chars) + "\n"
			d.inject(input.Text{Text: text})
			want += text
			expect()
		}
		for _, layout := range []string{"us", "fr"} {
			d.setLayout(input.Layout{Name: layout})
			for _, held := range []string{"", "ShiftLeft", "AltRight", "KeyA"} {
				if layout == "us" && held == "AltRight" {
					continue // there it is Alt
				}
				if held != "" {
					d.inject(down(held, 0))
				}
				if held == "KeyA" {
					want += map[string]string{"us": "a", "fr": "q"}[layout]
				}
				d.inject(input.Text{Text: typed + "aA€\té語"})
				want += typed + "aA€\té語"
				if held != "" {
					d.inject(up(held, 0))
				}
				d.inject(input.Text{Text: "\n"})
				want += "\n"
				expect()
			}
		}
		d.sync()
		d.nothingDown()
	})
}

// The same in programs that can be asked, however fast the text comes.
func TestTextIntoEditors(t *testing.T) {
	for _, name := range []string{"l3afpad", "featherpad"} { // GTK, Qt
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, d *desktop) {
				d.i.pings.patience = deadline // the machine may be busy
				file := d.startEditor(name)
				want := string(rare)
				for chars := range slices.Chunk(rare[:len(rare)/2], input.MaxText/utf8.UTFMax) {
					d.inject(input.Text{Text: string(chars)})
				}
				for chars := range slices.Chunk(rare[len(rare)/2:], batch) {
					d.prepare(string(chars))
					d.inject(input.Text{Text: string(chars)})
				}
				d.control("KeyS")
				eventually(t, func() error {
					got, _ := os.ReadFile(file)
					if strings.TrimSuffix(string(got), "\n") != want {
						return fmt.Errorf("the program got\n%q, want\n%q", got, want)
					}
					return nil
				})
			})
		})
	}
}

// prepare makes ready for a text.
func (d *desktop) prepare(text string) {
	d.t.Helper()
	for {
		wait, err := d.i.Prepare(text)
		if err != nil {
			d.t.Fatal(err)
		}
		if wait == 0 {
			return
		}
		time.Sleep(wait)
	}
}

// What has been prepared changes no meaning any more, and what keys have needs nothing.
func TestPrepare(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		if wait, err := d.i.Prepare("plain \U0010ffff"); wait != 0 || err != nil || len(d.i.ring.lent()) != 0 {
			t.Errorf("for what keys have: wait %v, %v, %d keycodes lent", wait, err, len(d.i.ring.lent()))
		}
		for chars := range slices.Chunk(rare[:3*batch], batch) {
			text := string(chars)
			d.prepare(text)
			changed := d.i.pings.changed
			d.inject(input.Text{Text: text})
			if !d.i.pings.changed.Equal(changed) {
				t.Errorf("typing %q changed the mapping", text)
			}
			for _, want := range chars {
				if got, _ := d.pressed(); got != character(want).Keysym {
					t.Errorf("the program got %#x, want %q", got, want)
				}
			}
		}
		d.sync()
		d.nothingDown()
		d.i.Close()
		if _, err := d.i.Prepare("日"); !errors.Is(err, input.ErrGone) {
			t.Errorf("Prepare after Close: %v, want %v", err, input.ErrGone)
		}
	})
}

// Where there are fewer keycodes to spare than characters that need one, a text does not wait
// for ever: what has been made ready is not taken away for the rest of it.
func TestPrepareForTooMany(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		d.i.ring.slots = d.i.ring.slots[:3]
		text := string(rare[:5])
		d.prepare(text)
		if got := d.i.ring.lent(); len(got) != 3 {
			t.Errorf("%d keycodes are lent, want 3", len(got))
		}
		d.inject(input.Text{Text: text})
		d.sync()
		d.nothingDown()
	})
}

// A layout that is set right behind a text changes nothing of it, in a program that has not
// come to it yet either.
func TestTextBeforeLayout(t *testing.T) {
	for _, name := range []string{"l3afpad", "featherpad"} { // GTK, Qt
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, d *desktop) {
				d.i.pings.patience, d.i.pings.settle = deadline, deadline // the machine may be busy
				file, want := d.startEditor(name), string(rare[:batch])
				signal := func(s os.Signal) {
					if err := d.editor.Signal(s); err != nil {
						t.Error(err)
					}
				}
				signal(syscall.SIGSTOP)
				d.inject(input.Text{Text: want})
				const later = 200 * time.Millisecond // or earlier, where that does not find out
				goOn := time.AfterFunc(later, func() { signal(syscall.SIGCONT) })
				defer goOn.Stop()
				d.setLayout(input.Layout{Name: "fr"})
				d.control("KeyS")
				eventually(t, func() error {
					got, _ := os.ReadFile(file)
					if strings.TrimSuffix(string(got), "\n") != want {
						return fmt.Errorf("the program got\n%q, want\n%q", got, want)
					}
					return nil
				})
			})
		})
	}
}

// startEditor starts a program that has the keyboard, and returns the file that
// it edits.
func (d *desktop) startEditor(name string) (file string) {
	d.t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		d.t.Skipf("%s is not installed", name)
	}
	home := d.t.TempDir()
	file = filepath.Join(home, "text.txt")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(program, file)
	cmd.Env = append(os.Environ(), "DISPLAY="+d.name, "LC_ALL=C.UTF-8", "HOME="+home, "XDG_CONFIG_HOME="+home,
		"NO_AT_BRIDGE=1", "GTK_IM_MODULE=gtk-im-context-simple", "QT_IM_MODULE=simple")
	xproto.ChangeWindowAttributes(d.conn, d.root, xproto.CwEventMask, []uint32{xproto.EventMaskSubstructureNotify})
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.editor = cmd.Process
	d.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	d.focusMapped()
	eventually(d.t, func() error { // it takes keys some time after its window is there
		d.inject(input.Text{Text: "."})
		d.control("KeyS")
		content, err := os.ReadFile(file)
		if err == nil && len(content) == 0 {
			err = fmt.Errorf("%s takes no keys", name)
		}
		return err
	})
	d.control("KeyA")
	d.strike(stroke{code: "Delete"})
	return file
}

// control strikes a key with Control.
func (d *desktop) control(code string) {
	d.t.Helper()
	d.inject(down("ControlLeft", 0), down(code, 0), up(code, 0), up("ControlLeft", 0))
}

// What cannot be typed is left out of a text, and of nothing else.
func TestTextRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		if err := d.i.Inject(input.Text{Text: "a\ufffeb\U0010ffffc"}); !errors.Is(err, input.ErrInexpressible) {
			t.Errorf("a noncharacter: %v, want %v", err, input.ErrInexpressible)
		}
		for _, want := range "abc" {
			if got, _ := d.pressed(); got != uint32(want) {
				t.Errorf("the program got %#x, want %q", got, want)
			}
		}
		d.sync()
		d.nothingDown()
	})
}

// A text means what it says whatever lock is on.
func TestTextUnderLocks(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		for _, held := range []string{"", "ShiftLeft"} {
			d.inject(input.Locks{Caps: true, Num: true})
			if held != "" {
				d.inject(down(held, 0))
			}
			text := "aB1!éÉ日"
			d.inject(input.Text{Text: text})
			for _, c := range text {
				if got, _ := d.pressed(); keysym(got).canonical() != keysym(character(c).Keysym) {
					t.Errorf("with %q held the program got %#x, want %q", held, got, c)
				}
			}
			if held != "" {
				d.inject(up(held, 0))
			}
		}
		d.inject(input.Locks{})
		d.sync()
		d.nothingDown()
	})
}
