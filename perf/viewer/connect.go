package viewer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/transport/v4"
	"github.com/pion/transport/v4/stdnet"
	"github.com/pion/webrtc/v4"

	"lucarne/signaling"
)

// connect makes the viewer's end, with the codecs and the feedback of a browser:
// retransmission, receiver reports, transport-wide congestion control. What is
// missing is asked for every 100 ms, which is longer than the round trip of any
// link but later than a browser does it, who asks at once and again after a round
// trip: where packets are lost, frames are complete later than in a browser.
func (v *Viewer) connect(cfg Config) error {
	var me webrtc.MediaEngine
	if err := me.RegisterDefaultCodecs(); err != nil {
		return err
	}
	var chain interceptor.Registry
	if err := webrtc.RegisterDefaultInterceptors(&me, &chain); err != nil {
		return err
	}
	sockets := &within{run: cfg.Within}
	err := cfg.Within(func() (err error) {
		sockets.Net, err = stdnet.NewNet()
		return err
	})
	if err != nil {
		return err
	}
	var se webrtc.SettingEngine
	se.SetNet(sockets)
	se.SetIncludeLoopbackCandidate(true)
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(&me), webrtc.WithInterceptorRegistry(&chain), webrtc.WithSettingEngine(se))
	if v.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return err
	}
	if err := v.furnish(); err != nil {
		v.pc.GracefulClose()
		return err
	}
	return nil
}

// furnish opens the channels and listens to what happens.
func (v *Viewer) furnish() error {
	yes, no, never := true, false, uint16(0)
	ids := [...]uint16{0, 1}
	var err error
	if v.keys, err = v.pc.CreateDataChannel("keys", &webrtc.DataChannelInit{ID: &ids[0], Negotiated: &yes, Ordered: &yes}); err != nil {
		return err
	}
	v.motion, err = v.pc.CreateDataChannel("motion", &webrtc.DataChannelInit{ID: &ids[1], Negotiated: &yes, Ordered: &no, MaxRetransmits: &never})
	if err != nil {
		return err
	}
	v.keys.OnOpen(func() { v.motion.OnOpen(func() { close(v.open) }) })
	v.pc.OnTrack(v.receive)
	v.pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return
		}
		if init, err := json.Marshal(c.ToJSON()); err == nil {
			v.write.Lock()
			defer v.write.Unlock()
			v.socket.WriteJSON(signaling.Message{Type: "candidate", Candidate: init, Generation: v.generation})
		}
	})
	return nil
}

// answer answers an offer. The answer leaves before any candidate of it.
func (v *Viewer) answer(m signaling.Message) error {
	v.offered(m.ICEServers)
	if err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: m.SDP}); err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	answer, err := v.pc.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	v.write.Lock()
	defer v.write.Unlock()
	v.generation = m.Generation
	if err := v.pc.SetLocalDescription(answer); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return v.socket.WriteJSON(signaling.Message{Type: "answer", SDP: answer.SDP, Generation: m.Generation})
}

func (v *Viewer) candidate(m signaling.Message) error {
	var init webrtc.ICECandidateInit
	if err := json.Unmarshal(m.Candidate, &init); err != nil {
		return fmt.Errorf("candidate: %w", err)
	}
	if err := v.pc.AddICECandidate(init); err != nil && !errors.Is(err, webrtc.ErrConnectionClosed) {
		return fmt.Errorf("candidate: %w", err)
	}
	return nil
}

// receive counts the packets of a track until it ends.
func (v *Viewer) receive(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	buf := make([]byte, 1<<16)
	for {
		n, attributes, err := track.Read(buf)
		if err != nil {
			return
		}
		repaired := attributes.Get(webrtc.AttributeRtxPayloadType) != nil
		v.record.packet(buf[:n], formatOf(track.Codec().MimeType), repaired, time.Now())
	}
}

// within is the network as seen from where run runs what opens a socket.
type within struct {
	transport.Net
	run func(func() error) error
}

func (w *within) ListenPacket(network, address string) (conn net.PacketConn, err error) {
	err = w.run(func() error { conn, err = w.Net.ListenPacket(network, address); return err })
	return conn, err
}

func (w *within) ListenUDP(network string, local *net.UDPAddr) (conn transport.UDPConn, err error) {
	err = w.run(func() error { conn, err = w.Net.ListenUDP(network, local); return err })
	return conn, err
}

func (w *within) DialUDP(network string, local, remote *net.UDPAddr) (conn transport.UDPConn, err error) {
	err = w.run(func() error { conn, err = w.Net.DialUDP(network, local, remote); return err })
	return conn, err
}
