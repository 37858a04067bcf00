// Package peer shows the desktop to one viewer by WebRTC and takes the viewer's
// input: one sendonly video track and two negotiated data channels, "keys"
// (id 0, ordered, reliable) and "motion" (id 1, unordered, never sent again).
// The server offers; candidates trickle both ways.
//
// The offer has all codecs that there are encoders for, and the answer says which of
// them the page decodes. The video changes from one to another of those with a key
// frame and its payload type (RFC 3264 §5.1), without a negotiation.
//
// What a viewer's path cannot carry is held back before the picture is grabbed
// (encode.Sink's Ready); a path that stalls makes WritePacket refuse and never
// blocks anybody else.
package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"lucarne/encode"
	"lucarne/signaling/iceserver"
	"lucarne/signaling/peer/bwe"
	"lucarne/signaling/session"
)

// Why Run ends although its context goes on.
var (
	ErrUnreachable = errors.New("peer: no connection") // there was none in time
	ErrLost        = errors.New("peer: connection lost")
	ErrLeft        = errors.New("peer: closed by the viewer")
	ErrMalformed   = errors.New("peer: too much that is malformed or unasked for")
	ErrTooLarge    = fmt.Errorf("peer: pictures of this size: %w", session.ErrNoCodec)
)

// Config says how viewers are connected.
type Config struct {
	// Register makes the media engine know the codecs that are offered.
	Register func(*webrtc.MediaEngine) error
	// Network is where this side can be reached; nil: at all addresses, by UDP at a
	// port of its own.
	Network  *Network
	Loopback bool // without a Network: offer 127.0.0.1 too

	// Servers finds the STUN and TURN servers for the next connection or ICE
	// restart. It may take its time. nil: direct connections only.
	Servers func(context.Context) ([]iceserver.Server, error)
	// RelayViewer is asymmetric: the page comes by a TURN server, whatever else it
	// could do, and this side uses no server at all. It is for TURN servers that
	// stand where this side can be reached, as STUNner does.
	RelayViewer bool

	// The playout delay asked of the browser, in steps of 10 ms up to 40.95 s
	// (http://www.webrtc.org/experiments/rtp-hdrext/playout-delay). 0, 0: show
	// each frame at once.
	MinPlayoutDelay, MaxPlayoutDelay time.Duration

	// Bounds and start of the estimated bitrate, in bits a second; 0: as bwe.Config says.
	MinBitrate, MaxBitrate, StartBitrate int

	Silence time.Duration // a peer silent for so long is dead; 0: 5 s
	Connect time.Duration // the first connection must be made by then; 0: 15 s

	// Generation is that of the last offer made on this viewer's socket by an
	// earlier peer; 0: there was none.
	Generation int

	Log *slog.Logger
}

// Viewer is whom the peer serves; *session.Viewer is one. Input is called from
// several goroutines and must not keep msg.
type Viewer interface {
	Watch(sink encode.Sink, codecs ...encode.Codec) (*session.Seat, error)
	Input(msg []byte) error // of one that is malformed
}

// Out is the way to the page. Its methods are called from Run's goroutine alone,
// must not wait for the network, and may keep what they are given.
type Out interface {
	Offer(sdp string, generation int, ice iceserver.Config)
	Candidate(init []byte, generation int) // RTCIceCandidateInit as JSON
	Times(batch []byte)                    // frame times in package signaling's binary format
}

// seat is what the peer uses of a session.Seat.
type seat interface {
	Show()
	RequestKey()
	SetBitrate(bps int)
	Leave()
}

// Peer is one viewer by WebRTC.
type Peer struct {
	cfg   Config
	watch func(encode.Sink, ...encode.Codec) (seat, error)
	input func([]byte) error
	out   Out

	path  *path
	video *video
	count counters

	signals  chan signal    // from the page
	gathered chan candidate // for the page
	changed  chan struct{}  // capacity 1: the connection's state may have changed

	// Run's alone.
	connected bool           // has been
	codecs    []encode.Codec // that the seat was taken with

	probes probes

	mu        sync.Mutex
	attention session.Attention
	seat      seat // nil: not watching
	told      int  // the bitrate that the seat knows
	// excused is when a request for a key frame was last put down to impatience.
	excused time.Time
}

// New returns a peer that Run starts. It carries no video before Watch says so.
func New(cfg Config, viewer Viewer, out Out) (*Peer, error) {
	watch := func(s encode.Sink, codecs ...encode.Codec) (seat, error) {
		seat, err := viewer.Watch(s, codecs...)
		if err != nil {
			return nil, err
		}
		return seat, nil
	}
	return newPeer(cfg, watch, viewer.Input, out)
}

func newPeer(cfg Config, watch func(encode.Sink, ...encode.Codec) (seat, error), input func([]byte) error, out Out) (*Peer, error) {
	if cfg.Register == nil {
		return nil, errors.New("peer: new: no codecs to register")
	}
	if _, err := playoutDelay(cfg.MinPlayoutDelay, cfg.MaxPlayoutDelay); err != nil {
		return nil, err
	}
	if cfg.Silence <= 0 {
		cfg.Silence = 5 * time.Second
	}
	if cfg.Connect <= 0 {
		cfg.Connect = 15 * time.Second
	}
	p := &Peer{
		cfg: cfg, watch: watch, input: input, out: out,
		signals:  make(chan signal, 128),
		gathered: make(chan candidate, 64),
		changed:  make(chan struct{}, 1),
	}
	p.path = newPath(bwe.Config{MinBps: cfg.MinBitrate, MaxBps: cfg.MaxBitrate, StartBps: cfg.StartBitrate})
	p.video = newVideo(p.path, p.ring)
	return p, nil
}

