package signaling

import (
	"fmt"
	"image"
	"slices"
	"testing"

	"lucarne/input"
	"lucarne/signaling/session"
)

// resized returns the screen's size and how many have been asked for.
func (d *display) resized() (size image.Point, times int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.size, len(d.resizes)
}

func TestResize(t *testing.T) {
	s := serve(t, func(c *Config) {
		c.Session = session.New(session.Config{Screen: c.Screen, Log: c.Log, MaxPixels: 800 * 600})
	})
	c, _ := s.join(t)
	for _, test := range []struct{ ask, reason string }{
		{`{"type":"resize","width":700,"height":500,"scale":1.5}`, ""},
		{`{"type":"resize","width":1600,"height":1200}`, "resize-limited [800 600]"},
		{`{"type":"resize","width":0,"height":0}`, "resize-failed []"},
		{`{"type":"resize","width":100000,"height":1}`, "resize-failed []"},
		{`{"type":"resize","width":-1,"height":-1}`, "resize-failed []"},
		{`{"type":"resize","width":700,"height":500,"scale":-2}`, "resize-failed []"},
		{`{"type":"resize","width":700,"height":500,"scale":1e300}`, "resize-failed []"},
	} {
		c.send(test.ask)
		if test.reason == "" {
			eventually(t, "the screen is resized", func() bool {
				s.display.mu.Lock()
				defer s.display.mu.Unlock()
				return slices.Contains(s.display.resizes, image.Pt(700, 500))
			})
			continue
		}
		got := c.await("reason")
		if got := fmt.Sprint(got.Code, " ", got.Args); got != test.reason {
			t.Errorf("%s: got %s, want %s", test.ask, got, test.reason)
		}
	}
}

// Of a flood of wishes only the newest count, and others' messages pass it.
func TestFloodOfWishes(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	const wishes = 5000
	for i := range wishes {
		c.send(fmt.Sprintf(`{"type":"resize","width":%d,"height":100}`, 200+i))
	}
	c.send(`{"type":"ping","t":1}`)
	c.await("pong")
	eventually(t, "the last wish is fulfilled", func() bool {
		size, _ := s.display.resized()
		return size == image.Pt(200+wishes-1, 100)
	})
	if _, times := s.display.resized(); times > wishes/10 {
		t.Errorf("the screen was resized %d times for %d wishes", times, wishes)
	}
}

// Whoever leads says so to the screen; who does not is not complained to.
func TestResizeByTheLeader(t *testing.T) {
	s := serve(t, nil)
	first, _ := s.join(t)
	second, _ := s.join(t)
	second.send(`{"type":"resize","width":900,"height":700}`)
	first.send(`{"type":"resize","width":800,"height":600}`)
	eventually(t, "the first one's size", func() bool {
		size, _ := s.display.resized()
		return size == image.Pt(800, 600)
	})
	for you := false; !you; you = second.await("control").You {
		second.sendInput(1, input.Motion{Pos: image.Pt(1, 1)})
	}
	second.send(`{"type":"resize","width":901,"height":701}`)
	eventually(t, "the second one's size", func() bool {
		size, _ := s.display.resized()
		return size == image.Pt(901, 701)
	})
	second.send(`{"type":"ping","t":1}`)
	for _, m := range second.flush() {
		if m.Type == "reason" {
			t.Errorf("told %q", m.Code)
		}
	}
}
