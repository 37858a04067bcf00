package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/signaling"
	"lucarne/signaling/policy"
)

// policyFile puts text into a new file and returns its path.
func policyFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPolicyCheck(t *testing.T) {
	path := policyFile(t, `preset: medical
roles:
  controller: {allow: [share], refuse: [upload]}
clipboard:
  in: {max: 1M, types: [text/plain], interval: 1s}
audit: {file: /var/log/lucarne/audit.jsonl, required: true, addresses: false}
max-viewers: 3
`)
	a := start(t, nil, "policy", "check", path)
	if code := a.code(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, a.stderr)
	}
	const want = `
feature   owner    controller  viewer
video     yes      yes         yes
keyboard  yes      yes         -
pointer   yes      yes         -
copy-in   yes      yes         -
copy-out  refused  refused     -
resize    yes      yes         -
limits    yes      yes         -
give      yes      yes         -
share     refused  yes         -
upload    yes      refused     -
download  refused  refused     -
awake     yes      yes         -

-: nobody in this role may, whatever the policy says. Control that is given to a viewer makes it a controller for as long,
but for video, give, share, upload, download and awake.

copy-in: text/plain; 1000000 bytes at most; one in 1s
copy-out: all types
viewers: at most 3
watermark: "{session} {user} {time}", opacity 0.15; there is no VNC then
audit: /var/log/lucarne/audit.jsonl, without addresses; what must be recorded is refused while it cannot be
`
	first, rest, _ := strings.Cut(a.stdout.String(), "\n")
	if !strings.HasPrefix(first, "preset medical, SHA-256 ") || rest != want {
		t.Errorf("got %s\nwant %s", a.stdout, want)
	}
}

// The policy that the README shows is one.
func TestPolicyOfTheREADME(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "### Policy\n")
	_, block, _ := strings.Cut(section, "```yaml\n")
	example, _, found := strings.Cut(block, "```")
	got, err := policy.Parse(readme, []byte(example))
	if !found || err != nil || got.Preset != "medical" || !got.Audit.Required {
		t.Errorf("got %+v, %v of\n%s", got, err, example)
	}
}

// A policy that is wrong ends the process before it does anything, with the line, the
// column and the key.
func TestPolicyRefused(t *testing.T) {
	bad := policyFile(t, "preset: medical\nroles:\n  owner:\n    refuse: [printing]\n")
	audit := policyFile(t, "preset: open\naudit: {file: /nonexistent/audit, required: true}\n")
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"check":         {[]string{"policy", "check", bad}, "lucarne: " + bad + `:4:14: roles.owner.refuse: unknown feature "printing"; of video,`},
		"serve":         {[]string{"serve", "--wait", "--listen", "unix:/nonexistent/s", "--policy", bad}, "lucarne: " + bad + ":4:14: roles.owner.refuse: "},
		"up":            {[]string{"up", "--listen", "unix:/nonexistent/s", "--policy", bad}, "lucarne: " + bad + ":4:14: roles.owner.refuse: "},
		"not there":     {[]string{"up", "--policy", "/nonexistent/policy"}, "lucarne: policy: open /nonexistent/policy: no such file or directory"},
		"audit refused": {[]string{"serve", "--wait", "--listen", "127.0.0.1:0", "--policy", audit}, "lucarne: audit: open /nonexistent/audit: no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "audit refused" {
				needEncoder(t)
			}
			a := start(t, nil, test.args...)
			if code := a.code(t); code != exitPolicy || !strings.Contains(a.stderr.String(), test.want) || strings.Contains(a.stderr.String(), "serving") {
				t.Errorf("exit code %d, want %d with %s in:\n%s", code, exitPolicy, test.want, a.stderr)
			}
		})
	}
}

