package e2e

import (
	"fmt"
	"image"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"lucarne/capture/display"
	"lucarne/perf/browser"
	"lucarne/perf/xclient"
)

// needX11vnc skips a test of a display whose server has no VNC of its own.
func needX11vnc(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("x11vnc"); err != nil {
		t.Skip("x11vnc is not installed")
	}
}

// loadVNC opens the page that shows the desktop by VNC, and waits until it does.
func (d *desk) loadVNC(url string) *tab {
	d.t.Helper()
	page := d.load(d.browser, url)
	page.wait(`document.documentElement.dataset.state === "connected"`)
	return page
}

// paints waits until the canvas has a colour at a position of the screen.
func (t *tab) paints(at image.Point, want xclient.RGB) {
	t.d.t.Helper()
	t.wait(fmt.Sprintf(`(c => c && [...c.getContext("2d").getImageData(%d, %d, 1, 1).data.slice(0, 3)]
		.reduce((sum, v) => sum * 256 + v, 0) === %d)(document.querySelector("#stage canvas"))`, at.X, at.Y, want))
}

// types types into the page, and waits until the desktop has got it.
func (t *tab) types(r *recorder) {
	t.d.t.Helper()
	r.reset()
	t.d.check(t.Click(t.d.ctx, image.Pt(300, 300), browser.Left), t.Type(t.d.ctx, "aB€"))
	want := []uint32{'a', 'B', 0x20ac}
	poll(t.d.t, "letters", func() bool { return slices.Equal(r.printable(), want) })
	poll(t.d.t, "lifted fingers", func() bool { return r.held() == 0 && len(r.got(isButton)) == 2 })
}

// TestVNC: the page finds the display's VNC by itself, shows it and brings keys
// and pointer. An x11vnc is there for as long as the page is.
func TestVNC(t *testing.T) {
	needX11vnc(t)
	for _, server := range []string{display.Xvnc, display.Xvfb, display.Xorg} {
		t.Run(server, func(t *testing.T) {
			d := newDesk(t, setup{server: server})
			r := d.record(image.Rect(100, 100, 500, 400))
			page := d.loadVNC(d.url("vnc/?resize=off"))
			page.paints(image.Pt(300, 300), 0x303030)
			page.types(r)
			d.check(page.KeyDown(d.ctx, browser.Key{Code: "KeyH", Key: "h"}))
			poll(t, "h", func() bool { return r.held() == 1 })
			d.check(page.Navigate(d.ctx, "about:blank"))
			poll(t, "release of the key that the page held", func() bool { return r.held() == 0 })
			poll(t, "end of x11vnc", func() bool { return strings.Contains(d.agent.log.String(), "msg=ended process=x11vnc") })
		})
	}
}

// TestVNCOfUp: the Xvnc that up has started needs no x11vnc.
func TestVNCOfUp(t *testing.T) {
	if _, err := exec.LookPath("Xvnc"); err != nil {
		t.Skip("Xvnc is not installed")
	}
	d := newDesk(t, setup{})
	d.agent = launch(t, "up", "--xserver", "Xvnc", "--size", "800x600", "--auth", "none",
		"--session", "xsetroot -solid '#204060'; exec sleep 1000")
	page := d.loadVNC(d.url("vnc/?resize=off"))
	page.paints(image.Pt(300, 300), 0x204060)
	if log := d.agent.log.String(); strings.Contains(log, "x11vnc") {
		t.Errorf("an x11vnc was started:\n%s", log)
	}
}

func TestVNCBehindNginx(t *testing.T) {
	needX11vnc(t)
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed")
	}
	const base = "/user/alice/desktop/"
	for _, c := range []struct{ name, upstream string }{
		{"prefix kept", "http://%s"},
		{"prefix stripped", "http://%s/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, setup{agent: []string{"--auth", "token", "--base-path", base}})
			r := d.record(image.Rect(100, 100, 500, 400))
			_, token, _ := strings.Cut(d.link(), "#")
			proxy := "http://" + startNginx(t, base, fmt.Sprintf(c.upstream, d.agent.address)) + base
			page := d.loadVNC(proxy + "vnc?resize=off#" + token)
			page.paints(image.Pt(300, 300), 0x303030)
			page.types(r)
			var urls []string
			d.check(page.Eval(d.ctx, `performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith("data:"))`, &urls))
			for _, url := range urls {
				if !strings.HasPrefix(url, proxy) {
					t.Errorf("the page loaded %s, which is outside its path", url)
				}
			}
			d.check(page.Eval(d.ctx, `document.querySelector("a[href='../']").click(), 1`, nil)) // which takes the key along
			page.picture()
		})
	}
}

// TestVNCResize: the desktop takes on the tab's size, beyond its first one.
func TestVNCResize(t *testing.T) {
	needX11vnc(t)
	for _, server := range []string{display.Xvnc, display.Xorg} {
		t.Run(server, func(t *testing.T) {
			d := newDesk(t, setup{server: server, tab: image.Pt(1400, 900)})
			page := d.loadVNC(d.url("vnc/"))
			page.wait(`(c => c.width === innerWidth && c.height === innerHeight)(document.querySelector("#stage canvas"))`)
		})
	}
}

