package signaling

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/capture"
	"lucarne/input"
	"lucarne/signaling/session"
)

func TestHello(t *testing.T) {
	s := serve(t, nil)
	_, first := s.join(t)
	_, second := s.join(t)
	want := Message{
		Type: "hello", Version: "v1", Role: session.Owner, State: "up", Width: 640, Height: 480, Codecs: []string{"vp8"}, MaxClipboard: 16 << 20,
		Allow: []session.Feature{session.Video, session.Keyboard, session.Pointer, session.CopyIn, session.CopyOut, session.Resize, session.Limiting, session.Giving, session.Sharing},
	}
	for i, got := range []Message{first, second} {
		want.Viewer = fmt.Sprint(i + 1)
		if got, want := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestMediaMessages: what media and page say to each other arrives.
func TestMediaMessages(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	m := <-s.medias
	got := c.await("offer")
	if got.SDP != "offer" || got.Generation != 1 || got.ICEPolicy != "relay" {
		t.Errorf("got %+v", got)
	}
	if s := got.ICEServers; len(s) != 1 || s[0].URLs[0] != "turn:turn.example.org" || s[0].Username != "u" || s[0].Credential != "p" {
		t.Errorf("got the servers %v", s)
	}
	if got := c.await("candidate"); string(got.Candidate) != `{"candidate":"c"}` {
		t.Errorf("got %s", got.Candidate)
	}
	c.send(`{"type":"answer","sdp":"mine","generation":1}`)
	c.send(`{"type":"candidate","candidate":{"candidate":"d"},"generation":1}`)
	c.send(`{"type":"restart"}`)
	for _, want := range []string{"answer mine", `candidate {"candidate":"d"}`, "restart"} {
		if got := <-m.calls; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	m.end <- errors.New("lost")
	eventually(t, "the log says that the media ended", func() bool { return strings.Contains(s.log.String(), "media ended") })
	c.send(`{"type":"restart"}`)
	if next := <-s.medias; next.generation != 1 {
		t.Errorf("new media begins after generation %d, want 1", next.generation)
	}
	if got := c.await("offer"); got.Generation != 2 {
		t.Errorf("got generation %d, want 2", got.Generation)
	}
}

func TestNoMedia(t *testing.T) {
	s := serve(t, func(c *Config) {
		c.Open = func(*session.Viewer, Out, int) (Media, error) { return nil, errors.New("no codec") }
	})
	c, _ := s.join(t)
	if got := c.await("reason"); got.Code != "webrtc-failed" {
		t.Errorf("got %+v", got)
	}
	c.send(`{"type":"answer","sdp":"to nobody"}`)
	c.flush()
}

func TestTimes(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	for {
		if _, err := c.next(); errors.Is(err, errBinary) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestInput(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	if got := c.await("control"); !got.You || got.Viewer != "1" {
		t.Errorf("got %+v, want the lead", got)
	}
	c.sendInput(1, input.Motion{Pos: image.Pt(1, 2)})
	for seq := uint32(2); seq < 100; seq++ {
		c.sendInput(seq, input.Key{Code: "KeyA", Keysym: 'a', Action: input.Action(1 - seq%2)})
	}
	for seq := uint32(0); seq != 99; {
		next := c.await("input").Seq
		if next <= seq {
			t.Fatalf("acknowledged %d after %d", next, seq)
		}
		seq = next
	}
	if got := s.display.injected(); got < 99 {
		t.Errorf("%d events injected, want 99", got)
	}
	c.conn.Close()
	eventually(t, "the viewer left", func() bool { return s.session.Viewers() == 0 })
}

// TestAcknowledgements are few: the first at once, the next when its time has come.
func TestAcknowledgements(t *testing.T) {
	s := serve(t, nil)
	s.handler.pace.ack = time.Hour
	c, _ := s.join(t)
	c.sendInput(1, input.Button{Action: input.Down, Button: 1})
	if got := c.await("input"); got.Seq != 1 {
		t.Errorf("got %d, want 1", got.Seq)
	}
	for seq := uint32(2); seq < 50; seq++ {
		c.sendInput(seq, input.Button{Action: input.Action(seq % 2), Button: 1})
		for _, said := range c.flush() {
			if said.Type == "input" {
				t.Fatalf("acknowledged %d within the hour", said.Seq)
			}
		}
	}
}

// TestScreen: size, cursor and state reach the page, each cursor's picture once.
func TestScreen(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	s.display.point(7)
	first := c.await("cursor")
	if first.Serial != 7 || first.HotX != 3 || first.HotY != 4 || first.Image == nil || !strings.HasPrefix(*first.Image, "iVBORw0KGgo") {
		t.Errorf("got %+v, want a PNG", first)
	}
	s.display.point(8)
	if got := c.await("cursor"); got.Serial != 8 || got.Image == nil {
		t.Errorf("got %+v, want 8 with its picture", got)
	}
	s.display.point(7)
	if got := c.await("cursor"); got.Serial != 7 || got.Image != nil {
		t.Errorf("got %+v, want 7 without its picture", got)
	}
	s.display.warp(image.Pt(5, 6))
	c.send(`{"type":"pointer"}`)
	if got := c.await("cursor"); got.Serial != 7 || got.Image != nil || got.X != 5 || got.Y != 6 {
		t.Errorf("got %+v, want 7 at 5,6", got)
	}
	close(s.display.damaged)
	if got := c.await("display"); got.State != "gone" {
		t.Errorf("got %+v, want gone", got)
	}
}

// TestPlaceIsToldNowAndThen: a page that asks on and on where the pointer is costs no
// more than one that asks now and then.
func TestPlaceIsToldNowAndThen(t *testing.T) {
	s := serve(t, nil)
	s.handler.pace.place = time.Hour
	c, _ := s.join(t)
	s.display.point(7)
	c.await("cursor")
	for range 3 {
		c.send(`{"type":"pointer"}`)
	}
	c.await("cursor")
	s.display.point(8) // behind what is still to be said of 7
	if got := c.await("cursor"); got.Serial != 8 {
		t.Errorf("got %+v, want 8", got)
	}
}

// TestBadMessages: what is malformed or unknown is counted, and everybody else
// is undisturbed.
func TestBadMessages(t *testing.T) {
	s := serve(t, nil)
	other, _ := s.join(t)
	c, _ := s.join(t)
	for _, bad := range []string{"", "{", "null", "[]", "7", `{"type":7}`, `{"type":"resize","width":"x"}`, `{"type":"hello"}`} {
		c.send(bad)
	}
	c.send(`{"type":"dance","unknown":true}`)
	c.send(`{"type":"visibility","hidden":false,"further":{}}`)
	for _, bad := range [][]byte{nil, {1}, make([]byte, maxInput), make([]byte, maxInput+1), make([]byte, 1<<20)} {
		if err := c.conn.WriteMessage(websocket.BinaryMessage, bad); err != nil {
			t.Fatal(err)
		}
	}
	c.flush()
	c.send(`{"type":"bye"}`)
	eventually(t, "the viewer left", func() bool { return s.session.Viewers() == 1 })
	eventually(t, "the log says so", func() bool {
		return strings.Contains(s.log.String(), "malformed=12 unknown=2") && strings.Contains(s.log.String(), "input.malformed=3")
	})
	other.flush()
}

func TestTooManyBadMessages(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	for range maxBad + 1 {
		c.send("{")
	}
	if got := c.await("bye"); got.Code != "malformed" || got.Retry {
		t.Errorf("got %+v", got)
	}
}

func TestTooMuchBadInput(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	for range maxBad + 1 {
		if err := c.conn.WriteMessage(websocket.BinaryMessage, []byte{0xff}); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.await("bye"); got.Code != "malformed" || got.Retry {
		t.Errorf("got %+v", got)
	}
}

// slow is media that takes its time to end.
type slow struct {
	deaf
	end chan struct{}
}

func (m slow) Run(ctx context.Context) error {
	<-m.end
	return nil
}

// TestLeavesAtOnce: what a page holds is let go when its socket ends, however
// long its media takes.
func TestLeavesAtOnce(t *testing.T) {
	media := slow{end: make(chan struct{})}
	s := serve(t, func(cfg *Config) {
		cfg.Open = func(*session.Viewer, Out, int) (Media, error) { return media, nil }
	})
	defer close(media.end)
	c, _ := s.join(t)
	c.sendInput(1, input.Button{Action: input.Down, Button: 1})
	c.flush()
	c.conn.Close()
	eventually(t, "the viewer has left", func() bool { return s.session.Viewers() == 0 })
	eventually(t, "the button is up", func() bool { return s.display.injected() == 2 })
}

func TestTooLarge(t *testing.T) {
	s := serve(t, nil)
	other, _ := s.join(t)
	c, _ := s.join(t)
	c.send(strings.Repeat("x", maxControl+1))
	if got := c.await("bye"); got.Code != "too-large" {
		t.Errorf("got %+v", got)
	}
	other.flush()
}

func TestFirstMessage(t *testing.T) {
	s := serve(t, nil)
	s.handler.pace.hello = 50 * time.Millisecond
	for _, test := range []struct{ first, code string }{
		{`{"type":"ping"}`, "malformed"},
		{"nonsense", "malformed"},
		{"", "timeout"},
	} {
		c := s.dial(t, "/ws", nil)
		if test.first != "" {
			c.send(test.first)
		}
		if got := c.await("bye"); got.Code != test.code {
			t.Errorf("%q: got %+v, want %s", test.first, got, test.code)
		}
	}
	if got := s.session.Viewers(); got != 0 {
		t.Errorf("%d viewers without a hello", got)
	}
}

// TestHalfOpen: sockets that stay silent crowd out each other, and nobody else.
func TestHalfOpen(t *testing.T) {
	s := serve(t, nil)
	first, _ := s.join(t)
	for range 100 {
		s.dial(t, "/ws", nil)
	}
	eventually(t, "the oldest are gone", func() bool { // and so all have come that were opened
		s.handler.mu.Lock()
		defer s.handler.mu.Unlock()
		return len(s.handler.sockets) <= maxHalfOpen+1
	})
	second, _ := s.join(t)
	first.flush()
	second.flush()
}

func TestFull(t *testing.T) {
	s := serve(t, func(c *Config) {
		c.Session = session.New(session.Config{Screen: c.Screen, Log: c.Log, MaxViewers: 1})
	})
	first, _ := s.join(t)
	c := s.dial(t, "/ws", nil)
	c.send(`{"type":"hello"}`)
	if got := c.await("bye"); got.Code != "full" || !got.Retry {
		t.Errorf("got %+v", got)
	}
	first.flush()
}

// TestFloods: a page that pings without reading the answers is closed.
func TestFloods(t *testing.T) {
	s := serve(t, nil)
	s.handler.pace.write = 2 * time.Second
	other, _ := s.join(t)
	c, _ := s.join(t)
	ping := []byte(`{"type":"ping","t":123456789}`)
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	for s.session.Viewers() == 2 {
		if err := c.conn.WriteMessage(websocket.TextMessage, ping); err != nil {
			break
		}
	}
	eventually(t, "the viewer is gone", func() bool { return s.session.Viewers() == 1 })
	other.flush()
}

// TestDead: a page that no longer answers pings leaves.
func TestDead(t *testing.T) {
	s := serve(t, nil)
	// Long enough for the one that answers to do so on a machine that is busy.
	s.handler.pace.ping, s.handler.pace.idle = 20*time.Millisecond, 2*time.Second
	other, _ := s.join(t)
	var pings atomic.Int32
	other.conn.SetPingHandler(func(data string) error {
		pings.Add(1)
		return other.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(patience))
	})
	s.join(t) // answers no ping, since it does not read
	read := make(chan struct{})
	go func() {
		defer close(read)
		for {
			if _, err := other.next(); err != nil && !errors.Is(err, errBinary) {
				return
			}
		}
	}()
	eventually(t, "the one that is silent has left", func() bool { return s.session.Viewers() == 1 && pings.Load() > 20 })
	other.conn.Close()
	<-read
}

func TestShutdown(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	silent := s.dial(t, "/ws", nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.stop()
	}()
	if got := c.await("bye"); got.Code != "shutdown" || !got.Retry {
		t.Errorf("got %+v", got)
	}
	if got := silent.await("bye"); got.Code != "shutdown" {
		t.Errorf("got %+v", got)
	}
	<-done
	if got := s.session.Viewers(); got != 0 {
		t.Errorf("%d viewers left", got)
	}
	if got := s.refused(t, "/ws", nil); got != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", got)
	}
}

// TestBeforeDisplay: everything but the picture works before there is a display.
func TestBeforeDisplay(t *testing.T) {
	s := serve(t, func(c *Config) {
		c.Screen = capture.NewScreen(c.Log)
		c.DisplayReason = func(capture.Status) (string, []string) { return "display-waiting", []string{":7"} }
		c.Session = session.New(session.Config{Screen: c.Screen, Log: c.Log})
	})
	c, hello := s.join(t)
	if hello.State != "starting" || hello.Code != "display-waiting" || !slices.Equal(hello.Args, []string{":7"}) {
		t.Errorf("got %+v", hello)
	}
	c.sendInput(1, input.Key{Code: "KeyA", Keysym: 'a', Action: input.Down})
	c.give(1, "x")
	if got := c.ended(1); got.Code != "clipboard-failed" {
		t.Errorf("got %+v", got)
	}
	c.send(`{"type":"key"}`)
	c.flush()
}
