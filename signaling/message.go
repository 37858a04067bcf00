// Package signaling is the HTTP side of a desktop: the page, the one WebSocket
// of each viewer, and who may come in.
//
// # The WebSocket
//
// Text messages are control messages, one JSON object each; "type" says which. Unknown
// types and unknown fields are ignored and counted. The first byte of a binary message
// says what it is (below). The first message each way is hello; the page's comes first.
//
// From the page:
//
//	hello      version (of the page's build), lang ("en", "fr-CA"), page, attempt, key, share, transport, codecs
//	           and codec (below); it makes a new viewer, whose input begins at sequence 1. key is what the
//	           page has logged in for (package access); without the right one it is told bye "login"
//	codec      codec: the one that the person prefers from now on, as below
//	watch      paths: which media carry video from now on (below)
//	answer     sdp, generation as in the offer
//	candidate  candidate (RTCIceCandidateInit), generation
//	restart    the page's connection has failed or its network has changed: a new offer with an ICE restart
//	key        the page needs a key frame (a standing queue after a stall, a picture that it cannot decode)
//	resize     width, height: the screen's size that the viewer would like, in pixels; scale: its device pixels
//	           to one of the page's, 0.5 to 4 (0: 1), which the desktop's DPI is to follow. The screen is that of
//	           who leads; what others would like is forgotten. A page says it again when it gets the lead and when
//	           there is a display anew. The reason "resize-limited" (args: width, height) says that the screen
//	           could not be so large, "resize-failed" that it stays as it was.
//	keyboard   layout, variant (XKB's names), mode ("physical", "text"): the layout that the browser has, and whether
//	           keys go by their place or by their meaning. The display gets the layout of who leads, if it
//	           is one of input.Layouts, and keeps its own otherwise
//	visibility hidden (bool)
//	clipboard  serial, items (mime, size): the viewer's clipboard, for the desktop (below)
//	transfer   way, bytes or serial and code: how a clipboard fares on its way (below)
//	primary    primary (bool): the selection PRIMARY, what is marked with the mouse, is to be of the viewer's
//	           clipboard as CLIPBOARD is
//	share      role ("viewer", "controller"), minutes (1 to 43200), name: a link by which others come
//	revoke     share (id): that link ends, and who has come by it with it
//	give       viewer (id): it has control from now on
//	take       this viewer has control, and nobody has been given it
//	ask        this viewer would like to be given control
//	limits     bitrate (bits a second), maxFPS: what this viewer's video may take; 0: as much as it does
//	gpus       on (bool): whether the page wants to know how the GPUs are, which the server reads only
//	           while somebody does
//	pointer    the page would like to know where the desktop's pointer is, which a program may have moved;
//	           cursor says it, ten times a second at most
//	doctor     paths: the one directory that the page is in, as its browser has it, t (the page's clock, ms): what
//	           does the desktop lack? The reason "refused" says that this is an owner's to know
//	awake      minutes: the desktop is to count as in use for so long, though nobody is there; 0: no more
//	ping       t (the page's clock, ms)
//	bye        the page is leaving
//
// To the page:
//
//	hello      version, viewer (id), role, allow (features), refuse (below), state, code, args as in display, width, height,
//	           codecs: all that the session encodes, working or not, for a person to choose from;
//	           seq: with a socket that replaces another, as in input, of the earlier viewer's;
//	           maxClipboard: bytes of a clipboard at most; primary: PRIMARY may be asked for
//	offer      sdp, generation (counts the negotiations of this socket's peer), iceServers and
//	           iceTransportPolicy: what the page's RTCPeerConnection is to be configured with before
//	           it takes the offer, be it new or not
//	candidate  candidate, generation
//	cursor     serial, hotX, hotY, x, y, and once per serial and socket: image (PNG, base64; "" hidden)
//	size       width, height: the screen's size now
//	display    state ("starting", "up", "failed", "gone"), code, args: why
//	control    viewer, name, as (its role), you (bool): who leads; given (bool): control has been given to it;
//	           role, allow: what this viewer may do now; refuse: for each feature that there is and its role
//	           could use, but it may not, why: "policy" (this desktop's), "audit" (it must be recorded and
//	           cannot be now); sent when any of it has changed
//	people     people: who is here (id, name, role, lent, you, leads, path, since, asked), and
//	           shares: the links that this viewer may end (share, name, role, until); whoever may
//	           give control is told at first and when it has changed
//	shared     share (id), secret, role, name, until: the link that was asked for; open (bool): whoever
//	           asks for the page comes as its owner, so that a link narrows nothing
//	encoding   codec, encoder (the library), speed, maxFPS, scale, code: how the pictures that are shown are
//	           made, and what of that has given way to what (encode.Limits; code is its Reason); gpu: code and
//	           args, whether there is a GPU that encodes (nvenc.Code), missing where nothing is known
//	           of one; sent when it has changed
//	clipboard  serial, selection, items (mime, size): the desktop's clipboard (below)
//	transfer   way, bytes or serial, code and args: how a clipboard fares on its way (below)
//	gpus       gpus: how each GPU is (GPU), about once a second to a page that wants to know; nothing where
//	           none can be read
//	processes  processes: how each process is that keeps the desktop running (Process), and the last
//	           that it has written; to owners, at first and when it has changed. What one writes counts
//	           as a change only while it is not ready, and is not for who may not copy out
//	doctor     findings: what was found of all that the desktop needs (Finding), some seconds after it was asked
//	           for, or at once what was found for another page within the last ten
//	keyboard   layout, variant: the layout in force on the display, "" unknown; sent when it has changed
//	input      seq: every reliable event up to this sequence has been handled
//	pong       t as in ping, now: the server's clock in microseconds (the clock of the frame times)
//	idle       left: how long it is until the platform stops the desktop if nobody does anything before
//	           (milliseconds: the two clocks need not agree); 0: it will not for now. Sent when that is
//	           near, and when it has become another
//	reason     code, args: something the person should know; the page words it
//	bye        code, args: the socket closes, and why; retry (bool): whether to come back
//
// # Paths
//
// Video reaches a page by "ws", pictures on this socket, and by "webrtc". transport in hello
// says which of them there are to be:
//
//	auto    both. Pictures begin on the socket at once, after the server's hello; WebRTC is
//	        offered beside them, connects, and carries nothing until the page watches it
//	ws      the socket alone, at once
//	webrtc  WebRTC alone; it carries video as soon as it is connected
//	none    neither: control, input and clipboard (the page that shows VNC)
//
// codecs in its hello lists what the page decodes off the socket: "vp8", "h264", "h264-444", "jpeg"; what it
// decodes by WebRTC its answers say. Codecs have these names in all messages. Of those that the
// server has, each path gets the first by the server's order, which is that of what this machine
// encodes in time; "h264-444" is only in it if whoever started the server wants it, and else comes
// to those alone who prefer it. With none in common nothing comes by the socket; a page that asks
// for it gets the reason "no-codec". WebRTC ends with the reason "webrtc-no-codec" when the page decodes
// nothing of the screen's size by it, and can be had again half a minute later.
//
// codec is the one that the person prefers, "" for none: it comes first where it can be had. If the
// path that is shown has another in its place, the reason "codec-missing" tells (args: the one
// preferred, the one in use). An encoder that fails is passed over, and tried again later: the
// reason "encoder-failed" tells (args: its codec, the one that takes over, or its codec alone if
// none can and it goes on trying), or "encoder-replaced" where another encoder of the same codec has
// taken over (args: the codec). The codec of a path changes with a key frame and nothing else.
//
// watch replaces what was watched: paths is a list of "ws" and "webrtc", of which the last is
// shown and leads: its room and its estimate of the bandwidth drive the encoder. With both,
// the other one is a shadow that gets the same packets. With none nothing is sent. A path
// begins, and begins again, with a key frame; one that stays watched just goes on, whatever
// its rank. WebRTC that is watched before it is connected carries video, and leads, from then on;
// until then, and while it is disconnected, the other one leads.
//
// page in hello is a secret of 16 to 64 characters that a page makes anew at each load and
// repeats in each hello. A socket that comes with the secret of another replaces it: the
// earlier viewer has left, and what it held is let go, before the later one joins; the earlier
// socket is told bye "replaced" and closed. A page whose socket is silent may so open another
// whenever it likes. Of several the one with the highest attempt lives, which counts the hellos
// of a page: one that was held up on its way does not replace a later one. Of equals the one that
// came last lives. A page that tries sockets side by side says hello on a further one only to
// give the earlier up.
//
// # Links and control
//
// A link is the page's address with a secret of 256 bits in the fragment, #view=<secret>. Its
// page exchanges it by POST login for a cookie, a key and an id, and says key and id in hello,
// as key and share: then the link's role counts, whatever else the browser has cookies for. Without
// share what the key is for counts. Links and their
// cookies end with their time (Unix milliseconds: until), when they are revoked and with the
// server's process. Who came by one is told bye "expired" or "revoked" and does not come back; who
// comes by one that has ended gets 401, or bye "no-share" where other credentials let it in.
//
// Control can be given: who has been given it leads, whoever gives input meanwhile, until it
// leaves, gives it on, or it is taken. To a viewer that may only look control lends the role
// "controller" for as long. An owner can always give and take; another that may give only
// while control has not been given by somebody else to somebody else. What both hold is let
// go. since and asked are Unix milliseconds; asked says when that viewer asked for control,
// absent when it has not. path is "ws", "webrtc", "vnc", or absent.
//
// # Binary messages
//
// All numbers are big endian. From the page:
//
//	1-15  an input event (package input)
//	16    the acknowledgement of a picture (package wsmedia)
//	33    a piece of a clipboard
//	32    a probe: 8 more bytes, which are its own. It is answered at once with the same
//	      message, before any picture that waits. On the data channel "motion" WebRTC
//	      answers the same message in the same way, so that a page can compare the two
//
// To the page:
//
//	1   frame times of what WebRTC carries (below)
//	2   a picture, or a part of one (package wsmedia)
//	32  the answer to a probe
//	33  a piece of a clipboard
//
// # Clipboards
//
// A content is announced by clipboard, which lists its items: "text/plain" and "text/html",
// both UTF-8, and "image/png", each once at most and none empty. serial counts the contents
// each way, from 1. The bytes of the items follow, one item after the other, in pieces of any
// length up to 16 KiB, between other messages:
//
//	type u8 = 33, serial u32, bytes
//
// From the page they may have 64 KiB.
//
// One content is on its way at a time each way: a newer one takes the place of an earlier one,
// which has then ended, as have all with their socket. transfer says how they fare: way is
// "in" for those to the desktop, "out" for those to the page. Without a code it comes from
// whom the pieces go to, and bytes counts the bytes of all pieces that have come by this
// socket that way, those of contents that have ended included: an acknowledgement, by which
// who sends keeps what is under way short. With a code the content of that serial has ended.
// The server says so of each content from the page: "done" once the desktop has it, else
// why it has not ("refused", "clipboard-too-large", ...), at once where the announcement shows
// it. The page may end either ("cancelled"). What of a content is under way when it ends is
// ignored. The reason "clipboard-too-large" (args: MiB at most) says that the desktop has
// copied more than is carried, "clipboard-too-often" that the policy's rate is used up.
//
// # Frame times
//
// A few times a second: type u8 = 1, count u8, then for each frame
//
//	id u32          RTP timestamp (WebRTC)
//	damaged u64     server clock in microseconds; the grab's time for a frame without damage
//	grabbed u32, converted u32, encoded u32, sent u32     microseconds after damaged
//	bytes u32       of the encoded frame
//	quantizer u8, flags u8 (1 key frame, 2 refinement, 4 settled)
package signaling

