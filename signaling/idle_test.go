package signaling

import (
	"slices"
	"testing"
	"time"

	"lucarne/signaling/activity"
	"lucarne/signaling/rfb"
	"lucarne/signaling/session"
)

func TestPausedWhereNobodyIs(t *testing.T) {
	s := serve(t, func(cfg *Config) { cfg.Rest = time.Nanosecond })
	s.handler.pace.doze = time.Millisecond
	c := s.enter(t, `"transport":"none","page":"0123456789abcdef"`)
	if bye := c.await("bye"); bye.Code != "paused" || bye.Retry {
		t.Errorf("bye %+v, want paused until somebody comes", bye)
	}
	s.stop()
	if n := len(s.handler.pages.ended); n != 0 {
		t.Errorf("%d pages are remembered: when the person is back, it is as if they had not been there for as long as before", n)
	}
}

// A VNC viewer of no page of ours has no other socket that would be closed.
func TestVNCPausedWhereNobodyIs(t *testing.T) {
	v := newVNCServer()
	s := serve(t, func(cfg *Config) { cfg.VNC, cfg.Rest = &rfb.Server{Dial: v.dial}, time.Nanosecond })
	s.handler.pace.doze = time.Millisecond
	if code, reason := s.dial(t, "/vnc/ws", nil).closed(); code != closeForGood || reason != "paused" {
		t.Errorf("closed with %d %q", code, reason)
	}
	eventually(t, "the viewer has left", func() bool { return s.session.Viewers() == 0 })
}

// Who only looks goes on looking while somebody works.
func TestWhoLooksAtSomebodyIsNotPaused(t *testing.T) {
	g := share(t, nil)
	guest, _, _ := g.come(t, g.link(session.Watcher))
	var socket *socket
	eventually(t, "the guest's socket", func() bool {
		g.handler.mu.Lock()
		defer g.handler.mu.Unlock()
		for s := range g.handler.sockets {
			if s.viewer != nil && s.viewer.Role() == session.Watcher {
				socket = s
			}
		}
		return socket != nil
	})
	came := socket.active()
	g.owner.send(`{"type":"take"}`) // something that a person does
	eventually(t, "what the owner does counts for who looks", func() bool { return socket.active().After(came) })
	guest.conn.Close()
}

func TestToldOfTheEnd(t *testing.T) {
	s := serve(t, func(cfg *Config) {
		cfg.Activity = activity.New(activity.Config{
			Human: func() time.Time { return time.Time{} }, BusyFor: time.Nanosecond, Limit: 10 * time.Minute, Log: cfg.Log,
		})
	})
	s.handler.pace.doze = time.Millisecond
	c := s.dial(t, "/ws", nil)
	c.send(`{"type":"hello","transport":"none"}`)
	if hello := c.await("hello"); !slices.Contains(hello.Allow, session.Awaking) {
		t.Errorf("may %v", hello.Allow)
	}
	// How long it is yet, and not when it will be: the browser's clock may be another.
	if left := time.Duration(c.await("idle").Left) * time.Millisecond; left <= 10*time.Minute-patience || left > 10*time.Minute {
		t.Errorf("told of the end in %v, want about 10m", left)
	}
	c.send(`{"type":"awake","minutes":60}`)
	if m := c.await("idle"); m.Left != 0 {
		t.Errorf("kept awake, and told of the end in %d ms", m.Left)
	}
	c.send(`{"type":"awake"}`)
	if m := c.await("idle"); m.Left == 0 {
		t.Error("not kept awake any more, and told of no end")
	}
	for _, bad := range []string{`{"type":"awake","minutes":-1}`, `{"type":"awake","minutes":1000000000}`} {
		c.send(bad)
	}
	c.send(`{"type":"ping","t":7}`)
	c.await("pong")
}

func TestWhoOnlyLooksKeepsNothingAwake(t *testing.T) {
	var meter *activity.Meter
	g := share(t, func(cfg *Config) {
		meter = activity.New(activity.Config{Human: func() time.Time { return time.Time{} }, BusyFor: time.Nanosecond, Log: cfg.Log})
		cfg.Activity = meter
	})
	guest, hello, _ := g.come(t, g.link(session.Watcher))
	if slices.Contains(hello.Allow, session.Awaking) {
		t.Errorf("may %v", hello.Allow)
	}
	guest.send(`{"type":"awake","minutes":60}`)
	if m := guest.await("reason"); m.Code != "refused" || !slices.Equal(m.Args, []string{string(session.Awaking)}) {
		t.Errorf("told %+v", m)
	}
	if r := meter.Report(); r.Busy {
		t.Errorf("kept awake: %+v", r)
	}
}
