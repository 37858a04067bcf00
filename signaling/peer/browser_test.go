package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/capture/synth"
	"lucarne/encode"
	"lucarne/encode/mediadev"
	"lucarne/encode/vpx"
	"lucarne/encode/x264"
	"lucarne/perf/browser"
	"lucarne/signaling/iceserver"
	"lucarne/signaling/session"
)

// moving is a seat that is moved from one fan-out to another. A connection that was
// interrupted takes it where it was left.
type moving struct {
	mu     sync.Mutex
	fanout *encode.Fanout
	sink   encode.Sink
	seat   *encode.Seat
}

func (m *moving) now() *encode.Seat {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seat
}

func (m *moving) Show()              { m.now().Lead() }
func (m *moving) RequestKey()        { m.now().RequestKey() }
func (m *moving) SetBitrate(bps int) { m.now().SetBitrate(bps) }
func (m *moving) Leave()             { m.now().Leave() }

func (m *moving) take(sink encode.Sink) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sink = sink
	m.sit()
}

func (m *moving) move(to *encode.Fanout) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fanout = to
	m.sit()
}

// sit takes a seat in place of the present one. The caller holds mu.
func (m *moving) sit() {
	if m.seat != nil {
		m.seat.Leave()
	}
	m.seat = m.fanout.Join(m.sink)
	m.seat.Lead()
}

// tab is the page in a real browser. It answers with its candidates in the answer.
type tab struct {
	offers     chan string
	candidates chan string
}

func (t *tab) Offer(sdp string, _ int, _ iceserver.Config) { t.offers <- sdp }
func (t *tab) Candidate(init []byte, _ int)                { t.candidates <- string(init) }
func (t *tab) Times([]byte)                                {}

// tabScript answers offers, and counts what is shown: frames, and the longest pause
// between two of them in ms.
const tabScript = `(() => {
	const pc = window.pc = new RTCPeerConnection();
	pc.createDataChannel("keys", {negotiated: true, id: 0});
	window.shown = 0; window.pause = 0;
	const video = document.createElement("video");
	video.muted = video.autoplay = true;
	document.body.append(video);
	pc.ontrack = e => { e.receiver.jitterBufferTarget = 0; video.srcObject = new MediaStream([e.track]); };
	let last = 0;
	const count = now => {
		shown++;
		if (last) pause = Math.max(pause, now - last);
		last = now;
		video.requestVideoFrameCallback(count);
	};
	video.requestVideoFrameCallback(count);
	window.answer = async sdp => {
		await pc.setRemoteDescription({type: "offer", sdp});
		await pc.setLocalDescription();
		while (pc.iceGatheringState !== "complete") await new Promise(f => pc.onicegatheringstatechange = f);
		return pc.localDescription.sdp;
	};
	window.received = async () => {
		const all = [...(await pc.getStats()).values()], video = all.find(s => s.type === "inbound-rtp" && s.kind === "video");
		const codec = all.find(s => s.id === video?.codecId);
		return {codec: codec?.mimeType + " " + codec?.sdpFmtpLine, shown, pause, decoded: video?.framesDecoded, keys: video?.keyFramesDecoded,
			plis: video?.pliCount, ssrc: video?.ssrc, repaired: video?.retransmittedPacketsReceived};
	};
	return true;
})()`

// relay is a way from a page to a peer on which one packet of the video in so many is
// lost the first time; 0: none.
func relay(t *testing.T, peer, oneIn int) (port int) {
	t.Helper()
	listen := func() *net.UDPConn {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	front, back := listen(), listen()
	var tasks sync.WaitGroup
	t.Cleanup(func() {
		front.Close()
		back.Close()
		tasks.Wait()
	})
	var page atomic.Pointer[net.UDPAddr]
	tasks.Go(func() {
		to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: peer}
		buf := make([]byte, 1<<16)
		for {
			n, from, err := front.ReadFromUDP(buf)
			if err != nil {
				return
			}
			page.Store(from)
			back.WriteToUDP(buf[:n], to)
		}
	})
	tasks.Go(func() {
		buf := make([]byte, 1<<16)
		for video := 0; ; {
			n, _, err := back.ReadFromUDP(buf)
			if err != nil {
				return
			}
			// RTP by RFC 7983; payload types of media are even here, those of their
			// retransmissions odd.
			if payloadType := buf[1] & 0x7f; n > 12 && buf[0]>>6 == 2 && payloadType >= 96 && payloadType%2 == 0 {
				if video++; oneIn > 0 && video%oneIn == 0 {
					continue
				}
			}
			front.WriteToUDP(buf[:n], page.Load())
		}
	})
	return front.LocalAddr().(*net.UDPAddr).Port
}

// TestCodecChangesInChromium: a real browser follows from one codec to the next within
// one stream, and asks for nothing but what was lost.
func TestCodecChangesInChromium(t *testing.T) {
	backends := []encode.Backend{vpx.Backend(), x264.Backend(), x264.Backend444()}
	for _, backend := range backends {
		encoder, err := backend.Open(encode.Config{Size: image.Pt(16, 16)})
		if err != nil {
			t.Skip(err)
		}
		encoder.Close()
	}
	for name, oneIn := range map[string]int{"no packet lost": 0, "one in seven lost": 7} {
		t.Run(name, func(t *testing.T) { changeCodecs(t, backends, oneIn) })
	}
}