// What a page does goes into the log that the policy names, of which the first record
// has the policy's hash, and the page is told what it may not.
func TestPolicyServed(t *testing.T) {
	needEncoder(t)
	dir := t.TempDir()
	log, socket := filepath.Join(dir, "audit.jsonl"), filepath.Join(dir, "s")
	text := "preset: medical\nwatermark: off\naudit: {file: " + log + "}\n"
	path := policyFile(t, text)
	a := start(t, nil, "serve", "--wait", "--auth", "none", "--listen", "unix:"+socket, "--policy", path)
	a.awaitPage(t, socket)
	conn := a.dial(t, socket)
	hello := awaitMessage(t, conn, "hello")
	if strings.Contains(fmt.Sprint(hello.Allow), "download") || hello.Refuse["download"] != "policy" || hello.Refuse["copy-out"] != "policy" || hello.Refuse["upload"] != "" {
		t.Errorf("the page may %v, and not %v", hello.Allow, hello.Refuse)
	}
	if err := conn.WriteJSON(signaling.Message{Type: "share", Role: "viewer", Minutes: 5}); err != nil {
		t.Fatal(err)
	}
	if m := awaitMessage(t, conn, "reason"); m.Code != "refused" || m.Args[0] != "share" {
		t.Errorf("got %+v, want the share refused", m)
	}
	conn.Close()
	if code := a.stop(t); code != exitOK {
		t.Fatalf("exit code %d:\n%s", code, a.stderr)
	}
	got, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	var last struct{ Hash string }
	for line := range strings.Lines(string(got)) {
		var e struct{ Event, Feature, Outcome, Policy, SHA256 string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		json.Unmarshal([]byte(line), &last)
		events = append(events, strings.TrimSpace(e.Event+" "+e.Feature+" "+e.Outcome))
		if e.Event == "start" && (e.Policy != "medical" || !strings.Contains(a.stderr.String(), "sha256="+e.SHA256)) {
			t.Errorf("got %s, want the policy and the hash that is in the log:\n%s", line, a.stderr)
		}
	}
	if got := strings.Join(events, "; "); !strings.HasPrefix(got, "start; join  done;") || !strings.Contains(got, "use share refused") || !strings.HasSuffix(got, "leave; stop") {
		t.Errorf("got %s", got)
	}
	if !strings.Contains(a.stderr.String(), "last="+last.Hash) {
		t.Errorf("the last hash, %s, is not in the log:\n%s", last.Hash, a.stderr)
	}

	verify := func(code int, want string, args ...string) {
		t.Helper()
		v := start(t, nil, append([]string{"audit", "verify", log}, args...)...)
		if got := v.code(t); got != code || !strings.Contains(v.stdout.String(), want) {
			t.Errorf("verify %v: exit code %d, want %d with %q in:\n%s%s", args, got, code, want, v.stdout, v.stderr)
		}
	}
	verify(exitOK, "missing at the end cannot be seen without --last")
	verify(exitOK, "as they were written", "--last", last.Hash)
	verify(exitFailure, "no record has the hash", "--last", strings.Repeat("0", 64))
	if err := os.WriteFile(log, []byte(strings.Replace(string(got), `"role":"owner"`, `"role":"viewer"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	verify(exitFailure, log+":2: was changed")
	v := start(t, nil, "audit", "verify", "/nonexistent")
	if code := v.code(t); code != exitNoInput {
		t.Errorf("a log that is not there: exit code %d, want %d", code, exitNoInput)
	}
}

// awaitMessage returns the next message of a type.
func awaitMessage(t *testing.T, conn *websocket.Conn, kind string) signaling.Message {
	t.Helper()
	for {
		var m signaling.Message
		if err := conn.ReadJSON(&m); err != nil {
			t.Fatalf("no %s: %v", kind, err)
		}
		if m.Type == kind {
			return m
		}
	}
}

// stranger starts programs as another user than this process's, if that is root, in a
// directory of its own that holds lucarne.
type stranger struct {
	dir, lucarne string
	credential   *syscall.Credential
}

func newStranger(t *testing.T) *stranger {
	t.Helper()
	dir, err := os.MkdirTemp("", "stranger")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	s := &stranger{dir: dir, lucarne: filepath.Join(dir, "lucarne")}
	copyFile(t, os.Args[0], s.lucarne)
	if os.Getuid() == 0 {
		s.credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	return s
}

// command is a program of the stranger's, with what it says.
func (s *stranger) command(name string, args ...string) (*exec.Cmd, *safeBuffer) {
	out := new(safeBuffer)
	cmd := exec.Command(name, args...)
	cmd.Env = []string{mainEnv + "=1", "TMPDIR=" + s.dir, "HOME=" + s.dir, "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential}
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, out, out
	return cmd, out
}

// running starts a command, which is killed at the end of the test.
func running(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// Another process of the same user, as those of the desktop are, reads neither the
// memory nor the environment nor the open files of one that serves; a program that this
// starts is as open as any.
func TestMemoryIsClosed(t *testing.T) {
	needEncoder(t)
	s := newStranger(t)
	agent, said := s.command(s.lucarne, "serve", "--wait", "--auth", "none", "--listen", "127.0.0.1:0")
	running(t, agent)
	await(t, "that it serves", func() bool { return strings.Contains(said.String(), "serving") })
	for _, name := range []string{"environ", "mem", "maps", "fd/0"} {
		reader, text := s.command("cat", fmt.Sprintf("/proc/%d/%s", agent.Process.Pid, name))
		if err := reader.Run(); err == nil || !strings.Contains(text.String(), "Permission denied") {
			t.Errorf("%s can be read: %v, %.100s", name, err, text)
		}
	}
	control, _ := s.command("sleep", "600")
	running(t, control)
	reader, text := s.command("cat", fmt.Sprintf("/proc/%d/maps", control.Process.Pid))
	if err := reader.Run(); err != nil {
		t.Errorf("the control is closed, too: %v, %s", err, text)
	}
}

var servesAt = regexp.MustCompile(`msg=serving listen=([0-9.:]+)`)

// An agent beside the desktop's container, of another user and with memory of its own to
// share, shows the display whose socket and cookie it is given.
func TestServeBesideTheDesktop(t *testing.T) {
	needEncoder(t)
	if os.Getuid() != 0 {
		t.Skip("only root starts processes as another user")
	}
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(320, 240)})
	s := newStranger(t)
	cookie := filepath.Join(s.dir, "cookie")
	text, err := os.ReadFile(plan.Authority)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cookie, text, 0o644); err != nil {
		t.Fatal(err)
	}
	agent, said := s.command(s.lucarne, "serve", "--auth", "none", "--vnc", "off", "--display", plan.Display, "--listen", "127.0.0.1:0")
	agent.Env = append(agent.Env, "XAUTHORITY="+cookie)
	agent.SysProcAttr.Cloneflags = syscall.CLONE_NEWIPC
	if err := agent.Start(); errors.Is(err, syscall.EPERM) {
		t.Skip("no IPC namespace of its own can be had:", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		agent.Process.Kill()
		agent.Wait()
	})
	await(t, "that it serves", func() bool { return servesAt.MatchString(said.String()) })
	conn, response, err := websocket.DefaultDialer.Dial("ws://"+servesAt.FindStringSubmatch(said.String())[1]+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	defer conn.Close()
	if err := conn.WriteJSON(signaling.Message{Type: "hello", Transport: "ws", Codecs: []string{"vp8"}}); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			t.Fatalf("no picture: %v\n%s", err, said)
		}
		if kind == websocket.BinaryMessage && len(data) > 0 && data[0] == 2 {
			break
		}
	}
	if !strings.Contains(said.String(), "no memory can be shared with the X server") {
		t.Errorf("memory was shared across IPC namespaces:\n%s", said)
	}
}
