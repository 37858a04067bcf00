package peer

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"lucarne/encode"
	"lucarne/signaling/iceserver"
	"lucarne/signaling/peer/bwe"
)

// What goes in as a frame comes out of the packets as it was.
func FuzzPacketize(f *testing.F) {
	for _, n := range []int{1, 2, vp8MaxPiece - 1, vp8MaxPiece, vp8MaxPiece + 1, 3*vp8MaxPiece + 7, 100_000} {
		f.Add(bytes.Repeat([]byte{0x9d, 0x01, 0x2a}, n/3+1)[:n], uint16(n))
	}
	f.Fuzz(func(t *testing.T, data []byte, picture uint16) {
		w := &wire{keep: true}
		v := bind(w, bwe.Config{MinBps: 1e12, MaxBps: 1e12})
		v.ways[encode.VP8].payloads.(*vp8).picture = picture & 0x7fff
		if took := v.WritePacket(encode.Packet{Data: data, Codec: encode.VP8, Key: true}); took != (len(data) > 0 && vp8Pieces(len(data)) < maxQueued) {
			t.Fatalf("%d bytes: taken: %v", len(data), took)
		} else if !took {
			return
		}
		for v.count > 0 {
			v.bucket.level = burst
			v.flush()
		}
		var got []byte
		for i, p := range w.packets {
			var vp8 codecs.VP8Packet
			piece, err := vp8.Unmarshal(p.Payload)
			if err != nil {
				t.Fatal(err)
			}
			if first, last := i == 0, i == len(w.packets)-1; (vp8.S == 1) != first || p.Marker != last || vp8.PID != 0 || vp8.PictureID != picture&0x7fff {
				t.Fatalf("packet %d of %d: %+v, marker %v", i, len(w.packets), vp8, p.Marker)
			}
			if i > 0 && p.SequenceNumber != w.packets[i-1].SequenceNumber+1 {
				t.Fatalf("packet %d has sequence %d after %d", i, p.SequenceNumber, w.packets[i-1].SequenceNumber)
			}
			if len(p.Payload) > maxPayload {
				t.Fatalf("payload of %d bytes", len(p.Payload))
			}
			got = append(got, piece...)
		}
		if !bytes.Equal(got, data) {
			t.Fatalf("%d bytes came out of %d", len(got), len(data))
		}
	})
}

func FuzzFeedback(f *testing.F) {
	for _, report := range []rtcp.TransportLayerCC{
		{
			BaseSequenceNumber: 65534, PacketStatusCount: 5, ReferenceTime: 0xffffff,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{Type: rtcp.TypeTCCRunLengthChunk, PacketStatusSymbol: 1, RunLength: 5}},
			RecvDeltas:   []*rtcp.RecvDelta{{Type: 1, Delta: 250}, {Type: 1}, {Type: 1}, {Type: 1}, {Type: 1, Delta: 500}},
		},
		{
			PacketStatusCount: 7,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.StatusVectorChunk{
				Type: rtcp.TypeTCCStatusVectorChunk, SymbolSize: rtcp.TypeTCCSymbolSizeTwoBit, SymbolList: []uint16{0, 1, 2, 3, 0, 0, 2},
			}},
			RecvDeltas: []*rtcp.RecvDelta{{Type: 1, Delta: 250}, {Type: 2, Delta: -1000}, {Type: 2, Delta: 4000}},
		},
		{
			PacketStatusCount: 8191,
			PacketChunks:      []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{Type: rtcp.TypeTCCRunLengthChunk, RunLength: 8191}},
		},
	} {
		report.Header = rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback}
		size := report.MarshalSize()
		report.Header.Length = uint16(size/4 - 1)
		report.Header.Padding = size != int(report.Len())
		b, err := report.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, packet := range []rtcp.Packet{
		&rtcp.PictureLossIndication{MediaSSRC: 7},
		&rtcp.FullIntraRequest{MediaSSRC: 7, FIR: []rtcp.FIREntry{{SSRC: 7}}},
		&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 7, FractionLost: 255}}},
		&rtcp.TransportLayerNack{MediaSSRC: 7, Nacks: []rtcp.NackPair{{PacketID: 3, LostPackets: 0xffff}}},
	} {
		b, err := packet.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		packets, err := rtcp.Unmarshal(b)
		if err != nil {
			return
		}
		p := &Peer{path: newPath(bwe.Config{})}
		p.video = newVideo(p.path, func() {})
		for seq := range uint16(200) {
			p.path.bwe.Sent(seq-100, 1200, time.Now())
		}
		for _, packet := range packets {
			p.handleFeedback(packet)
		}
		if got := p.path.estimate(); got < 500_000 || got > 30_000_000 {
			t.Errorf("estimate = %d", got)
		}
		if report, ok := packets[0].(*rtcp.TransportLayerCC); ok && len(p.path.arrivals) > min(int(report.PacketStatusCount), maxArrivals) && len(packets) == 1 {
			t.Errorf("%d arrivals of %d packets", len(p.path.arrivals), report.PacketStatusCount)
		}
	})
}

