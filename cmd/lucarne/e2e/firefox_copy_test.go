package e2e

import (
	"image"
	"os/exec"
	"strings"
	"testing"
)

// chord presses a key while Control is held.
func (f *firefox) chord(key string) {
	f.t.Helper()
	const control = "\ue009" // https://w3c.github.io/webdriver/#keyboard-actions
	var actions []any
	for _, stroke := range [][2]string{{"keyDown", control}, {"keyDown", key}, {"keyUp", key}, {"keyUp", control}} {
		actions = append(actions, map[string]any{"type": stroke[0], "value": stroke[1]})
	}
	f.perform(map[string]any{"type": "key", "id": "keyboard", "actions": actions})
}

// gesture evaluates an expression as if the person had just done something, and
// awaits it. It returns the text that it makes, or why it makes none.
func (f *firefox) gesture(expression string) string {
	f.t.Helper()
	var out struct{ Result struct{ Value string } }
	f.call("script.evaluate", map[string]any{
		"expression":     "(async () => String(await (" + expression + ")))().catch(String)",
		"target":         map[string]string{"context": f.tab},
		"awaitPromise":   true,
		"userActivation": true,
	}, &out)
	return out.Result.Value
}

// TestFirefoxCopies: a browser that nobody reads unasked tells its clipboard by the
// paste gesture, and takes the desktop's by the copy gesture. (Without a screen its
// clipboard holds no pictures.)
func TestFirefoxCopies(t *testing.T) {
	if _, err := exec.LookPath("xclip"); err != nil {
		t.Skip("xclip is not installed")
	}
	d := newAgentDesk(t, &setup{})
	fox := startFirefox(d.ctx, t, image.Pt(1280, 720))
	fox.navigate(d.url("?resize=off&transport=ws"))
	fox.wait(`document.documentElement.dataset.state === "connected" && lucarne.stats().width > 0`)
	fox.click(image.Pt(600, 600))

	const html = `<p>Grüße, <b>世界</b></p>`
	written := fox.gesture(`navigator.clipboard.write([new ClipboardItem({
		"text/plain": new Blob(["Grüße, 世界"], {type: "text/plain"}),
		"text/html": new Blob(["` + strings.ReplaceAll(html, `"`, `\"`) + `"], {type: "text/html"}),
	})]).then(() => "done")`)
	if written != "done" {
		t.Fatalf("writing the clipboard: %s", written)
	}
	fox.click(image.Pt(600, 600)) // the window has the focus, and is not read for it
	fox.chord("v")
	d.pasted("Grüße, 世界")
	d.pastedAs("text/html", func(got []byte) bool { return strings.Contains(string(got), html) })

	d.copied("from the desktop")
	fox.chord("c")
	poll(t, "text in Firefox's clipboard", func() bool {
		return fox.gesture("navigator.clipboard.readText()") == "from the desktop"
	})
	fox.click(image.Pt(600, 600))
	fox.chord("v")
	if got, err := d.xclip("-o").Output(); err != nil || string(got) != "from the desktop" {
		t.Errorf("pasted back: %q, %v", got, err)
	}
}
