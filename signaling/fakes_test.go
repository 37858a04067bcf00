package signaling

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/input"
	"lucarne/signaling/iceserver"
	"lucarne/signaling/peer"
	"lucarne/signaling/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

// display is a source with a size and a cursor, an injector and a clipboard.
type display struct {
	damaged, cursors chan struct{}
	changed          chan input.Selection

	mu      sync.Mutex
	size    image.Point
	cursor  capture.Cursor
	events  []input.Event
	text    string
	html    string
	offered string
	resizes []image.Point
}

func newDisplay() *display {
	return &display{
		damaged: make(chan struct{}, 1), cursors: make(chan struct{}, 1), changed: make(chan input.Selection, 1),
		size: image.Pt(640, 480),
	}
}

func (d *display) Damaged() <-chan struct{}        { return d.damaged }
func (d *display) CursorChanged() <-chan struct{}  { return d.cursors }
func (d *display) Changed() <-chan input.Selection { return d.changed }
func (d *display) Close() error                    { return nil }

func (d *display) Grab(f *capture.Frame) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	*f = capture.Frame{
		Pix: make([]byte, 4*d.size.X*d.size.Y), Stride: 4 * d.size.X, Size: d.size,
		Damage: []image.Rectangle{{Max: d.size}}, Damaged: now, Grabbed: now,
	}
	return nil
}

func (d *display) Cursor() (capture.Cursor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cursor, nil
}

func (d *display) point(serial uint32) {
	d.mu.Lock()
	d.cursor = capture.Cursor{Serial: serial, Image: image.NewNRGBA(image.Rect(0, 0, 8, 8)), Hot: image.Pt(3, 4)}
	d.mu.Unlock()
	d.cursors <- struct{}{}
}

// warp puts the pointer elsewhere, of which the display says nothing.
func (d *display) warp(to image.Point) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cursor.Pos = to
}

func (d *display) Resize(size image.Point) (image.Point, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.size = size
	d.resizes = append(d.resizes, size)
	return size, nil
}

func (d *display) Inject(e input.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
	return nil
}

func (d *display) injected() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.events)
}

func (d *display) Read(_ context.Context, _ input.Selection, mime string, limit int) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	data := map[string]string{session.TextPlain: d.text, session.TextHTML: d.html}[mime]
	if len(data) > limit {
		return nil, input.ErrTooLarge
	}
	return []byte(data), nil
}

func (d *display) Offer(_ input.Selection, items []input.Item) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.offered = ""
	for _, item := range items {
		d.offered += item.MIME + ":" + string(item.Data)
	}
	return nil
}

func (d *display) clipboard() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.offered
}

// copy is a program of the desktop taking the clipboard.
func (d *display) copy(text string) {
	d.mu.Lock()
	d.text = text
	d.mu.Unlock()
	d.changed <- input.SelectionClipboard
}

// What cmd puts together fits.
var (
	_ Media       = (*peer.Peer)(nil)
	_ peer.Out    = Out(nil)
	_ peer.Viewer = (*session.Viewer)(nil)
)

// media is what a peer would be.
type media struct {
	out        Out
	generation int
	calls      chan string
	watched    chan session.Attention
	end        chan error
}

func (m *media) Run(ctx context.Context) error {
	m.out.Offer("offer", m.generation+1, iceserver.Config{
		Servers: []iceserver.Server{{URLs: []string{"turn:turn.example.org"}, Username: "u", Credential: "p"}},
		Policy:  iceserver.RelayOnly,
	})
	m.out.Candidate([]byte(`{"candidate":"c"}`), m.generation+1)
	m.out.Times([]byte{1, 0})
	select {
	case <-ctx.Done():
		return nil
	case err := <-m.end:
		return err
	}
}

func (m *media) Answer(sdp string, generation int)     { m.calls <- "answer " + sdp }
func (m *media) Candidate(init []byte, generation int) { m.calls <- "candidate " + string(init) }
func (m *media) Restart()                              { m.calls <- "restart" }
func (m *media) Watch(a session.Attention)             { m.watched <- a }

// blank encodes every picture as zeros, sharp at once.
type blank struct{ size *atomic.Int64 }

func (blank) SetBitrate(int) error { return nil }
func (blank) Close() error         { return nil }
func (b blank) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	data := make([]byte, max(1, b.size.Load()))
	return encode.Packet{Data: data, Key: op.Key, Size: f.Size, Settled: true, Times: encode.Times{Grabbed: f.Grabbed}}, nil
}

// server is a handler that listens, with all that it needs.
type server struct {
	*httptest.Server
	handler *Handler
	session *session.Session
	display *display
	log     *logbook
	medias  chan *media
	picture atomic.Int64 // bytes of each picture; 0: one
	stop    func()       // ends all but the display; idempotent
}

// logbook is a log that a test can read while it is written.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const indexHTML = `<!doctype html><meta name="lucarne-version" content="v1"><title>page</title>`

