package floor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"lucarne/perf/browser"
	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testPatience = 30 * time.Second

// serve runs a server until the test's end and returns its address.
func serve(t *testing.T, size image.Point) (*Server, string) {
	t.Helper()
	s, err := New(size)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, l.Addr().String()
}

// dial opens a socket as a page does.
func dial(t *testing.T, address string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+address+"/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(testPatience))
	return conn
}

// expect reads messages.
func expect(t *testing.T, conn *websocket.Conn, want ...[]byte) {
	t.Helper()
	for i, w := range want {
		if _, got, err := conn.ReadMessage(); err != nil || !bytes.Equal(got, w) {
			t.Fatalf("message %d: %x, %v; want %x", i, got, err, w)
		}
	}
}

func say(t *testing.T, conn *websocket.Conn, message ...byte) {
	t.Helper()
	if err := conn.WriteMessage(websocket.BinaryMessage, message); err != nil {
		t.Fatal(err)
	}
}

func TestMessages(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want []byte
	}{
		{"fill", fillMessage(image.Rect(1, 2, 301, 402), 0x102030), []byte{1, 0x10, 0x20, 0x30, 0, 1, 0, 2, 1, 44, 1, 144}},
		{"frame", frameMessage(0x10102, image.Pt(320, 144)), []byte{2, 0, 1, 2, 1, 64, 0, 144}},
		{"sync", syncMessage(258), []byte{3, 0, 0, 0, 0, 0, 1, 2}},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

// A page that comes late is told what can be seen, and no more.
func TestLatePage(t *testing.T) {
	s, address := serve(t, image.Pt(640, 400))
	board := s.Open(image.Rect(100, 100, 200, 200), 0x111111)
	board.Fill(image.Rect(0, 0, 10, 10), 0x222222)
	all := image.Rect(0, 0, 100, 100)
	board.Fill(all, 0x333333)
	board.Fill(image.Rect(5, 5, 10, 10), 0x444444)
	conn := dial(t, address)
	expect(t, conn, fillMessage(board.Bounds, 0x333333), fillMessage(image.Rect(105, 105, 110, 110), 0x444444))
	for i := range 2 * maxDrawn {
		board.Fill(image.Rect(i%100, i/100, i%100+1, i/100+1), 0x555555)
	}
	if got := len(s.drawn); got > maxDrawn {
		t.Errorf("%d drawings kept, want %d at most", got, maxDrawn)
	}
}

func TestSync(t *testing.T) {
	s, address := serve(t, image.Pt(640, 400))
	board := s.Open(image.Rect(0, 0, 100, 100), 0)
	if err := board.Sync(); err != nil {
		t.Errorf("without a page: %v", err)
	}
	conn := dial(t, address)
	expect(t, conn, fillMessage(board.Bounds, 0))
	synced := make(chan error)
	go func() { synced <- board.Sync() }()
	expect(t, conn, syncMessage(2))
	say(t, conn, syncMessage(7)...) // to what was never asked
	select {
	case err := <-synced:
		t.Fatalf("Sync returns before the answer: %v", err)
	default:
	}
	say(t, conn, syncMessage(2)...)
	if err := <-synced; err != nil {
		t.Error(err)
	}
	go func() { synced <- board.Sync() }()
	expect(t, conn, syncMessage(3))
	conn.Close()
	if err := <-synced; err == nil {
		t.Error("Sync with a page that goes: no error")
	}
}

func TestEcho(t *testing.T) {
	s, address := serve(t, image.Pt(640, 400))
	conn := dial(t, address)
	board := s.Open(image.Rect(0, 0, 50, 50), 0)
	expect(t, conn, fillMessage(board.Bounds, 0))
	say(t, conn, typeEvent) // nobody listens yet
	heard := make(chan error)
	go func() { heard <- board.Sync() }()
	expect(t, conn, syncMessage(1))
	say(t, conn, syncMessage(1)...)
	if err := <-heard; err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- board.Echo(ctx) }()
	expect(t, conn, fillMessage(board.Bounds, xclient.Turn(0)))
	for _, want := range []xclient.RGB{xclient.Turn(1), xclient.Turn(2)} {
		say(t, conn, typeEvent)
		expect(t, conn, fillMessage(board.Bounds, want))
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	expect(t, conn, fillMessage(board.Bounds, 0))
}

// A page that says anything else is cut off, the others are not.
func TestBadPage(t *testing.T) {
	s, address := serve(t, image.Pt(640, 400))
	good := dial(t, address)
	for _, message := range [][]byte{{}, {9}, {typeEvent, 0}, {typeSync, 0, 0}, make([]byte, maxMessage+1)} {
		bad := dial(t, address)
		say(t, bad, message...)
		if _, got, err := bad.ReadMessage(); err == nil {
			t.Errorf("after %x: %x, want the end", message, got)
		}
	}
	board := s.Open(image.Rect(0, 0, 50, 50), 0x123456)
	expect(t, good, fillMessage(board.Bounds, 0x123456))
}

func TestImagePage(t *testing.T) {
	_, address := serve(t, image.Pt(320, 200))
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: testPatience}
	for path, want := range map[string]string{"/image.html": "text/html", "/picture.png": "image/png", "/": "text/html", "/none": "text/plain; charset=utf-8"} {
		r, err := client.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if got := r.Header.Get("Content-Type"); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", path, got, err, want)
		}
		if path == "/image.html" && !bytes.Contains(body, []byte(`<img src="picture.png" width="320" height="200"`)) {
			t.Errorf("page %s", body)
		}
		if path == "/picture.png" {
			if img, err := png.Decode(bytes.NewReader(body)); err != nil || img.Bounds().Size() != image.Pt(320, 200) {
				t.Errorf("picture: %v", err)
			}
		}
	}
}

