package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// firefox is a headless Firefox with one tab, driven by WebDriver BiDi.
type firefox struct {
	*bidi
	t   *testing.T
	ctx context.Context
	tab string // the id of its browsing context
}

// bidi is a connection of WebDriver BiDi (https://w3c.github.io/webdriver-bidi):
// commands as JSON on a WebSocket, one at a time.
type bidi struct {
	conn *websocket.Conn
	last int // id of the last command
}

// send sends a command and decodes its result, which may be nil.
func (b *bidi) send(ctx context.Context, method string, params map[string]any, result any) error {
	b.last++
	defer context.AfterFunc(ctx, func() { b.conn.SetReadDeadline(time.Now()) })()
	if err := b.conn.WriteJSON(map[string]any{"id": b.last, "method": method, "params": params}); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	for {
		var answer struct {
			ID             int
			Error, Message string
			Result         json.RawMessage
		}
		switch err := b.conn.ReadJSON(&answer); {
		case err != nil:
			return fmt.Errorf("%s: %w", method, errors.Join(err, ctx.Err()))
		case answer.ID != b.last: // an event
		case answer.Error != "":
			return fmt.Errorf("%s: %s: %s", method, answer.Error, answer.Message)
		case result == nil:
			return nil
		default:
			return json.Unmarshal(answer.Result, result)
		}
	}
}

// firefoxPreferences keep it from asking servers elsewhere for settings,
// experiments and lists. The rest that is good for automation Firefox sets by
// itself while it is driven. WebRTC needs nothing: Firefox leaves loopback out,
// but connects to another address of the machine, which has to have one.
const firefoxPreferences = `
user_pref("services.settings.server", "data:,");
user_pref("app.normandy.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.safebrowsing.update.enabled", false);
user_pref("media.gmp-manager.updateEnabled", false);
`

// startFirefox starts a Firefox whose tab has a size in CSS pixels, each one
// pixel of the screen.
func startFirefox(ctx context.Context, t *testing.T, size image.Point) *firefox {
	t.Helper()
	path, err := exec.LookPath("firefox-esr")
	if err != nil {
		t.Skip("firefox-esr is not installed")
	}
	profile := t.TempDir()
	must(t, os.WriteFile(filepath.Join(profile, "user.js"), []byte(firefoxPreferences), 0o600))
	var log syncBuffer
	cmd := exec.Command(path, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0", "about:blank")
	// Firefox refuses to run as root in the home of somebody else.
	cmd.Env = append(os.Environ(), "HOME="+profile, "MOZ_CRASHREPORTER_DISABLE=1")
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	must(t, cmd.Start())
	f := &firefox{t: t, ctx: ctx}
	t.Cleanup(func() {
		f.close(cmd)
		if t.Failed() {
			t.Logf("firefox\n%s", log.String())
		}
	})
	f.dial(profile)
	f.open(size)
	return f
}

// close ends the browser in order, and what is left of it by force: the profile
// can be removed then.
func (f *firefox) close(cmd *exec.Cmd) {
	exited := make(chan struct{})
	go func() {
		cmd.Wait() // the exit status of a browser that was ended says nothing
		close(exited)
	}()
	if f.bidi != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if f.send(ctx, "browser.close", map[string]any{}, nil) == nil {
			select {
			case <-exited:
			case <-ctx.Done():
			}
		}
		f.conn.Close()
	}
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // nobody left is not an error
	<-exited
}

// dial opens the WebSocket whose address Firefox has left in its profile.
func (f *firefox) dial(profile string) {
	f.t.Helper()
	var at struct {
		Host string `json:"ws_host"`
		Port int    `json:"ws_port"`
	}
	poll(f.t, "WebDriver BiDi of firefox", func() bool {
		text, err := os.ReadFile(filepath.Join(profile, "WebDriverBiDiServer.json"))
		return err == nil && json.Unmarshal(text, &at) == nil
	})
	conn, _, err := websocket.DefaultDialer.DialContext(f.ctx, fmt.Sprintf("ws://%s:%d/session", at.Host, at.Port), nil)
	must(f.t, err)
	f.bidi = &bidi{conn: conn}
}

