package signaling

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling/access"
	"lucarne/signaling/session"
	"lucarne/signaling/wsmedia"
)

// Bounds on what a page may send and on what waits to be sent to it.
const (
	maxControl = 256 << 10 // a control message
	maxInput   = session.MaxInput
	maxBad     = 100 // messages that are none, before the socket is closed
	queueSize  = 64  // messages
	keptBuffer = 2 * maxPiece
)

// pace is how long a socket waits for what.
type pace struct {
	hello     time.Duration // for the page's first message
	write     time.Duration // for one message to leave
	ping      time.Duration // between two; the browser answers, also for a tab whose timers it has stopped
	idle      time.Duration // without any sign of life: the page is gone
	ack       time.Duration // at least, between two acknowledgements of input
	resize    time.Duration // that a wish for a size has to last
	codec     time.Duration // from media that the page does not decode to the next
	people    time.Duration // at least, between two lists of who is here
	place     time.Duration // at least, between two words of where the pointer is
	gpus      time.Duration // between two readings of the GPUs, for a page that wants them
	processes time.Duration // at least, between two words of how the processes are
	doze      time.Duration // between two looks at whether somebody is there
}

var defaultPace = pace{
	hello: 10 * time.Second, write: 10 * time.Second, ping: 3 * time.Second,
	idle: 10 * time.Second, ack: 250 * time.Millisecond, resize: 100 * time.Millisecond, codec: 30 * time.Second, people: 250 * time.Millisecond,
	place: 100 * time.Millisecond, gpus: time.Second, processes: 500 * time.Millisecond, doze: 10 * time.Second,
}

// farewell is why a socket closes, as the page is told in bye.
type farewell struct {
	code  string // "": the page has gone by itself
	retry bool
	err   error // for the log
}

func (f farewell) Error() string {
	switch {
	case f.err == nil:
		return f.code
	case f.code == "":
		return f.err.Error()
	}
	return f.code + ": " + f.err.Error()
}

func (f farewell) Unwrap() error { return f.err }

// socket is the server's end of one page's WebSocket: one viewer, its pictures on
// this socket and its media beside it.
// The request's goroutine reads, one goroutine writes, and everything else
// leaves through a bounded queue: a page that does not read disturbs nobody.
type socket struct {
	h       *Handler
	conn    *websocket.Conn
	log     *slog.Logger
	cancel  context.CancelCauseFunc
	queue   chan packet
	viewer  *session.Viewer
	pass    access.Pass // by which that has come in
	attempt int         // of its page, to say hello
	rested  bool        // it ends because nobody was there
	handled uint32      // newest input of the viewer that this one replaces
	link    link
	wishes  wishes
	path    string        // of the page, as it was asked for here
	visits  chan Visit    // capacity 1: the page would like to know what the desktop lacks
	place   chan struct{} // capacity 1: the page would like to know where the pointer is
	gpus    chan bool     // capacity 1: whether the page wants to know how the GPUs are

	pictures *wsmedia.Video
	offers   bool // media beside the socket

	flow     flow
	incoming *incoming    // the reader's; nil: none
	buffer   bytes.Buffer // the reader's
	counts   counts       // the reader's
}

// packet is one message to the page.
type packet struct {
	kind int // websocket.TextMessage or BinaryMessage
	data []byte
}

// counts are what a socket's reader has ignored.
type counts struct {
	malformed int // messages that are none, or absurd
	unknown   int // of a type that this version does not know
}

// serveSocket answers GET ws.
func (h *Handler) serveSocket(w http.ResponseWriter, r *http.Request) {
	who, ok := h.visitor(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	s := &socket{
		h: h, cancel: cancel, queue: make(chan packet, queueSize), link: newLink(), flow: newFlow(), wishes: newWishes(),
		path: strings.TrimSuffix(r.URL.Path, "ws"), visits: make(chan Visit, 1), place: make(chan struct{}, 1),
		gpus: make(chan bool, 1), log: h.cfg.Log,
	}
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
	s.conn = conn
	if err := wsmedia.LimitUnsent(conn.NetConn()); err != nil {
		s.log.Debug("pictures may queue in the kernel", "err", err)
	}
	s.serve(ctx, h.from(r), who)
}

// add counts a socket in, unless the handler is closing.
func (h *Handler) add(s *socket) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return false
	}
	h.sockets[s] = struct{}{}
	h.open.Add(1)
	return true
}

func (h *Handler) remove(s *socket) {
	h.mu.Lock()
	delete(h.sockets, s)
	h.mu.Unlock()
	h.open.Done()
}

