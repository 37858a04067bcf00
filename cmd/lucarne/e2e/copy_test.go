package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"lucarne/perf/browser"
)

// copiedAs makes a program of the desktop own the clipboard, with content of a type.
func (d *desk) copiedAs(mime string, content []byte) {
	d.t.Helper()
	owner := d.xclip("-i", "-quiet", "-t", mime)
	owner.Stdin = bytes.NewReader(content)
	d.check(owner.Start())
	d.t.Cleanup(func() {
		owner.Process.Kill()
		owner.Wait() // killed
	})
}

// pastedAs waits until the desktop's clipboard has content of a type that is right.
func (d *desk) pastedAs(mime string, right func([]byte) bool) {
	d.t.Helper()
	poll(d.t, mime+" in the desktop's clipboard", func() bool {
		got, err := d.xclip("-o", "-t", mime).Output()
		return err == nil && right(got)
	})
}

// copiedPicture is a picture with every kind of edge, and its PNG.
func copiedPicture(t *testing.T) (*image.NRGBA, []byte) {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 301, 199))
	for i := range m.Pix {
		m.Pix[i] = byte(i * i >> 3)
		if i%4 == 3 {
			m.Pix[i] = 0xff
		}
	}
	m.SetNRGBA(7, 7, color.NRGBA{}) // nothing at all
	var b bytes.Buffer
	must(t, png.Encode(&b, m))
	return m, b.Bytes()
}

// same says whether data is a PNG of the same pixels.
func same(m *image.NRGBA, data []byte) bool {
	got, err := png.Decode(bytes.NewReader(data))
	if err != nil || got.Bounds() != m.Bounds() {
		return false
	}
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			if color.NRGBAModel.Convert(got.At(x, y)) != m.NRGBAAt(x, y) {
				return false
			}
		}
	}
	return true
}

// clip returns what the browser's clipboard has of a type; nil for nothing.
func (t *tab) clip(mime string) []byte {
	t.d.t.Helper()
	var text string
	t.d.check(t.Eval(t.d.ctx, `(async () => {
		const items = await navigator.clipboard.read().catch(() => []);
		const item = items.find(item => item.types.includes("`+mime+`"));
		if (!item) return "";
		const bytes = new Uint8Array(await (await item.getType("`+mime+`")).arrayBuffer());
		return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
	})().catch(() => "")`, &text)) // it may change while it is read
	data, err := base64.StdEncoding.DecodeString(text)
	must(t.d.t, err)
	return data
}

// TestCopyTypes: HTML and pictures, both ways; text TestClipboard… has.
func TestCopyTypes(t *testing.T) {
	d, page := newClipboardDesk(t)
	page.focus()
	picture, data := copiedPicture(t)
	const html = `<p style="color: rgb(1, 2, 3);">Grüße, <b>世界</b> &amp; <i>all</i></p>`

	d.copiedAs("image/png", data)
	poll(t, "picture in the browser's clipboard", func() bool { return same(picture, page.clip("image/png")) })
	d.copiedAs("text/html", []byte(html))
	poll(t, "HTML in the browser's clipboard", func() bool {
		return strings.Contains(string(page.clip("text/html")), `Grüße, <b>世界</b> &amp; <i>all</i>`)
	})

	// Copied elsewhere, as far as the page can tell.
	d.check(page.Eval(d.ctx, fmt.Sprintf(`(() => {
		const bytes = Uint8Array.from(atob(%q), c => c.charCodeAt(0));
		return navigator.clipboard.write([new ClipboardItem({
			"text/plain": new Blob(["Grüße"], {type: "text/plain"}),
			"text/html": new Blob([%q], {type: "text/html"}),
			"image/png": new Blob([bytes], {type: "image/png"}),
		})]).then(() => 1);
	})()`, base64.StdEncoding.EncodeToString(data), html), nil))
	page.paste()
	d.pastedAs("image/png", func(got []byte) bool { return same(picture, got) })
	d.pastedAs("text/html", func(got []byte) bool { return strings.Contains(string(got), html) })
	d.pasted("Grüße")
}

// TestCopyOfTenMebibytes: a long text is there before the key that pastes it, and
// the way back takes it too.
func TestCopyOfTenMebibytes(t *testing.T) {
	d, page := newClipboardDesk(t)
	r := d.record(image.Rect(100, 100, 500, 400))
	page.focus()
	line := "0123456789 abcdefghijklmnopqrstuvwxyz äöü\n"
	text := strings.Repeat(line, 10<<20/len(line))
	d.check(page.Eval(d.ctx, fmt.Sprintf("navigator.clipboard.writeText(%q.repeat(%d)).then(() => 1)", line, 10<<20/len(line)), nil))
	r.reset()
	page.paste()
	poll(t, "the key that pastes", func() bool { return len(r.printable()) > 0 })
	if got, err := d.xclip("-o").Output(); err != nil || string(got) != text {
		t.Errorf("when the key comes the desktop's clipboard has %d bytes, %v; want %d", len(got), err, len(text))
	}
	back := strings.ToUpper(text)
	d.copied(back)
	poll(t, "text in the browser's clipboard", func() bool {
		var got int
		d.check(page.Eval(d.ctx, fmt.Sprintf("navigator.clipboard.readText().then(t => t === %q.repeat(%d) ? t.length : 0, () => 0)",
			strings.ToUpper(line), 10<<20/len(line)), &got))
		return got > 0
	})
}

