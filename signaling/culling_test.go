package signaling_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"image"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/encode/mediadev"
	"lucarne/input"
	"lucarne/perf/viewer"
	"lucarne/signaling"
	"lucarne/signaling/activity"
	"lucarne/signaling/peer"
	"lucarne/signaling/rfb"
	"lucarne/signaling/session"
	"lucarne/signaling/wsmedia"
)

// What the culler has been told (CULL_IDLE_TIME, IDLENESS_CHECK_PERIOD).
const (
	cullIdle   = 30 * time.Minute
	cullPeriod = time.Minute
)

// notebook is a container in which an agent runs, on a platform that stops what is idle.
// Its time goes by when the test says so; what the agent does takes none of it.
type notebook struct {
	t     *testing.T
	state string // the file that outlives an agent
	born  time.Time

	mu  sync.Mutex
	now time.Time

	*agent
	noted time.Time // last activity as the culler has annotated it
}

func newNotebook(t *testing.T) *notebook {
	born := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	n := &notebook{t: t, state: filepath.Join(t.TempDir(), "activity.json"), born: born, now: born, noted: born}
	n.start()
	t.Cleanup(func() { n.agent.stop() })
	return n
}

func (n *notebook) time() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}

func (n *notebook) pass(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = n.now.Add(d)
}

// culled asks as Kubeflow's culler does (components/notebook-controller, culling_controller.go,
// v1.10) and says whether it stops the notebook now. It parses by itself what it gets.
func (n *notebook) culled() bool {
	n.t.Helper()
	response, err := http.Get(n.url + "/notebook/ns/name/api/kernels")
	if err != nil {
		n.t.Fatal(err)
	}
	defer response.Body.Close()
	var kernels []struct {
		Last  string `json:"last_activity"`
		State string `json:"execution_state"`
	}
	if err := json.NewDecoder(response.Body).Decode(&kernels); err != nil || len(kernels) == 0 || response.StatusCode != http.StatusOK {
		n.t.Fatalf("kernels: %s, %+v, %v", response.Status, kernels, err)
	}
	newest := time.Time{}
	for _, k := range kernels {
		if k.State != "idle" {
			newest = n.time()
			break
		}
		last, err := time.Parse(time.RFC3339, k.Last)
		if err != nil {
			n.t.Fatal(err)
		}
		if last.After(newest) {
			newest = last
		}
	}
	n.noted = newest.Truncate(time.Second) // it may go back
	return n.time().After(n.noted.Add(cullIdle))
}

// restart ends the agent and starts another one.
func (n *notebook) restart() {
	n.agent.stop()
	n.start()
}

// agent is a handler with all that it needs, real but for its display.
type agent struct {
	*desktop
	url     string
	session *session.Session
	vnc     chan net.Conn // ends of the VNC server
	stop    func()

	mu    sync.Mutex
	human time.Time // when somebody last did something, by the session's clock
	at    time.Time // by the notebook's
}

func (n *notebook) start() {
	n.t.Helper()
	log := slog.New(slog.DiscardHandler)
	a := &agent{desktop: &desktop{damaged: make(chan struct{}, 1)}, vnc: make(chan net.Conn, 1)}
	n.agent = a
	backend := encode.Backend{Name: "blank", Codec: encode.VP8, Open: func(encode.Config) (encode.Encoder, error) { return blank{}, nil }}
	screen := capture.NewScreen(log)
	fanout := encode.NewFanout(encode.FanoutConfig{Backend: backend, Open: func() capture.Source { return screen.NewReader() }, Log: log})
	a.session = session.New(session.Config{Fanouts: []*encode.Fanout{fanout}, Screen: screen, Log: log})
	a.session.SetHands(a.desktop, nil)
	meter := activity.New(activity.Config{
		Human: func() time.Time { return a.touched(n.time()) }, Viewers: a.session.Viewers,
		Born: n.born, State: n.state, Log: log, Now: n.time,
	})
	handler, err := signaling.New(signaling.Config{
		Session: a.session, Screen: screen, Log: log, BasePath: "/notebook/ns/name", Activity: meter,
		Web: fstest.MapFS{"index.html": &fstest.MapFile{Data: []byte("<!doctype html>")}},
		VNC: &rfb.Server{Dial: a.dialVNC},
		Open: func(v *session.Viewer, out signaling.Out, generation int) (signaling.Media, error) {
			return peer.New(peer.Config{Register: mediadev.Register([]encode.Backend{backend}), Loopback: true, Generation: generation, Log: log}, v, out)
		},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	a.url = server.URL
	ctx, cancel := context.WithCancel(n.t.Context())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{
		meter.Run, handler.Run, fanout.Run, a.session.Run,
		func(ctx context.Context) error {
			return screen.Run(ctx, func(context.Context) (capture.Source, error) { return a.desktop, nil })
		},
	} {
		running.Go(func() { run(ctx) })
	}
	a.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	n.until("the display", func() bool { return screen.Status().State == capture.Up })
}

// touched returns when somebody last did something, by the notebook's clock, which shows
// now: the session has one of its own.
func (a *agent) touched(now time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if human := a.session.Active(); human.After(a.human) {
		a.human, a.at = human, now
	}
	return a.at
}

// dialVNC connects to a VNC server that lets everybody in.
func (a *agent) dialVNC(context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		for _, step := range []struct {
			say  string
			hear int
		}{{"RFB 003.008\n", 12}, {"\x01\x01", 1}, {"\x00\x00\x00\x00", 1}} {
			io.WriteString(ours, step.say)
			if _, err := io.ReadFull(ours, make([]byte, step.hear)); err != nil {
				return
			}
		}
		a.vnc <- ours
	}()
	return theirs, nil
}

// until waits for a condition.
func (n *notebook) until(what string, holds func() bool) {
	n.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			n.t.Fatalf("never: %s", what)
		}
	}
}

