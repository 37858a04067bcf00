package clipboard

import (
	"bytes"
	"context"
	"errors"
	"image"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"go.uber.org/goleak"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/input"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	board    = input.SelectionClipboard
	deadline = 20 * time.Second
)

// onEach runs a test on each kind of X server.
func onEach(t *testing.T, test func(t *testing.T, display string, c *Clipboard)) {
	for _, server := range []string{display.Xvfb, display.Xvnc} {
		t.Run(server, func(t *testing.T) {
			plan := displaytest.Start(t, display.Config{Server: server, Size: image.Pt(64, 48)})
			test(t, plan.Display, open(t, plan.Display, Config{}))
		})
	}
}

// open opens and runs a clipboard.
func open(t *testing.T, name string, cfg Config) *Clipboard {
	t.Helper()
	cfg.Display, cfg.Connect = name, display.Connect
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Run(context.Background()) }()
	t.Cleanup(func() {
		c.Close()
		if err := <-ended; err != nil && !errors.Is(err, input.ErrGone) {
			t.Errorf("Run: %v", err)
		}
	})
	return c
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

func give(t *testing.T, c *Clipboard, items ...input.Item) {
	t.Helper()
	if err := c.Offer(board, items); err != nil {
		t.Fatal(err)
	}
}

func text(s string) input.Item { return input.Item{MIME: utf8MIME, Data: []byte(s)} }

func awaitChange(t *testing.T, c *Clipboard, want input.Selection) {
	t.Helper()
	select {
	case got, ok := <-c.Changed():
		if !ok || got != want {
			t.Errorf("changed: %q, %v; want %q", got, ok, want)
		}
	case <-time.After(deadline):
		t.Fatal("no change was reported")
	}
}

func xclip(t *testing.T, name string, stdin []byte, args ...string) []byte {
	t.Helper()
	program, err := exec.LookPath("xclip")
	if err != nil {
		t.Skip("xclip is not installed")
	}
	cmd := exec.CommandContext(within(t), program, append([]string{"-display", name}, args...)...)
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
		// It goes into the background to serve, and ends with the selection.
		if err := cmd.Run(); err != nil {
			t.Fatalf("xclip %v: %v", args, err)
		}
		return nil
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("xclip %v: %v", args, err)
	}
	return out
}

// contents to carry: small, not ASCII, larger than a request, and a picture's.
func contents() map[string][]byte {
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	return map[string][]byte{
		"small":  []byte("Hello"),
		"UTF-8":  []byte("é ß € ñ 日本\nΩ"),
		"empty":  {},
		"1 MiB":  large,
		"300 kB": large[:300_000],
	}
}

func TestXclipToUs(t *testing.T) {
	onEach(t, func(t *testing.T, name string, c *Clipboard) {
		for what, want := range contents() {
			xclip(t, name, want, "-selection", "clipboard", "-in")
			awaitChange(t, c, board)
			got, err := c.Read(within(t), board, utf8MIME, 1<<20)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: read %d bytes, %v; want %d", what, len(got), err, len(want))
			}
		}
		png := []byte("\x89PNG\r\n\x1a\n\x00\x01")
		xclip(t, name, png, "-selection", "clipboard", "-in", "-target", "image/png")
		awaitChange(t, c, board)
		if got, err := c.Read(within(t), board, "image/png", 1<<20); err != nil || !bytes.Equal(got, png) {
			t.Errorf("a picture: %q, %v; want %q", got, err, png)
		}
		if got, err := c.Read(within(t), board, utf8MIME, 1<<20); !errors.Is(err, ErrRefused) {
			t.Errorf("a picture as text: %q, %v; want %v", got, err, ErrRefused)
		}
	})
}

