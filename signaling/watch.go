package signaling

import (
	"errors"
	"slices"
	"strings"

	"lucarne/encode"
	"lucarne/signaling/session"
	"lucarne/signaling/wsmedia"
)

// The ways by which video reaches a page, as it names them.
const (
	socketPath = "ws"
	webrtcPath = "webrtc"
)

// codecs are those that a page may decode off the socket.
var codecs = []encode.Codec{encode.VP8, encode.H264, encode.H264444, encode.JPEG}

// codecNamed returns the codec that a page names so, codecName what it names a
// codec. A page may prefer one that nobody here knows.
func codecNamed(name string) encode.Codec { return encode.Codec(strings.ToUpper(clip(name))) }

func codecName(codec encode.Codec) string { return strings.ToLower(string(codec)) }

// begin starts what the page's hello asks for. The first picture waits for the
// server's hello, not for anything of the page's.
func (s *socket) begin(hello Message) {
	var decodes []encode.Codec
	for _, name := range hello.Codecs {
		if codec := codecNamed(name); slices.Contains(codecs, codec) && !slices.Contains(decodes, codec) {
			decodes = append(decodes, codec)
		}
	}
	s.viewer.Prefer(codecNamed(hello.Codec))
	s.pictures = wsmedia.New(s.h.cfg.Pictures, s.viewer, decodes)
	switch hello.Transport {
	case "none":
	case "ws":
		s.look([]string{socketPath})
	case "webrtc":
		s.offers = true
		s.look([]string{webrtcPath})
	default:
		s.offers = true
		if len(decodes) > 0 {
			s.look([]string{socketPath})
		}
	}
}

// look gives each path the attention that the page has for it: of those listed
// the last is shown. The socket comes first, for it begins at once: media that
// end for it leave a stream that goes on.
func (s *socket) look(paths []string) {
	attention := map[string]session.Attention{}
	shown := ""
	for _, path := range paths {
		if path != socketPath && path != webrtcPath {
			s.counts.unknown++
			continue
		}
		attention[path] = session.Shadow
		shown = path
	}
	if shown != "" {
		attention[shown] = session.Shown
	}
	s.viewer.SetPath(shown)
	err := s.pictures.Watch(attention[socketPath])
	s.link.watch(attention[webrtcPath])
	switch {
	case err == nil || errors.Is(err, session.ErrLeft):
	case errors.Is(err, session.ErrNoCodec):
		s.send(Message{Type: "reason", Code: "no-codec"})
	case errors.Is(err, session.ErrRefused):
		s.send(Message{Type: "reason", Code: "refused", Args: []string{string(session.Video)}})
	default:
		s.log.Warn("no pictures on the socket", "err", err)
	}
}
