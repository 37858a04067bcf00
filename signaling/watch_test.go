package signaling

import (
	"encoding/binary"
	"fmt"
	"image"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/input"
	"lucarne/signaling/peer"
	"lucarne/signaling/session"
	"lucarne/signaling/wsmedia"
)

// enter opens a socket with a hello of one's own.
func (s *server) enter(t *testing.T, hello string) *client {
	t.Helper()
	c := s.dial(t, "/ws", nil)
	c.send(`{"type":"hello","version":"v1",` + hello + `}`)
	return c
}

// binary returns the next binary message, and the control messages before it.
func (c *client) binary() (data []byte, before int) {
	c.t.Helper()
	for {
		c.conn.SetReadDeadline(time.Now().Add(patience))
		kind, data, err := c.conn.ReadMessage()
		if err != nil {
			c.t.Fatalf("waiting for a binary message: %v", err)
		}
		if kind == websocket.BinaryMessage {
			return data, before
		}
		before++
	}
}

// picture returns the header of the next picture, of whose parts it awaits all,
// and acknowledges it.
func (c *client) picture() (sequence uint32, key bool) {
	c.t.Helper()
	for {
		m, _ := c.binary()
		if m[0] != 2 || m[1]&8 != 0 {
			continue
		}
		sequence = binary.BigEndian.Uint32(m[4:])
		c.acknowledge(sequence)
		return sequence, m[1]&1 != 0
	}
}

// acknowledge says that a picture has arrived.
func (c *client) acknowledge(sequence uint32) {
	ack := binary.BigEndian.AppendUint32([]byte{wsmedia.AcknowledgementType}, sequence)
	c.conn.WriteMessage(websocket.BinaryMessage, append(ack, make([]byte, 9)...))
}

// TestTransports: what begins by itself is what hello asks for.
func TestTransports(t *testing.T) {
	for _, test := range []struct {
		hello  string
		socket bool
		beside bool              // media beside the socket
		media  session.Attention // to it
	}{
		{`"transport":"auto","codecs":["vp8"]`, true, true, session.Away},
		{`"transport":"auto","codecs":["av1","vp8"]`, true, true, session.Away},
		{`"transport":"auto"`, false, true, session.Away},
		{`"transport":"carrier pigeon","codecs":["vp8"]`, true, true, session.Away},
		{`"transport":"ws","codecs":["vp8"]`, true, false, 0},
		{`"transport":"webrtc","codecs":["vp8"]`, false, true, session.Shown},
		{`"transport":"none","codecs":["vp8"]`, false, false, 0},
	} {
		s := serve(t, nil)
		c := s.enter(t, test.hello)
		c.await("hello")
		if test.socket {
			if sequence, key := c.picture(); sequence != 1 || !key {
				t.Errorf("%s: picture %d, key = %v, want key frame 1", test.hello, sequence, key)
			}
		} else if c.flush(); c.pictures() {
			t.Errorf("%s: a picture on the socket", test.hello)
		}
		if !test.beside {
			if len(s.medias) > 0 {
				t.Errorf("%s: media beside the socket", test.hello)
			}
		} else if got := <-(<-s.medias).watched; got != test.media {
			t.Errorf("%s: attention %v to the media, want %v", test.hello, got, test.media)
		}
		s.stop()
	}
}

// pictures says whether the socket is a seat.
func (c *client) pictures() bool {
	c.send(`{"type":"ping"}`)
	for {
		kind, data, err := c.conn.ReadMessage()
		if err != nil {
			c.t.Fatal(err)
		}
		if kind == websocket.BinaryMessage && data[0] == 2 {
			return true
		}
		if kind == websocket.TextMessage && string(data[:13]) == `{"type":"pong` {
			return false
		}
	}
}

func TestNoCodec(t *testing.T) {
	s := serve(t, nil)
	for _, hello := range []string{`"transport":"ws"`, `"transport":"ws","codecs":["h264","jpeg"]`} {
		c := s.enter(t, hello)
		if got := c.await("reason"); got.Code != "no-codec" {
			t.Errorf("%s: reason %q, want no-codec", hello, got.Code)
		}
	}
}

