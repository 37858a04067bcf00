package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"lucarne/encode"
	"lucarne/encode/mediadev"
	"lucarne/signaling/iceserver"
	"lucarne/signaling/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is for what has to happen some time.
const patience = 10 * time.Second

// fakeSeat counts what a peer asks of its seat.
type fakeSeat struct {
	mu      sync.Mutex
	sink    encode.Sink
	codecs  []encode.Codec
	joins   int
	leaves  int
	shows   int
	keys    int
	bitrate int
}

func (s *fakeSeat) watch(sink encode.Sink, codecs ...encode.Codec) (seat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sink, s.codecs = sink, codecs
	s.joins++
	return s, nil
}

func (s *fakeSeat) Show()              { s.mu.Lock(); s.shows++; s.mu.Unlock() }
func (s *fakeSeat) RequestKey()        { s.mu.Lock(); s.keys++; s.mu.Unlock() }
func (s *fakeSeat) SetBitrate(bps int) { s.mu.Lock(); s.bitrate = bps; s.mu.Unlock() }
func (s *fakeSeat) Leave()             { s.mu.Lock(); s.leaves++; s.mu.Unlock() }

func (s *fakeSeat) get(of func(*fakeSeat) int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return of(s)
}

func joins(s *fakeSeat) int { return s.joins }
func keys(s *fakeSeat) int  { return s.keys }

// page is a browser: a pion connection that answers a Peer.
type page struct {
	t     *testing.T
	pc    *webrtc.PeerConnection
	peer  *Peer
	seat  *fakeSeat
	ended chan error // what Run returned

	keys, motion *webrtc.DataChannel

	mu      sync.Mutex
	todo    []func()
	bell    chan struct{}
	offers  []string
	told    []iceserver.Config // with each offer
	theirs  []webrtc.ICECandidateInit
	inputs  []string
	batches [][]byte
	frames  [][]byte // received, whole
	packets []rtp.Packet
	news    chan struct{}                                    // capacity 1: something of the above has changed
	deaf    bool                                             // does not answer offers
	away    bool                                             // does not look
	untold  bool                                             // of the servers
	network func(*webrtc.SettingEngine)                      // nil: UDP by IPv4
	join    func(encode.Sink, ...encode.Codec) (seat, error) // nil: seat.watch
	take    func([]byte) error                               // nil: input
}

type option func(*page, *Config, *interceptor.Registry)

// open connects a page to a new peer and returns once the channels are open.
func open(t *testing.T, options ...option) *page {
	t.Helper()
	p := start(t, options...)
	p.await("a seat", func() bool { return p.seat.get(joins) > 0 })
	p.await("open channels", func() bool {
		return p.keys.ReadyState() == webrtc.DataChannelStateOpen && p.motion.ReadyState() == webrtc.DataChannelStateOpen
	})
	return p
}

// offered registers what an agent with encoders of these offers.
func offered(list ...encode.Codec) func(*webrtc.MediaEngine) error {
	var backends []encode.Backend
	for _, codec := range list {
		backends = append(backends, encode.Backend{Name: "none", Codec: codec})
	}
	return mediadev.Register(backends)
}

func start(t *testing.T, options ...option) *page {
	t.Helper()
	p := &page{
		t: t, seat: &fakeSeat{}, ended: make(chan error, 1),
		bell: make(chan struct{}, 1), news: make(chan struct{}, 1),
	}
	cfg := Config{Register: offered(encode.VP8), Loopback: true, Log: slog.New(slog.DiscardHandler)}
	var chain interceptor.Registry
	for _, o := range options {
		o(p, &cfg, &chain)
	}
	if p.join == nil {
		p.join = p.seat.watch
	}
	if p.take == nil {
		p.take = p.input
	}
	var err error
	if p.peer, err = newPeer(cfg, p.join, p.take, p); err != nil {
		t.Fatal(err)
	}
	p.connect(&chain)
	if !p.away {
		p.peer.Watch(session.Shown)
	}

	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	tasks.Go(func() { p.work(ctx) })
	tasks.Go(func() { p.ended <- p.peer.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		p.pc.GracefulClose()
		tasks.Wait()
	})
	return p
}

// connect makes the page's own end.
func (p *page) connect(chain *interceptor.Registry) {
	p.t.Helper()
	var me webrtc.MediaEngine
	check := func(err error) {
		p.t.Helper()
		if err != nil {
			p.t.Fatal(err)
		}
	}
	check(me.RegisterDefaultCodecs())
	check(me.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: clockRate,
			SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f",
		},
		PayloadType: 120,
	}, webrtc.RTPCodecTypeVideo))
	check(me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: playoutDelayURI}, webrtc.RTPCodecTypeVideo))
	check(webrtc.RegisterDefaultInterceptors(&me, chain))
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if p.network != nil {
		p.network(&se)
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&me), webrtc.WithInterceptorRegistry(chain), webrtc.WithSettingEngine(se)).
		NewPeerConnection(webrtc.Configuration{})
	check(err)
	p.pc = pc
	pc.OnTrack(p.receive)
	yes, no, never := true, false, uint16(0)
	ids := [...]uint16{0, 1}
	p.keys, err = pc.CreateDataChannel("keys", &webrtc.DataChannelInit{ID: &ids[0], Negotiated: &yes, Ordered: &yes})
	check(err)
	p.motion, err = pc.CreateDataChannel("motion", &webrtc.DataChannelInit{ID: &ids[1], Negotiated: &yes, Ordered: &no, MaxRetransmits: &never})
	check(err)
}

