package xtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"
)

// What is typed into a terminal arrives in the program that runs in it,
// characters on spare keycodes included.
func TestTypesIntoXterm(t *testing.T) {
	xterm, err := exec.LookPath("xterm")
	if err != nil {
		t.Skip("xterm is not installed")
	}
	onEach(t, func(t *testing.T, d *desktop) {
		out := filepath.Join(t.TempDir(), "typed")
		started := filepath.Join(t.TempDir(), "started")
		cmd := exec.Command(xterm, "-u8", "-e", "sh", "-c", `: > "$0"; exec cat > "$1"`, started, out)
		cmd.Env = append(os.Environ(), "DISPLAY="+d.name, "LC_ALL=C.UTF-8")
		xproto.ChangeWindowAttributes(d.conn, d.root, xproto.CwEventMask, []uint32{xproto.EventMaskSubstructureNotify})
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
		for {
			if e, ok := d.next().(xproto.MapNotifyEvent); ok {
				err := xproto.SetInputFocusChecked(d.conn, xproto.InputFocusNone, e.Window, xproto.TimeCurrentTime).Check()
				if err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		eventually(t, "the terminal to start", func() bool {
			_, err := os.Stat(started)
			return err == nil
		})

		const text = "Hello, World! (quoted) {1+1=2} ~`|\\ é ß € ñ 日 Ω\n"
		for _, c := range text {
			code, sym := usCodes[c], uint32(c)
			switch {
			case c == '\n':
				code, sym = "Enter", 0xff0d
			case c > 0xff:
				sym = uint32(symUnicode) + uint32(c)
			}
			d.inject(down(code, sym), up(code, sym))
		}
		var got []byte
		defer func() {
			if string(got) != text {
				t.Errorf("the program got %q, want %q", got, text)
			}
		}()
		eventually(t, "the line to arrive", func() bool {
			got, _ = os.ReadFile(out)
			return len(got) >= len(text)
		})
	})
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", deadline, what)
		}
	}
}
