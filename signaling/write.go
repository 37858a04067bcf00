package signaling

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// send queues a control message. It never blocks: a page that lets the queue
// fill up does not read, and its socket is closed.
func (s *socket) send(m Message) {
	data, err := marshal(m)
	if err != nil {
		s.cancel(farewell{code: "internal", retry: true, err: err})
		return
	}
	select {
	case s.queue <- packet{websocket.TextMessage, data}:
	default:
		s.cancel(farewell{code: "slow", retry: true})
	}
}

// offer queues what may be lost. Half of the queue is for what may not, so that a
// long message before it does not look like a page that does not read.
func (s *socket) offer(p packet) {
	if len(s.queue) >= queueSize/2 {
		return
	}
	select {
	case s.queue <- p:
	default:
	}
}

// write is the one goroutine that writes to the page. Messages come from the
// queue; what the page should know of screen and session is looked up when
// there is room to say it, so that only the newest is ever sent. Pictures go out
// in parts, and all else between them.
func (s *socket) write(ctx context.Context, stop context.CancelCauseFunc) {
	// A write that is stuck must not hold up the end.
	defer context.AfterFunc(ctx, func() { s.conn.NetConn().SetWriteDeadline(time.Now().Add(parting)) })()
	stop(s.writeAll(ctx)) // the first cause counts, and bye makes the reader find another
	s.bye(context.Cause(ctx))
}

func (s *socket) writeAll(ctx context.Context) error {
	bell, unsubscribe := s.h.cfg.Screen.Subscribe()
	defer unsubscribe()
	ping := time.NewTicker(s.h.pace.ping)
	defer ping.Stop()
	ack := time.NewTimer(s.h.pace.ack)
	defer ack.Stop()
	now := make(chan struct{})
	close(now)
	known := s.greeting()
	known.again = time.NewTimer(s.h.pace.people)
	defer known.again.Stop()
	if err := s.put(ctx, known.hello(s)); err != nil {
		return err
	}
	if err := s.ping(); err != nil { // the delay of the empty path, before the first picture
		return writeError(err)
	}
	for {
		var copied <-chan struct{}
		if s.pending(&known.copies) {
			copied = now
		}
		var err error
		select {
		case <-ctx.Done():
			return nil
		case p := <-s.queue:
			err = s.putPacket(ctx, p)
		case <-copied:
			err = s.putPiece(ctx, &known.copies)
		case <-s.flow.bell:
			err = s.putGot(ctx)
		case <-bell:
			err = s.putScreen(ctx, known)
		case <-s.place:
			err = s.putPlace(ctx, known)
		case <-s.viewer.Changed():
			err = s.putSession(ctx, known, ack)
		case <-ack.C:
			known.ackArmed = false
			err = s.putAck(ctx, known, ack)
		case <-known.again.C:
			err = s.putPeople(ctx, known)
		case <-ping.C:
			err = s.ping()
		case <-s.pictures.Wake():
			err = s.putPicture(ctx)
		}
		if err != nil {
			return writeError(err)
		}
	}
}

func (s *socket) ping() error {
	return s.conn.WriteControl(websocket.PingMessage, s.pictures.Ping(), time.Now().Add(s.h.pace.write))
}

// putPicture sends a part of a picture, after all that is queued.
func (s *socket) putPicture(ctx context.Context) error {
	for len(s.queue) > 0 { // nobody else takes from it
		if err := s.putPacket(ctx, <-s.queue); err != nil {
			return err
		}
	}
	if s.pictures.PingDue() {
		if err := s.ping(); err != nil {
			return err
		}
	}
	if ctx.Err() != nil { // the next write would take its time again
		return context.Cause(ctx)
	}
	part := s.pictures.Next()
	if part == nil {
		return nil
	}
	s.extend()
	return s.conn.WriteMessage(websocket.BinaryMessage, part)
}

func (s *socket) put(ctx context.Context, m Message) error {
	data, err := marshal(m)
	if err != nil {
		return fmt.Errorf("signaling: encode %s: %w", m.Type, err)
	}
	return s.putPacket(ctx, packet{websocket.TextMessage, data})
}

// marshal writes a message as JSON that is no part of an HTML page: json.Marshal
// makes six bytes of each <, > and &.
func marshal(m Message) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(m)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// fragment is the largest part of a message that has to leave in time, in bytes.
const fragment = 64 << 10

// putPacket sends a message in fragments (RFC 6455 section 5.4), each in its own
// time: a slow link is not a page that does not read. Once ctx is done it leaves
// the rest; what comes next ends the message, and the page ignores half a one.
func (s *socket) putPacket(ctx context.Context, p packet) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w, err := s.conn.NextWriter(p.kind)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(p.data, fragment) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.extend()
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	s.extend()
	return w.Close()
}

// extend gives the next write its time.
func (s *socket) extend() { s.conn.SetWriteDeadline(time.Now().Add(s.h.pace.write)) }

// writeError words the end of writing.
func writeError(err error) error {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return farewell{code: "slow", retry: true}
	}
	return farewell{err: fmt.Errorf("signaling: write: %w", err)}
}

// parting is how long a bye may take to leave.
const parting = time.Second

// bye tells the page why its socket closes, if it can still be told, and closes
// the connection, which ends the reader. Nobody else writes by then.
func (s *socket) bye(cause error) {
	defer s.conn.Close()
	var f farewell
	if !errors.As(cause, &f) || f.code == "" {
		return
	}
	soon := time.Now().Add(parting)
	data, err := marshal(Message{Type: "bye", Code: f.code, Retry: f.retry})
	if err != nil {
		return
	}
	s.conn.SetWriteDeadline(soon)
	if s.conn.WriteMessage(websocket.TextMessage, data) == nil {
		s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, f.code), soon)
	}
}
