package peer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"lucarne/encode"
	"lucarne/encode/mediadev"
	"lucarne/signaling/session"
)

func TestOffer(t *testing.T) {
	p := open(t)
	p.mu.Lock()
	offer := p.offers[0]
	p.mu.Unlock()
	for want, times := range map[string]int{
		"m=video ": 1, "m=application ": 1, "m=audio ": 0, "a=sendonly\r": 1,
		"a=rtpmap:": 2, "a=rtpmap:96 VP8/90000": 1, "a=rtpmap:97 rtx/90000": 1, "a=fmtp:97 apt=96": 1,
		"a=rtcp-fb:96 nack\r": 1, "a=rtcp-fb:96 nack pli": 1, "a=rtcp-fb:96 ccm fir": 1, "a=rtcp-fb:96 transport-cc": 1,
		playoutDelayURI: 1, "transport-wide-cc-extensions-01": 1, "a=ssrc-group:FID ": 1,
	} {
		if got := strings.Count(offer, want); got != times {
			t.Errorf("%q stands %d times in the offer, want %d", want, got, times)
		}
	}
	if t.Failed() {
		t.Log(offer)
	}
}

// The codecs of the offer come from Register alone.
func TestNoCodecsNoVideo(t *testing.T) {
	p := start(t, func(p *page, cfg *Config, _ *interceptor.Registry) {
		cfg.Register = mediadev.Register(nil)
		p.deaf = true
	})
	select {
	case err := <-p.ended:
		if err == nil {
			t.Error("Run ended without an error")
		}
		p.ended <- nil
	case <-time.After(patience):
		t.Fatal("a peer without codecs runs")
	}
	if len(p.offers) != 0 {
		t.Errorf("offered %q", p.offers)
	}
}

func TestFramesArriveAsWritten(t *testing.T) {
	p := open(t)
	sizes := []int{40_000, 1, 100, vp8MaxPiece - 1, vp8MaxPiece, vp8MaxPiece + 1, 2*vp8MaxPiece + 1, 15_000, 3}
	var want [][]byte
	for n, size := range sizes {
		f := frame(n, size)
		want = append(want, bytes.Clone(f.Data))
		p.write(f)
		clear(f.Data) // the sink has copied what it keeps
	}
	p.await("frames", func() bool { return p.received() >= len(sizes) })
	frames, packets := p.got()
	for n := range want {
		if !bytes.Equal(frames[n], want[n]) {
			t.Errorf("frame %d of %d bytes arrived differently, with %d", n, sizes[n], len(frames[n]))
		}
	}
	var timestamps []uint32
	for _, packet := range packets {
		if len(packet.Payload) > maxPayload {
			t.Errorf("payload of %d bytes, want at most %d", len(packet.Payload), maxPayload)
		}
		if packet.Marker {
			timestamps = append(timestamps, packet.Timestamp)
		}
	}
	for i := 1; i < len(timestamps); i++ {
		if step := int32(timestamps[i] - timestamps[i-1]); step <= 0 || step > 90_000 {
			t.Errorf("frame %d: timestamp %d after the one before", i, step)
		}
	}
	p.await("the bitrate", func() bool { return p.seat.get(func(s *fakeSeat) int { return s.bitrate }) > 0 })

	p.await("times", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.batches) > 0 })
	p.mu.Lock()
	batch := p.batches[0]
	p.mu.Unlock()
	if batch[0] != 1 || len(batch) != 2+34*int(batch[1]) || batch[1] == 0 {
		t.Fatalf("times = %x", batch)
	}
	if got := binary.BigEndian.Uint32(batch[2:]); got != timestamps[0] {
		t.Errorf("times are of frame %d, want %d", got, timestamps[0])
	}
}

// extension returns the value of a negotiated header extension.
func (p *page) extension(packet rtp.Packet, uri string) []byte {
	for _, e := range p.pc.GetReceivers()[0].GetParameters().HeaderExtensions {
		if e.URI == uri {
			return packet.GetExtension(uint8(e.ID))
		}
	}
	return nil
}