func page() fstest.MapFS {
	return fstest.MapFS{
		".gitignore":                {Data: []byte("*")},
		"index.html":                {Data: []byte(indexHTML)},
		"connection.html":           {Data: []byte(indexHTML)},
		"vnc/index.html":            {Data: []byte(indexHTML)},
		"assets/main-ABCD1234.js":   {Data: []byte("0")},
		"assets/style-ABCD1234.css": {Data: []byte("p{}")},
		"robots.txt":                {Data: []byte("x")},
	}
}

// serve starts a server. change may alter the configuration before; what that
// adds is run beside the rest.
func serve(t *testing.T, change func(*Config), beside ...func(context.Context) error) *server {
	t.Helper()
	return serveSession(t, session.Config{}, change, beside...)
}

// serveSession is serve with a session of which something is given already.
func serveSession(t *testing.T, desktop session.Config, change func(*Config), beside ...func(context.Context) error) *server {
	t.Helper()
	s := &server{display: newDisplay(), log: &logbook{}, medias: make(chan *media, 200)}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	screen := capture.NewScreen(log)
	fanout := encode.NewFanout(encode.FanoutConfig{
		Backend: encode.Backend{Name: "blank", Codec: encode.VP8, Open: func(encode.Config) (encode.Encoder, error) { return blank{&s.picture}, nil }},
		Open:    func() capture.Source { return screen.NewReader() },
		Log:     log,
	})
	desktop.Fanouts, desktop.Screen, desktop.Log = []*encode.Fanout{fanout}, screen, log
	s.session = session.New(desktop)
	s.session.SetHands(s.display, s.display)
	cfg := Config{
		Session: s.session, Screen: screen, Web: page(), Log: log,
		Open: func(_ *session.Viewer, out Out, generation int) (Media, error) {
			m := &media{out: out, generation: generation, calls: make(chan string, 100), watched: make(chan session.Attention, 100), end: make(chan error, 1)}
			s.medias <- m
			return m, nil
		},
	}
	if change != nil {
		change(&cfg)
	}
	handler, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.handler = handler
	s.Server = httptest.NewServer(handler)

	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, run := range beside {
		running.Go(func() { run(ctx) })
	}
	running.Go(func() { handler.Run(ctx) })
	running.Go(func() { fanout.Run(ctx) })
	running.Go(func() { s.session.Run(ctx) })
	running.Go(func() { screen.Run(ctx, func(context.Context) (capture.Source, error) { return s.display, nil }) })
	s.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(func() {
		s.stop()
		s.Server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	eventually(t, "the display is up", func() bool { return screen.Status().State == capture.Up })
	return s
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// client is a page's end of a socket.
type client struct {
	t    *testing.T
	conn *websocket.Conn
}

func (s *server) wsURL(path string) string { return "ws" + strings.TrimPrefix(s.URL, "http") + path }

// dial opens a socket without a hello.
func (s *server) dial(t *testing.T, path string, header http.Header) *client {
	t.Helper()
	conn, response, err := websocket.DefaultDialer.Dial(s.wsURL(path), header)
	if err != nil {
		t.Fatalf("dial %s: %v (%v)", path, err, response)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t: t, conn: conn}
}

// refused tries to open a socket and returns the status it is refused with.
func (s *server) refused(t *testing.T, path string, header http.Header) int {
	t.Helper()
	conn, response, err := websocket.DefaultDialer.Dial(s.wsURL(path), header)
	if err == nil {
		conn.Close()
		return http.StatusSwitchingProtocols
	}
	if response == nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// join opens a socket, says hello and returns the server's.
func (s *server) join(t *testing.T) (*client, Message) {
	t.Helper()
	c := s.dial(t, "/ws", nil)
	c.send(`{"type":"hello","version":"v1","lang":"en","transport":"webrtc"}`)
	return c, c.await("hello")
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

func (c *client) sendInput(seq uint32, e input.Event) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.BinaryMessage, input.Append(nil, seq, seq, e)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

var errBinary = errors.New("binary")

// next returns the next control message; a binary one is errBinary. Half a message,
// which a socket that ends may leave, it ignores as the page does.
func (c *client) next() (m Message, err error) {
	c.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		kind, data, err := c.conn.ReadMessage()
		if err != nil {
			return m, err
		}
		if kind == websocket.BinaryMessage {
			return m, errBinary
		}
		if json.Valid(data) {
			return m, json.Unmarshal(data, &m)
		}
	}
}

// await returns the next message of a type.
func (c *client) await(kind string) Message {
	c.t.Helper()
	for {
		m, err := c.next()
		switch {
		case errors.Is(err, errBinary):
		case err != nil:
			c.t.Fatalf("waiting for %s: %v", kind, err)
		case m.Type == kind:
			return m
		}
	}
}

// flush waits until the server has handled all that was sent and returns what it
// said meanwhile.
func (c *client) flush() (said []Message) {
	c.t.Helper()
	c.send(`{"type":"ping","t":1}`)
	for {
		m, err := c.next()
		switch {
		case errors.Is(err, errBinary):
		case err != nil:
			c.t.Fatalf("waiting for pong: %v", err)
		case m.Type == "pong":
			return said
		default:
			said = append(said, m)
		}
	}
}