// page is who looks at the desktop, and may do something.
type page interface {
	act()  // presses a key and lets it go
	look() // has something change on the desktop, and waits until it is seen
	close()
}

// acts has somebody do something, and waits until all of it has come.
func (n *notebook) acts(p page) {
	n.t.Helper()
	want := n.taken.Load() + 2
	p.act()
	n.until("what was typed", func() bool { return n.taken.Load() == want })
	n.touched(n.time())
}

// TestCulling: what is used by any path is never culled; what is not, however much is seen
// of it, is culled after T and within a period of that. Neither depends on how often the
// agent is started.
func TestCulling(t *testing.T) {
	for _, tt := range []struct {
		name  string
		open  func(*notebook) page
		works time.Duration // how long somebody does something now and then; 0: nobody ever does
	}{
		{"data channel", openWebRTC, 3 * time.Hour},
		{"WebSocket", openSocket, 3 * time.Hour},
		{"RFB", openVNC, 3 * time.Hour},
		{"silent by WebRTC", openWebRTC, 0},
		{"silent by WebSocket", openSocket, 0},
		{"silent by RFB", openVNC, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNotebook(t)
			p := tt.open(n)
			defer func() { p.close() }()
			last := n.born
			for spent := time.Duration(0); ; spent += cullPeriod {
				if spent < tt.works && spent%(11*time.Minute) == 0 {
					n.acts(p)
					last = n.time()
				}
				if spent%(47*time.Minute) == 13*time.Minute {
					p.close()
					n.restart()
					p = tt.open(n)
				}
				if spent%(5*time.Minute) == 0 {
					p.look()
				}
				n.pass(cullPeriod)
				if n.culled() {
					break
				}
				if n.time().Sub(last) > 2*cullIdle {
					t.Fatal("never culled")
				}
			}
			if idle := n.time().Sub(last); idle < cullIdle || idle > cullIdle+cullPeriod {
				t.Errorf("culled %v after it was last used, %v after it was started; want %v to %v of the former",
					idle, n.time().Sub(n.born), cullIdle, cullIdle+cullPeriod)
			}
			if worked := last.Sub(n.born); worked < tt.works-11*time.Minute {
				t.Errorf("culled after %v, while it was used", worked)
			}
		})
	}
}

var key = input.Key{Code: "KeyA", Keysym: 'a'}

// strokes returns a key being pressed and let go.
func strokes() [2]input.Key {
	down, up := key, key
	down.Action, up.Action = input.Down, input.Up
	return [2]input.Key{down, up}
}

// byWebRTC is a page that gets the picture and gives input by WebRTC.
type byWebRTC struct {
	*viewer.Viewer
	n *notebook
}

func openWebRTC(n *notebook) page {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 20*time.Second)
	defer cancel()
	v, err := viewer.Start(ctx, n.url, viewer.Config{})
	if err != nil {
		n.t.Fatal(err)
	}
	return byWebRTC{v, n}
}

func (p byWebRTC) close() { p.Viewer.Close() }

func (p byWebRTC) act() {
	for _, stroke := range strokes() {
		if err := p.Send(stroke); err != nil {
			p.n.t.Error(err)
		}
	}
}

func (p byWebRTC) look() {
	p.n.t.Helper()
	seen := p.Stats().Packets
	p.n.until("a picture by WebRTC", func() bool {
		p.n.draw()
		return p.Stats().Packets > seen
	})
}

// bySocket is one that does so by its WebSocket.
type bySocket struct {
	*websocket.Conn
	n   *notebook
	seq *uint32
}

