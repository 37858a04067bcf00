package peer

import (
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"lucarne/signaling/session"
)

// TestProbes: both channels answer a probe with itself.
func TestProbes(t *testing.T) {
	p := open(t)
	answers := make(chan string, 10)
	for _, channel := range []*webrtc.DataChannel{p.keys, p.motion} {
		channel.OnMessage(func(msg webrtc.DataChannelMessage) { answers <- string(msg.Data) })
		probe := []byte{probeType, 0, 1, 2, 3, 4, 5, 6, 0xff}
		if err := channel.Send(probe); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-answers:
			if got != string(probe) {
				t.Errorf("%s: %x, want %x", channel.Label(), got, probe)
			}
		case <-time.After(patience):
			t.Fatalf("%s: no answer", channel.Label())
		}
	}
	if got := p.peer.Stats(); got.Malformed != 0 {
		t.Errorf("malformed = %d, want 0", got.Malformed)
	}
}

func TestProbeRate(t *testing.T) {
	var p probes
	taken := func(now time.Time, tries int) (n int) {
		for range tries {
			if p.take(now) {
				n++
			}
		}
		return n
	}
	now := time.Now()
	if got := taken(now, 1000); got != probeBurst+1 {
		t.Errorf("at once: %d, want %d", got, probeBurst+1)
	}
	if got := taken(now.Add(4*probeEvery), 1000); got != 4 {
		t.Errorf("after %v: %d, want 4", 4*probeEvery, got)
	}
	if got := taken(now.Add(time.Hour), 1000); got != probeBurst+1 {
		t.Errorf("an hour later: %d, want %d", got, probeBurst+1)
	}
}

// TestWatch: a connection that the page looks away from stands and carries nothing.
func TestWatch(t *testing.T) {
	p := start(t, func(p *page, _ *Config, _ *interceptor.Registry) { p.away = true })
	p.await("open channels", func() bool {
		return p.keys.ReadyState() == webrtc.DataChannelStateOpen && p.motion.ReadyState() == webrtc.DataChannelStateOpen
	})
	leaves := func(s *fakeSeat) int { return s.leaves }
	shows := func(s *fakeSeat) int { return s.shows }
	if got := p.seat.get(joins); got != 0 {
		t.Fatalf("took a seat %d times before the page looks", got)
	}
	p.peer.Watch(session.Shadow)
	p.await("a seat", func() bool { return p.seat.get(joins) == 1 })
	if got := p.seat.get(shows); got != 0 {
		t.Errorf("a shadow was shown %d times", got)
	}
	p.peer.Watch(session.Shown)
	p.await("to be shown", func() bool { return p.seat.get(shows) > 0 })
	p.peer.Watch(session.Away)
	p.await("to leave", func() bool { return p.seat.get(leaves) == 1 })
	p.peer.Watch(session.Shown)
	p.await("another seat", func() bool { return p.seat.get(joins) == 2 })
	p.write(frame(0, 1000))
	p.await("a frame", func() bool { return p.received() == 1 })
}