// TestInABrowser: what is drawn arrives as pixels, and what is pressed comes back.
func TestInABrowser(t *testing.T) {
	if _, err := browser.Find(); errors.Is(err, browser.ErrNotFound) {
		t.Skip("chromium is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, address := serve(t, image.Pt(1280, 720))
	b, err := browser.Start(ctx, browser.Config{Size: image.Pt(1280, 720)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	board := s.Open(image.Rect(320, 144, 960, 544), 0x2060c0) // before the page is there
	sampler, page, err := sample.Open(ctx, b, "http://"+address+"/")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	shows := func(at image.Point, colour xclient.RGB) {
		t.Helper()
		expression := fmt.Sprintf("lucarneSampler.colours([[%d, %d]])[0] === %d", at.X, at.Y, colour)
		if err := page.Wait(ctx, expression); err != nil {
			t.Fatalf("%06x at %v: %v", colour, at, err)
		}
	}
	at := image.Pt(640, 344)
	shows(at, 0x2060c0)
	shows(image.Pt(319, 344), 0)
	board.Fill(image.Rect(300, 180, 400, 280), 0xe0a030)
	if err := board.Sync(); err != nil {
		t.Fatal(err)
	}
	shows(at, 0xe0a030)

	if err := sampler.StartFrames(ctx, board.Bounds.Min); err != nil {
		t.Fatal(err)
	}
	for _, number := range []int{1, 2, 4711, 65535} {
		if _, err := board.Draw(number); err != nil {
			t.Fatal(err)
		}
		if err := board.Sync(); err != nil {
			t.Fatal(err)
		}
		if err := page.Eval(ctx, "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(1))))", nil); err != nil {
			t.Fatal(err)
		}
	}
	r, err := sampler.Stop(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, v := range r.Samples {
		if v.Value >= 0 {
			got = append(got, v.Value)
		}
	}
	if fmt.Sprint(got) != "[1 2 4711 65535]" {
		t.Errorf("frames %v, want [1 2 4711 65535]", got)
	}

	echoing, stop := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- board.Echo(echoing) }()
	shows(at, xclient.Turn(0))
	if err := page.Press(ctx, browser.Key{Code: "KeyA", Key: "a"}); err != nil {
		t.Fatal(err)
	}
	shows(at, xclient.Turn(1))
	if err := page.Click(ctx, at, browser.Left); err != nil {
		t.Fatal(err)
	}
	shows(at, xclient.Turn(2))
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}

	if err := page.Navigate(ctx, "http://"+address+"/image.html"); err != nil {
		t.Fatal(err)
	}
	if err := page.Wait(ctx, "document.images[0].complete && document.images[0].naturalWidth === 1280"); err != nil {
		t.Error(err)
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add([]byte{typeEvent})
	f.Add(syncMessage(1))
	f.Add([]byte{})
	f.Add([]byte{typeFill, 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, number, err := parseMessage(b)
		switch {
		case err != nil:
		case kind == typeEvent && !bytes.Equal(b, []byte{typeEvent}):
			t.Errorf("%x is an event", b)
		case kind == typeSync && (len(b) != 8 || !bytes.Equal(b[4:], syncMessage(number)[4:])):
			t.Errorf("%x is the answer %d", b, number)
		}
	})
}
