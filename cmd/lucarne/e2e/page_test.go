package e2e

import (
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lucarne/perf/browser"
	"lucarne/perf/xclient"
)

func TestReconnectAfterTheAgentIsKilled(t *testing.T) {
	for name, auth := range map[string][]string{
		"open":       {"--auth", "none"},
		"token file": {"--auth", "token", "--token-file", filepath.Join(t.TempDir(), "token")},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, setup{agent: auth})
			r := d.record(image.Rect(0, 0, 1280, 720))
			url := d.url("?resize=off")
			if name == "token file" {
				url = d.link()
			}
			page := d.load(d.browser, strings.Replace(url, "/#", "/?resize=off#", 1))
			page.picture()
			page.shows(image.Pt(400, 350), 0x303030, atRest)
			page.focus()
			d.check(page.Eval(d.ctx, "window.sameDocument = true, 1", nil))
			d.agent.kill()
			page.wait(`document.body.textContent.includes("Reconnecting")`)
			d.window(image.Rect(200, 200, 600, 500), 0xc04040)
			d.agent.start()
			page.shows(image.Pt(400, 350), 0xc04040, atRest)
			page.wait("window.sameDocument")
			d.check(page.Press(d.ctx, browser.Key{Code: "KeyZ", Key: "z"}))
			poll(t, "key", func() bool { return slices.Equal(r.pressed(), []uint32{'z'}) && r.held() == 0 })
		})
	}
}

func TestKeyHeldWhenTheAgentIsKilled(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.open("?resize=off")
	page.focus()
	h := browser.Key{Code: "KeyH", Key: "h"}
	d.check(page.KeyDown(d.ctx, h))
	poll(t, "held key", func() bool { return r.held() == 1 })
	d.agent.kill()
	d.check(page.KeyUp(d.ctx, h)) // nobody hears it
	d.agent.start()
	poll(t, "release of the key that the killed agent held", func() bool { return r.held() == 0 })
}

func TestFrenchPage(t *testing.T) {
	d := newDesk(t, setup{lang: "fr"})
	page := d.open("?resize=off")
	page.wait(`document.documentElement.lang === "fr"`)
	page.wait(`document.querySelector("[aria-label='Presse-papiers']")`)
	page.wait(`document.body.textContent.includes("Connecté par WebRTC")`)
}

func TestToken(t *testing.T) {
	d := newDesk(t, setup{agent: []string{"--auth", "token"}})
	stranger := d.load(d.browser, d.url(""))
	stranger.wait(`document.querySelector("input[type=password]")`)
	var status int
	d.check(stranger.Eval(d.ctx, `new Promise(done => {
		const ws = new WebSocket("ws://" + location.host + "/ws");
		ws.onopen = () => done(1);
		ws.onerror = () => done(0);
	})`, &status))
	if status != 0 {
		t.Error("a stranger has opened the WebSocket")
	}
	d.check(stranger.Close())

	guest := d.load(d.browser, d.link())
	guest.picture()
	var hash string
	d.check(guest.Eval(d.ctx, "location.hash", &hash))
	if hash != "" {
		t.Errorf("the token stays in the address: %q", hash)
	}
	guest.reload()
	guest.picture()
	again := d.load(d.browser, d.url("")) // the browser's cookie alone
	again.wait(`document.querySelector("input[type=password]")`)
	again.wait(`!document.documentElement.hasAttribute("data-pictured")`)
}

// reload has the tab load its page anew.
func (t *tab) reload() {
	t.d.t.Helper()
	t.d.check(t.Eval(t.d.ctx, "window.stale = true", nil), t.Eval(t.d.ctx, "location.reload(), 1", nil))
	t.wait("!window.stale")
}

// link returns the link with the token, from the file whose path is logged.
func (d *desk) link() string {
	d.t.Helper()
	var path string
	poll(d.t, "path of the link in the log", func() bool {
		for _, word := range regexp.MustCompile(`[^\s"=]*/[^\s"]+`).FindAllString(d.agent.log.String(), -1) {
			info, err := os.Stat(word)
			if err == nil && info.Mode().IsRegular() && word != os.Getenv("XAUTHORITY") {
				if got := info.Mode().Perm(); got != 0o600 {
					d.t.Errorf("%s has mode %o, want 600", word, got)
				}
				path = word
			}
		}
		return path != ""
	})
	text, err := os.ReadFile(path)
	d.check(err)
	link := strings.TrimSpace(string(text))
	if !strings.Contains(link, "#token=") {
		d.t.Fatalf("%s holds no link with a token", path)
	}
	return link
}

// The cookie is valid for the path that the browser sees, though the agent does not.
func TestTokenBehindAStrippingProxy(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed")
	}
	const base = "/user/alice/desktop/"
	d := newDesk(t, setup{agent: []string{"--auth", "token", "--base-path", base}})
	proxy := startNginx(t, base, "http://"+d.agent.address+"/")
	_, fragment, _ := strings.Cut(d.link(), "#")
	page := d.load(d.browser, "http://"+proxy+base+"#"+fragment)
	page.picture()
	page.reload()
	page.picture()
}

func TestUpInABrowser(t *testing.T) {
	d := upDesk(t, "--session", "exec xterm -bg '#c04040' -geometry 100x30+0+0 -e sleep 1000")
	d.open("?resize=off").shows(image.Pt(200, 200), 0xc04040, atRest)
}

func TestSelfSignedCertificate(t *testing.T) {
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--tls", "self-signed"}, args: []string{"--ignore-certificate-errors"}})
	d.window(image.Rect(0, 0, 1280, 720), 0x40a060)
	page := d.open("?resize=off")
	page.shows(image.Pt(400, 350), 0x40a060, atRest)
	page.wait(`location.protocol === "https:" && isSecureContext`)
}

// oldScript makes the page believe that it is of another build.
const oldScript = `sessionStorage.loads = Number(sessionStorage.loads || 0) + 1;
new MutationObserver(() => document.querySelector('meta[name="lucarne-version"]')?.setAttribute("content", "old"))
	.observe(document, {childList: true, subtree: true});`

// A page of another build loads itself anew, once: a cache may keep it for ever.
func TestOldPageReloadsOnce(t *testing.T) {
	d := newDesk(t, setup{})
	page := d.load(d.browser, d.url("?resize=off"), oldScript)
	page.wait(`sessionStorage.loads === "2"`)
	page.picture()
	page.wait(`sessionStorage.loads === "2" && lucarne.version === "old"`)
}

func TestOverlayHasAllStages(t *testing.T) {
	d := newDesk(t, setup{})
	w := d.window(image.Rect(0, 0, 200, 200), 0x40a060)
	page := d.open("?resize=off&stats=1")
	page.shows(image.Pt(50, 50), 0x40a060, atRest)
	next := xclient.RGB(0x40a060)
	poll(t, "a time of each stage", func() bool {
		next ^= 0x808080
		w.Fill(image.Rect(0, 0, 200, 200), next)
		var times []string
		d.check(page.Eval(d.ctx, `[...document.querySelectorAll(".overlay .times dd")].map(e => e.checkVisibility() ? e.textContent : "")`, &times))
		return len(times) == 8 && !slices.ContainsFunc(times, func(s string) bool { return !strings.ContainsAny(s, "0123456789") })
	})
}
