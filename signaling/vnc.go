package signaling

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling/access"
	"lucarne/signaling/rfb"
	"lucarne/signaling/session"
)

// VNC is the path for where nothing else passes. GET vnc/ is a page that speaks
// RFB, GET vnc/ws its WebSocket: binary messages that make one stream, which
// goes to the display's VNC server by package rfb. Clipboard and size go by the
// other WebSocket, as for every page (transport "none"), and both are of the one
// viewer that this has: the page names itself by the subprotocol lucarne.page.<page>,
// page as in its hello. A socket without has a viewer of its own, which only whoever needs no
// key can have.
//
// The server closes it with a code of its own, and the reason's code as the text.
const (
	pageProtocol = "lucarne.page."
	closeForNow  = 4000 // the page may come back by itself
	closeForGood = 4001
)

// sendBuffer is how much the system holds of what a VNC page has not received,
// in bytes: more would only make what is shown older.
const sendBuffer = 256 << 10

// serveVNC answers GET vnc/ws.
func (h *Handler) serveVNC(w http.ResponseWriter, r *http.Request) {
	who, ok := h.visitor(w, r)
	if !ok {
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
	page, answer := vncPage(r)
	conn, err := h.upgrader.Upgrade(w, r, answer)
	if err != nil {
		return // the upgrader has answered
	}
	defer conn.Close()
	limitSend(conn.NetConn())
	end := h.bridge(ctx, conn, h.from(r), who, page)
	code := closeForGood
	if end.retry {
		code = closeForNow
	}
	conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, end.code), time.Now().Add(parting))
}

// vncPage returns what a request's page is known by, the zero key for one that does
// not say, and what of it has to be in the answer (RFC 6455 section 4.2.2).
func vncPage(r *http.Request) (page pageKey, answer http.Header) {
	for _, protocol := range websocket.Subprotocols(r) {
		if secret, found := strings.CutPrefix(protocol, pageProtocol); found && len(secret) >= minPage && len(secret) <= maxPage {
			return sha256.Sum256([]byte(secret)), http.Header{"Sec-Websocket-Protocol": {protocol}}
		}
	}
	return pageKey{}, nil
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

// bridge carries the page's viewer, or one that joins, to the VNC server, and returns
// why that has ended.
func (h *Handler) bridge(ctx context.Context, conn *websocket.Conn, from string, who access.Visitor, named pageKey) farewell {
	if h.cfg.VNC == nil {
		return farewell{code: cmp.Or(h.cfg.VNCOff, "vnc-off")}
	}
	viewer, pass := h.pages.viewer(named)
	switch {
	case viewer == nil && named != pageKey{}:
		return farewell{retry: true} // its page's socket has gone: another is under way
	case viewer == nil:
		var err error
		if pass, err = who.Pass("", ""); err == nil { // the page's own socket is where a key is said
			viewer, err = h.join(pass, from, nil)
		}
		if err != nil {
			h.keyless(from, err)
			h.cfg.Log.Warn("viewer refused", "from", from, "err", err)
			return accessFarewell(err)
		}
		defer viewer.Leave()
	case !who.Has(pass):
		h.keyless(from, access.ErrLogin)
		return accessFarewell(access.ErrLogin)
	}
	log := h.cfg.Log.With("viewer", viewer.ID())
	log.Info("viewer joined", "from", from, "role", viewer.Role(), "transport", "vnc")
	viewer.SetPath("vnc")
	defer viewer.SetPath("")

	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ctx.Done():
		case <-viewer.Gone():
			cancel(goneFarewell(viewer.Err()))
		}
	})
	watch.Go(func() {
		if err := h.gate.Await(ctx, pass); err != nil {
			cancel(accessFarewell(err))
		}
	})
	if named == (pageKey{}) { // of a named one its other socket sees to that
		watch.Go(func() { h.doze(ctx, func() time.Time { return h.active(viewer) }, nil, cancel) })
	}
	defer watch.Wait()
	defer cancel(nil)

	h.vncs.Add(1)
	defer h.vncs.Add(-1)
	page := &stream{conn: conn, pace: h.pace, sent: &h.vncBytes}
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

// goneFarewell is what the page is told when its viewer has left: by itself, or
// because the session has ended it.
func goneFarewell(err error) farewell {
	if err == nil {
		return farewell{retry: true}
	}
	return endFarewell(err)
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
	rest io.Reader      // of the message that is being read; nil: none
	sent *atomic.Uint64 // bytes, of all streams

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
	s.sent.Add(uint64(len(b)))
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
