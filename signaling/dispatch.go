package signaling

import (
	"encoding/json"
	"errors"
	"image"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling/session"
	"lucarne/signaling/wsmedia"
)

// dispatch handles one message of the page, in the order in which they came: a
// pong says that all before its ping has been dealt with. An error ends the
// socket; what is malformed or unknown is counted and ignored.
func (s *socket) dispatch(kind int, data []byte) error {
	if kind == websocket.BinaryMessage {
		if s.binary(data) != nil {
			s.counts.malformed++
		}
		return nil
	}
	var m Message
	if json.Unmarshal(data, &m) != nil {
		s.counts.malformed++
		return nil
	}
	return s.control(m)
}

// A probe of the page's, which is answered with itself.
const (
	probeType = 32
	probeSize = 9
)

// binary handles one binary message. The error is of one that is malformed.
func (s *socket) binary(data []byte) error {
	switch {
	case len(data) > maxBinary:
		return session.ErrMalformed
	case len(data) > 0 && data[0] == pieceType:
		return s.takePiece(data)
	case len(data) > maxInput:
		return session.ErrMalformed
	case len(data) > 0 && data[0] == wsmedia.AcknowledgementType:
		return s.pictures.Acknowledge(data)
	case len(data) == probeSize && data[0] == probeType:
		s.offer(packet{websocket.BinaryMessage, slices.Clone(data)})
		return nil
	}
	return s.viewer.Input(data)
}

// control handles one control message.
func (s *socket) control(m Message) error {
	switch m.Type {
	case "answer":
		if media, _ := s.link.now(); media != nil {
			media.Answer(m.SDP, m.Generation)
		}
	case "candidate":
		if media, _ := s.link.now(); media != nil {
			media.Candidate(m.Candidate, m.Generation)
		}
	case "watch":
		s.look(m.Paths)
	case "codec":
		s.viewer.Prefer(codecNamed(m.Codec))
	case "restart":
		s.link.restart()
	case "key":
		s.viewer.RequestKey()
	case "gpus":
		s.watchGPUs(m.On)
	case "resize":
		s.wishes.say(session.Wish{Size: image.Pt(m.Width, m.Height), Scale: m.Scale})
	case "visibility":
		s.viewer.Hide(m.Hidden)
	case "keyboard":
		s.takeLayout(m)
	case "clipboard":
		s.announced(m)
	case "transfer":
		s.transferred(m)
	case "primary":
		s.viewer.WantPrimary(m.Primary)
	case "share":
		s.share(m)
	case "revoke":
		s.answer(s.viewer.Revoke(m.Share), session.Sharing, "share")
	case "give":
		s.answer(s.viewer.Give(m.Viewer), session.Giving, "give")
	case "take":
		s.answer(s.viewer.Take(), session.Giving, "give")
	case "ask":
		s.answer(s.viewer.Ask(), session.Giving, "give")
	case "limits":
		s.answer(s.viewer.Limit(session.Limits{BitrateBps: m.Bitrate, MaxFPS: m.MaxFPS}), session.Limiting, "limits")
	case "pointer":
		select {
		case s.place <- struct{}{}:
		default: // it is about to be told
		}
	case "doctor":
		s.examine(m)
	case "awake":
		s.keepAwake(m.Minutes)
	case "ping":
		s.send(Message{Type: "pong", T: m.T, Now: time.Now().UnixMicro()})
	case "bye":
		return farewell{err: errLeft}
	case "hello":
		s.counts.malformed++
	default:
		s.counts.unknown++
	}
	return nil
}

var errLeft = errors.New("the page has left")