func TestPlayoutDelay(t *testing.T) {
	for _, tt := range []struct {
		least, most time.Duration
		want        []byte
	}{
		{0, 0, []byte{0, 0, 0}},
		{20 * time.Millisecond, 400 * time.Millisecond, []byte{0x00, 0x20, 0x28}},
	} {
		t.Run(fmt.Sprint(tt.least, tt.most), func(t *testing.T) {
			p := open(t, func(_ *page, cfg *Config, _ *interceptor.Registry) {
				cfg.MinPlayoutDelay, cfg.MaxPlayoutDelay = tt.least, tt.most
			})
			p.write(frame(0, 5000))
			p.await("a frame", func() bool { return p.received() > 0 })
			_, packets := p.got()
			for _, packet := range packets {
				if got := p.extension(packet, playoutDelayURI); !bytes.Equal(got, tt.want) {
					t.Errorf("playout delay = %x, want %x", got, tt.want)
				}
				if got := len(p.extension(packet, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01")); got != 2 {
					t.Errorf("transport-wide number has %d bytes, want 2", got)
				}
			}
		})
	}
	for _, bad := range [][2]time.Duration{{-1, 0}, {time.Second, 0}, {0, 41 * time.Second}} {
		if _, err := playoutDelay(bad[0], bad[1]); err == nil {
			t.Errorf("a playout delay from %v to %v was taken", bad[0], bad[1])
		}
	}
}

func TestPictureLossAsksForAKeyFrame(t *testing.T) {
	p := open(t)
	p.write(frame(0, 100))
	p.await("a frame", func() bool { return p.received() > 0 })
	_, packets := p.got()
	ssrc := packets[0].SSRC
	for n, lost := range []rtcp.Packet{
		&rtcp.PictureLossIndication{MediaSSRC: ssrc},
		&rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc, SequenceNumber: 1}}},
	} {
		if err := p.pc.WriteRTCP([]rtcp.Packet{lost}); err != nil {
			t.Fatal(err)
		}
		p.await("a request", func() bool { return p.seat.get(keys) == n+1 })
	}
	if got := p.peer.Stats().KeyRequests; got != 2 {
		t.Errorf("key requests = %d, want 2", got)
	}
}

// leaky loses every fifth packet of the video the first time that it comes.
type leaky struct {
	interceptor.NoOp
	lost atomic.Int32
}

func (l *leaky) NewInterceptor(string) (interceptor.Interceptor, error) { return l, nil }

func (l *leaky) BindRemoteStream(info *interceptor.StreamInfo, next interceptor.RTPReader) interceptor.RTPReader {
	if info.MimeType != webrtc.MimeTypeVP8 {
		return next
	}
	seen := 0
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, attributes, err := next.Read(b, a)
		if seen++; seen%5 == 0 && err == nil {
			l.lost.Add(1)
			return next.Read(b, a)
		}
		return n, attributes, err
	})
}

func TestLostPacketsAreSentAgain(t *testing.T) {
	var way leaky
	p := open(t, func(_ *page, _ *Config, chain *interceptor.Registry) { chain.Add(&way) })
	// pion's receiver looks for what was sent again when the next packet comes.
	for n := 0; p.received() < 30; n++ {
		p.write(frame(n, 6000))
	}
	frames, _ := p.got()
	for n := range 30 {
		if !bytes.Equal(frames[n], frame(n, 6000).Data) {
			t.Errorf("frame %d arrived differently", n)
		}
	}
	if way.lost.Load() == 0 {
		t.Fatal("nothing was lost")
	}
	if got := p.peer.Stats().KeyRequests; got != 0 {
		t.Errorf("key requests = %d, want none", got)
	}
}

func TestInputArrivesInOrder(t *testing.T) {
	p := open(t)
	var want []string
	for n := range 200 {
		msg := fmt.Sprintf("key %d", n)
		want = append(want, msg)
		if err := p.keys.Send([]byte(msg)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.keys.SendText("not input"); err != nil {
		t.Fatal(err)
	}
	if err := p.keys.Send(make([]byte, maxInput+1)); err != nil {
		t.Fatal(err)
	}
	p.await("input", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.inputs) >= len(want) && p.peer.Stats().Malformed == 2
	})
	p.mu.Lock()
	inputs := strings.Join(p.inputs, "\n")
	p.mu.Unlock()
	if got := inputs; got != strings.Join(want, "\n") {
		t.Errorf("input = %q", got)
	}
	if err := p.motion.Send([]byte("motion")); err != nil {
		t.Fatal(err)
	}
	p.await("motion", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.inputs[len(p.inputs)-1] == "motion" })
}

