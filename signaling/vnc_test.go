package signaling

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling/access"
	"lucarne/signaling/rfb"
	"lucarne/signaling/session"
)

// vncServer is one that lets everybody in; what it hears after that comes out of heard.
type vncServer struct {
	ends  chan net.Conn // of those who have been let in
	heard chan string
}

func newVNCServer() *vncServer {
	return &vncServer{ends: make(chan net.Conn, 10), heard: make(chan string, 100)}
}

func (s *vncServer) dial(context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer ours.Close()
		for _, step := range []struct {
			say  string
			hear int
		}{{"RFB 003.008\n", 12}, {"\x01\x01", 1}, {"\x00\x00\x00\x00", 1}} {
			io.WriteString(ours, step.say)
			if _, err := io.ReadFull(ours, make([]byte, step.hear)); err != nil {
				return
			}
		}
		s.ends <- ours
		buffer := make([]byte, 1024)
		for {
			n, err := ours.Read(buffer)
			if err != nil {
				s.heard <- "end"
				return
			}
			s.heard <- string(buffer[:n])
		}
	}()
	return theirs, nil
}

// enter makes a page's part of the handshake, each step a message of its own.
func (c *client) enter() {
	c.t.Helper()
	for _, step := range []struct{ hear, say string }{
		{"RFB 003.008\n", "RFB 003.008\n"}, {"\x01\x01", "\x01"}, {"\x00\x00\x00\x00", "\x01"},
	} {
		c.hear(step.hear)
		c.say(step.say)
	}
}

func (c *client) say(bytes string) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.BinaryMessage, []byte(bytes)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) hear(want string) {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(patience))
	kind, data, err := c.conn.ReadMessage()
	if err != nil || kind != websocket.BinaryMessage || string(data) != want {
		c.t.Fatalf("got %d %q, %v, want %q", kind, data, err, want)
	}
}

// closed reads on until the server closes, and returns its code and reason.
func (c *client) closed() (code int, reason string) {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		_, _, err := c.conn.ReadMessage()
		var end *websocket.CloseError
		if errors.As(err, &end) {
			return end.Code, end.Text
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
}

const vncKey = "\x04\x01\x00\x00\x00\x00\x00a"
const vncRequest = "\x03\x00\x00\x00\x00\x00\x00\x10\x00\x10"

func TestVNC(t *testing.T) {
	for _, path := range []string{"/vnc/ws", "/user/alice/vnc/ws"} {
		v := newVNCServer()
		s := serve(t, func(c *Config) { c.VNC, c.BasePath = &rfb.Server{Dial: v.dial}, "/user/alice" })
		c := s.dial(t, path, nil)
		c.enter()
		end := <-v.ends
		io.WriteString(end, "picture")
		c.hear("picture")
		if !s.handler.moving() {
			t.Error("what is brought has the way to itself")
		}
		c.say(vncKey[:3]) // messages of RFB and of the WebSocket have nothing to do with each other
		c.say(vncKey[3:] + vncRequest)
		if got := <-v.heard; got != vncKey+vncRequest {
			t.Errorf("the server heard %q", got)
		}
		if n := s.session.Viewers(); n != 1 {
			t.Errorf("%d viewers, want 1", n)
		}
		if s.session.Active().IsZero() {
			t.Error("a key shows nobody")
		}
		c.conn.Close()
		for _, want := range []string{"\x04\x00\x00\x00\x00\x00\x00a", "end"} {
			if got := <-v.heard; got != want {
				t.Errorf("at the end the server heard %q, want %q", got, want)
			}
		}
		eventually(t, "the viewer has left", func() bool { return s.session.Viewers() == 0 })
		if s.handler.moving() {
			t.Error("what is brought waits for nobody")
		}
	}
}

func TestVNCViewOnly(t *testing.T) {
	v := newVNCServer()
	s := serve(t, func(c *Config) { c.VNC, c.Role = &rfb.Server{Dial: v.dial}, session.Watcher })
	c := s.dial(t, "/vnc/ws", nil)
	c.enter()
	c.say(vncKey + vncRequest)
	if got := <-v.heard; got != vncRequest {
		t.Errorf("the server heard %q, want no key", got)
	}
	if !s.session.Active().IsZero() {
		t.Error("a key that was refused shows somebody")
	}
}

func TestVNCEnds(t *testing.T) {
	fails := func(err error) func(context.Context) (net.Conn, error) {
		return func(context.Context) (net.Conn, error) { return nil, err }
	}
	for _, test := range []struct {
		name   string
		vnc    *rfb.Server
		role   session.Role
		code   int
		reason string
	}{
		{"off", nil, "", closeForGood, "vnc-off"},
		{"missing", &rfb.Server{Dial: fails(&exec.Error{Name: "x11vnc", Err: exec.ErrNotFound})}, "", closeForGood, "vnc-missing"},
		{"unreachable", &rfb.Server{Dial: fails(errors.New("connection refused"))}, "", closeForNow, "vnc-failed"},
		{"clipboard", &rfb.Server{Dial: fails(nil), Clipboard: true}, session.Watcher, closeForGood, "vnc-clipboard"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, func(c *Config) { c.VNC, c.Role = test.vnc, test.role })
			code, reason := s.dial(t, "/vnc/ws", nil).closed()
			if code != test.code || reason != test.reason {
				t.Errorf("closed with %d %q, want %d %q", code, reason, test.code, test.reason)
			}
			if n := s.session.Viewers(); n != 0 {
				t.Errorf("%d viewers, want none", n)
			}
		})
	}
}

