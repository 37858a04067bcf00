package viewer

import (
	"context"
	"errors"
	"image"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"lucarne/capture"
	"lucarne/capture/synth"
	"lucarne/encode"
	"lucarne/encode/mediadev"
	"lucarne/encode/vpx"
	"lucarne/input"
	"lucarne/signaling"
	"lucarne/signaling/peer"
	"lucarne/signaling/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hands is an injector that remembers what it was asked for.
type hands struct {
	mu     sync.Mutex
	events []input.Event
}

func (h *hands) Inject(e input.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
	return nil
}

func (h *hands) Close() error { return nil }

func (h *hands) has(e input.Event) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.events {
		if v == e {
			return true
		}
	}
	return false
}

// serve runs a server that shows moving pictures, for as long as the test, and
// returns its page's address and who gets the input.
func serve(t *testing.T) (string, *hands) {
	t.Helper()
	backend := vpx.Backend()
	if enc, err := backend.Open(encode.Config{Size: image.Pt(64, 64)}); err != nil {
		t.Skip(err)
	} else {
		enc.Close()
	}
	log := slog.New(slog.DiscardHandler)
	screen := capture.NewScreen(log)
	fanout := encode.NewFanout(encode.FanoutConfig{
		Backend: backend, Open: func() capture.Source { return screen.NewReader() }, Log: log,
	})
	desk := session.New(session.Config{Fanouts: []*encode.Fanout{fanout}, Screen: screen, Log: log})
	handler, err := signaling.New(signaling.Config{
		Session: desk, Screen: screen, Log: log,
		Web: fstest.MapFS{"index.html": &fstest.MapFile{Data: []byte("<!doctype html>")}},
		Open: func(v *session.Viewer, out signaling.Out, generation int) (signaling.Media, error) {
			return peer.New(peer.Config{
				Register: mediadev.Register([]encode.Backend{backend}), Loopback: true, Generation: generation, Log: log,
			}, v, out)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	h := &hands{}
	desk.SetHands(h, nil)

	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	source := synth.New(synth.Config{Size: image.Pt(320, 240), FPS: 30})
	for _, run := range []func(context.Context) error{
		source.Run, fanout.Run, desk.Run, handler.Run,
		func(ctx context.Context) error {
			return screen.Run(ctx, func(context.Context) (capture.Source, error) { return source, nil })
		},
	} {
		tasks.Go(func() { run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		tasks.Wait()
		server.Close()
	})
	return server.URL + "/?codec=vp8", h
}

// await waits until ok.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s", what)
		}
	}
}

func TestViewer(t *testing.T) {
	url, h := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var opened atomic.Int32
	v, err := Start(ctx, url, Config{Within: func(open func() error) error {
		opened.Add(1)
		return open()
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if got := opened.Load(); got < 3 { // the interfaces, the WebSocket, a socket for media at least
		t.Errorf("%d times within, want 3 or more", got)
	}

	await(t, "frames", func() bool { return v.Stats().Frames >= 20 })
	await(t, "frame times", func() bool {
		frames := v.Frames()
		return len(frames) > 0 && !frames[0].Server.Sent.IsZero()
	})
	s := v.Stats()
	if s.KeyFrames < 1 || s.Packets < s.Frames || s.Bytes < s.Packets || s.Broken != 0 || s.Malformed != 0 || s.Lost != 0 {
		t.Errorf("stats %+v", s)
	}
	dated := 0
	for i, f := range v.Frames() {
		if i == 0 && !f.Key || f.Bytes == 0 || f.Arrived.Before(f.First) {
			t.Errorf("frame %d: %+v", i, f)
		}
		if f.Server.Sent.IsZero() {
			continue
		}
		dated++
		// One clock: a frame cannot come before it was grabbed.
		if f.Bytes != f.Server.Bytes || f.Key != f.Server.Key || f.First.Before(f.Server.Grabbed) {
			t.Errorf("frame %d: %+v", i, f)
		}
	}
	if dated < 5 {
		t.Errorf("the server told of %d frames only", dated)
	}

	key := input.Key{Action: input.Down, Code: "KeyA", Keysym: 'a'}
	pos := image.Pt(17, 19)
	for _, e := range []input.Event{key, input.Motion{Pos: pos}} {
		if err := v.Send(e); err != nil {
			t.Fatal(err)
		}
		await(t, "event", func() bool { return h.has(e) })
	}
	if err := v.Err(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(v.Close(), v.Close()); err != nil {
		t.Error(err)
	}
	if v.Err() == nil {
		t.Error("a closed viewer says that it has not ended")
	}
}

func TestStartFails(t *testing.T) {
	server := httptest.NewServer(nil) // answers 404
	defer server.Close()
	for _, c := range []struct{ url, want string }{
		{"ftp://example.org/", "begins with http"},
		{"http://127.0.0.1:1/", "refused"},
		{server.URL, "bad handshake"},
	} {
		v, err := Start(t.Context(), c.url, Config{})
		if err == nil {
			v.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Start(%s): %v, want %q in it", c.url, err, c.want)
		}
	}
}

func TestSocketAddress(t *testing.T) {
	for _, c := range []struct{ page, want string }{
		{"http://127.0.0.1:6070/", "ws://127.0.0.1:6070/ws"},
		{"http://127.0.0.1:6070", "ws://127.0.0.1:6070/ws"},
		{"https://hub.example.org/user/al%20ice/desktop/?codec=vp8#x", "wss://hub.example.org/user/al%20ice/desktop/ws"},
	} {
		if got, err := socketAddress(c.page); got != c.want || err != nil {
			t.Errorf("socketAddress(%s) = %s, %v; want %s", c.page, got, err, c.want)
		}
	}
}