func TestICERestart(t *testing.T) {
	p := open(t)
	p.write(frame(0, 5000))
	p.await("a frame", func() bool { return p.received() == 1 })
	p.peer.Restart()
	p.peer.Restart() // asked for twice, done once
	p.await("a second offer", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.offers) >= 2 })
	p.await("a new seat or the old one", func() bool {
		return p.seat.get(func(s *fakeSeat) int { return s.joins - s.leaves }) > 0 && p.pc.ConnectionState() == webrtc.PeerConnectionStateConnected
	})
	_, packets := p.got()
	ssrc := packets[0].SSRC
	for n := 0; p.received() < 10; n++ { // while the new path is looked for, packets get lost
		p.write(frame(0, 5000+n))
	}
	_, packets = p.got()
	if got := packets[len(packets)-1].SSRC; got != ssrc {
		t.Errorf("stream %d after the restart, want %d as before", got, ssrc)
	}
	if err := p.keys.Send([]byte("after")); err != nil {
		t.Fatal(err)
	}
	p.await("input", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.inputs) == 1 })
}

func TestDeadPeerIsNoticed(t *testing.T) {
	silent := func(_ *page, cfg *Config, _ *interceptor.Registry) { cfg.Silence = 500 * time.Millisecond }
	p := open(t, silent)
	// The page goes without a word: its transport stops, DTLS does not say so.
	if err := p.pc.SCTP().Transport().ICETransport().Stop(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		if !errors.Is(err, ErrLost) {
			t.Errorf("Run = %v, want %v", err, ErrLost)
		}
	case <-time.After(patience):
		t.Fatal("a dead peer runs on")
	}
	if got := p.seat.get(func(s *fakeSeat) int { return s.leaves }); got != 1 {
		t.Errorf("left the seat %d times, want once", got)
	}
}

func TestPageLeaves(t *testing.T) {
	p := open(t)
	if err := p.pc.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		if !errors.Is(err, ErrLeft) {
			t.Errorf("Run = %v, want %v", err, ErrLeft)
		}
	case <-time.After(patience):
		t.Fatal("the peer of a page that has left runs on")
	}
}

func TestNobodyAnswers(t *testing.T) {
	p := start(t, func(p *page, cfg *Config, _ *interceptor.Registry) {
		p.deaf = true
		cfg.Connect = 100 * time.Millisecond
	})
	select {
	case err := <-p.ended:
		if !errors.Is(err, ErrUnreachable) {
			t.Errorf("Run = %v, want %v", err, ErrUnreachable)
		}
	case <-time.After(patience):
		t.Fatal("a peer that nobody answers runs on")
	}
	if got := p.seat.get(joins); got != 0 {
		t.Errorf("took a seat %d times, want never", got)
	}
}

func TestHostileSignals(t *testing.T) {
	p := start(t, func(p *page, cfg *Config, _ *interceptor.Registry) { p.deaf = true })
	p.await("an offer", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.offers) == 1 })
	bad := uint64(0)
	for _, sdp := range []string{"", "v=0", "\x00\xff", strings.Repeat("a", maxSDP+1), p.offers[0]} {
		p.peer.Answer(sdp, 1)
		bad++
	}
	p.peer.Answer(p.offers[0], 7)
	bad++
	for _, init := range []string{"", "{", `{"candidate":"nonsense"}`, `{"candidate":7}`, strings.Repeat(" ", maxCandidate+1)} {
		p.peer.Candidate([]byte(init), 1)
		bad++
	}
	p.peer.Candidate([]byte(`{"candidate":""}`), 3)
	bad++
	p.await("refusals", func() bool { return p.peer.Stats().Malformed == bad })
	for range 2 * maxCandidates {
		p.peer.Candidate([]byte(`{"candidate":"candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host"}`), 1)
	}
	p.await("more refusals", func() bool { s := p.peer.Stats(); return s.Malformed+s.Dropped > bad+maxCandidates/2 })
	select {
	case err := <-p.ended:
		t.Fatalf("Run ended: %v", err)
	default:
	}
}

var _ Viewer = viewer{}

type viewer struct{}

func (viewer) Watch(encode.Sink, ...encode.Codec) (*session.Seat, error) {
	return nil, errors.New("full")
}
func (viewer) Input([]byte) error { return nil }

func TestNew(t *testing.T) {
	if _, err := New(Config{}, viewer{}, &page{}); err == nil {
		t.Error("New took a configuration without codecs")
	}
	p, err := New(Config{Register: offered(encode.VP8)}, viewer{}, &page{})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := p.watch(p.video); err == nil || s != nil {
		t.Errorf("watch = %v, %v, want the viewer's error and no seat", s, err)
	}
}
