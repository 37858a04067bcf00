package signaling

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling/iceserver"
	"lucarne/signaling/session"
)

// Media carries one viewer's packets; *peer.Peer is one. Answer, Candidate,
// Restart and Watch do not block; what they can make nothing of they ignore and
// count.
type Media interface {
	// Run serves the viewer until ctx ends, which is no error, or for as long
	// as the connection lives. session.ErrNoCodec: the page decodes nothing of
	// what there is.
	Run(ctx context.Context) error
	// Answer takes the page's answer to the offer of that generation.
	Answer(sdp string, generation int)
	// Candidate takes an RTCIceCandidateInit of the page, as JSON.
	Candidate(init []byte, generation int)
	// Restart makes a new offer with an ICE restart.
	Restart()
	// Watch says how much the page looks at it: not at all to begin with.
	Watch(session.Attention)
}

// Out is where a viewer's media sends what the page has to know. Its methods
// never block and may be called from any goroutine.
type Out interface {
	// Offer sends an offer, and what the page's side of the connection may use.
	Offer(sdp string, generation int, ice iceserver.Config)
	Candidate(init []byte, generation int)
	// Times sends a batch of frame times as in the package comment.
	Times(batch []byte)
}

// OpenMedia makes media for a viewer. It starts nothing. generation is that of
// the last offer on the viewer's socket, 0 if there was none.
type OpenMedia func(v *session.Viewer, out Out, generation int) (Media, error)

// link is the media of a socket, which may end and be opened anew.
type link struct {
	again chan struct{} // capacity 1: the page asks for it

	mu         sync.Mutex
	media      Media // nil: none now
	generation int   // of the last offer
	attention  session.Attention
}

func newLink() link { return link{again: make(chan struct{}, 1)} }

// now returns the media there is, nil for none, and the last offer's generation.
func (l *link) now() (Media, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.media, l.generation
}

func (l *link) set(m Media) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.media = m
	if m != nil {
		m.Watch(l.attention)
	}
}

// watch says how much the page looks at the media, that which comes later included.
func (l *link) watch(a session.Attention) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attention = a
	if l.media != nil {
		l.media.Watch(a)
	}
}

// restart has the present media make a new offer, or else asks for new media. A
// page whose wish meets the end of media asks again: it has no connection.
func (l *link) restart() {
	if media, _ := l.now(); media != nil {
		media.Restart()
		return
	}
	select {
	case l.again <- struct{}{}:
	default:
	}
}

// carry runs the socket's media until ctx ends. Media that has ended is opened
// again when the page asks for it: only the page knows whether it is still
// wanted. Where the page decodes nothing of what there is, it gets it after a
// pause: the screen may have another size by then, which shows when somebody looks.
func (s *socket) carry(ctx context.Context) {
	for ctx.Err() == nil {
		_, before := s.link.now()
		err := s.carryOnce(ctx, before)
		if ctx.Err() != nil {
			return
		}
		s.log.Info("media ended", "err", err)
		if _, after := s.link.now(); errors.Is(err, session.ErrNoCodec) {
			s.send(Message{Type: "reason", Code: "webrtc-no-codec"})
			select {
			case <-ctx.Done():
			case <-time.After(s.h.pace.codec):
			}
		} else if after == before { // not even an offer
			s.send(Message{Type: "reason", Code: "webrtc-failed"})
		}
		select {
		case <-ctx.Done():
		case <-s.link.again:
		}
	}
}

func (s *socket) carryOnce(ctx context.Context, generation int) error {
	media, err := s.h.cfg.Open(s.viewer, s, generation)
	if err != nil {
		return err
	}
	s.link.set(media)
	defer s.link.set(nil)
	select {
	case <-s.link.again: // what was asked of earlier media
	default:
	}
	return media.Run(ctx)
}

// Offer, Candidate and Times make a socket the Out of its media.

func (s *socket) Offer(sdp string, generation int, ice iceserver.Config) {
	s.link.mu.Lock()
	s.link.generation = generation
	s.link.mu.Unlock()
	s.send(Message{Type: "offer", SDP: sdp, Generation: generation, ICEServers: ice.Servers, ICEPolicy: ice.Policy})
}

func (s *socket) Candidate(init []byte, generation int) {
	s.send(Message{Type: "candidate", Candidate: init, Generation: generation})
}

// Times may be lost: they are statistics.
func (s *socket) Times(batch []byte) {
	s.offer(packet{websocket.BinaryMessage, slices.Clone(batch)})
}
