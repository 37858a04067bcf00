package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/capture/display"
	"lucarne/input"
	"lucarne/signaling"
	"lucarne/signaling/access"
	"lucarne/signaling/session"
)

// secrets are what must be nowhere but where it belongs.
type secrets map[string]string

// in returns which of them a text holds, as they are or in another notation.
func (s secrets) in(text string) (found []string) {
	for name, secret := range s {
		for _, form := range []string{
			secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
			hex.EncodeToString([]byte(secret)), url.QueryEscape(secret),
		} {
			if strings.Contains(text, form) {
				found = append(found, name)
				break
			}
		}
	}
	return found
}

func TestSecretsAreFound(t *testing.T) {
	planted := secrets{"a": "s3cret/one", "b": "another"}
	for text, want := range map[string]int{"nothing": 0, "x s3cret/one y": 1, "czNjcmV0L29uZQ another": 2, "7333637265742f6f6e65": 1, "s3cret%2Fone": 1} {
		if got := planted.in(text); len(got) != want {
			t.Errorf("in %q: %q, want %d", text, got, want)
		}
	}
}

// browser is a page of an agent that listens on a socket: its cookies, its secret, its
// key and its WebSocket.
type browser struct {
	t    *testing.T
	http *http.Client
	ws   websocket.Dialer
	page string
	key  string
	conn *websocket.Conn

	mu   sync.Mutex
	said []signaling.Message // by the server
}

func newBrowser(t *testing.T, socket, page string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	b := &browser{t: t, page: page, http: &http.Client{Jar: jar, Transport: &http.Transport{DialContext: dial}}}
	b.ws = websocket.Dialer{NetDialContext: dial, Jar: jar}
	t.Cleanup(b.http.CloseIdleConnections)
	return b
}

const pageURL = "http://localhost/"

// login gives a credential and returns the status; the key is kept.
func (b *browser) login(body string) (status int, share string) {
	b.t.Helper()
	resp, err := b.http.Post(pageURL+"login", "application/json", strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Key, Share string }
	if resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			b.t.Fatal(err)
		}
	}
	b.key = answer.Key
	return resp.StatusCode, answer.Share
}

// join opens the WebSocket and says hello.
func (b *browser) join(hello signaling.Message) {
	b.t.Helper()
	conn, _, err := b.ws.Dial("ws://localhost/ws", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.conn = conn
	hello.Type, hello.Page, hello.Key = "hello", b.page, b.key
	b.send(hello)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			kind, data, err := conn.ReadMessage()
			if err != nil {
				return
			}
			var m signaling.Message
			if kind == websocket.TextMessage && json.Unmarshal(data, &m) == nil {
				b.mu.Lock()
				b.said = append(b.said, m)
				b.mu.Unlock()
			}
		}
	}()
	b.t.Cleanup(func() {
		conn.Close()
		<-done
	})
	b.await("hello", nil)
}

func (b *browser) send(m signaling.Message) {
	b.t.Helper()
	if err := b.conn.WriteJSON(m); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) sendBinary(data []byte) {
	b.t.Helper()
	if err := b.conn.WriteMessage(websocket.BinaryMessage, data); err != nil {
		b.t.Fatal(err)
	}
}

