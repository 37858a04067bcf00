package signaling

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"lucarne/capture"
	"lucarne/signaling/access"
	"lucarne/signaling/rfb"
)

func TestReady(t *testing.T) {
	processes := new(table)
	processes.set(Process{Name: "xserver", State: ProcessReady, Needed: true}, Process{Name: "sound", State: ProcessRetrying})
	s := serve(t, func(c *Config) { c.Processes, c.Access = processes, byToken("a token that nobody says") })
	eventually(t, "the display", func() bool { return s.handler.cfg.Screen.Status().State == capture.Up })
	ready := func(when string, status int, want string) {
		t.Helper()
		for _, path := range []string{"/readyz", "/healthz"} {
			if path == "/healthz" {
				status, want = 200, "ok\n"
			}
			if r, body := get(t, s.URL+path, nil); r.StatusCode != status || body != want {
				t.Errorf("%s: %s answers %d %q, want %d %q", when, path, r.StatusCode, body, status, want)
			}
		}
	}
	ready("all well", 200, "ok\n")
	processes.set(Process{Name: "xserver", State: ProcessWaiting, Needed: true})
	ready("an X server that starts", 503, "starting\n")
	processes.set(Process{Name: "xserver", State: ProcessRetrying, Needed: true})
	ready("an X server that has ended", 503, "failed\n")
	processes.set()
	s.stop()
	ready("at the end", 503, "stopping\n")
}

func TestReadyWithoutADisplay(t *testing.T) {
	discard := slog.New(slog.DiscardHandler)
	screen := capture.NewScreen(discard)
	h, err := New(Config{Screen: screen, Web: page(), Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Ready(); got != "starting" {
		t.Errorf("at first: %q, want starting", got)
	}
	bell, unsubscribe := screen.Subscribe()
	defer unsubscribe()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- screen.Run(ctx, func(context.Context) (capture.Source, error) { return nil, errors.New("none") })
	}()
	for h.Ready() == "starting" {
		<-bell
	}
	if got := h.Ready(); got != "failed" {
		t.Errorf("where none can be opened: %q, want failed", got)
	}
	cancel()
	<-done
}

func TestStatsOutliveSockets(t *testing.T) {
	s := serve(t, nil)
	eventually(t, "the display", func() bool { return s.handler.cfg.Screen.Status().State == capture.Up })
	c := s.enter(t, `"transport":"ws","codecs":["vp8"]`)
	eventually(t, "a picture", func() bool { return s.handler.Stats().Sockets.Pictures > 0 })
	if got := s.handler.Stats(); len(got.Live) != 1 {
		t.Errorf("while one watches: %+v", got)
	}
	c.send(`{"type":"bye"}`)
	eventually(t, "the end", func() bool { return len(s.handler.Stats().Live) == 0 })
	if got := s.handler.Stats(); got.Sockets.Pictures == 0 || got.Sockets.Bytes == 0 {
		t.Errorf("when it has left: %+v", got)
	}
}

func TestStatsOfVNC(t *testing.T) {
	v := newVNCServer()
	s := serve(t, func(c *Config) { c.VNC = &rfb.Server{Dial: v.dial} })
	c := s.dial(t, "/vnc/ws", nil)
	c.enter()
	before := s.handler.Stats().VNCBytes
	end := <-v.ends
	defer end.Close()
	const said = 100_000
	go end.Write(bytes.Repeat([]byte{0}, said))
	eventually(t, "what the VNC server says", func() bool { return s.handler.Stats().VNCBytes >= before+said })
}

func TestStatsOfLogins(t *testing.T) {
	s := serve(t, func(c *Config) { c.Access = byToken(access.NewToken()) })
	var got access.Stats
	posts := uint64(0)
	for got.Early == 0 && posts < 20 { // on a busy machine a pause may have passed before the next one
		response, err := http.Post(s.URL+"/login", "application/json", strings.NewReader(`{"token":"wrong"}`))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		posts++
		got = s.handler.Stats().Refused
	}
	if got.Wrong == 0 || got.Early != 1 || got.Wrong+got.Early != posts {
		t.Errorf("got %+v of %d, want all of them wrong, but the last one, which came too early", got, posts)
	}
}
