package peer

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"lucarne/signaling/iceserver"
)

// Bounds of what a page may send.
const (
	maxSDP        = 32 << 10 // bytes; a browser's answer has about 2 KiB
	maxAttributes = 128      // of a media section
	maxCandidate  = 1 << 10  // bytes
	maxCandidates = 64       // a generation
	restartPause  = time.Second
	// answerPatience is how long the next offer waits for the answer to the last
	// one, and for its candidates; then the page needs another peer.
	answerPatience = 5 * time.Second
)

type signalKind uint8

const (
	answerSignal signalKind = iota
	candidateSignal
	restartSignal
)

// signal is a message of the page on its way to Run.
type signal struct {
	kind       signalKind
	text       string // the description or the candidate
	generation int
}

// Answer takes the page's answer to the offer of a generation. One that is
// malformed, or answers an offer that is not the newest, is counted and
// otherwise ignored.
func (p *Peer) Answer(sdp string, generation int) {
	p.post(signal{answerSignal, sdp, generation}, maxSDP)
}

// Candidate takes one of the page's candidates, an RTCIceCandidateInit as JSON,
// under the same conditions.
func (p *Peer) Candidate(init []byte, generation int) {
	p.post(signal{candidateSignal, string(init), generation}, maxCandidate)
}

// Restart makes a new offer with an ICE restart (RFC 8445 §2.4): the page has
// lost the connection or changed its network. The picture goes on on whatever
// path is found.
func (p *Peer) Restart() { p.post(signal{kind: restartSignal}, 0) }

func (p *Peer) post(s signal, most int) {
	if len(s.text) > most {
		p.count.malformed.Add(1)
		return
	}
	select {
	case p.signals <- s:
	default:
		p.count.dropped.Add(1)
	}
}

// negotiation is the state of a peer's offers and answers, Run's alone.
type negotiation struct {
	peer       *Peer
	pc         *webrtc.PeerConnection
	generation int
	offered    time.Time
	restart    bool // due as soon as the last offer is old enough
	answered   bool // the newest offer was
	candidates int  // of this generation
	early      []webrtc.ICECandidateInit

	find    func()                  // has found filled, later
	found   chan []iceserver.Server // capacity 1: for the next offer
	finding bool
}

func newNegotiation(p *Peer, pc *webrtc.PeerConnection) *negotiation {
	return &negotiation{peer: p, pc: pc, generation: p.cfg.Generation, found: make(chan []iceserver.Server, 1)}
}

// offer makes a new offer, for a connection that may use the servers.
func (n *negotiation) offer(restart bool, servers []iceserver.Server) error {
	if restart {
		if err := n.pc.SetConfiguration(webrtc.Configuration{ICEServers: n.peer.ours(servers)}); err != nil {
			return fmt.Errorf("peer: set servers: %w", err)
		}
	}
	offer, err := n.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return fmt.Errorf("peer: create offer: %w", err)
	}
	n.peer.gatherFor(n.pc, n.generation+1)
	if err := n.pc.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("peer: set offer: %w", err)
	}
	n.generation++
	n.offered = time.Now()
	n.answered, n.candidates, n.early = false, 0, nil
	n.peer.out.Offer(offer.SDP, n.generation, n.peer.theirs(servers))
	return nil
}

// handle does what the page says; what is wrong with it is counted.
func (n *negotiation) handle(s signal) {
	var err error
	switch s.kind {
	case answerSignal:
		err = n.answer(s)
	case candidateSignal:
		err = n.candidate(s)
	case restartSignal:
		n.restart = true
		n.restartIfDue()
	}
	if err != nil {
		n.peer.count.malformed.Add(1)
		n.peer.cfg.Log.Debug("message refused", "err", err)
	}
}

// overdue says whether a new offer waits in vain for the last one to be done with.
func (n *negotiation) overdue() bool {
	return n.restart && !n.ready() && time.Since(n.offered) >= answerPatience
}

