package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"image"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"lucarne/perf/browser"
)

// behind is the path of the desktop in front of the proxies.
const behind = "/user/alice/desktop/"

// TestProxies: through each proxy the page comes with all that it refers to, the
// login is good for it, the picture comes on the WebSocket, what is typed arrives,
// and doctor has nothing to say, of VNC neither.
func TestProxies(t *testing.T) {
	needX11vnc(t)
	d := newDesk(t, setup{agent: []string{"--auth", "token", "--base-path", behind}})
	_, token, _ := strings.Cut(d.link(), "#")
	r := d.record(image.Rect(0, 0, 1280, 720))
	check := d.chart()
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			d := d.in(t)
			url := "http://" + p.open(t, behind, d.agent.address) + behind
			page := d.load(d.browser, url+"?resize=off&transport=ws#"+token)
			page.by("ws")
			check(page)
			page.write(r, "Hello, proxy!")
			page.staysUnder(url)
			d.check(page.Close())
			diagnose(t, []string{url + "#" + token}, "page", "login", "WebSocket", "round trip", "large messages", "pictures", "VNC")
		})
	}
}

// TestProxyThatCutsWhatIsIdle: a WebSocket on which the browser says nothing, and
// nothing changes on the desktop, is not idle: the agent pings.
func TestProxyThatCutsWhatIsIdle(t *testing.T) {
	d := newAgentDesk(t, &setup{agent: []string{"--auth", "none", "--base-path", behind}})
	for _, p := range proxies {
		if !p.impatient {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel() // it is nothing but waiting
			url := "http://" + p.open(t, behind, d.agent.address) + behind
			diagnose(t, []string{"--stay", (idleCut + time.Second).String(), url}, "staying open")
		})
	}
}

// socketsScript keeps the page's WebSockets.
const socketsScript = `window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...args) { super(...args); sockets.push(this); }
};`

// TestProxyThatCutsEverySocket: proxies end connections that are in use, too,
// when they are loaded anew or because they have lasted for long enough. The page
// comes back by itself, a key that was held is let go, and none comes twice.
func TestProxyThatCutsEverySocket(t *testing.T) {
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed")
	}
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--base-path", behind}})
	r := d.record(image.Rect(0, 0, 1280, 720))
	dir := t.TempDir()
	address := startHAProxy(t, dir, behind, d.agent.address, "")
	page := d.load(d.browser, "http://"+address+behind+"?resize=off&transport=ws", socketsScript)
	page.by("ws")
	page.focus()
	d.check(page.Eval(d.ctx, "window.sameDocument = true, 1", nil))
	for range 3 {
		r.reset()
		held := browser.Key{Code: "KeyH", Key: "h"}
		d.check(page.KeyDown(d.ctx, held))
		poll(t, "held key", func() bool { return r.held() == 1 })
		d.check(page.Eval(d.ctx, "sockets.length = 0, 1", nil))
		if answer := tellHAProxy(t, dir, "shutdown sessions server desktop/agent"); strings.TrimSpace(answer) != "" {
			t.Fatalf("HAProxy answers %q", answer)
		}
		poll(t, "release of the key that was held", func() bool { return r.held() == 0 })
		page.wait(`sameDocument && sockets.some(s => s.readyState === WebSocket.OPEN)`)
		page.by("ws")
		d.check(page.KeyUp(d.ctx, held))
		page.write(r, "back again")
	}
}

// write types a text and waits until the desktop has got it, and nothing else.
func (t *tab) write(r *recorder, text string) {
	t.d.t.Helper()
	t.focus()
	r.reset()
	t.d.check(t.Type(t.d.ctx, text))
	want := keysyms(text)
	poll(t.d.t, "typed text", func() bool { return len(r.printable()) >= len(want) && r.held() == 0 })
	if got := r.printable(); !slices.Equal(got, want) {
		t.d.t.Errorf("keysyms\n got %x\nwant %x", got, want)
	}
}

// staysUnder checks that the page has loaded nothing outside of its path.
func (t *tab) staysUnder(url string) {
	t.d.t.Helper()
	var names []string
	t.d.check(t.Eval(t.d.ctx, `performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith("data:"))`, &names))
	if len(names) == 0 {
		t.d.t.Error("the page has loaded nothing")
	}
	for _, name := range names {
		if !strings.HasPrefix(name, url) {
			t.d.t.Errorf("the page loaded %s, which is outside its path", name)
		}
	}
}

// diagnose runs lucarne doctor, of whose checks these have to be well.
func diagnose(t *testing.T, args []string, checks ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv(binaryVariable), append([]string{"doctor", "--json"}, args...)...)
	cmd.Env = environment()
	out, _ := cmd.CombinedOutput() // its status says whether any check has failed
	states := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var finding struct{ Check, State string }
		if json.Unmarshal(lines.Bytes(), &finding) == nil {
			states[finding.Check] = finding.State
		}
	}
	for _, c := range checks {
		if states[c] != "ok" {
			t.Errorf("doctor: %s is %q, want ok\n%s", c, states[c], out)
		}
	}
}
