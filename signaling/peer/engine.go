package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/sdp/v3"
	"github.com/pion/transport/v4/packetio"
	"github.com/pion/webrtc/v4"

	"lucarne/signaling/iceserver"
	"lucarne/signaling/session"
)

const (
	maxInput    = session.MaxInput // bytes of a message that is passed on
	maxOffences = 100              // malformed messages and unasked streams, before the peer is ended
	maxStreams  = 64               // SSRCs of the page that are none; a browser has a handful
	maxFeedback = 100 << 10        // bytes of RTCP on one of them that wait to be read
)

// connection is what Run works on.
type connection struct {
	api    *webrtc.API
	pc     *webrtc.PeerConnection
	sender *webrtc.RTPSender
	out    *outbound
	repair *webrtc.RTPReceiver // feedback on retransmissions; nil: not open
}

// open makes the connection with its track and channels; nothing is sent yet.
func (p *Peer) open(ctx context.Context, servers []iceserver.Server) (*connection, error) {
	out, err := newOutbound()
	if err != nil {
		return nil, err
	}
	api, err := p.api(ctx, out)
	if err != nil {
		return nil, err
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{ICEServers: p.ours(servers)})
	if err != nil {
		return nil, fmt.Errorf("peer: open connection: %w", err)
	}
	sender, err := p.furnish(pc)
	if err != nil {
		pc.Close()
		return nil, err
	}
	return &connection{api: api, pc: pc, out: out, sender: sender}, nil
}

// close ends the connection and what pion runs for it.
func (c *connection) close() error {
	defer time.AfterFunc(parting, c.out.abandon).Stop()
	defer c.out.abandon()
	var err error
	if c.repair != nil {
		err = c.repair.Stop()
	}
	return errors.Join(err, c.pc.GracefulClose())
}

func (p *Peer) furnish(pc *webrtc.PeerConnection) (*webrtc.RTPSender, error) {
	pc.OnConnectionStateChange(func(webrtc.PeerConnectionState) { p.ring() })
	transceiver, err := pc.AddTransceiverFromTrack(p.video, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, fmt.Errorf("peer: add video: %w", err)
	}
	yes, no := true, false
	ids, never := [...]uint16{0, 1}, uint16(0)
	for label, init := range map[string]webrtc.DataChannelInit{
		"keys":   {ID: &ids[0], Negotiated: &yes, Ordered: &yes},
		"motion": {ID: &ids[1], Negotiated: &yes, Ordered: &no, MaxRetransmits: &never},
	} {
		channel, err := pc.CreateDataChannel(label, &init)
		if err != nil {
			return nil, fmt.Errorf("peer: open channel %s: %w", label, err)
		}
		channel.OnMessage(func(msg webrtc.DataChannelMessage) { p.receive(channel, msg) })
	}
	return transceiver.Sender(), nil
}

// receive takes a message of the page's: a probe, or input.
func (p *Peer) receive(channel *webrtc.DataChannel, msg webrtc.DataChannelMessage) {
	if !msg.IsString && isProbe(msg.Data) {
		p.answer(channel, msg.Data)
		return
	}
	if msg.IsString || len(msg.Data) > maxInput || p.input(msg.Data) != nil {
		p.count.malformed.Add(1)
		p.offend()
	}
}

// offend counts what ends the peer if there is much of it.
func (p *Peer) offend() {
	if p.count.offences.Add(1) > maxOffences {
		p.ring()
	}
}

// buffer makes what holds a stream of the page's until it is read. Nobody reads
// its media: there is no room for any, where pion would keep 1 MB of each SSRC.
func (p *Peer) buffer(kind packetio.BufferPacketType, _ uint32) io.ReadWriteCloser {
	if p.count.streams.Add(1) > maxStreams {
		p.offend()
	}
	b := packetio.NewBuffer()
	b.SetLimitSize(maxFeedback)
	if kind == packetio.RTPBufferPacket {
		b.SetLimitSize(1)
	}
	return b
}

// api returns WebRTC as this peer wants it.
func (p *Peer) api(ctx context.Context, out *outbound) (*webrtc.API, error) {
	var me webrtc.MediaEngine
	if err := p.cfg.Register(&me); err != nil {
		return nil, fmt.Errorf("peer: register codecs: %w", err)
	}
	for _, uri := range []string{sdp.TransportCCURI, playoutDelayURI} {
		if err := me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, fmt.Errorf("peer: register header extension: %w", err)
		}
	}
	logs := logFactory{p.cfg.Log}
	responder, err := nack.NewResponderInterceptor(nack.ResponderSize(1024), nack.WithResponderLoggerFactory(logs))
	if err != nil {
		return nil, fmt.Errorf("peer: make nack responder: %w", err)
	}
	reports, err := report.NewSenderInterceptor(report.WithSenderLoggerFactory(logs))
	if err != nil {
		return nil, fmt.Errorf("peer: make sender reports: %w", err)
	}
	delay, err := playoutDelay(p.cfg.MinPlayoutDelay, p.cfg.MaxPlayoutDelay)
	if err != nil {
		return nil, err
	}
	// The last one added sees a packet first. A packet sent again gets a new
	// transport-wide number, but keeps the playout delay that it was stored with.
	var chain interceptor.Registry
	chain.Add(p.path)
	chain.Add(responder)
	chain.Add(reports)
	chain.Add(delay)

	settings, err := p.settings(ctx, out, logs)
	if err != nil {
		return nil, err
	}
	return webrtc.NewAPI(
		webrtc.WithMediaEngine(&me),
		webrtc.WithInterceptorRegistry(&chain),
		webrtc.WithSettingEngine(settings),
	), nil
}

func (p *Peer) settings(ctx context.Context, out *outbound, logs logFactory) (webrtc.SettingEngine, error) {
	var se webrtc.SettingEngine
	se.LoggerFactory = logs
	se.SetNet(out)
	se.BufferFactory = p.buffer
	// ICE counts the time to failure from the disconnection.
	disconnected := p.cfg.Silence * 2 / 5
	se.SetICETimeouts(disconnected, p.cfg.Silence-disconnected, min(500*time.Millisecond, p.cfg.Silence/10))
	// TCP is for TURN servers, and for ICE-TCP if the network has it. This side
	// never begins a connection to where a page says.
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	se.DisableActiveTCP(true)
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled) // a page behind an mDNS name finds us instead
	se.SetIncludeLoopbackCandidate(p.cfg.Loopback)
	se.SetRelayAcceptanceMinWait(500 * time.Millisecond)
	se.SetDTLSRetransmissionInterval(100 * time.Millisecond)
	se.SetSCTPMaxReceiveBufferSize(128 << 10)
	se.EnableSCTPZeroChecksum(true)
	if p.cfg.Network == nil {
		return se, nil
	}
	return se, p.cfg.Network.apply(ctx, &se)
}

// candidate is one of ours on its way to the page.
type candidate struct {
	init       []byte
	generation int
}

// gatherFor passes the candidates found from now on to the page as those of a
// generation.
func (p *Peer) gatherFor(pc *webrtc.PeerConnection, generation int) {
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return
		}
		init, err := json.Marshal(c.ToJSON())
		if err != nil {
			p.cfg.Log.Debug("candidate left out", "err", err)
			return
		}
		select {
		case p.gathered <- candidate{init, generation}:
		default:
			p.count.dropped.Add(1)
		}
	})
}