// open begins a session and finds its tab.
func (f *firefox) open(size image.Point) {
	f.t.Helper()
	f.call("session.new", map[string]any{"capabilities": map[string]any{}}, nil)
	var tree struct{ Contexts []struct{ Context string } }
	f.call("browsingContext.getTree", map[string]any{}, &tree)
	if len(tree.Contexts) != 1 {
		f.t.Fatalf("firefox has %d tabs, want 1", len(tree.Contexts))
	}
	f.tab = tree.Contexts[0].Context
	f.call("browsingContext.setViewport", map[string]any{
		"context": f.tab, "viewport": map[string]int{"width": size.X, "height": size.Y}, "devicePixelRatio": 1,
	}, nil)
	f.call("script.addPreloadScript", map[string]any{"functionDeclaration": "() => {" + errorsScript + "}"}, nil)
}

// call sends a command and decodes its result, which may be nil.
func (f *firefox) call(method string, params map[string]any, result any) {
	f.t.Helper()
	must(f.t, f.send(f.ctx, method, params, result))
}

// in returns the same browser for a test within the one that has started it.
func (f *firefox) in(t *testing.T) *firefox {
	inner := *f
	inner.t = t
	return &inner
}

// navigate loads a page.
func (f *firefox) navigate(url string) {
	f.t.Helper()
	f.call("browsingContext.navigate", map[string]any{"context": f.tab, "url": url, "wait": "complete"}, nil)
}

// eval evaluates an expression in the page, awaits it if it is a promise, and
// decodes its value as JSON.
func (f *firefox) eval(expression string, result any) error {
	var out struct {
		Result           struct{ Value string }
		ExceptionDetails struct{ Text string }
	}
	err := f.send(f.ctx, "script.evaluate", map[string]any{
		"expression":   "(async () => JSON.stringify(await (" + expression + ")) ?? \"null\")()",
		"target":       map[string]string{"context": f.tab},
		"awaitPromise": true,
	}, &out)
	if err == nil && out.ExceptionDetails.Text != "" {
		err = errors.New(out.ExceptionDetails.Text)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(out.Result.Value), result)
}

// wait waits until an expression is true in the page.
func (f *firefox) wait(expression string) {
	f.t.Helper()
	var err error
	defer func() {
		if f.t.Failed() {
			var text, stats string
			f.eval("document.body.innerText", &text)
			f.eval("JSON.stringify(window.lucarne?.stats())", &stats)
			f.t.Logf("%v\nthe page says %q\nstatistics %s", err, text, stats)
		}
	}()
	poll(f.t, expression, func() bool {
		var holds bool
		err = f.eval("Boolean("+expression+")", &holds)
		return err == nil && holds
	})
}

// screenshot returns what the tab shows.
func (f *firefox) screenshot() image.Image {
	f.t.Helper()
	var shot struct{ Data string }
	f.call("browsingContext.captureScreenshot", map[string]any{"context": f.tab}, &shot)
	img, err := png.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(shot.Data)))
	must(f.t, err)
	return img
}

// click clicks at a position of the tab.
func (f *firefox) click(at image.Point) {
	f.t.Helper()
	f.perform(map[string]any{"type": "pointer", "id": "mouse", "actions": []any{
		map[string]any{"type": "pointerMove", "x": at.X, "y": at.Y},
		map[string]any{"type": "pointerDown", "button": 0},
		map[string]any{"type": "pointerUp", "button": 0},
	}})
}

// typeText presses the keys of a text.
func (f *firefox) typeText(text string) {
	f.t.Helper()
	var actions []any
	for _, r := range text {
		for _, kind := range []string{"keyDown", "keyUp"} {
			actions = append(actions, map[string]any{"type": kind, "value": string(r)})
		}
	}
	f.perform(map[string]any{"type": "key", "id": "keyboard", "actions": actions})
}

func (f *firefox) perform(source map[string]any) {
	f.t.Helper()
	f.call("input.performActions", map[string]any{"context": f.tab, "actions": []any{source}}, nil)
}

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
