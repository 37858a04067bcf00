package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/signaling"
)

// page returns a client and the address of an agent that listens on a socket.
func (a *agent) page(socket string) (*http.Client, string) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}, "http://localhost"
}

// awaitPage waits until the agent answers.
func (a *agent) awaitPage(t *testing.T, socket string) {
	t.Helper()
	client, base := a.page(socket)
	await(t, "an answer from the page", func() bool {
		resp, err := client.Get(base + "/healthz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// dial opens the WebSocket as a page does.
func (a *agent) dial(t *testing.T, socket string) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{NetDial: func(string, string) (net.Conn, error) { return net.Dial("unix", socket) }}
	conn, resp, err := dialer.Dial("ws://localhost/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	t.Cleanup(func() { conn.Close() })
	if err := conn.WriteJSON(signaling.Message{Type: "hello", Transport: "webrtc"}); err != nil {
		t.Fatal(err)
	}
	return conn
}

// awaitState returns the message that tells this state of the display.
func awaitState(t *testing.T, conn *websocket.Conn, state string) signaling.Message {
	t.Helper()
	for {
		var m signaling.Message
		if err := conn.ReadJSON(&m); err != nil {
			t.Fatalf("no message says that the display is %s: %v", state, err)
		}
		if m.State == state {
			return m
		}
	}
}

// The page is there and says what is missing.
func TestUpWithoutXServer(t *testing.T) {
	needEncoder(t)
	socket := filepath.Join(t.TempDir(), "s")
	a := start(t, []string{"PATH=" + t.TempDir()}, "up", "--auth", "none", "--listen", "unix:"+socket)
	a.awaitPage(t, socket)
	if m := awaitState(t, a.dial(t, socket), "failed"); m.Code != "xserver-missing" || !slices.Equal(m.Args, []string{"Xvnc"}) {
		t.Errorf("the page is told %q %q, want xserver-missing Xvnc", m.Code, m.Args)
	}
	if code := a.stop(t); code != exitOK || !strings.Contains(a.stderr.String(), "tigervnc-standalone-server") {
		t.Errorf("exit code %d, want %d and the package's name in:\n%s", code, exitOK, a.stderr)
	}
}

func TestServeWaitsForADisplay(t *testing.T) {
	needEncoder(t)
	socket := filepath.Join(t.TempDir(), "s")
	a := start(t, nil, "serve", "--wait", "--auth", "none", "--display", ":987654", "--listen", "unix:"+socket)
	a.awaitPage(t, socket)

	conn := a.dial(t, socket)
	if m := awaitState(t, conn, "failed"); m.Code != "display-open" || !slices.Equal(m.Args, []string{":987654"}) {
		t.Errorf("the page is told %q %q, want display-open :987654", m.Code, m.Args)
	}

	if err := a.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for m := (signaling.Message{}); m.Type != "bye"; {
		if err := conn.ReadJSON(&m); err != nil {
			t.Fatalf("no bye: %v", err)
		}
	}
	if code := a.code(t); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, a.stderr)
	}
	if _, err := os.Stat(socket); err == nil {
		t.Error("the socket is left behind")
	}
}

// A terminal that is closed ends lucarne in order.
func TestHangup(t *testing.T) {
	needEncoder(t)
	socket := filepath.Join(t.TempDir(), "s")
	a := start(t, nil, "serve", "--wait", "--auth", "none", "--display", ":987654", "--listen", "unix:"+socket)
	a.awaitPage(t, socket)
	if err := a.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if code := a.code(t); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, a.stderr)
	}
	if _, err := os.Stat(socket); err == nil {
		t.Error("the socket is left behind")
	}
}