func TestUsToXclip(t *testing.T) {
	onEach(t, func(t *testing.T, name string, c *Clipboard) {
		for what, want := range contents() {
			give(t, c, input.Item{MIME: utf8MIME, Data: want})
			for _, target := range []string{"UTF8_STRING", utf8MIME, "TEXT"} {
				if got := xclip(t, name, nil, "-selection", "clipboard", "-out", "-target", target); !bytes.Equal(got, want) {
					t.Errorf("%s as %s: xclip got %d bytes, want %d", what, target, len(got), len(want))
				}
			}
		}
		give(t, c, text("é€"), input.Item{MIME: "text/html", Data: []byte("<b>é</b>")})
		for target, want := range map[string]string{"STRING": "\xe9?", "text/html": charset + "<b>é</b>"} {
			if got := xclip(t, name, nil, "-selection", "clipboard", "-out", "-target", target); string(got) != want {
				t.Errorf("as %s: xclip got %q, want %q", target, got, want)
			}
		}
		list := strings.Fields(string(xclip(t, name, nil, "-selection", "clipboard", "-out", "-target", "TARGETS")))
		slices.Sort(list)
		want := []string{"MULTIPLE", "STRING", "TARGETS", "TEXT", "TIMESTAMP", "UTF8_STRING", "text/html", "text/plain", utf8MIME}
		if !slices.Equal(list, want) {
			t.Errorf("targets %q, want %q", list, want)
		}
		select {
		case s := <-c.Changed():
			t.Errorf("our own offer of %s is reported as a change", s)
		default:
		}
	})
}

// Two clipboards of ours, which both read and offer by parts.
func TestBetweenTwo(t *testing.T) {
	onEach(t, func(t *testing.T, name string, a *Clipboard) {
		b := open(t, name, Config{Primary: true})
		for what, want := range contents() {
			give(t, b, input.Item{MIME: utf8MIME, Data: want})
			awaitChange(t, a, board)
			if got, err := a.Read(within(t), board, utf8MIME, 1<<20); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: read %d bytes, %v; want %d", what, len(got), err, len(want))
			}
			if got, err := b.Read(within(t), board, "text/plain", 1<<20); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: its owner read %d bytes, %v; want %d", what, len(got), err, len(want))
			}
		}
		// One owner after the other, faster than they hear of it.
		for n := range 20 {
			give(t, []*Clipboard{a, b}[n%2], text(strings.Repeat("x", n)))
		}
		if got, err := a.Read(within(t), board, utf8MIME, 100); err != nil || len(got) != 19 {
			t.Errorf("read %d bytes, %v; want 19", len(got), err)
		}
		give(t, a, text("last"))
		if got, err := b.Read(within(t), board, utf8MIME, 100); err != nil || string(got) != "last" {
			t.Errorf("read %q, %v; want %q", got, err, "last")
		}
		if got, err := b.Read(within(t), board, utf8MIME, 3); !errors.Is(err, input.ErrTooLarge) {
			t.Errorf("read %q, %v; want %v", got, err, input.ErrTooLarge)
		}
		if _, err := b.Read(within(t), input.SelectionPrimary, utf8MIME, 100); !errors.Is(err, ErrRefused) {
			t.Errorf("reading a selection without an owner: %v, want %v", err, ErrRefused)
		}
		if _, err := a.Read(within(t), input.SelectionPrimary, utf8MIME, 100); !errors.Is(err, ErrSelection) {
			t.Errorf("reading a selection that is not served: %v, want %v", err, ErrSelection)
		}
		most := []byte("é" + strings.Repeat("x", defaultMaxBytes-2))
		if err := a.Offer(board, []input.Item{{MIME: "text/html", Data: most}}); err != nil { // and a word about its charset
			t.Errorf("offering as much HTML as may be: %v", err)
		}
		if err := a.Offer(board, []input.Item{{MIME: utf8MIME, Data: make([]byte, defaultMaxBytes+1)}}); !errors.Is(err, input.ErrTooLarge) {
			t.Errorf("offering too much: %v, want %v", err, input.ErrTooLarge)
		}
	})
}

