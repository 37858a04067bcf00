package signaling

import (
	"context"
	"encoding/json"
	"image"
	"log/slog"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"lucarne/capture"
	"lucarne/input"
	"lucarne/signaling/session"
	"lucarne/signaling/wsmedia"
)

// deaf is media that ignores all.
type deaf struct{}

func (deaf) Run(ctx context.Context) error { return nil }
func (deaf) Answer(string, int)            {}
func (deaf) Candidate([]byte, int)         {}
func (deaf) Restart()                      {}
func (deaf) Watch(session.Attention)       {}

// hello is what a page would say that begins with the data.
func hello(data []byte) Message {
	m := Message{Transport: "auto"}
	if json.Unmarshal(data, &m) != nil {
		return Message{Transport: "auto"}
	}
	return m
}

// FuzzDispatch gives a socket's reader any message, first as its hello: it must
// neither fall over nor leave anything held.
func FuzzDispatch(f *testing.F) {
	for _, text := range []string{
		`{"type":"hello","version":"v1","lang":"fr-CA","transport":"webrtc"}`,
		`{"type":"answer","sdp":"v=0\r\n","generation":1}`,
		`{"type":"candidate","candidate":{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMid":"0"},"generation":1}`,
		`{"type":"candidate","candidate":null}`,
		`{"type":"restart"}`,
		`{"type":"doctor","paths":["/hub/desktop/"],"t":1}`,
		`{"type":"key"}`,
		`{"type":"resize","width":1280,"height":800,"scale":1.5}`,
		`{"type":"resize","width":-9223372036854775808,"height":9223372036854775807}`,
		`{"type":"visibility","hidden":true}`,
		`{"type":"clipboard","serial":1,"items":[{"mime":"text/plain","size":3},{"mime":"image/png","size":4096}]}`,
		`{"type":"clipboard","serial":4294967295,"items":[{"mime":"text/html","size":9223372036854775807},{"mime":"text/html","size":-1}]}`,
		`{"type":"clipboard","items":[null,{}]}`,
		`{"type":"transfer","way":"out","bytes":16384}`,
		`{"type":"transfer","way":"out","serial":1,"code":"cancelled"}`,
		`{"type":"transfer","way":"in","serial":1,"code":"cancelled"}`,
		`{"type":"primary","primary":true}`,
		`{"type":"ping","t":1e308}`,
		`{"type":"bye"}`,
		`{"type":"watch","paths":["webrtc","ws"]}`,
		`{"type":"watch","paths":[]}`,
		`{"type":"codec","codec":"h264-444"}`,
		`{"type":"codec","codec":""}`,
		`{"type":"codec","codec":"\u0130\u0000ſ` + strings.Repeat("é", 100) + `"}`,
		`{"type":"hello","transport":"ws","codecs":["vp8","h264","h264-444","jpeg","vp8"],"codec":"h264"}`,
		`{"type":"hello","key":"0123456789abcdefghijklmnopqrstuvwxyzABCDEFG","share":"0123456789abcdef"}`,
		`{"type":"share","role":"viewer","minutes":60,"name":"Zo\u00e9\u202e"}`,
		`{"type":"share","role":"owner","minutes":-9223372036854775808}`,
		`{"type":"revoke","share":"0123456789abcdef"}`,
		`{"type":"give","viewer":"1"}`,
		`{"type":"give","viewer":"2"}`,
		`{"type":"take"}`,
		`{"type":"ask"}`,
		`{"type":"pointer"}`,
		`{"type":"limits","bitrate":9223372036854775807,"maxFPS":30}`,
		`{"type":"unheard of"}`,
		`{"type":["ping"]}`,
		`{`,
	} {
		f.Add(false, []byte(text))
	}
	for seq, e := range []input.Event{
		input.Key{Code: "KeyA", Keysym: 'a', Action: input.Down},
		input.Motion{Pos: image.Pt(1, 2)},
		input.Button{Action: input.Down, Button: 1},
		input.Wheel{Delta: image.Pt(0, 120)},
		input.Release{},
		input.Renew{},
	} {
		f.Add(true, input.Append(nil, uint32(seq+1), 0, e))
	}
	f.Add(true, []byte{wsmedia.AcknowledgementType, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add(true, []byte{pieceType, 0, 0, 0, 1, 'a', 'b', 'c'})
	f.Add(true, []byte{pieceType, 0, 0, 0, 1})
	f.Add(true, []byte{probeType, 1, 2, 3, 4, 5, 6, 7, 8})
	log := slog.New(slog.DiscardHandler)
	f.Fuzz(func(t *testing.T, binary bool, data []byte) {
		screen := capture.NewScreen(log)
		desktop := session.New(session.Config{Screen: screen, Log: log})
		d := newDisplay()
		desktop.SetHands(d, d)
		handler, err := New(Config{Session: desktop, Screen: screen, Web: page(), Log: log})
		if err != nil {
			t.Fatal(err)
		}
		viewer, err := desktop.Join(session.JoinConfig{Role: session.Owner})
		if err != nil {
			t.Fatal(err)
		}
		s := &socket{
			h: handler, log: log, viewer: viewer, link: newLink(), flow: newFlow(), wishes: newWishes(),
			queue: make(chan packet, queueSize), cancel: func(error) {},
		}
		s.link.set(deaf{})
		s.begin(hello(data))
		kind := websocket.TextMessage
		if binary {
			kind = websocket.BinaryMessage
		}
		s.dispatch(kind, data)
		viewer.Resize(s.wishes.newest())
		viewer.Leave()
		held := 0
		for _, e := range d.events {
			switch e := e.(type) {
			case input.Key:
				held += 2*int(e.Action) - 1
			case input.Button:
				held += 2*int(e.Action) - 1
			}
		}
		if held != 0 {
			t.Errorf("%q leaves %d held", data, held)
		}
	})
}
