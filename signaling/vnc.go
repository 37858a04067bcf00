package signaling

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling/rfb"
	"lucarne/signaling/session"
)

// VNC is the path for where nothing else passes. GET vnc/ is a page that speaks
// RFB, GET vnc/ws its WebSocket: binary messages that make one stream, which
// goes to the display's VNC server by package rfb. Clipboard and size go by the
// other WebSocket, as for every page (transport "none").
//
// The server closes it with a code of its own, and the reason's code as the text.
const (
	closeForNow  = 4000 // the page may come back by itself
	closeForGood = 4001
)

// sendBuffer is how much the system holds of what a VNC page has not received,
// in bytes: more would only make what is shown older.
const sendBuffer = 256 << 10

// serveVNC answers GET vnc/ws.
func (h *Handler) serveVNC(w http.ResponseWriter, r *http.Request) {
	if !h.admits(w, r) {
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	s := &socket{h: h, cancel: cancel} // only counted in, and told to end
	if !h.add(s) {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	defer h.remove(s)
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	defer conn.Close()
	limitSend(conn.NetConn())
	end := h.bridge(ctx, conn, remoteHost(r))
	code := closeForGood
	if end.retry {
		code = closeForNow
	}
	conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, end.code), time.Now().Add(parting))
}

// limitSend bounds what waits in the system to be sent on a connection.
func limitSend(conn net.Conn) {
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = wrapped.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetWriteBuffer(sendBuffer)
	}
}

// bridge joins a viewer and carries it to the VNC server, and returns why that
// has ended.
func (h *Handler) bridge(ctx context.Context, conn *websocket.Conn, from string) farewell {
	if h.cfg.VNC == nil {
		return farewell{code: "vnc-off"}
	}
	viewer, err := h.cfg.Session.Join(session.JoinConfig{Role: h.cfg.Role})
	if err != nil {
		h.cfg.Log.Warn("viewer refused", "from", from, "err", err)
		return farewell{code: "full", retry: true}
	}
	defer viewer.Leave()
	log := h.cfg.Log.With("viewer", viewer.ID())
	log.Info("viewer joined", "from", from, "role", viewer.Role(), "transport", "vnc")

	page := &stream{conn: conn, pace: h.pace}
	page.alive()
	conn.SetPongHandler(func(string) error { page.alive(); return nil })
	pinging, stop := context.WithCancel(ctx)
	var pings sync.WaitGroup
	pings.Go(func() { page.ping(pinging) })
	counts, err := h.cfg.VNC.Serve(ctx, viewer, page)
	stop()
	pings.Wait()
	end := vncFarewell(err)
	log.Info("viewer left", "reason", cmp.Or(end.code, "left"), "err", err, "messages", counts)
	return end
}

// vncFarewell is what the page is told of the end of its connection.
func vncFarewell(err error) farewell {
	var f farewell
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, rfb.ErrClipboard):
		f.code = "vnc-clipboard"
	case errors.Is(err, rfb.ErrPassword):
		f.code = "vnc-password"
	case errors.Is(err, rfb.ErrMalformed):
		f.code = "malformed"
	case errors.Is(err, session.ErrRefused):
		f.code = "refused"
	case errors.Is(err, exec.ErrNotFound):
		f.code = "vnc-missing"
	case errors.Is(err, rfb.ErrServer):
		f.code, f.retry = "vnc-failed", true
	case errors.As(err, &timeout) && timeout.Timeout():
		f.code, f.retry = "timeout", true
	}
	return f
}

// stream is the binary messages of a WebSocket as one stream of bytes each way.
type stream struct {
	conn *websocket.Conn
	pace pace
	rest io.Reader // of the message that is being read; nil: none

	mu     sync.Mutex
	closed bool
}

// alive notes a sign of life; without one for a while a Read fails.
func (s *stream) alive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.conn.SetReadDeadline(time.Now().Add(3 * s.pace.idle)) // a slow link delays what a ping has to follow
	}
}

// ping asks for signs of life until ctx ends; the browser gives them.
func (s *stream) ping(ctx context.Context) {
	tick := time.NewTicker(s.pace.ping)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.pace.write)) // Read or Write tells if it cannot
		}
	}
}

func (s *stream) Read(b []byte) (int, error) {
	for {
		if s.rest == nil {
			kind, r, err := s.conn.NextReader()
			if err != nil {
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				return 0, rfb.ErrMalformed
			}
			s.rest = r
		}
		n, err := s.rest.Read(b)
		if err == io.EOF {
			s.rest, err = nil, nil
		}
		if n > 0 || err != nil {
			s.alive()
			return n, err
		}
	}
}

// Write sends b as one message, in time.
func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	s.conn.SetWriteDeadline(time.Now().Add(s.pace.write))
	if err := s.conn.WriteMessage(websocket.BinaryMessage, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close ends a Read or Write that waits, and all to come. The page can still be
// told why.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.conn.NetConn().SetDeadline(time.Now())
}
