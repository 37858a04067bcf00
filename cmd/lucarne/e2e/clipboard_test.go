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

func TestClipboardFromTheDesktop(t *testing.T) {
	for name, text := range clipboardTexts() {
		t.Run(name, func(t *testing.T) {
			d, page := newClipboardDesk(t)
			page.focus()
			owner := d.xclip("-i", "-quiet")
			owner.Stdin = strings.NewReader(text)
			d.check(owner.Start())
			t.Cleanup(func() {
				owner.Process.Kill()
				owner.Wait() // killed
			})
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
			// Copied elsewhere, as far as the page can tell; then Ctrl+V.
			const begin, end = "navigator.clipboard.writeText(`", "`)"
			d.check(page.Eval(d.ctx, begin+text+end, nil))
			ctrl := browser.Key{Code: "ControlLeft", Key: "Control"}
			v := browser.Key{Code: "KeyV", Key: "v", Modifiers: browser.Ctrl}
			down := ctrl
			down.Modifiers = browser.Ctrl
			d.check(page.KeyDown(d.ctx, down), page.Press(d.ctx, v), page.KeyUp(d.ctx, ctrl))
			poll(t, "text in the desktop's clipboard", func() bool {
				got, err := d.xclip("-o").Output()
				return err == nil && string(got) == text // an error: nobody has a clipboard yet
			})
		})
	}
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
	poll(t, "text in the desktop's clipboard", func() bool {
		got, err := d.xclip("-o").Output()
		return err == nil && string(got) == "by hand"
	})
}