// ready says whether the last offer is done with. One that is not answered
// cannot be taken back, and while its candidates are gathered the servers may
// not be set: pion's agent reads them without a lock.
func (n *negotiation) ready() bool {
	return n.answered && n.pc.ICEGatheringState() == webrtc.ICEGatheringStateComplete
}

// restartIfDue begins with the offer that was asked for, but not one after the
// other, nor before the last one is done with.
func (n *negotiation) restartIfDue() {
	if !n.restart || n.finding || !n.ready() || time.Since(n.offered) < restartPause {
		return
	}
	n.restart, n.finding = false, true
	n.find()
}

// again makes the offer that was asked for.
func (n *negotiation) again(servers []iceserver.Server) {
	n.finding = false
	if err := n.offer(true, servers); err != nil {
		n.peer.cfg.Log.Warn("no ICE restart", "err", err)
	}
}

var errStale = errors.New("peer: not of the newest offer, or for the second time")

func (n *negotiation) answer(s signal) error {
	if s.generation != n.generation || n.answered {
		return errStale
	}
	if err := checkAnswer(s.text); err != nil {
		return err
	}
	if err := n.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: s.text}); err != nil {
		return fmt.Errorf("peer: set answer: %w", err)
	}
	n.answered = true
	early := n.early
	n.early = nil
	var refused error
	for _, init := range early { // the others may do
		if err := n.pc.AddICECandidate(init); err != nil {
			refused = errors.Join(refused, fmt.Errorf("peer: add candidate: %w", err))
		}
	}
	return refused
}

func (n *negotiation) candidate(s signal) error {
	if s.generation != n.generation {
		return errStale
	}
	if n.candidates++; n.candidates > maxCandidates {
		return fmt.Errorf("peer: more than %d candidates", maxCandidates)
	}
	init, err := parseCandidate(s.text)
	if err != nil {
		return err
	}
	if !n.answered {
		n.early = append(n.early, init)
		return nil
	}
	if err := n.pc.AddICECandidate(init); err != nil {
		return fmt.Errorf("peer: add candidate: %w", err)
	}
	return nil
}

// parseCandidate checks an RTCIceCandidateInit.
func parseCandidate(text string) (webrtc.ICECandidateInit, error) {
	var init webrtc.ICECandidateInit
	if err := json.Unmarshal([]byte(text), &init); err != nil {
		return init, fmt.Errorf("peer: parse candidate: %w", err)
	}
	if init.Candidate == "" {
		return init, nil // the last one
	}
	if _, err := ice.UnmarshalCandidate(init.Candidate); err != nil {
		return init, fmt.Errorf("peer: parse candidate: %w", err)
	}
	return init, nil
}

// checkAnswer says whether an answer (RFC 8829 §5.3.1) has the shape that our
// offers get from a browser: the video, received and not sent, and the data
// channels.
func checkAnswer(text string) error {
	var desc sdp.SessionDescription
	if err := desc.UnmarshalString(text); err != nil {
		return fmt.Errorf("peer: parse answer: %w", err)
	}
	kinds := [...]string{"video", "application"}
	if len(desc.MediaDescriptions) != len(kinds) {
		return fmt.Errorf("peer: answer has %d media sections, not %d", len(desc.MediaDescriptions), len(kinds))
	}
	if len(desc.Attributes) > maxAttributes {
		return fmt.Errorf("peer: answer has more than %d attributes", maxAttributes)
	}
	for i, media := range desc.MediaDescriptions {
		if media.MediaName.Media != kinds[i] || media.MediaName.Port.Value == 0 {
			return fmt.Errorf("peer: answer refuses %s", kinds[i])
		}
		if len(media.Attributes) > maxAttributes {
			return fmt.Errorf("peer: answer has more than %d attributes for %s", maxAttributes, kinds[i])
		}
	}
	video := desc.MediaDescriptions[0]
	if _, ok := video.Attribute("recvonly"); !ok {
		return errors.New("peer: answer does not just receive the video")
	}
	return nil
}