// receive puts frames together (RFC 7741 §4.2, RFC 6184 §5.4).
func (p *page) receive(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	waiting := make(map[uint16]*rtp.Packet)
	var next uint16
	begun := false
	var frame []byte
	var stamp uint32
	var h264 codecs.H264Packet
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if !begun {
			begun, next = true, packet.SequenceNumber
		}
		waiting[packet.SequenceNumber] = packet
		for ; waiting[next] != nil; next++ {
			packet := waiting[next]
			delete(waiting, next)
			if packet.Padding && len(packet.Payload) == 0 {
				continue // a probe
			}
			var piece []byte
			if mimeOf(receiver, packet.PayloadType) == webrtc.MimeTypeH264 {
				piece, err = h264.Unmarshal(packet.Payload)
			} else {
				piece, err = new(codecs.VP8Packet).Unmarshal(packet.Payload)
			}
			if err != nil {
				p.t.Errorf("payload %x: %v", packet.Payload, err)
				return
			}
			if packet.Timestamp != stamp { // what there is of another was given up
				frame, stamp = nil, packet.Timestamp
			}
			frame = append(frame, piece...)
			p.note(func() {
				p.packets = append(p.packets, *packet)
				if packet.Marker {
					p.frames = append(p.frames, frame)
					frame = nil
				}
			})
		}
	}
}

func mimeOf(receiver *webrtc.RTPReceiver, payloadType uint8) string {
	for _, c := range receiver.GetParameters().Codecs {
		if uint8(c.PayloadType) == payloadType {
			return c.MimeType
		}
	}
	return ""
}

func (p *page) note(f func()) {
	p.mu.Lock()
	f()
	p.mu.Unlock()
	select {
	case p.news <- struct{}{}:
	default:
	}
}

// do has work done on the page's own goroutine, in order.
func (p *page) do(f func()) {
	p.mu.Lock()
	p.todo = append(p.todo, f)
	p.mu.Unlock()
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

func (p *page) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.bell:
		}
		p.mu.Lock()
		todo := p.todo
		p.todo = nil
		p.mu.Unlock()
		for _, f := range todo {
			f()
		}
	}
}

func (p *page) input(msg []byte) error {
	if len(msg) == 0 || msg[0] == 0xff {
		return errors.New("malformed")
	}
	p.note(func() { p.inputs = append(p.inputs, string(msg)) })
	return nil
}

func (p *page) Times(b []byte) { p.note(func() { p.batches = append(p.batches, b) }) }

func (p *page) Offer(sdp string, generation int, ice iceserver.Config) {
	p.note(func() { p.offers, p.told = append(p.offers, sdp), append(p.told, ice) })
	if p.deaf {
		return
	}
	p.do(func() {
		cfg := webrtc.Configuration{ICETransportPolicy: webrtc.NewICETransportPolicy(ice.Policy)}
		for _, s := range ice.Servers {
			if p.untold {
				break
			}
			cfg.ICEServers = append(cfg.ICEServers, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
		}
		if err := p.pc.SetConfiguration(cfg); err != nil {
			p.t.Errorf("set servers: %v", err)
		}
		p.pc.OnICECandidate(func(c *webrtc.ICECandidate) {
			if c != nil {
				init, _ := json.Marshal(c.ToJSON())
				p.peer.Candidate(init, generation)
			}
		})
		if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}); err != nil {
			p.t.Errorf("set offer: %v", err)
			return
		}
		answer, err := p.pc.CreateAnswer(nil)
		if err == nil {
			err = p.pc.SetLocalDescription(answer)
		}
		if err != nil {
			p.t.Errorf("answer: %v", err)
			return
		}
		p.peer.Answer(answer.SDP, generation)
	})
}

func (p *page) Candidate(init []byte, _ int) {
	var c webrtc.ICECandidateInit
	if err := json.Unmarshal(init, &c); err != nil {
		p.t.Errorf("candidate %s: %v", init, err)
	}
	p.note(func() { p.theirs = append(p.theirs, c) })
	if p.deaf {
		return
	}
	p.do(func() {
		if err := p.pc.AddICECandidate(c); err != nil && !errors.Is(err, webrtc.ErrConnectionClosed) {
			p.t.Errorf("add candidate: %v", err)
		}
	})
}

// await waits until ok.
func (p *page) await(what string, ok func() bool) {
	p.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			p.t.Fatalf("no %s; %+v", what, p.peer.Stats())
		case <-p.news:
		case <-poll.C:
		}
	}
}

func (p *page) received() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.frames)
}

// got returns what has come so far.
func (p *page) got() (frames [][]byte, packets []rtp.Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.frames), slices.Clone(p.packets)
}

// frame makes an encoded frame of a size with content of its own.
func frame(n, size int) encode.Packet {
	data := bytes.Repeat([]byte{byte(n), byte(n >> 8), 0x5a}, size/3+1)[:size]
	now := time.Now()
	return encode.Packet{
		Data: data, Codec: encode.VP8, Key: n == 0, Size: image.Pt(64, 64), Seq: uint64(n + 1),
		Times: encode.Times{Damaged: now.Add(-3 * time.Millisecond), Grabbed: now.Add(-2 * time.Millisecond), Converted: now.Add(-time.Millisecond), Encoded: now},
	}
}

// write gives the sink a frame as a stream would: when there is room.
func (p *page) write(f encode.Packet) {
	p.t.Helper()
	select {
	case <-p.seat.sink.Ready():
	case <-time.After(patience):
		p.t.Fatalf("frame %d: no room; %+v", f.Seq, p.peer.Stats())
	}
	if !p.seat.sink.WritePacket(f) {
		p.t.Fatalf("frame %d refused; %+v", f.Seq, p.peer.Stats())
	}
}
