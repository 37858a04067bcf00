package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"lucarne/perf/browser"
)

// xclip returns a command on the desk's display.
func (d *desk) xclip(args ...string) *exec.Cmd {
	c := exec.CommandContext(d.ctx, "xclip", append([]string{"-display", d.plan.Display, "-selection", "clipboard"}, args...)...)
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	return c
}

// clipboardTexts are one of everyday and one that X has to carry in parts (ICCCM §2.7.2, INCR).
func clipboardTexts() map[string]string {
	return map[string]string{
		"short": "Grüße, 世界\nsecond line",
		"large": strings.Repeat("0123456789 abcdefghijklmnopqrstuvwxyz äöü\n", 15_000),
	}
}

func newClipboardDesk(t *testing.T) (*desk, *tab) {
	t.Helper()
	if _, err := exec.LookPath("xclip"); err != nil {
		t.Skip("xclip is not installed")
	}
	d := newDesk(t, setup{})
	d.check(d.browser.Grant(d.ctx, "http://"+d.agent.address, "clipboardReadWrite", "clipboardSanitizedWrite"))
	return d, d.open("?resize=off")
}

// copied makes a program of the desktop own the clipboard, with a text.
func (d *desk) copied(text string) {
	d.t.Helper()
	owner := d.xclip("-i", "-quiet")
	owner.Stdin = strings.NewReader(text)
	d.check(owner.Start())
	d.t.Cleanup(func() {
		owner.Process.Kill()
		owner.Wait() // killed
	})
}

func TestClipboardFromTheDesktop(t *testing.T) {
	for name, text := range clipboardTexts() {
		t.Run(name, func(t *testing.T) {
			d, page := newClipboardDesk(t)
			page.focus()
			d.copied(text)
			poll(t, "text in the browser's clipboard", func() bool {
				var got string
				d.check(page.Eval(d.ctx, "navigator.clipboard.readText().catch(() => '')", &got))
				return got == text
			})
		})
	}
}

func TestClipboardToTheDesktop(t *testing.T) {
	for name, text := range clipboardTexts() {
		t.Run(name, func(t *testing.T) {
			d, page := newClipboardDesk(t)
			page.focus()
			// Copied elsewhere, as far as the page can tell.
			const begin, end = "navigator.clipboard.writeText(`", "`)"
			d.check(page.Eval(d.ctx, begin+text+end, nil))
			page.paste()
			d.pasted(text)
		})
	}
}

// paste presses Ctrl+V.
func (t *tab) paste() {
	t.d.t.Helper()
	ctrl := browser.Key{Code: "ControlLeft", Key: "Control"}
	v := browser.Key{Code: "KeyV", Key: "v", Modifiers: browser.Ctrl, Command: "paste"}
	down := ctrl
	down.Modifiers = browser.Ctrl
	t.d.check(t.KeyDown(t.d.ctx, down), t.Press(t.d.ctx, v), t.KeyUp(t.d.ctx, ctrl))
}

// pasted waits until the desktop's clipboard has a text.
func (d *desk) pasted(text string) {
	d.t.Helper()
	poll(d.t, "text in the desktop's clipboard", func() bool {
		got, err := d.xclip("-o").Output()
		return err == nil && string(got) == text // an error: nobody has a clipboard yet
	})
}

// Where the page may not read the clipboard, the paste event tells it: before
// the key reaches the desktop.
func TestPasteWithoutPermission(t *testing.T) {
	if _, err := exec.LookPath("xclip"); err != nil {
		t.Skip("xclip is not installed")
	}
	d := newDesk(t, setup{}) // nothing is granted
	page := d.open("?resize=off")
	page.focus()
	var state string
	d.check(page.Eval(d.ctx, "navigator.permissions.query({name: 'clipboard-read'}).then(p => p.state)", &state))
	if state != "prompt" {
		t.Fatalf("reading the clipboard is %s, want prompt", state)
	}
	const text = "copied before"
	d.check(page.Eval(d.ctx, "navigator.clipboard.writeText('"+text+"')", nil)) // a gesture is enough for this
	page.paste()
	d.pasted(text)
}

// What is copied in one desktop is pasted into another, by the browser that
// shows both.
func TestClipboardBetweenDesktops(t *testing.T) {
	from, first := newClipboardDesk(t)
	first.focus()
	const text = "from one to the other"
	from.copied(text)
	poll(t, "text in the browser's clipboard", func() bool {
		var got string
		from.check(first.Eval(from.ctx, "navigator.clipboard.readText().catch(() => '')", &got))
		return got == text
	})
	to := newDesk(t, setup{browser: from.browser})
	to.check(to.browser.Grant(to.ctx, "http://"+to.agent.address, "clipboardReadWrite", "clipboardSanitizedWrite"))
	second := to.open("?resize=off")
	second.focus()
	second.paste()
	to.pasted(text)
}

func TestClipboardPanel(t *testing.T) {
	if _, err := exec.LookPath("xclip"); err != nil {
		t.Skip("xclip is not installed")
	}
	d := newDesk(t, setup{}) // nothing is granted
	page := d.open("?resize=off")
	d.check(page.Eval(d.ctx, `document.querySelector("[aria-label=Clipboard]").click(), 1`, nil))
	page.wait(`document.activeElement.matches("textarea")`)
	d.check(page.Type(d.ctx, "by hand"))
	d.check(page.Eval(d.ctx, `[...document.querySelectorAll("button")].find(b => b.textContent === "Send to the desktop").click(), 1`, nil))
	d.pasted("by hand")
}