// await returns the first message of a type that is as wanted; nil: any.
func (b *browser) await(kind string, wanted func(signaling.Message) bool) (found signaling.Message) {
	b.t.Helper()
	await(b.t, "a message "+kind, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, m := range b.said {
			if m.Type == kind && (wanted == nil || wanted(m)) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// copy puts a text on the desktop's clipboard.
func (b *browser) copy(text string) {
	b.t.Helper()
	const pieceType = 33
	b.send(signaling.Message{Type: "clipboard", Serial: 1, Items: []session.Announcement{{MIME: session.TextPlain, Size: len(text)}}})
	b.sendBinary(append(binary.BigEndian.AppendUint32([]byte{pieceType}, 1), text...))
	b.await("transfer", func(m signaling.Message) bool { return m.Way == "in" && m.Code == "done" })
}

// upload brings a file to the desktop.
func (b *browser) upload(name, content string) {
	b.t.Helper()
	ask := func(method, path string, body io.Reader, header ...string) *http.Response {
		req, err := http.NewRequest(method, pageURL+"files/uploads/"+path, body)
		if err != nil {
			b.t.Fatal(err)
		}
		header = append(header, "Tus-Resumable", "1.0.0", "Lucarne-Page", b.page, access.KeyHeader, b.key)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := b.http.Do(req)
		if err != nil {
			b.t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode >= 300 {
			b.t.Fatalf("%s %s: %s", method, path, resp.Status)
		}
		return resp
	}
	begun := ask("POST", "", nil, "Upload-Length", strconv.Itoa(len(content)), "Upload-Metadata", "filename "+base64.StdEncoding.EncodeToString([]byte(name)))
	ask("PATCH", begun.Header.Get("Location"), strings.NewReader(content), "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
}

// vnc comes by RFB (RFC 6143) and types a key.
func (b *browser) vnc() {
	b.t.Helper()
	dialer := b.ws
	dialer.Subprotocols = []string{"lucarne.page." + b.page}
	conn, _, err := dialer.Dial("ws://localhost/vnc/ws", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	var got bytes.Buffer
	for _, step := range []struct {
		hear int
		say  string
	}{{12, "RFB 003.008\n"}, {2, "\x01"}, {4, "\x01"}, {24, "\x04\x01\x00\x00\x00\x00\x00a"}} {
		for got.Len() < step.hear {
			conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			_, data, err := conn.ReadMessage()
			if err != nil {
				b.t.Fatalf("VNC: %v", err)
			}
			got.Write(data)
		}
		got.Next(step.hear)
		if err := conn.WriteMessage(websocket.BinaryMessage, []byte(step.say)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// Whatever somebody does, nothing secret of it is in the log, at whatever level, in the
// figures or on standard output.
func TestSecretsAreNowhere(t *testing.T) {
	needEncoder(t)
	if _, err := exec.LookPath(display.Xvnc); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	planted := secrets{
		"token": access.NewToken(), "wrong token": "wrong-" + access.NewToken(), "wrong link": access.NewToken(),
		"TURN secret": "turn-4cd21f07aa", "page": "page-55ad8c9911e2", "guest's page": "page-0b3199f45e07",
		"clipboard": "clipboard-1f0e77", "typed text": "typed-90aa61-ж", "file": "content-of-the-file!",
	}
	for _, file := range []struct{ name, secret string }{{"token", planted["token"]}, {"turn", planted["TURN secret"]}} {
		if err := os.WriteFile(filepath.Join(dir, file.name), []byte(file.secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	socket, figures := filepath.Join(dir, "s"), filepath.Join(dir, "m")
	a := start(t, []string{"HOME=" + dir}, "up", "--xserver", "Xvnc", "--size", "640x480", "--session", "exec sleep 1000", "--log-level", "debug", "--log-format", "json",
		"--listen", "unix:"+socket, "--metrics", "unix:"+figures, "--token-file", filepath.Join(dir, "token"), "--files", filepath.Join(dir, "files"),
		"--ice-server", "turn:127.0.0.1:9?transport=udp", "--turn-secret-file", filepath.Join(dir, "turn"))
	a.awaitPage(t, socket)

	owner := newBrowser(t, socket, planted["page"])
	for _, wrong := range []string{`{"token":"` + planted["wrong token"] + `"}`, `{"share":"` + planted["wrong link"] + `"}`, "{" + planted["wrong token"]} {
		if status, _ := owner.login(wrong); status < 400 {
			t.Fatalf("a wrong login is answered with %d", status)
		}
	}
	if status, _ := owner.login(`{"token":"` + planted["token"] + `","path":"/"}`); status >= 300 {
		t.Fatalf("the login is answered with %d", status)
	}
	owner.join(signaling.Message{Transport: "auto", Codecs: []string{"vp8"}})
	owner.await("display", func(m signaling.Message) bool { return m.State == "up" })
	offer := owner.await("offer", nil)
	for _, server := range offer.ICEServers {
		planted["TURN credential"] = server.Credential
	}
	owner.copy(planted["clipboard"])
	owner.sendBinary(input.Append(nil, 1, 0, input.Text{Text: planted["typed text"]}))
	owner.await("input", func(m signaling.Message) bool { return m.Seq >= 1 })
	owner.upload("a.txt", planted["file"])
	owner.vnc()

	owner.send(signaling.Message{Type: "share", Role: session.Watcher, Minutes: 10})
	planted["link"] = owner.await("shared", nil).Secret
	guest := newBrowser(t, socket, planted["guest's page"])
	status, share := guest.login(`{"share":"` + planted["link"] + `","path":"/"}`)
	if status != http.StatusOK {
		t.Fatalf("the link is answered with %d", status)
	}
	guest.join(signaling.Message{Transport: "ws", Codecs: []string{"vp8"}, Share: share})
	for name, b := range map[string]*browser{"owner's": owner, "guest's": guest} {
		planted[name+" key"] = b.key
		at, _ := url.Parse(pageURL)
		for _, cookie := range b.http.Jar.Cookies(at) {
			planted[name+" cookie"] = cookie.Value
		}
	}
	owner.send(signaling.Message{Type: "bye"})
	guest.conn.Close() // without a word
	await(t, "the end of both", func() bool { return strings.Count(a.stderr.String(), `"msg":"viewer left"`) >= 3 })

	client, base := a.page(figures)
	resp, err := client.Get(base + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	told, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	if code := a.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	for name, secret := range planted {
		if len(secret) < 8 {
			t.Errorf("%s: %q is not known: nothing would be found", name, secret)
		}
	}
	for where, text := range map[string]string{"the log": a.stderr.String(), "the figures": string(told), "standard output": a.stdout.String()} {
		if found := planted.in(text); len(found) > 0 {
			t.Errorf("in %s: %q\n%s", where, found, text)
		}
	}
	checkLog(t, a.stderr.String())
}

// checkLog looks at each record of a log in JSON.
func checkLog(t *testing.T, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("%v: %s", err, line)
			continue
		}
		for _, key := range []string{"time", "level", "msg"} {
			if text, _ := record[key].(string); text == "" {
				t.Errorf("no %s in %s", key, line)
			}
		}
		for key := range record {
			if !logKey.MatchString(key) {
				t.Errorf("key %q in %s", key, line)
			}
		}
	}
}