func TestVNCOffSaysWhy(t *testing.T) {
	s := serve(t, func(c *Config) { c.VNCOff = "vnc-watermark-off" })
	if code, reason := s.dial(t, "/vnc/ws", nil).closed(); code != closeForGood || reason != "vnc-watermark-off" {
		t.Errorf("closed with %d %q", code, reason)
	}
}

func TestVNCMalformed(t *testing.T) {
	for name, send := range map[string]func(*client){
		"handshake": func(c *client) { c.hear("RFB 003.008\n"); c.say("GET / HTTP/1.1") },
		"message":   func(c *client) { c.enter(); c.say("\x63") },
		"text":      func(c *client) { c.enter(); c.send("{}") },
	} {
		v := newVNCServer()
		s := serve(t, func(c *Config) { c.VNC = &rfb.Server{Dial: v.dial} })
		c := s.dial(t, "/vnc/ws", nil)
		send(c)
		if code, reason := c.closed(); code != closeForGood || reason != "malformed" {
			t.Errorf("%s: closed with %d %q", name, code, reason)
		}
		eventually(t, "the viewer has left", func() bool { return s.session.Viewers() == 0 })
	}
}

func TestVNCShutdown(t *testing.T) {
	v := newVNCServer()
	s := serve(t, func(c *Config) { c.VNC = &rfb.Server{Dial: v.dial} })
	c := s.dial(t, "/vnc/ws", nil)
	c.enter()
	<-v.ends
	go s.stop()
	if code, reason := c.closed(); code != closeForNow || reason != "shutdown" {
		t.Errorf("closed with %d %q", code, reason)
	}
}

// TestVNCGate: the same people come in as on the other WebSocket.
func TestVNCGate(t *testing.T) {
	s := serve(t, func(c *Config) { c.Access = byToken(access.NewToken()) })
	if got := s.refused(t, "/vnc/ws", nil); got != http.StatusUnauthorized {
		t.Errorf("without a cookie: %d", got)
	}
	open := serve(t, nil)
	if got := open.refused(t, "/vnc/ws", http.Header{"Origin": {"https://evil.example"}}); got != http.StatusForbidden {
		t.Errorf("from another origin: %d", got)
	}
}

func TestVNCPage(t *testing.T) {
	const html = "<!doctype html><title>VNC</title>"
	s := serve(t, func(c *Config) {
		c.BasePath = "/user/alice"
		c.Web.(fstest.MapFS)["vnc/index.html"] = &fstest.MapFile{Data: []byte(html)}
	})
	for _, path := range []string{"/vnc/", "/user/alice/vnc/", "/vnc/index.html"} {
		r, body := get(t, s.URL+path, nil)
		if r.StatusCode != http.StatusOK || body != html || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q, %q", path, r.StatusCode, body, r.Header.Get("Cache-Control"))
		}
	}
	for _, path := range []string{"/vnc?lang=fr", "/user/alice/vnc?lang=fr"} {
		r, _ := get(t, s.URL+path, nil)
		if got := r.Header.Get("Location"); r.StatusCode != http.StatusPermanentRedirect || got != "./vnc/?lang=fr" {
			t.Errorf("%s: %d to %q, want ./vnc/?lang=fr", path, r.StatusCode, got)
		}
	}
}
