package e2e

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"testing"
)

// TestPassword: the form of the page lets in by the password, and out again in all tabs.
func TestPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, setup{tab: image.Pt(360, 640), lang: "fr", agent: []string{"--auth", "password", "--password-file", file, "--vnc", "off"}})
	page := d.load(d.browser, d.url("?resize=off&transport=ws"))
	give := func(page *tab, password string) {
		t.Helper()
		page.wait(`document.querySelector("input[type=password][autocomplete=current-password]")`)
		d.check(page.Eval(d.ctx, fmt.Sprintf(`document.querySelector("input[type=password]").value = %q, document.querySelector("form").requestSubmit(), 1`, password), nil))
	}
	give(page, "wrong")
	page.says("Ce mot de passe n’est pas correct")
	give(page, "correct horse")
	page.picture()
	page.reload()
	page.picture()

	second := d.load(d.browser, d.url("?resize=off&transport=ws"))
	give(second, "correct horse") // which the browser's cookie alone does not spare
	second.picture()
	second.act("button[data-tool=settings]")
	second.act("button[data-act=sign-out]")
	for _, tab := range []*tab{second, page} {
		tab.says("Vous êtes déconnecté.")
		tab.wait(`document.documentElement.hasAttribute("data-pictured") === false`)
		tab.wait(`history.state.lucarne.key === ""`)
	}
}

// TestNeighbour: a page of the same origin gets the desktop's neither by a request, nor in a frame,
// nor as a window whose opener it is.
func TestNeighbour(t *testing.T) {
	d := newDesk(t, setup{agent: []string{"--auth", "token", "--vnc", "off"}})
	owner := d.load(d.browser, d.link())
	owner.picture() // so that there is a cookie
	neighbour := d.load(d.browser, d.url("healthz"))
	var status int
	d.check(neighbour.Eval(d.ctx, `fetch("/").then(r => r.status)`, &status))
	if status != 403 {
		t.Errorf("a request for the page: %d", status)
	}
	d.check(neighbour.Eval(d.ctx, `window.frame = document.createElement("iframe"), frame.src = "/", document.body.append(frame), 1`, nil))
	neighbour.wait(`frame.contentDocument === null`) // an error's page is nobody's
	d.check(neighbour.Eval(d.ctx, `window.opened = window.open("/"), 1`, nil))
	neighbour.wait(`opened.closed`) // as far as the opener can tell
	var code string
	d.check(neighbour.Eval(d.ctx, `new Promise(done => {
		const ws = new WebSocket("ws://" + location.host + "/ws");
		ws.onopen = () => ws.send(JSON.stringify({type: "hello", transport: "ws", codecs: ["vp8"]}));
		ws.onmessage = ({data}) => done(JSON.parse(data).code);
	})`, &code))
	if code != "login" {
		t.Errorf("hello without the key: %q", code)
	}
}