// TestWatchPaths: the last path named is shown, the other one is its shadow.
func TestWatchPaths(t *testing.T) {
	s := serve(t, nil)
	c := s.enter(t, `"transport":"auto","codecs":["vp8"]`)
	c.picture()
	m := <-s.medias
	if got := <-m.watched; got != session.Away {
		t.Fatalf("attention %v to the media first", got)
	}
	for _, test := range []struct {
		paths string
		media session.Attention
	}{
		{`["webrtc","ws"]`, session.Shadow},
		{`["ws","webrtc"]`, session.Shown},
		{`["ws","webrtc","teleport"]`, session.Shown},
		{`["ws","webrtc","ws"]`, session.Shadow},
		{`["webrtc"]`, session.Shown},
		{`[]`, session.Away},
	} {
		c.send(`{"type":"watch","paths":` + test.paths + `}`)
		if got := <-m.watched; got != test.media {
			t.Errorf("%s: attention %v to the media, want %v", test.paths, got, test.media)
		}
	}
	c.send(`{"type":"watch","paths":["ws"]}`)
	if sequence, key := c.picture(); sequence != 2 || !key {
		t.Errorf("picture %d, key = %v, want key frame 2", sequence, key)
	}
	for range 3 {
		c.send(`{"type":"watch","paths":["ws"]}`)
	}
	c.send(`{"type":"key"}`)
	if sequence, key := c.picture(); sequence != 3 || !key {
		t.Errorf("picture %d, key = %v, want key frame 3: watching what is watched begins nothing", sequence, key)
	}
}

// TestBetweenParts: what is small does not wait for the end of a picture.
func TestBetweenParts(t *testing.T) {
	s := serve(t, nil)
	s.picture.Store(15 << 20) // more than the system holds for a page that does not read
	c := s.enter(t, `"transport":"ws","codecs":["vp8"]`)
	first, _ := c.binary()
	probe := []byte{probeType, 1, 2, 3, 4, 5, 6, 7, 8}
	c.conn.WriteMessage(websocket.BinaryMessage, probe)
	c.send(`{"type":"ping","t":7}`)
	var probed, ponged bool
	for m := first; m[1]&8 != 0; {
		kind, data, err := c.conn.ReadMessage()
		switch {
		case err != nil:
			t.Fatal(err)
		case kind == websocket.TextMessage:
			ponged = true
		case data[0] == probeType:
			probed = string(data) == string(probe)
		default:
			m = data
		}
	}
	if !probed || !ponged {
		t.Errorf("before the end of a picture: probe answered %v, ping %v", probed, ponged)
	}
}

// TestProbeFlood: probes are answered as far as there is room, and cost no more.
func TestProbeFlood(t *testing.T) {
	s := serve(t, nil)
	c := s.enter(t, `"transport":"none"`)
	for range 10_000 {
		if err := c.conn.WriteMessage(websocket.BinaryMessage, append([]byte{probeType}, make([]byte, probeSize-1)...)); err != nil {
			t.Fatal(err)
		}
	}
	c.flush()
}

// TestReplaced: a page that comes back holds nothing, and finds the door open.
func TestReplaced(t *testing.T) {
	s := serve(t, nil)
	hello := `"transport":"ws","codecs":["vp8"],"page":"0123456789abcdef"`
	first := s.enter(t, hello)
	first.await("hello")
	first.sendInput(1, input.Key{Action: input.Down, Code: "KeyA", Keysym: 'a'})
	first.flush()
	before := s.display.injected()
	second := s.enter(t, hello)
	if got := second.await("hello"); got.Seq != 1 {
		t.Errorf("told that input up to %d was handled, want 1", got.Seq)
	}
	if got := s.display.injected(); got != before+1 {
		t.Errorf("%d events when the page is back, want the key's release", got-before)
	}
	if got := first.await("bye"); got.Code != "replaced" || got.Retry {
		t.Errorf("bye %q, retry = %v, want replaced and no retry", got.Code, got.Retry)
	}
	if sequence, key := second.picture(); sequence != 1 || !key {
		t.Errorf("picture %d, key = %v, want key frame 1", sequence, key)
	}
	for range 100 { // a page that tries again and again, faster than silence is noticed
		second = s.enter(t, hello)
		second.await("hello")
	}
	s.enter(t, `"transport":"none","page":"fedcba9876543210"`).await("hello")
	s.enter(t, `"transport":"none","page":"short"`).await("hello")
	s.enter(t, fmt.Sprintf(`"transport":"none","page":"%0100d"`, 0)).await("hello")
	second.flush()
	eventually(t, "four viewers are left", func() bool { return s.session.Viewers() == 4 })
	s.handler.pages.mu.Lock()
	defer s.handler.pages.mu.Unlock()
	if got := len(s.handler.pages.sockets); got != 2 {
		t.Errorf("%d pages are known, want 2", got)
	}
}