// As much as may be carried, of each type, by parts both ways.
func TestLargest(t *testing.T) {
	onEach(t, func(t *testing.T, name string, a *Clipboard) {
		b := open(t, name, Config{})
		want := bytes.Repeat([]byte("0123456789abcdef"), defaultMaxBytes/16)
		for _, mime := range []string{utf8MIME, "text/html", "image/png"} {
			give(t, b, input.Item{MIME: mime, Data: want})
			awaitChange(t, a, board)
			got, err := a.Read(within(t), board, mime, defaultMaxBytes)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: read %d bytes, %v; want %d", mime, len(got), err, len(want))
			}
			if _, err := a.Read(within(t), board, mime, defaultMaxBytes-1); !errors.Is(err, input.ErrTooLarge) {
				t.Errorf("%s: %v; want %v", mime, err, input.ErrTooLarge)
			}
		}
	})
}

// An offer that replaces one whose transfer is under way leaves that alone.
func TestOfferDuringTransfer(t *testing.T) {
	onEach(t, func(t *testing.T, name string, a *Clipboard) {
		p := newProgram(t, name)
		want := contents()["1 MiB"]
		give(t, a, input.Item{MIME: utf8MIME, Data: want})
		p.ask(p.atom("UTF8_STRING"))
		if _, typ := p.take(); typ != p.atom("INCR") {
			t.Fatalf("the answer is of type %d, want INCR", typ)
		}
		got, _ := p.takePart()
		give(t, a, text("another"))
		for {
			part, _ := p.takePart()
			if len(part) == 0 {
				break
			}
			if len(part) > maxChunk {
				t.Errorf("a part of %d bytes, more than %d", len(part), maxChunk)
			}
			got = append(got, part...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("got %d bytes, want %d", len(got), len(want))
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.sending) != 0 {
			t.Errorf("%d transfers are still under way", len(a.sending))
		}
	})
}

func TestTransfersAreBounded(t *testing.T) {
	onEach(t, func(t *testing.T, name string, c *Clipboard) {
		p := newProgram(t, name)
		give(t, c, input.Item{MIME: utf8MIME, Data: contents()["1 MiB"]})
		utf8 := p.atom("UTF8_STRING")
		for n := range maxTransfers + 2 {
			p.property = p.atom("PROPERTY" + string(rune('A'+n)))
			p.ask(utf8)
			if got, want := p.answer().Property != 0, n < maxTransfers; got != want {
				t.Errorf("transfer %d was begun: %v, want %v", n, got, want)
			}
		}
		p.conn.Close() // its windows go with it, and so do the transfers
		for end := time.Now().Add(deadline); ; time.Sleep(time.Millisecond) {
			c.mu.Lock()
			n := len(c.sending)
			c.mu.Unlock()
			if n == 0 {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%d transfers are still under way", n)
			}
		}
	})
}

func TestMultipleAndTimestamp(t *testing.T) {
	onEach(t, func(t *testing.T, name string, c *Clipboard) {
		p := newProgram(t, name)
		give(t, c, text("é"))
		first, second, third := p.atom("FIRST"), p.atom("SECOND"), p.atom("THIRD")
		pairs := appendAtoms(nil, p.atom("UTF8_STRING"), first, p.atom("image/png"), second, p.atom("TIMESTAMP"), third)
		xproto.ChangeProperty(p.conn, xproto.PropModeReplace, p.window, p.property, p.atom("ATOM_PAIR"), 32, 6, pairs)
		p.ask(p.atom("MULTIPLE"))
		got, _ := p.take()
		if want := appendAtoms(nil, p.atom("UTF8_STRING"), first, p.atom("image/png"), 0, p.atom("TIMESTAMP"), third); !bytes.Equal(got, want) {
			t.Errorf("pairs %x, want %x", got, want)
		}
		p.property = first
		if got, _ := p.read(); string(got) != "é" {
			t.Errorf("as UTF8_STRING: %q, want %q", got, "é")
		}
		p.property = third
		if got, typ := p.read(); typ != xproto.AtomInteger || len(got) != 4 || xgb.Get32(got) == 0 {
			t.Errorf("as TIMESTAMP: %x of type %d", got, typ)
		}
		p.property = second // a MULTIPLE without its pairs
		p.ask(p.atom("MULTIPLE"))
		if got := p.answer().Property; got != 0 {
			t.Errorf("MULTIPLE without pairs was answered in property %d", got)
		}
	})
}

func TestReportKeepsTheNewestOfEach(t *testing.T) {
	const primary = input.SelectionPrimary
	c := &Clipboard{changed: make(chan input.Selection, 2)}
	for _, s := range []input.Selection{board, board, primary, primary, board} {
		c.report(s)
	}
	close(c.changed)
	var got []input.Selection
	for s := range c.changed {
		got = append(got, s)
	}
	if want := []input.Selection{primary, board}; !slices.Equal(got, want) {
		t.Errorf("reported %q, want %q", got, want)
	}
}

func TestPrimary(t *testing.T) {
	onEach(t, func(t *testing.T, name string, a *Clipboard) {
		b := open(t, name, Config{Primary: true})
		p := newProgram(t, name)
		p.selection = xproto.AtomPrimary
		p.own()
		awaitChange(t, b, input.SelectionPrimary)
		if err := b.Offer(input.SelectionPrimary, []input.Item{text("marked")}); err != nil {
			t.Fatal(err)
		}
		p.ask(p.atom("UTF8_STRING"))
		if got, _ := p.take(); string(got) != "marked" {
			t.Errorf("got %q, want %q", got, "marked")
		}
		select {
		case s := <-a.Changed():
			t.Errorf("a change of %s is reported, which is not served", s)
		default:
		}
	})
}

func TestOwnerDies(t *testing.T) {
	onEach(t, func(t *testing.T, name string, c *Clipboard) {
		p := newProgram(t, name)
		p.own()
		awaitChange(t, c, board)
		asked := make(chan error, 1)
		go func() {
			_, err := c.Read(within(t), board, utf8MIME, 100)
			asked <- err
		}()
		p.awaitReader(c)
		p.conn.Close() // without an answer
		if err := <-asked; !errors.Is(err, ErrLost) {
			t.Errorf("Read = %v, want %v", err, ErrLost)
		}
		if _, err := c.Read(within(t), board, utf8MIME, 100); !errors.Is(err, ErrRefused) {
			t.Errorf("Read of what nobody owns = %v, want %v", err, ErrRefused)
		}
	})
}

// TestOwnerIsSuperseded: a reader does not wait for an owner that is it no more.
func TestOwnerIsSuperseded(t *testing.T) {
	onEach(t, func(t *testing.T, name string, c *Clipboard) {
		silent := newProgram(t, name)
		silent.own()
		awaitChange(t, c, board)
		asked := make(chan error, 1)
		go func() {
			_, err := c.Read(within(t), board, utf8MIME, 100)
			asked <- err
		}()
		silent.awaitReader(c)
		newProgram(t, name).own()
		select {
		case err := <-asked:
			if !errors.Is(err, ErrLost) {
				t.Errorf("Read = %v, want %v", err, ErrLost)
			}
		case <-time.After(deadline / 2):
			t.Error("it waits for who owns the selection no more")
		}
		awaitChange(t, c, board)
	})
}

func TestDisplayGone(t *testing.T) {
	plan, kill := displaytest.StartProcess(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 48)})
	c := open(t, plan.Display, Config{})
	give(t, c, text("x"))
	kill()
	if _, ok := <-c.Changed(); ok {
		t.Error("a change is reported on a display that has gone")
	}
	if err := c.Offer(board, []input.Item{text("y")}); !errors.Is(err, input.ErrGone) {
		t.Errorf("Offer = %v, want %v", err, input.ErrGone)
	}
}

func TestCloseWithoutRun(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 48)})
	c, err := Open(Config{Display: plan.Display, Connect: display.Connect})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := c.Run(context.Background()); err == nil {
		t.Error("Run after Close: no error")
	}
	if _, err := c.Read(within(t), board, utf8MIME, 100); !errors.Is(err, input.ErrGone) {
		t.Errorf("Read after Close = %v, want %v", err, input.ErrGone)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 48)})
	c, err := Open(Config{Display: plan.Display, Connect: display.Connect})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want %v", err, context.Canceled)
	}
	c.Close()
}