// serve takes a socket from its first message to its end.
func (s *socket) serve(ctx context.Context, from string, who access.Visitor) {
	hello, err := s.awaitHello(ctx)
	if err != nil {
		s.bye(err)
		return
	}
	if s.pass, err = who.Pass(hello.Share, hello.Key); err != nil {
		s.h.keyless(from, err)
		s.log.Warn("viewer refused", "from", from, "err", err)
		s.bye(accessFarewell(err))
		return
	}
	page := s.page(hello.Page)
	s.attempt = hello.Attempt
	earlier, first := s.h.pages.vacate(page, s.attempt)
	if !first {
		s.bye(farewell{code: "replaced"})
		return
	}
	if earlier != nil {
		s.handled = earlier.InputSeq()
	}
	viewer, err := s.h.join(s.pass, from, earlier)
	if err != nil {
		s.log.Warn("viewer refused", "from", from, "err", err)
		s.bye(accessFarewell(err))
		return
	}
	defer viewer.Leave()
	s.viewer, s.log = viewer, s.log.With("viewer", viewer.ID())
	defer s.h.pages.occupy(page, s)()
	s.log.Info("viewer joined", "from", from, "role", viewer.Role(), "page", clip(hello.Version), "lang", clip(hello.Lang), "transport", clip(hello.Transport))
	s.begin(hello)
	defer s.h.traffic.carry(s.pictures)()
	s.log.Info("viewer left", "reason", s.converse(ctx), "malformed", s.counts.malformed, "unknown", s.counts.unknown,
		"input", viewer.Counts(), "socket", s.pictures.Stats())
}

// converse runs the socket's goroutines until one of them ends, and returns why.
func (s *socket) converse(ctx context.Context) string {
	ctx, stop := context.WithCancelCause(ctx)
	var others sync.WaitGroup
	others.Go(func() { s.write(ctx, stop) })
	others.Go(func() { s.resize(ctx) })
	if s.h.cfg.GPUs != nil {
		others.Go(func() { s.tellGPUs(ctx) })
	}
	if s.h.cfg.Doctor != nil {
		others.Go(func() { s.tellFindings(ctx) })
	}
	if s.h.cfg.Processes != nil {
		others.Go(func() { s.tellProcesses(ctx) })
	}
	others.Go(func() { s.watchIdle(ctx) })
	others.Go(func() { s.heed(ctx, stop) })
	others.Go(func() { s.stay(ctx, stop) })
	if s.offers {
		others.Go(func() { s.carry(ctx) })
	}
	end := s.read()
	stop(end)
	if errors.Is(end, errLeft) { // before the media has ended: what is held is let go at once
		s.viewer.Leave()
	} else {
		s.viewer.Lose()
	}
	others.Wait()
	return context.Cause(ctx).Error()
}

// awaitHello reads the first message, which has to come soon and be a hello.
func (s *socket) awaitHello(ctx context.Context) (Message, error) {
	defer s.h.halfOpen.enter(s.conn)()
	s.conn.SetReadDeadline(time.Now().Add(s.h.pace.hello))
	defer context.AfterFunc(ctx, func() { s.conn.NetConn().SetReadDeadline(time.Now()) })()
	kind, data, err := s.next(func() {})
	if ctx.Err() != nil {
		return Message{}, context.Cause(ctx)
	}
	if err != nil {
		return Message{}, readError(err)
	}
	var m Message
	if kind != websocket.TextMessage || json.Unmarshal(data, &m) != nil || m.Type != "hello" {
		return Message{}, farewell{code: "malformed", err: errNoHello}
	}
	return m, nil
}

var (
	errNoHello = errors.New("the first message is no hello")
	errTooMany = errors.New("too many malformed messages")
)

// read handles the page's messages until the socket ends, and says why it did.
func (s *socket) read() error {
	alive := func() { s.conn.SetReadDeadline(time.Now().Add(s.h.pace.idle)) }
	s.conn.SetPongHandler(func(payload string) error {
		alive()
		s.pictures.Pong(payload)
		return nil
	})
	for {
		alive()
		kind, data, err := s.next(alive)
		if err != nil {
			return readError(err)
		}
		if err := s.dispatch(kind, data); err != nil {
			return err
		}
		if s.counts.malformed > maxBad {
			return farewell{code: "malformed", err: errTooMany}
		}
	}
}

// next reads one message, valid until the next call, and reports each part of
// it: a long one may take a while. Of a binary message it keeps no more than tells that it is too long. (Conn.SetReadLimit would close
// the connection before the page could be told why.)
func (s *socket) next(progress func()) (kind int, data []byte, err error) {
	kind, r, err := s.conn.NextReader()
	if err != nil {
		return 0, nil, err
	}
	limit := int64(maxControl)
	if kind == websocket.BinaryMessage {
		limit = maxBinary
	}
	if s.buffer.Cap() > keptBuffer {
		s.buffer = bytes.Buffer{}
	}
	s.buffer.Reset()
	if _, err = s.buffer.ReadFrom(io.LimitReader(reporting{r, progress}, limit+1)); err != nil {
		return 0, nil, err
	}
	if kind == websocket.TextMessage && s.buffer.Len() > maxControl {
		return 0, nil, farewell{code: "too-large", retry: true}
	}
	return kind, s.buffer.Bytes(), nil
}

// reporting is a reader that reports each read.
type reporting struct {
	io.Reader
	report func()
}

func (r reporting) Read(b []byte) (int, error) {
	r.report()
	return r.Reader.Read(b)
}

// readError words the end of reading.
func readError(err error) error {
	var f farewell
	if errors.As(err, &f) {
		return f
	}
	var closed *websocket.CloseError
	if errors.As(err, &closed) && closed.Code == websocket.CloseGoingAway {
		return farewell{err: errLeft} // its tab is closed, or shows another page
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return farewell{code: "timeout", retry: true}
	}
	return farewell{err: fmt.Errorf("signaling: read: %w", err)}
}

// clip bounds what a page says of itself, for the log.
func clip(text string) string { return text[:min(len(text), 64)] }