// TestVNCWithoutTLS: where a browser has neither WebCodecs nor a clipboard for
// the page, VNC works.
func TestVNCWithoutTLS(t *testing.T) {
	needX11vnc(t)
	const host = "desk.example"
	d := newDesk(t, setup{
		agent: []string{"--auth", "none", "--allowed-host", host},
		args:  []string{"--host-resolver-rules=MAP " + host + " 127.0.0.1"},
	})
	r := d.record(image.Rect(100, 100, 500, 400))
	_, port, _ := strings.Cut(d.agent.address, ":")
	page := d.loadVNC("http://" + host + ":" + port + "/vnc/?resize=off")
	page.wait("!isSecureContext")
	page.paints(image.Pt(300, 300), 0x303030)
	page.types(r)
}

// TestVNCReconnects: by itself after the agent has ended, and when the person
// asks. The one before is over then.
func TestVNCReconnects(t *testing.T) {
	needX11vnc(t)
	d := newDesk(t, setup{})
	r := d.record(image.Rect(100, 100, 500, 400))
	page := d.loadVNC(d.url("vnc/?resize=off"))
	d.agent.kill()
	page.wait(`document.documentElement.dataset.state !== "connected"`)
	d.agent.start()
	page.wait(`document.documentElement.dataset.state === "connected"`)
	page.types(r)
	before := d.agent.log.String()
	for range 2 {
		d.check(page.Eval(d.ctx, `document.querySelector("[aria-label=Reconnect]").click(), 1`, nil))
		page.wait(`document.documentElement.dataset.state === "connected"`)
	}
	page.types(r)
	poll(t, "end of the x11vncs before", func() bool {
		log := strings.TrimPrefix(d.agent.log.String(), before)
		return strings.Count(log, "msg=ended process=x11vnc") == strings.Count(log, "msg=started process=x11vnc")
	})
	page.wait(`document.querySelectorAll("#stage canvas").length === 1`)
}

// TestVNCRepeat: a key that is held repeats, as the browser says.
func TestVNCRepeat(t *testing.T) {
	needX11vnc(t)
	d := newDesk(t, setup{})
	r := d.record(image.Rect(100, 100, 500, 400))
	page := d.loadVNC(d.url("vnc/?resize=off"))
	page.types(r)
	r.reset()
	h := browser.Key{Code: "KeyH", Key: "h"}
	d.check(page.KeyDown(d.ctx, h), page.KeyDown(d.ctx, h), page.KeyDown(d.ctx, h), page.KeyUp(d.ctx, h))
	poll(t, "three strokes", func() bool { return slices.Equal(r.pressed(), []uint32{'h', 'h', 'h'}) && r.held() == 0 })
}

// TestVNCClipboard: it goes by the other WebSocket, and is there before the key
// that pastes it.
func TestVNCClipboard(t *testing.T) {
	needX11vnc(t)
	if _, err := exec.LookPath("xclip"); err != nil {
		t.Skip("xclip is not installed")
	}
	d := newDesk(t, setup{})
	d.check(d.browser.Grant(d.ctx, "http://"+d.agent.address, "clipboardReadWrite", "clipboardSanitizedWrite"))
	r := d.record(image.Rect(100, 100, 500, 400))
	page := d.loadVNC(d.url("vnc/?resize=off"))
	page.types(r)

	d.check(page.Eval(d.ctx, "navigator.clipboard.writeText('Grüße, 世界')", nil))
	control := browser.Key{Code: "ControlLeft", Key: "Control", Modifiers: browser.Ctrl}
	r.reset()
	d.check(page.KeyDown(d.ctx, control), page.Press(d.ctx, browser.Key{Code: "KeyV", Key: "v", Modifiers: browser.Ctrl}),
		page.KeyUp(d.ctx, browser.Key{Code: "ControlLeft", Key: "Control"}))
	poll(t, "the key that pastes", func() bool { return slices.Contains(r.pressed(), 'v') })
	if got, err := d.xclip("-o").Output(); err != nil || string(got) != "Grüße, 世界" {
		t.Errorf("when v comes the desktop's clipboard holds %q, %v", got, err)
	}
	poll(t, "lifted fingers", func() bool { return r.held() == 0 })

	owner := d.xclip("-i")
	owner.Stdin = strings.NewReader("copied on the desktop")
	d.check(owner.Run())
	poll(t, "text in the browser's clipboard", func() bool {
		var got string
		d.check(page.Eval(d.ctx, "navigator.clipboard.readText().catch(() => '')", &got))
		return got == "copied on the desktop"
	})
}

// TestVNCOff: the page says why there is nothing to see, and how to get back.
func TestVNCOff(t *testing.T) {
	d := newDesk(t, setup{lang: "fr", agent: []string{"--auth", "none", "--vnc", "off"}})
	page := d.load(d.browser, d.url("vnc/"))
	page.wait(`document.querySelector(".card").innerText.includes("VNC est désactivé")`)
	page.wait(`document.querySelector("a[href='../']")?.checkVisibility()`)
	var licence string
	d.check(page.Eval(d.ctx, `fetch(document.querySelector("a.note").href).then(r => r.text())`, &licence))
	if !strings.Contains(licence, "Mozilla Public License") {
		t.Errorf("the licence is %.100q", licence)
	}
}