// exchange returns what a pion page answers to an offer of ours.
func exchange(f *testing.F) (answer string) {
	f.Helper()
	n := offering(f)
	defer n.pc.Close()
	var me webrtc.MediaEngine
	if err := me.RegisterDefaultCodecs(); err != nil {
		f.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&me)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		f.Fatal(err)
	}
	defer pc.Close()
	if err := pc.SetRemoteDescription(*n.pc.LocalDescription()); err != nil {
		f.Fatal(err)
	}
	desc, err := pc.CreateAnswer(nil)
	if err != nil {
		f.Fatal(err)
	}
	return desc.SDP
}

type nowhere struct{}

func (nowhere) Offer(string, int, iceserver.Config) {}
func (nowhere) Candidate([]byte, int)               {}
func (nowhere) Times([]byte)                        {}

// offering returns a negotiation that has made its first offer.
func offering(t testing.TB) *negotiation {
	t.Helper()
	p, err := newPeer(Config{Register: offered(encode.VP8), Log: slog.New(slog.DiscardHandler)}, (&fakeSeat{}).watch, func([]byte) error { return nil }, nowhere{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := newNegotiation(p, c.pc)
	n.find = func() { n.found <- nil }
	if err := n.offer(false, nil); err != nil {
		t.Fatal(err)
	}
	return n
}

func FuzzAnswer(f *testing.F) {
	answer := exchange(f)
	f.Add(answer)
	f.Add("v=0\r\n")
	for _, edit := range [][2]string{
		{"a=recvonly", "a=sendrecv"}, {"a=mid:0", "a=mid:9"}, {"a=mid:1", ""},
		{"m=video 9", "m=video 0"}, {"m=video", "m=audio"}, {"m=application 9", "m=application 0"},
		{"a=fingerprint:sha-256 ", "a=fingerprint:md5 "}, {"a=ice-ufrag:", "a=ice-ufrag:\xff"}, {"a=ice-pwd:", "a=x:"},
		{"a=setup:active", "a=setup:"}, {"VP8/90000", "VP9/90000"}, {"apt=96", "apt=apt"}, {"a=sctp-port:5000", "a=sctp-port:99999999999"},
		{"a=rtpmap:96", "a=rtpmap:999999"}, {"a=group:BUNDLE 0 1", "a=group:BUNDLE 7"}, {"a=extmap:", "a=extmap:-1 "},
		{"\r\nm=application", "\r\na=candidate:1 1 udp 1 ::1 1 typ host\r\na=candidate:x\r\nm=application"},
		{"\r\nm=application", strings.Repeat("\r\na=ssrc:1 cname:x", 100) + "\r\nm=application"},
	} {
		f.Add(strings.Replace(answer, edit[0], edit[1], 1))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxSDP || checkAnswer(text) != nil {
			return
		}
		n := offering(t)
		defer n.pc.GracefulClose()
		n.handle(signal{answerSignal, text, 1})
		n.handle(signal{answerSignal, text, 1})
		if got := n.peer.count.malformed.Load(); got == 0 {
			t.Error("an answer was taken twice")
		}
	})
}

func FuzzCandidate(f *testing.F) {
	mid, line := "0", uint16(0)
	for _, c := range []webrtc.ICECandidateInit{
		{Candidate: "candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host", SDPMid: &mid, SDPMLineIndex: &line},
		{Candidate: "candidate:1 1 tcp 1 2001:db8::1 9 typ srflx raddr :: rport 0 tcptype active"},
		{Candidate: "candidate:1 1 udp 1 7c8a.local 4000 typ host generation 0 ufrag x network-cost 999"},
		{Candidate: "candidate:1 1 udp 1 192.0.2.1 70000 typ relay"},
		{},
	} {
		b, err := json.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Add("null")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parseCandidate(text); err != nil {
			return
		}
		n := offering(t)
		defer n.pc.GracefulClose()
		n.handle(signal{candidateSignal, text, 1})
		if got := len(n.early); got != 1 {
			t.Errorf("%d candidates wait for the answer, want 1", got)
		}
	})
}