func TestTokenIsNowhereButInItsFile(t *testing.T) {
	needEncoder(t)
	socket, runtime := filepath.Join(t.TempDir(), "s"), t.TempDir()
	a := start(t, []string{"XDG_RUNTIME_DIR=" + runtime}, "serve", "--wait", "--display", ":987654", "--log-level", "debug", "--listen", "unix:"+socket)
	a.awaitPage(t, socket)
	files, err := filepath.Glob(filepath.Join(runtime, "*", "link"))
	if err != nil || len(files) != 1 {
		t.Fatalf("links: %v, %v", files, err)
	}
	link, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	_, token, ok := strings.Cut(strings.TrimSpace(string(link)), "#token=")
	if !ok || len(token) < 43 {
		t.Fatalf("link %q", link)
	}

	client, base := a.page(socket)
	post := func(token string) int {
		resp, err := client.Post(base+"/login", "application/json", strings.NewReader(fmt.Sprintf(`{"token": %q}`, token)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if code := post(token); code != http.StatusOK {
		t.Errorf("login with the token: %d", code)
	}
	if code := post(token + "x"); code != http.StatusUnauthorized {
		t.Errorf("login with a wrong token: %d", code)
	}
	if code := a.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if out := a.stdout.String() + a.stderr.String(); strings.Contains(out, token) {
		t.Errorf("the token was printed:\n%s", out)
	}
	// What stays is when the desktop was last used, for the next start in this container.
	left, err := filepath.Glob(filepath.Join(runtime, "*", "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "activity.json" {
		t.Fatalf("left in XDG_RUNTIME_DIR: %v, %v", left, err)
	}
	if state, err := os.ReadFile(left[0]); err != nil || strings.Contains(string(state), token) {
		t.Errorf("%s holds the token, or cannot be read: %v", left[0], err)
	}
	if left, _ := os.ReadDir(runtime); len(left) != 1 {
		t.Errorf("left in XDG_RUNTIME_DIR: %v", left)
	}
}

func TestBasePathFromTheNotebook(t *testing.T) {
	needEncoder(t)
	socket := filepath.Join(t.TempDir(), "s")
	a := start(t, []string{"NB_PREFIX=/notebook/a/b"}, "serve", "--wait", "--display", ":987654", "--listen", "unix:"+socket)
	a.awaitPage(t, socket)
	client, base := a.page(socket)
	for _, path := range []string{"/notebook/a/b/healthz", "/healthz"} {
		resp, err := client.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

func TestOpenPageOnLoopbackRefusesForeignHosts(t *testing.T) {
	needEncoder(t)
	a := start(t, nil, "serve", "--wait", "--display", ":987654", "--listen", "127.0.0.1:0", "--auth", "none", "--allowed-host", "desk.example")
	var base string
	await(t, "the address in the log", func() bool {
		m := regexp.MustCompile(`page=(http://\S+)`).FindStringSubmatch(a.stderr.String())
		if m != nil {
			base = m[1]
		}
		return m != nil && strings.Contains(a.stderr.String(), "msg=serving")
	})
	for host, want := range map[string]int{"evil.example": 403, "localhost": 200, "127.0.0.1": 200, "desk.example": 200} {
		req, err := http.NewRequest("GET", base+"healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %s: %s, want %d", host, resp.Status, want)
		}
	}
}

func TestServeShowsADisplay(t *testing.T) {
	needEncoder(t)
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(640, 480)})
	socket := filepath.Join(t.TempDir(), "s")
	a := start(t, nil, "serve", "--display", plan.Display, "--listen", "unix:"+socket)
	a.awaitPage(t, socket)
	await(t, "the display", func() bool { return strings.Contains(a.stderr.String(), "display is up") })
	if code := a.stop(t); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, a.stderr)
	}
}

// A display that has stopped cannot keep the agent from ending.
func TestEndsWithAFrozenDisplay(t *testing.T) {
	needEncoder(t)
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(640, 480)})
	socket := filepath.Join(t.TempDir(), "s")
	a := start(t, nil, "serve", "--display", plan.Display, "--listen", "unix:"+socket)
	await(t, "the display", func() bool { return strings.Contains(a.stderr.String(), "display is up") })
	displaytest.Freeze(t, plan)
	if code := a.stop(t); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, a.stderr)
	}
}