import (
	"encoding/json"

	"lucarne/signaling/iceserver"
	"lucarne/signaling/session"
)

// Reason is something that the page words.
type Reason struct {
	Code string   `json:"code"`
	Args []string `json:"args,omitempty"`
}

// Message is a control message either way; the fields in use depend on Type.
type Message struct {
	Type string `json:"type"`

	Version    string          `json:"version,omitempty"`
	Lang       string          `json:"lang,omitempty"`
	Page       string          `json:"page,omitempty"`
	Key        string          `json:"key,omitempty"`
	Attempt    int             `json:"attempt,omitempty"`
	Transport  string          `json:"transport,omitempty"`
	Codecs     []string        `json:"codecs,omitempty"`
	Codec      string          `json:"codec,omitempty"`
	Paths      []string        `json:"paths,omitempty"`
	SDP        string          `json:"sdp,omitempty"`
	Generation int             `json:"generation,omitempty"`
	Candidate  json.RawMessage `json:"candidate,omitempty"`
	Width      int             `json:"width,omitempty"`
	Height     int             `json:"height,omitempty"`
	Hidden     bool            `json:"hidden,omitempty"`
	T          float64         `json:"t,omitempty"`
	Now        int64           `json:"now,omitempty"`

	Selection    string                 `json:"selection,omitempty"`
	Items        []session.Announcement `json:"items,omitempty"`
	Way          string                 `json:"way,omitempty"`
	Bytes        int                    `json:"bytes,omitempty"`
	Primary      bool                   `json:"primary,omitempty"`
	MaxClipboard int                    `json:"maxClipboard,omitempty"`

	Share   string       `json:"share,omitempty"`
	Secret  string       `json:"secret,omitempty"`
	Minutes int          `json:"minutes,omitempty"`
	Name    string       `json:"name,omitempty"`
	Until   int64        `json:"until,omitempty"`
	Left    int64        `json:"left,omitempty"`
	As      session.Role `json:"as,omitempty"`
	Open    bool         `json:"open,omitempty"`
	Given   bool         `json:"given,omitempty"`
	People  []person     `json:"people,omitempty"`
	Shares  []sharedLink `json:"shares,omitempty"`
	Bitrate int          `json:"bitrate,omitempty"`

	Viewer string                     `json:"viewer,omitempty"`
	Role   session.Role               `json:"role,omitempty"`
	Allow  []session.Feature          `json:"allow,omitempty"`
	Refuse map[session.Feature]string `json:"refuse,omitempty"`

	ICEServers []iceserver.Server `json:"iceServers,omitempty"`
	ICEPolicy  string             `json:"iceTransportPolicy,omitempty"`

	Encoder string  `json:"encoder,omitempty"`
	Speed   int     `json:"speed,omitempty"`
	MaxFPS  int     `json:"maxFPS,omitempty"`
	Scale   float64 `json:"scale,omitempty"`
	GPU     *Reason `json:"gpu,omitempty"`
	GPUs    []GPU   `json:"gpus,omitempty"`

	Findings []Finding `json:"findings,omitempty"`

	Processes []Process `json:"processes,omitempty"`

	On  bool   `json:"on,omitempty"`
	You bool   `json:"you,omitempty"`
	Seq uint32 `json:"seq,omitempty"`

	Layout  string `json:"layout,omitempty"`
	Variant string `json:"variant,omitempty"`
	Mode    string `json:"mode,omitempty"`

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
