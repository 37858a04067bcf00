package signaling

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// TestEncode: markup is no longer than it is, and survives.
func TestEncode(t *testing.T) {
	got, err := marshal(Message{Type: "offer", SDP: "<b>&\"\u2028</b>\n"})
	if want := `{"type":"offer","sdp":"<b>&\"\u2028</b>\n"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

// TestTimesLeaveRoom: however many there are, other messages find room.
func TestTimesLeaveRoom(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	s := &socket{queue: make(chan packet, queueSize), cancel: cancel}
	for range queueSize {
		s.Times([]byte{1, 0})
	}
	for range queueSize / 2 {
		s.send(Message{Type: "pong"})
	}
	if err := context.Cause(ctx); err != nil {
		t.Errorf("the socket is closed: %v", err)
	}
}

// TestSlowLink: a message that takes long arrives whole, however long.
func TestSlowLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, page := piped(t)
		text := strings.Repeat("<", 1<<20)
		read := make(chan string)
		go func() {
			page.pause = 500 * time.Millisecond
			var m Message
			if err := page.client.ReadJSON(&m); err != nil {
				t.Error(err)
			}
			read <- m.SDP
		}()
		begun := time.Now()
		if err := s.put(t.Context(), Message{Type: "offer", SDP: text}); err != nil {
			t.Errorf("after %v: %v", time.Since(begun), err)
			page.Close()
		}
		if got := <-read; got != text {
			t.Errorf("got %d bytes, want %d", len(got), len(text))
		}
		if took := time.Since(begun); took < 2*s.h.pace.write {
			t.Errorf("it took %v: not slow", took)
		}
	})
}

// TestStopsWithinMessage: a page that stops reading one is closed in the time
// for one write, and a socket that ends meanwhile does not write on.
func TestStopsWithinMessage(t *testing.T) {
	for _, ends := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, page := piped(t)
			ctx, end := context.WithCancelCause(t.Context())
			go func() {
				buffer := make([]byte, 3*fragment/2)
				for n := 0; n < len(buffer); {
					got, err := page.Read(buffer[n:])
					if err != nil {
						t.Error(err)
						return
					}
					n += got
				}
				if !ends {
					return
				}
				end(farewell{code: "shutdown"})
				for err := error(nil); err == nil; _, err = page.Read(buffer) {
				}
			}()
			begun := time.Now()
			err := s.put(ctx, Message{Type: "offer", SDP: strings.Repeat("x", 1<<20)})
			var f farewell
			if got := errors.As(writeError(err), &f); !got || !ends && f.code != "slow" {
				t.Errorf("got %v", err)
			}
			if took := time.Since(begun); took > s.h.pace.write {
				t.Errorf("it took %v, want %v", took, s.h.pace.write)
			}
			if ends && !errors.Is(err, context.Cause(ctx)) {
				t.Errorf("got %v, want %v", err, context.Cause(ctx))
			}
			s.conn.Close()
			synctest.Wait()
		})
	}
}

// slowLink is a page's end of a connection without buffers, which may be slow.
type slowLink struct {
	net.Conn
	pause  time.Duration // before each read
	client *websocket.Conn
}

func (l *slowLink) Read(b []byte) (int, error) {
	time.Sleep(l.pause)
	return l.Conn.Read(b)
}

// hijacked is an answer that becomes a connection.
type hijacked struct {
	http.ResponseWriter
	conn net.Conn
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

// piped connects a socket and a page by a pipe.
func piped(t *testing.T) (*socket, *slowLink) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	s := &socket{h: &Handler{pace: defaultPace}}
	upgraded := make(chan error)
	go func() {
		r, err := http.ReadRequest(bufio.NewReader(ours))
		if err == nil {
			s.conn, err = s.h.upgrader.Upgrade(hijacked{conn: ours}, r, nil)
		}
		upgraded <- err
	}()
	page := &slowLink{Conn: theirs}
	dialer := websocket.Dialer{NetDial: func(string, string) (net.Conn, error) { return page, nil }}
	conn, _, err := dialer.Dial("ws://page/ws", nil)
	if err := errors.Join(err, <-upgraded); err != nil {
		t.Fatal(err)
	}
	page.client = conn
	return s, page
}