func TestServeWithoutAnExtension(t *testing.T) {
	needEncoder(t)
	plan, err := display.New(display.Config{Server: display.Xvfb, Size: image.Pt(640, 480), Dir: t.TempDir()})
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	server := exec.Command(plan.Command[0], append(plan.Command[1:], "-extension", "XTEST")...)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Signal(syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := plan.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XAUTHORITY", plan.Authority)
	a := start(t, nil, "serve", "--display", plan.Display, "--listen", "127.0.0.1:0")
	if code := a.code(t); code != exitExtension || !strings.Contains(a.stderr.String(), "XTEST") {
		t.Errorf("exit code %d, want %d and XTEST in:\n%s", code, exitExtension, a.stderr)
	}
}

// up starts an X server and a session, restarts them when they die, and leaves
// nothing behind.
func TestUp(t *testing.T) {
	needEncoder(t)
	if _, err := exec.LookPath(display.Xvfb); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	socket, started := filepath.Join(dir, "s"), filepath.Join(dir, "started")
	a := start(t, nil, "up", "--xserver", "Xvfb", "--size", "800x600", "--listen", "unix:"+socket,
		"--session", `echo "$DISPLAY $XAUTHORITY" >>`+started+`; setsid sleep 1000 & while :; do sleep 0.1; done`)
	a.awaitPage(t, socket)
	up := func() int { return strings.Count(a.stderr.String(), `"display is up" width=800 height=600`) }
	await(t, "the display", func() bool { return up() == 1 })
	sessions := func() int {
		b, _ := os.ReadFile(started)
		return strings.Count(string(b), "\n")
	}
	await(t, "the session", func() bool { return sessions() == 1 })

	xserver := regexp.MustCompile(`msg=ready process=xserver pid=(\d+)`)
	var pid int
	if m := xserver.FindStringSubmatch(a.stderr.String()); m == nil {
		t.Fatalf("no pid of the X server in the log:\n%s", a.stderr)
	} else if _, err := fmt.Sscan(m[1], &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "the display again", func() bool { return up() == 2 })
	await(t, "the session again", func() bool { return sessions() == 2 })

	own := descendants(t, a.Process.Pid)
	if len(own) < 3 {
		t.Errorf("only %v run", own)
	}
	if code := a.stop(t); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, a.stderr)
	}
	for _, pid := range own {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && !strings.Contains(string(stat), ") Z ") { // a zombie is its new parent's business
			t.Errorf("left behind: %s", stat)
		}
	}
}

// In a log of JSON the session's lines are records too.
func TestUpLogsJSON(t *testing.T) {
	needEncoder(t)
	if _, err := exec.LookPath(display.Xvfb); err != nil {
		t.Skip(err)
	}
	a := start(t, nil, "up", "--xserver", "Xvfb", "--size", "640x480", "--log-format", "json", "--listen", "unix:"+filepath.Join(t.TempDir(), "s"),
		"--session", `echo 'it "speaks"'; exec sleep 1000`)
	await(t, "the session's line", func() bool { return strings.Contains(a.stderr.String(), `"process":"session"`+"}\n") })
	if code := a.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	said := false
	for line := range strings.Lines(a.stderr.String()) {
		var record struct{ Msg, Process string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		said = said || record.Msg == `it "speaks"` && record.Process == "session"
	}
	if !said {
		t.Errorf("no record of the session's line:\n%s", a.stderr)
	}
}

// descendants returns the processes that pid has started, and those they have.
func descendants(t *testing.T, pid int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	children := map[int][]int{}
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		var child, parent int
		var state string
		id, rest, _ := strings.Cut(string(b), " ")
		_, rest, _ = strings.Cut(rest, ") ")
		if _, err := fmt.Sscan(id, &child); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(rest, &state, &parent); err != nil {
			t.Fatal(err)
		}
		children[parent] = append(children[parent], child)
	}
	var all []int
	for queue := []int{pid}; len(queue) > 0; queue = queue[1:] {
		all = append(all, children[queue[0]]...)
		queue = append(queue, children[queue[0]]...)
	}
	return all
}