// TestCopyTooLarge: what is more than the server takes is refused with a reason,
// either way, and the rest goes on.
func TestCopyTooLarge(t *testing.T) {
	if _, err := exec.LookPath("xclip"); err != nil {
		t.Skip("xclip is not installed")
	}
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--clipboard-max", "1"}})
	d.check(d.browser.Grant(d.ctx, "http://"+d.agent.address, "clipboardReadWrite", "clipboardSanitizedWrite"))
	page := d.open("?resize=off")
	page.focus()
	refused := `[...document.querySelectorAll(".toast")].some(t => t.innerText.includes("Up to 1 MiB"))`
	d.copied(strings.Repeat("x", 1<<20+1))
	page.wait(refused)
	d.check(page.Eval(d.ctx, `document.querySelector(".toast").remove(), navigator.clipboard.writeText("x".repeat((1 << 20) + 1)).then(() => 1)`, nil))
	page.paste()
	page.wait(refused)
	d.check(page.Eval(d.ctx, `navigator.clipboard.writeText("x".repeat(1 << 20)).then(() => 1)`, nil))
	page.paste()
	d.pasted(strings.Repeat("x", 1<<20))
}

// TestCopyWithoutTLS: a page by plain HTTP has no clipboard API. The paste gesture
// tells it everything; what the desktop copies gets out by the copy gesture, and
// the panel has it, pictures too.
func TestCopyWithoutTLS(t *testing.T) {
	if _, err := exec.LookPath("xclip"); err != nil {
		t.Skip("xclip is not installed")
	}
	const host = "desk.example"
	d := newDesk(t, setup{
		agent: []string{"--auth", "none", "--allowed-host", host},
		args:  []string{"--host-resolver-rules=MAP " + host + " 127.0.0.1"},
	})
	d.check(d.browser.Grant(d.ctx, "http://"+d.agent.address, "clipboardReadWrite", "clipboardSanitizedWrite"))
	// A page beside it, which has the API.
	beside := d.load(d.browser, d.url("connection"))
	d.check(beside.Call(d.ctx, "Page.bringToFront", nil, nil))
	picture, data := copiedPicture(t)
	d.check(beside.Eval(d.ctx, `navigator.clipboard.writeText("from elsewhere").then(() => 1)`, nil))

	address, err := url.Parse(d.url("?resize=off"))
	must(t, err)
	address.Host = host + ":" + address.Port()
	page := d.load(d.browser, address.String())
	page.wait("!isSecureContext && !navigator.clipboard && document.documentElement.dataset.state === 'connected'")
	d.check(page.Call(d.ctx, "Page.bringToFront", nil, nil))
	page.focus()
	page.paste()
	d.pasted("from elsewhere")

	d.copied("from the desktop")
	ctrl := browser.Key{Code: "ControlLeft", Key: "Control", Modifiers: browser.Ctrl}
	c := browser.Key{Code: "KeyC", Key: "c", Modifiers: browser.Ctrl}
	d.check(page.KeyDown(d.ctx, ctrl), page.Press(d.ctx, c), page.KeyUp(d.ctx, browser.Key{Code: "ControlLeft", Key: "Control"}))
	d.check(beside.Call(d.ctx, "Page.bringToFront", nil, nil))
	poll(t, "text in the browser's clipboard", func() bool {
		var got string
		d.check(beside.Eval(d.ctx, "navigator.clipboard.readText().catch(() => '')", &got))
		return got == "from the desktop"
	})

	d.check(page.Call(d.ctx, "Page.bringToFront", nil, nil))
	page.use("clipboard")
	page.wait(`document.querySelector(".clipboard textarea").value === "from the desktop"`)
	d.copiedAs("image/png", data)
	page.wait(fmt.Sprintf(`document.querySelector(".clipboard img").naturalWidth === %d`, picture.Rect.Dx()))
	page.keep("clipboard-picture")
	page.wait(`document.querySelector(".clipboard a[download]").href.startsWith("blob:")`)
}

// TestCopyPrimary: what is marked with the mouse is shared, both ways, where the
// server lets it and the page asks for it.
func TestCopyPrimary(t *testing.T) {
	if _, err := exec.LookPath("xclip"); err != nil {
		t.Skip("xclip is not installed")
	}
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--primary"}})
	d.check(d.browser.Grant(d.ctx, "http://"+d.agent.address, "clipboardReadWrite", "clipboardSanitizedWrite"))
	page := d.load(d.browser, d.url("?resize=off"), `localStorage.setItem("lucarne.settings", '{"primary":true}')`)
	page.picture()
	page.focus()
	primary := func(args ...string) *exec.Cmd { return d.xclip(append([]string{"-selection", "primary"}, args...)...) }
	d.check(page.Eval(d.ctx, `navigator.clipboard.writeText("to be pasted by the middle button").then(() => 1)`, nil))
	page.paste()
	poll(t, "text in PRIMARY", func() bool {
		got, err := primary("-o").Output()
		return err == nil && string(got) == "to be pasted by the middle button"
	})
	owner := primary("-i")
	owner.Stdin = strings.NewReader("marked")
	d.check(owner.Run())
	poll(t, "text in the browser's clipboard", func() bool { return string(page.clip("text/plain")) == "marked" })
}