// socket opens one.
func (n *notebook) socket(path, hello string, protocols ...string) *websocket.Conn {
	n.t.Helper()
	dialer := websocket.Dialer{Subprotocols: protocols}
	conn, _, err := dialer.DialContext(n.t.Context(), "ws"+strings.TrimPrefix(n.url, "http")+"/notebook/ns/name/"+path, nil)
	if err == nil && hello != "" {
		err = conn.WriteMessage(websocket.TextMessage, []byte(hello))
	}
	if err != nil {
		n.t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	return conn
}

func openSocket(n *notebook) page {
	n.t.Helper()
	conn := n.socket("ws", `{"type":"hello","transport":"ws","codecs":["vp8"]}`)
	p := bySocket{conn, n, new(uint32)}
	p.picture()
	return p
}

func (p bySocket) close() { p.Conn.Close() }

func (p bySocket) act() {
	for _, stroke := range strokes() {
		*p.seq++
		p.WriteMessage(websocket.BinaryMessage, input.Append(nil, *p.seq, *p.seq, stroke))
	}
}

func (p bySocket) look() {
	p.n.draw()
	p.picture()
}

// picture waits for the next one and acknowledges it.
func (p bySocket) picture() {
	p.n.t.Helper()
	for {
		kind, message, err := p.ReadMessage()
		if err != nil {
			p.n.t.Fatal(err)
		}
		if kind == websocket.BinaryMessage && message[0] == 2 {
			sequence := binary.BigEndian.Uint32(message[4:])
			ack := binary.BigEndian.AppendUint32([]byte{wsmedia.AcknowledgementType}, sequence)
			p.WriteMessage(websocket.BinaryMessage, append(ack, make([]byte, 9)...))
			return
		}
	}
}

// byVNC is one that does so by RFB, beside its socket.
type byVNC struct {
	n           *notebook
	control, by *websocket.Conn
	server      net.Conn
}

func openVNC(n *notebook) page {
	n.t.Helper()
	const secret = "a page of 24 characters"
	name := strings.ReplaceAll(secret, " ", "-")
	p := byVNC{n: n, control: n.socket("ws", `{"type":"hello","transport":"none","page":"`+name+`"}`)}
	for message := []byte(nil); !strings.Contains(string(message), `"hello"`); {
		var err error
		if _, message, err = p.control.ReadMessage(); err != nil {
			n.t.Fatal(err)
		}
	}
	p.by = n.socket("vnc/ws", "", "lucarne.page."+name)
	for _, answer := range []string{"RFB 003.008\n", "\x01", "\x01"} { // RFC 6143 section 7.1
		if _, _, err := p.by.ReadMessage(); err != nil {
			n.t.Fatal(err)
		}
		p.by.WriteMessage(websocket.BinaryMessage, []byte(answer))
	}
	p.server = <-n.vnc
	go p.listen(n.agent) // ends with the connection
	return p
}

// listen counts what the VNC server is told.
func (p byVNC) listen(a *agent) {
	for message := make([]byte, 8); ; a.taken.Add(1) {
		if _, err := io.ReadFull(p.server, message); err != nil {
			return
		}
	}
}

func (p byVNC) close() {
	p.by.Close()
	p.control.Close()
	p.server.Close()
}

// act sends KeyEvents (RFC 6143 section 7.5.4).
func (p byVNC) act() {
	p.by.WriteMessage(websocket.BinaryMessage, []byte("\x04\x01\x00\x00\x00\x00\x00a\x04\x00\x00\x00\x00\x00\x00a"))
}

func (p byVNC) look() {
	p.n.t.Helper()
	go io.WriteString(p.server, "picture")
	if _, _, err := p.by.ReadMessage(); err != nil {
		p.n.t.Fatal(err)
	}
}

// desktop is a display on which something changes when the test says so, and an injector.
type desktop struct {
	damaged chan struct{}
	taken   atomic.Int64 // events
}

func (d *desktop) draw() {
	select {
	case d.damaged <- struct{}{}:
	default:
	}
}

func (d *desktop) Damaged() <-chan struct{} { return d.damaged }
func (*desktop) Close() error               { return nil }

func (d *desktop) Inject(input.Event) error {
	d.taken.Add(1)
	return nil
}

func (*desktop) Grab(f *capture.Frame) error {
	size, now := image.Pt(64, 64), time.Now()
	*f = capture.Frame{
		Pix: make([]byte, 4*size.X*size.Y), Stride: 4 * size.X, Size: size,
		Damage: []image.Rectangle{{Max: size}}, Damaged: now, Grabbed: now,
	}
	return nil
}

// blank encodes every picture as one byte, sharp at once.
type blank struct{}

func (blank) SetBitrate(int) error { return nil }
func (blank) Close() error         { return nil }
func (blank) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	return encode.Packet{Data: make([]byte, 64), Key: op.Key, Size: f.Size, Settled: true, Times: encode.Times{Grabbed: f.Grabbed}}, nil
}
