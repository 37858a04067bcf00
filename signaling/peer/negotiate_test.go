package peer

import (
	"errors"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/transport/v4/packetio"
	"github.com/pion/webrtc/v4"

	"lucarne/encode"
)

// reply answers a negotiation's offer as a browser would.
func reply(t *testing.T, n *negotiation) string {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.GracefulClose() })
	if err := pc.SetRemoteDescription(*n.pc.LocalDescription()); err != nil {
		t.Fatal(err)
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer.SDP
}

// TestRestartWaitsForTheAnswer: a page that asks twice gets the second offer
// once it has answered the first.
func TestRestartWaitsForTheAnswer(t *testing.T) {
	n := offering(t)
	t.Cleanup(func() { n.pc.GracefulClose() })
	n.offered = n.offered.Add(-2 * restartPause)
	n.handle(signal{kind: restartSignal})
	if n.generation != 1 || n.overdue() {
		t.Fatalf("generation %d, overdue %v; want the first offer to wait for its answer", n.generation, n.overdue())
	}
	n.offered = n.offered.Add(-answerPatience)
	if !n.overdue() {
		t.Error("an offer that nobody answers is not overdue")
	}
	n.handle(signal{answerSignal, reply(t, n), 1})
	if !n.answered {
		t.Fatal("the answer was not taken")
	}
	poll(t, "end of gathering", n.ready)
	if n.overdue() {
		t.Error("an offer that is done with is overdue")
	}
	n.restartIfDue()
	n.again(<-n.found)
	if n.generation != 2 || n.restart {
		t.Errorf("generation %d, still asked for: %v; want the second offer", n.generation, n.restart)
	}
}

func TestBadEarlyCandidate(t *testing.T) {
	n := offering(t)
	t.Cleanup(func() { n.pc.GracefulClose() })
	mid := "no such section"
	n.early = []webrtc.ICECandidateInit{{Candidate: "nonsense", SDPMid: &mid}}
	for _, address := range []string{"192.0.2.1", "192.0.2.2"} {
		n.handle(signal{candidateSignal, `{"candidate":"candidate:1 1 udp 2130706431 ` + address + ` 4000 typ host","sdpMid":"0"}`, 1})
	}
	if err := n.answer(signal{answerSignal, reply(t, n), 1}); err == nil {
		t.Error("a candidate that is none was taken")
	}
	deadline := time.Now().Add(patience)
	for {
		count := 0
		for _, s := range n.pc.GetStats() {
			if c, ok := s.(webrtc.ICECandidateStats); ok && c.Type == webrtc.StatsTypeRemoteCandidate {
				count++
			}
		}
		if count == 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d candidates taken, want 2", count)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestMediaIsNotKept: what a page sends of media takes no room, however much.
func TestMediaIsNotKept(t *testing.T) {
	p, err := newPeer(Config{Register: offered(encode.VP8)}, nil, nil, nowhere{})
	if err != nil {
		t.Fatal(err)
	}
	packet, err := (&rtp.Packet{Header: rtp.Header{Version: 2}, Payload: make([]byte, 1000)}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	media, feedback := p.buffer(packetio.RTPBufferPacket, 1), p.buffer(packetio.RTCPBufferPacket, 1)
	if _, err := media.Write(packet); !errors.Is(err, packetio.ErrFull) {
		t.Errorf("media: %v, want %v", err, packetio.ErrFull)
	}
	if _, err := feedback.Write(packet); err != nil {
		t.Errorf("feedback: %v", err)
	}
	for ssrc := range uint32(maxStreams + maxOffences) {
		p.buffer(packetio.RTPBufferPacket, ssrc)
	}
	if err := p.follow(nil, nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("after %d streams: %v, want %v", maxStreams+maxOffences, err, ErrMalformed)
	}
}

func TestMalformedInputEndsThePeer(t *testing.T) {
	p := open(t)
	for range maxOffences + 1 {
		if err := p.keys.Send([]byte{0xff}); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-p.ended:
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("Run = %v, want %v", err, ErrMalformed)
		}
	case <-time.After(patience):
		t.Fatal("the peer of a page that sends nonsense runs on")
	}
}