func changeCodecs(t *testing.T, backends []encode.Backend, oneIn int) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // on a busy machine
	var tasks sync.WaitGroup
	defer func() { cancel(); tasks.Wait() }()
	fanouts := make(map[encode.Codec]*encode.Fanout)
	for _, backend := range backends {
		fanout := encode.NewFanout(encode.FanoutConfig{
			Backend: backend, BitrateBps: 4_000_000, MaxFPS: 30, Threads: 2, Log: slog.New(slog.DiscardHandler),
			Open: func() capture.Source {
				source := synth.New(synth.Config{Size: image.Pt(640, 360), FPS: 30})
				tasks.Go(func() { source.Run(ctx) })
				return source
			},
		})
		fanouts[backend.Codec] = fanout
		tasks.Go(func() { fanout.Run(ctx) })
	}
	page := showTab(t, ctx)
	out := &tab{offers: make(chan string, 1), candidates: make(chan string, 64)}
	place := &moving{fanout: fanouts[encode.VP8]}
	peer, err := newPeer(Config{Register: mediadev.Register(backends), Loopback: true, Log: slog.New(slog.DiscardHandler)},
		func(sink encode.Sink, codecs ...encode.Codec) (seat, error) {
			if len(codecs) != len(backends) {
				t.Errorf("the browser decodes %v, want all of ours", codecs)
			}
			place.take(sink)
			return place, nil
		},
		func([]byte) error { return nil }, out)
	if err != nil {
		t.Fatal(err)
	}
	peer.Watch(session.Shown)
	tasks.Go(func() { peer.Run(ctx) })
	introduce(t, ctx, peer, page, out, oneIn)

	// received is what the page tells.
	var received struct {
		Codec                                      string
		Shown, Decoded, Keys, PLIs, SSRC, Repaired int
		Pause                                      float64
	}
	ssrc, impatient := 0, 0 // PLIs until the first picture, for which a page waits 200 ms
	for n, step := range []struct {
		codec encode.Codec
		want  string
	}{
		{encode.VP8, "video.VP8"}, {encode.H264, "video.H264 .*=42e0"}, {encode.VP8, "video.VP8"},
		{encode.H264, "video.H264 .*=42e0"}, {encode.H264444, "video.H264 .*=f400"}, {encode.H264, "video.H264 .*=42e0"},
	} {
		if n > 0 {
			place.move(fanouts[step.codec])
		}
		want := regexp.MustCompile(step.want)
		for since := -1; since < 0 || received.Shown <= since+15; time.Sleep(10 * time.Millisecond) {
			if err := page.Eval(ctx, "received()", &received); err != nil {
				t.Fatalf("waiting for frames of step %d, %s: %v; %+v so far", n, step.codec, err, received)
			}
			if since < 0 && want.MatchString(received.Codec) {
				since = received.Shown // when the codec was first told
			}
		}
		t.Logf("step %d, %s: %+v", n, step.codec, received)
		if n == 0 {
			ssrc, impatient = received.SSRC, received.PLIs
		}
	}
	if received.SSRC != ssrc || received.Keys < 6 {
		t.Errorf("%+v, want one stream, %d, and a key frame for each codec", received, ssrc)
	}
	if plis := received.PLIs - impatient; oneIn == 0 && plis > 2 {
		t.Errorf("%d key frames were asked for, want it to follow by itself", plis)
	}
	if oneIn > 0 && received.Repaired < 6 {
		t.Errorf("%d packets came as retransmissions, want one in %d", received.Repaired, oneIn)
	}
	if got := peer.Stats(); got.Malformed != 0 {
		t.Errorf("statistics = %+v", got)
	}
}

// showTab opens a page that waits for offers.
func showTab(t *testing.T, ctx context.Context) *browser.Page {
	t.Helper()
	if _, err := browser.Find(); errors.Is(err, browser.ErrNotFound) {
		t.Skip("chromium is not installed")
	}
	b, err := browser.Start(ctx, browser.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	page, err := b.NewPage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Eval(ctx, tabScript, nil); err != nil {
		t.Fatal(err)
	}
	return page
}

// introduce brings the peer's offer to the page and its answer back, and the page to
// the peer by a relay.
func introduce(t *testing.T, ctx context.Context, peer *Peer, page *browser.Page, out *tab, oneIn int) {
	t.Helper()
	receive := func(from <-chan string) string {
		select {
		case text := <-from:
			return text
		case <-ctx.Done():
			t.Fatal("no offer and no candidate")
			return ""
		}
	}
	offer, err := json.Marshal(receive(out.offers))
	if err != nil {
		t.Fatal(err)
	}
	var answer string
	if err := page.Eval(ctx, fmt.Sprintf("answer(%s)", offer), &answer); err != nil {
		t.Fatal(err)
	}
	// The page comes to the peer, never the reverse.
	peer.Answer(regexp.MustCompile("a=candidate:.*\r\n").ReplaceAllString(answer, ""), 1)
	for {
		init := receive(out.candidates)
		own := regexp.MustCompile(`127\.0\.0\.1 (\d+)`).FindStringSubmatch(init)
		if own == nil {
			continue
		}
		port, err := strconv.Atoi(own[1])
		if err != nil {
			t.Fatal(err)
		}
		init = strings.Replace(init, own[0], fmt.Sprintf("127.0.0.1 %d", relay(t, port, oneIn)), 1)
		if err := page.Eval(ctx, fmt.Sprintf("pc.addIceCandidate(%s)", init), nil); err != nil {
			t.Fatal(err)
		}
		return
	}
}
