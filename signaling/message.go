// Package signaling is the HTTP side of a desktop: the page, the one WebSocket
// of each viewer, and who may come in.
//
// # The WebSocket
//
// Text messages are control messages, one JSON object each; "type" says which. Unknown
// types and unknown fields are ignored and counted. Binary messages from the page are
// input events (package input); binary messages to the page are frame times (below).
// The first message each way is hello; the page's comes first.
//
// From the page:
//
//	hello      version (of the page's build), lang ("en", "fr-CA"), transport ("webrtc");
//	           it makes a new viewer, whose input begins at sequence 1
//	answer     sdp, generation as in the offer
//	candidate  candidate (RTCIceCandidateInit), generation
//	restart    the page's connection has failed or its network has changed: a new offer with an ICE restart
//	key        the page needs a key frame (a standing queue after a stall)
//	resize     width, height: the size the viewer would like, in pixels
//	visibility hidden (bool)
//	clipboard  text: the viewer's clipboard, for the desktop
//	ping       t (the page's clock, ms)
//	bye        the page is leaving
//
// To the page:
//
//	hello      version, viewer (id), role, allow (features), state, code, args as in display, width, height, iceServers
//	offer      sdp, generation (counts the negotiations of this socket's peer)
//	candidate  candidate, generation
//	cursor     serial, hotX, hotY, x, y, and once per serial and socket: image (PNG, base64; "" hidden)
//	size       width, height: the screen's size now
//	display    state ("starting", "up", "failed", "gone"), code, args: why
//	control    viewer, you (bool): who leads
//	clipboard  text: the desktop's clipboard
//	input      seq: every reliable event up to this sequence has been handled
//	pong       t as in ping, now: the server's clock in microseconds (the clock of the frame times)
//	reason     code, args: something the person should know; the page words it
//	bye        code, args: the socket closes, and why; retry (bool): whether to come back
//
// # Frame times
//
// A binary message to the page, a few times a second: type u8 = 1, count u8, then for each frame
//
//	id u32          RTP timestamp (WebRTC)
//	damaged u64     server clock in microseconds; the grab's time for a frame without damage
//	grabbed u32, converted u32, encoded u32, sent u32     microseconds after damaged
//	bytes u32       of the encoded frame
//	quantizer u8, flags u8 (1 key frame, 2 refinement, 4 settled)
//
// all big endian.
package signaling

import (
	"encoding/json"

	"lucarne/signaling/session"
)

// Message is a control message either way; the fields in use depend on Type.
type Message struct {
	Type string `json:"type"`

	Version    string          `json:"version,omitempty"`
	Lang       string          `json:"lang,omitempty"`
	Transport  string          `json:"transport,omitempty"`
	SDP        string          `json:"sdp,omitempty"`
	Generation int             `json:"generation,omitempty"`
	Candidate  json.RawMessage `json:"candidate,omitempty"`
	Width      int             `json:"width,omitempty"`
	Height     int             `json:"height,omitempty"`
	Hidden     bool            `json:"hidden,omitempty"`
	Text       string          `json:"text,omitempty"`
	T          float64         `json:"t,omitempty"`
	Now        int64           `json:"now,omitempty"`

	Viewer string            `json:"viewer,omitempty"`
	Role   session.Role      `json:"role,omitempty"`
	Allow  []session.Feature `json:"allow,omitempty"`

	ICEServers []ICEServer `json:"iceServers,omitempty"`

	You bool   `json:"you,omitempty"`
	Seq uint32 `json:"seq,omitempty"`

	State string   `json:"state,omitempty"`
	Code  string   `json:"code,omitempty"`
	Args  []string `json:"args,omitempty"`
	Retry bool     `json:"retry,omitempty"`

	Serial uint32  `json:"serial,omitempty"`
	HotX   int     `json:"hotX,omitempty"`
	HotY   int     `json:"hotY,omitempty"`
	X      int     `json:"x,omitempty"`
	Y      int     `json:"y,omitempty"`
	Image  *string `json:"image,omitempty"`
}
