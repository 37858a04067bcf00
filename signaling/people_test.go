package signaling

import (
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"
	"time"

	"lucarne/input"
	"lucarne/signaling/rfb"
	"lucarne/signaling/session"
)

// TestWatcherDoesNothing: by none of its ways does who may only look do anything.
func TestWatcherDoesNothing(t *testing.T) {
	g := share(t, nil)
	made := g.link(session.Watcher)
	guest, hello, _ := g.come(t, made)
	guest.sendInput(1, input.Key{Code: "KeyA", Keysym: 'a', Action: input.Down})
	guest.sendInput(2, input.Motion{Pos: image.Pt(1, 2)})
	guest.sendInput(3, input.Button{Action: input.Down, Button: 1})
	guest.sendInput(4, input.Wheel{Delta: image.Pt(0, 120)})
	for _, text := range []string{
		`{"type":"clipboard","text":"x"}`,
		`{"type":"limits","bitrate":1000000,"maxFPS":1}`,
		`{"type":"share","role":"viewer","minutes":60}`,
		fmt.Sprintf(`{"type":"revoke","share":%q}`, made.Share),
		fmt.Sprintf(`{"type":"give","viewer":%q}`, hello.Viewer),
		`{"type":"take"}`,
	} {
		guest.send(text)
	}
	for _, m := range guest.flush() {
		if m.Type == "shared" || m.Type == "people" || m.Type == "control" && (m.You || m.Role != session.Watcher) {
			t.Errorf("got %+v", m)
		}
	}
	if g.display.injected() != 0 || g.display.clipboard() != "" {
		t.Error("a watcher has reached the display")
	}
	if !g.session.Shared(made.Share) {
		t.Error("a watcher has revoked a link")
	}
	guest.send(`{"type":"resize","width":800,"height":600}`)
	if m := guest.await("reason"); m.Code != "refused" {
		t.Errorf("resize: %+v", m)
	}
	guest.conn.Close()
	// Four of input, six messages and the size.
	eventually(t, "what was refused is counted", func() bool { return strings.Contains(g.log.String(), "input.refused=11") })
}

// TestGive: control goes to the guest and comes back.
func TestGive(t *testing.T) {
	g := share(t, nil)
	made := g.link(session.Watcher)
	guest, hello, _ := g.come(t, made)
	guest.send(`{"type":"ask"}`)
	for asked := false; !asked; {
		for _, p := range g.owner.await("people").People {
			asked = asked || p.ID == hello.Viewer && p.Asked > 0
		}
	}
	g.owner.send(fmt.Sprintf(`{"type":"give","viewer":%q}`, hello.Viewer))
	var m Message
	for !m.You {
		m = guest.await("control")
	}
	if m.Role != session.Controller || !m.Given || !slices.Contains(m.Allow, session.Keyboard) || slices.Contains(m.Allow, session.Giving) {
		t.Errorf("got %+v", m)
	}
	guest, again, _ := g.come(t, made) // the same page on another socket
	for m = guest.await("control"); !m.You; m = guest.await("control") {
	}
	if again.Viewer == hello.Viewer || m.Role != session.Controller || !m.Given {
		t.Errorf("a new connection: %+v", m)
	}
	guest.sendInput(1, input.Key{Code: "KeyA", Keysym: 'a', Action: input.Down})
	eventually(t, "a key of the guest's", func() bool { return g.display.injected() == 1 })
	g.owner.send(`{"type":"take"}`)
	for m.You {
		m = guest.await("control")
	}
	if m.Role != session.Watcher || m.Given || !slices.Equal(m.Allow, []session.Feature{session.Video}) || m.Viewer != g.hello.Viewer {
		t.Errorf("got %+v", m)
	}
	if got := g.display.injected(); got != 2 {
		t.Errorf("%d events, want the key and its release", got)
	}
	guest.sendInput(2, input.Key{Code: "KeyB", Keysym: 'b', Action: input.Down})
	guest.flush()
	if got := g.display.injected(); got != 2 {
		t.Error("the guest types on")
	}
}

// TestGuestsHoldNothingUp: a guest that turns round and round is told of at a rate
// that somebody can read, and as it is in the end.
func TestGuestsHoldNothingUp(t *testing.T) {
	s := serve(t, nil)
	s.handler.pace.people = time.Second
	owner, _ := s.join(t)
	owner.send(`{"type":"share","role":"viewer","minutes":60}`)
	guest, hello, _ := s.come(t, owner.await("shared"))
	const turns = 200
	for range turns {
		guest.send(`{"type":"watch","paths":["ws"]}`)
		guest.send(`{"type":"watch","paths":["webrtc"]}`)
		guest.flush()
	}
	for path, lists := "", 0; path != "webrtc" || lists == 0; lists++ {
		if lists == turns {
			t.Fatalf("told %d times", lists)
		}
		for _, p := range owner.await("people").People {
			if p.ID == hello.Viewer {
				path = p.Path
			}
		}
	}
}

// TestShareByVNC: a link's role holds there too, and follows the control.
func TestShareByVNC(t *testing.T) {
	v := newVNCServer()
	g := share(t, func(c *Config) { c.VNC = &rfb.Server{Dial: v.dial} })
	made := g.link(session.Watcher)
	guest, hello, own := g.come(t, made)
	header := own.Clone()
	header["Sec-WebSocket-Protocol"] = []string{pageProtocol + pageOf(made)}
	c := g.dial(t, "/vnc/ws", header)
	if got := c.conn.Subprotocol(); got != pageProtocol+pageOf(made) {
		t.Errorf("subprotocol %q", got)
	}
	c.enter()
	<-v.ends
	if got := g.session.Viewers(); got != 2 {
		t.Errorf("%d viewers, want the owner and the guest", got)
	}
	c.say(vncKey + vncRequest)
	if got := <-v.heard; got != vncRequest {
		t.Errorf("a watcher: the server heard %q", got)
	}
	g.owner.send(fmt.Sprintf(`{"type":"give","viewer":%q}`, hello.Viewer))
	for !guest.await("control").You {
	}
	c.say(vncKey)
	if got := <-v.heard; got != vncKey {
		t.Errorf("who has control: the server heard %q", got)
	}
	g.owner.send(`{"type":"take"}`)
	if got, want := <-v.heard, "\x04\x00\x00\x00\x00\x00\x00a"; got != want {
		t.Errorf("control was taken: the server heard %q, want %q", got, want)
	}
	c.say(vncKey + vncRequest)
	if got := <-v.heard; got != vncRequest {
		t.Errorf("a watcher again: the server heard %q", got)
	}
	g.owner.send(fmt.Sprintf(`{"type":"revoke","share":%q}`, made.Share))
	if code, reason := c.closed(); code != closeForGood || reason != "revoked" {
		t.Errorf("closed with %d %q", code, reason)
	}

	// Without its page nobody has said a key.
	made = g.link(session.Watcher)
	if code, reason := g.dial(t, "/vnc/ws", credentials(g.redeem(t, made.Secret))).closed(); code != closeForGood || reason != "login" {
		t.Errorf("without its page: closed with %d %q", code, reason)
	}
	header = g.key.Clone()
	header["Sec-WebSocket-Protocol"] = []string{pageProtocol + "a-page-that-there-is-not"}
	if code, _ := g.dial(t, "/vnc/ws", header).closed(); code != closeForNow {
		t.Errorf("a page that there is not: closed with %d", code)
	}
}