// TestLeadOverConnections: a page that comes back leads as it did before, with a silent
// socket and after one that has broken; one that has said bye does not.
func TestLeadOverConnections(t *testing.T) {
	hello := `"transport":"none","page":"0123456789abcdef"`
	for name, c := range map[string]struct {
		end  func(*client)
		back bool
	}{
		"silent": {func(*client) {}, true},
		"broken": {func(c *client) { c.conn.NetConn().Close() }, true},
		"left":   {func(c *client) { c.send(`{"type":"bye"}`) }, false},
		"closed": {func(c *client) {
			away := websocket.FormatCloseMessage(websocket.CloseGoingAway, "")
			c.conn.WriteControl(websocket.CloseMessage, away, time.Now().Add(patience))
		}, false},
	} {
		try := func(t *testing.T) bool {
			s := serve(t, nil)
			first := s.enter(t, hello)
			first.await("hello")
			first.sendInput(7, input.Motion{Pos: image.Pt(1, 1)})
			first.sendInput(8, input.Button{Pos: image.Pt(1, 1), Button: 1, Action: input.Down})
			first.flush()
			other, _ := s.join(t)
			if other.await("control").You {
				t.Fatal("the second page leads at once")
			}
			ended := time.Now()
			c.end(first)
			if name != "silent" {
				eventually(t, "it is gone", func() bool { return s.session.Viewers() == 1 })
			}
			again := s.enter(t, hello)
			seq, leads := again.await("hello").Seq, again.await("control").You
			if time.Since(ended) > 2*time.Second {
				t.Log("too slow to tell")
				return false
			}
			if seq != 8 {
				t.Errorf("told that input up to %d was handled, want 8", seq)
			}
			if leads != c.back {
				t.Errorf("the page leads: %v, want %v", leads, c.back)
			}
			return true
		}
		t.Run(name, func(t *testing.T) {
			for deadline := time.Now().Add(patience); !try(t) && time.Now().Before(deadline); {
			}
		})
	}
}

// TestForgotten: no more pages are remembered than have a use.
func TestForgotten(t *testing.T) {
	var p pages
	desk := session.New(session.Config{Log: slog.New(slog.DiscardHandler)})
	viewer, err := desk.Join(session.JoinConfig{})
	if err != nil {
		t.Fatal(err)
	}
	viewer.Leave()
	for n := range byte(maxRemembered + 8) {
		p.occupy(pageKey{1 + n}, &socket{viewer: viewer})()
	}
	if got := len(p.ended); got != maxRemembered {
		t.Errorf("%d pages are remembered, want %d", got, maxRemembered)
	}
	for n, want := range map[byte]*session.Viewer{8: nil, maxRemembered + 8: viewer} {
		for range 2 {
			if got := p.recall(pageKey{n}); got != want {
				t.Errorf("page %d: got %v, want %v", n, got, want)
			}
			want = nil // a page takes up where it was once
		}
	}
	if len(p.sockets) != 0 {
		t.Errorf("%d pages are still here", len(p.sockets))
	}
}

// TestReplacedLate: a hello that was held up on its way does not replace the one
// that the page has said since.
func TestReplacedLate(t *testing.T) {
	s := serve(t, nil)
	hello := `"transport":"none","page":"0123456789abcdef","attempt":`
	second := s.enter(t, hello+"2")
	second.await("hello")
	for _, late := range []string{"1", "0"} {
		if got := s.enter(t, hello+late).await("bye"); got.Code != "replaced" || got.Retry {
			t.Errorf("attempt %s after 2: bye %q, retry = %v, want replaced and no retry", late, got.Code, got.Retry)
		}
	}
	second.flush()
	s.enter(t, hello+"3").await("hello")
	if got := second.await("bye"); got.Code != "replaced" {
		t.Errorf("attempt 2 after 3: bye %q, want replaced", got.Code)
	}
}

// TestOccupyLate: nor does it, if both have found the place vacant.
func TestOccupyLate(t *testing.T) {
	var p pages
	desk := session.New(session.Config{Log: slog.New(slog.DiscardHandler)})
	ended := make(map[int]bool)
	for _, attempt := range []int{2, 1, 2, 3} {
		viewer, err := desk.Join(session.JoinConfig{})
		if err != nil {
			t.Fatal(err)
		}
		p.occupy(pageKey{1}, &socket{attempt: attempt, viewer: viewer, cancel: func(error) { ended[attempt] = true }})
	}
	if want := map[int]bool{1: true, 2: true}; !maps.Equal(ended, want) || desk.Viewers() != 1 {
		t.Errorf("ended %v with %d viewers left, want %v with one", ended, desk.Viewers(), want)
	}
}

// TestNoCodecByMedia: a page that decodes nothing of the screen's size by WebRTC is
// told so, and gets other media when it asks, but not at once.
func TestNoCodecByMedia(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Hour} {
		s := serve(t, nil)
		s.handler.pace.codec = pause
		c, _ := s.join(t)
		(<-s.medias).end <- peer.ErrTooLarge
		if got := c.await("reason"); got.Code != "webrtc-no-codec" {
			t.Errorf("got %+v", got)
		}
		c.send(`{"type":"restart"}`)
		if pause == 0 {
			<-s.medias
			continue
		}
		if c.flush(); len(s.medias) > 0 {
			t.Error("media was opened at once")
		}
	}
}