// Watch says how much the page looks at this connection: video is carried while
// it is connected and the page does not look away. It does not block.
func (p *Peer) Watch(a session.Attention) {
	p.mu.Lock()
	p.attention = a
	p.mu.Unlock()
	p.ring()
}

// Run offers a connection to the page and serves it until ctx ends, which is no
// error, or the peer is of no use: ErrUnreachable, ErrLost, ErrLeft, ErrMalformed or
// ErrTooLarge. It may be called once.
func (p *Peer) Run(ctx context.Context) error {
	servers := p.servers(ctx)
	c, err := p.open(ctx, servers)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	defer func() {
		p.leave()
		cancel()
		if err := c.close(); err != nil {
			p.cfg.Log.Debug("connection did not close well", "err", err)
		}
		tasks.Wait()
	}()
	tasks.Go(func() { p.video.pace(ctx) })
	tasks.Go(func() { p.readFeedback(c.sender) })

	n := newNegotiation(p, c.pc)
	n.find = func() { tasks.Go(func() { n.found <- p.servers(ctx) }) }
	if err := n.offer(false, servers); err != nil {
		return err
	}
	return p.serve(ctx, c, n, &tasks)
}

// serve is Run's loop.
func (p *Peer) serve(ctx context.Context, c *connection, n *negotiation, tasks *sync.WaitGroup) error {
	tick := time.NewTicker(250 * time.Millisecond) // of the frame times
	defer tick.Stop()
	deadline := time.NewTimer(p.cfg.Connect)
	defer deadline.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-p.signals:
			n.handle(s)
		case servers := <-n.found:
			n.again(servers)
		case c := <-p.gathered:
			p.out.Candidate(c.init, c.generation)
		case <-tick.C:
			if n.overdue() {
				return fmt.Errorf("%w: an offer is not answered", ErrLost)
			}
			n.restartIfDue()
			if batch := p.video.takeTimes(); batch != nil {
				p.out.Times(batch)
			}
		case <-deadline.C:
			if !p.connected {
				return fmt.Errorf("%w within %v", ErrUnreachable, p.cfg.Connect)
			}
		case <-p.changed:
			if err := p.follow(c, tasks); err != nil {
				return err
			}
		}
	}
}

// follow does what the state of the connection asks for.
func (p *Peer) follow(c *connection, tasks *sync.WaitGroup) error {
	if p.count.offences.Load() > maxOffences {
		return ErrMalformed
	}
	switch c.pc.ConnectionState() {
	case webrtc.PeerConnectionStateConnected:
		if !p.video.bound() {
			return nil
		}
		if !p.connected {
			p.connected = true
			p.cfg.Log.Info("viewer connected by WebRTC")
			repair, err := c.repairFeedback()
			if err != nil {
				return err
			}
			if c.repair = repair; repair != nil {
				tasks.Go(func() { p.readFeedback(repair) })
			}
		}
		return p.attend()
	case webrtc.PeerConnectionStateDisconnected, webrtc.PeerConnectionStateConnecting:
		p.leave() // nothing is encoded for a path that carries nothing
	case webrtc.PeerConnectionStateFailed:
		if p.connected {
			return ErrLost
		}
		return ErrUnreachable
	case webrtc.PeerConnectionStateClosed:
		return ErrLeft
	}
	return nil
}

// attend takes a seat or leaves it, as the page looks. A seat begins with a key
// frame, so that a connection that has come back needs no other. It is taken with
// what the page decodes of the pictures that there are, and anew when that changes.
func (p *Peer) attend() error {
	p.mu.Lock()
	s, attention := p.seat, p.attention
	p.mu.Unlock()
	codecs := p.video.codecs()
	if attention == session.Away || s != nil && !slices.Equal(codecs, p.codecs) {
		p.leave()
		s = nil
	}
	if attention == session.Away {
		return nil
	}
	if s == nil {
		if len(codecs) == 0 {
			return ErrTooLarge
		}
		p.video.begin()
		var err error
		if s, err = p.watch(p.video, codecs...); err != nil {
			return fmt.Errorf("peer: watch: %w", err)
		}
		p.mu.Lock()
		p.seat, p.told = s, 0
		p.mu.Unlock()
		p.codecs = codecs
		p.tellBitrate()
		p.cfg.Log.Info("viewer watches by WebRTC", "codecs", codecs)
	}
	if attention == session.Shown {
		s.Show()
	}
	return nil
}

func (p *Peer) leave() {
	p.mu.Lock()
	s := p.seat
	p.seat = nil
	p.mu.Unlock()
	if s != nil {
		s.Leave()
		p.cfg.Log.Info("viewer watches no longer by WebRTC")
	}
}

// requestKey asks for a key frame on the viewer's behalf.
func (p *Peer) requestKey() {
	p.mu.Lock()
	s := p.seat
	p.mu.Unlock()
	if s != nil {
		p.count.keyRequests.Add(1)
		s.RequestKey()
	}
}

// mediaShare of the bits on the wire is the encoder's: the rest are headers.
const mediaShare = 0.93

// tellBitrate gives the seat the estimate when it has changed by 2 %.
func (p *Peer) tellBitrate() {
	bps := int(mediaShare * float64(p.path.estimate()))
	p.mu.Lock()
	s := p.seat
	news := s != nil && (bps*100 < p.told*98 || bps*100 > p.told*102)
	if news {
		p.told = bps
	}
	p.mu.Unlock()
	if news {
		s.SetBitrate(bps)
	}
}

func (p *Peer) ring() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
