package xtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"
)

// typed is what people type, with characters that no layout has.
const typed = "Hello, World! (quoted) {1+1=2} [a]@b #%&*$ ~`|\\^'\"<>?;:_-/ é ß € ñ ù ç 日 Ω\n"

// What is typed into a terminal arrives in the program that runs in it, whatever
// the layout of the display.
func TestTypesIntoXterm(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		out := d.startXterm()
		var want string
		for _, layout := range []string{"us", "fr", "de"} {
			if err := exec.Command("setxkbmap", "-display", d.name, layout).Run(); err != nil {
				t.Skipf("setxkbmap %s: %v", layout, err)
			}
			d.sync() // the injector has heard of it
			for _, c := range typed {
				code, sym := usCodes[c], uint32(c)
				switch {
				case c == '\n':
					code, sym = "Enter", 0xff0d
				case c > 0xff:
					sym = uint32(symUnicode) + uint32(c)
				}
				d.inject(down(code, sym), up(code, sym))
			}
			want += typed
			var got []byte
			eventually(t, func() error {
				got, _ = os.ReadFile(out)
				if string(got) != want {
					return fmt.Errorf("layout %s: the program got %q, want %q", layout, got, want)
				}
				return nil
			})
		}
		d.sync()
		d.nothingDown()
	})
}

// startXterm starts a terminal that has the keyboard and returns the file that
// what is typed into it is written to.
func (d *desktop) startXterm() (out string) {
	d.t.Helper()
	xterm, err := exec.LookPath("xterm")
	if err != nil {
		d.t.Skip("xterm is not installed")
	}
	out = filepath.Join(d.t.TempDir(), "typed")
	cmd := exec.Command(xterm, "-u8", "-e", "sh", "-c", `exec cat > "$0"`, out)
	cmd.Env = append(os.Environ(), "DISPLAY="+d.name, "LC_ALL=C.UTF-8")
	xproto.ChangeWindowAttributes(d.conn, d.root, xproto.CwEventMask, []uint32{xproto.EventMaskSubstructureNotify})
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	d.focusMapped()
	eventually(d.t, func() error {
		_, err := os.Stat(out)
		return err
	})
	return out
}

// focusMapped gives the keyboard to the next window that is mapped.
func (d *desktop) focusMapped() {
	d.t.Helper()
	for {
		if e, ok := d.next().(xproto.MapNotifyEvent); ok {
			err := xproto.SetInputFocusChecked(d.conn, xproto.InputFocusNone, e.Window, xproto.TimeCurrentTime).Check()
			if err != nil {
				d.t.Fatal(err)
			}
			return
		}
	}
}

// eventually waits until there is no error any more.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(10 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
