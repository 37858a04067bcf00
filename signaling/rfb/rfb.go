// Package rfb bridges a page that speaks RFB (RFC 6143), as noVNC does over a
// WebSocket, to the VNC server of the display.
//
// RFB has no framing: where a message ends depends on its type, and for the
// server's messages on everything that was agreed before. So the server's are
// passed on as they are, and the page's are parsed: no clipboard goes through
// here, keys and pointer only from who may use them, and nothing whose length is
// not known. Encodings that this package does not know are taken out of
// SetEncodings, so that neither side begins to speak of something that it does
// not understand.
//
// Both handshakes are made here: the page meets a server without security, for
// who it is has been asked before, and a VNC server that refuses or is none is
// found out before the page has been told anything.
package rfb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"lucarne/signaling/session"
)

// Why a viewer's connection could not be made or has ended, beside its context,
// its page's leaving and session.ErrRefused.
var (
	// ErrClipboard: the VNC server's clipboard cannot be switched off, and the
	// policy forbids this viewer to copy out, or has it limited or recorded.
	ErrClipboard = errors.New("the VNC server has a clipboard of its own, which the policy forbids")
	// ErrPassword: the VNC server wants a password that we do not have.
	ErrPassword = errors.New("the VNC server wants a password")
	// ErrServer: the VNC server cannot be reached, refuses, speaks no RFB, reads
	// nothing any more or has ended.
	ErrServer = errors.New("no VNC server")
	// ErrMalformed: the page sent a message that this package does not know.
	ErrMalformed = errors.New("malformed")
)

// How long the two sides may take.
const (
	handshakePatience = 10 * time.Second // for each of the two
	writePatience     = 10 * time.Second // until the VNC server takes what the page has sent
	farewell          = time.Second      // until it takes the last of it
)

// chunk is how much of the server's stream is passed on at once, in bytes.
const chunk = 64 << 10

// Server is how the display's VNC server is reached.
type Server struct {
	// Dial connects to it, once for each viewer.
	Dial func(context.Context) (net.Conn, error)
	// Password is for VNC authentication (RFC 6143 section 7.2.2), which takes
	// its first 8 bytes. "": a server that wants one is an ErrPassword.
	Password string
	// Clipboard says that the server's own clipboard may be on. Who may not copy
	// out, or not all of it, or not unrecorded, is then refused, for the server's messages
	// are not looked into.
	Clipboard bool
}

// Counts are what became of a page's messages.
type Counts struct {
	Events  uint64 // of keyboard and pointer, passed on
	Refused uint64 // such that the policy forbids
	Dropped uint64 // clipboards, sizes and others that do not pass here
}

// LogValue makes a group of the counts.
func (c Counts) LogValue() slog.Value {
	return slog.GroupValue(slog.Uint64("events", c.Events), slog.Uint64("refused", c.Refused), slog.Uint64("dropped", c.Dropped))
}

// Serve carries RFB between a page and the VNC server until one of them leaves
// or ctx ends, and returns why. It closes page, whose Close has to end a Read or
// Write that waits. What the viewer holds by then is let go.
//
// It holds one chunk of 64 KiB and a few KiB more: a page that does not read
// stops the server, and the reverse.
func (s Server) Serve(ctx context.Context, v *session.Viewer, page io.ReadWriteCloser) (Counts, error) {
	defer page.Close()
	if err := s.allows(v); err != nil {
		return Counts{}, err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer context.AfterFunc(ctx, func() { page.Close() })()
	var server net.Conn
	if err := v.Do(session.Video, func() (err error) { server, err = s.open(ctx); return err }); err != nil {
		return Counts{}, reason(ctx, fmt.Errorf("rfb: %w", err))
	}
	defer server.Close()
	if err := welcomeInTime(page); err != nil {
		return Counts{}, reason(ctx, fmt.Errorf("rfb: page: %w", err))
	}

	var down sync.WaitGroup
	down.Go(func() {
		end(passOn(page, server))
		// A server that cannot get rid of its picture might not read the last
		// of what the page has sent.
		io.Copy(io.Discard, server)
	})
	defer context.AfterFunc(ctx, func() { server.SetWriteDeadline(time.Now().Add(farewell)) })()
	f := newFilter(v, page, patient{server, ctx})
	down.Go(func() {
		f.letGoWhenDropped(ctx, func() {
			if err := s.allows(v); err != nil {
				end(err)
			}
		})
	})
	end(f.run())
	server.SetWriteDeadline(time.Now().Add(farewell))
	f.letGo()
	server.Close()
	down.Wait()
	return f.counts, context.Cause(ctx)
}

// allows refuses who may not copy out as they like where the server has a clipboard of
// its own.
func (s Server) allows(v *session.Viewer) error {
	if s.Clipboard && (v.CopyBounded(session.CopyOut) || !slices.Contains(v.Allowed(), session.CopyOut)) {
		return fmt.Errorf("rfb: %w", ErrClipboard)
	}
	return nil
}

// reason is why a handshake has failed: ctx, if that has ended, for it takes the
// page and the server along, and else err.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// open connects to the server and comes to an agreement with it.
func (s Server) open(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakePatience)
	defer cancel()
	conn, err := s.Dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrServer, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	if err = enter(conn, s.Password); err == nil && !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		stop()
		conn.Close()
		if errors.Is(err, ErrPassword) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrServer, err)
	}
	return conn, nil
}

// welcomeInTime is welcome for a page that may stay silent.
func welcomeInTime(page io.ReadWriteCloser) error {
	silence := time.AfterFunc(handshakePatience, func() { page.Close() })
	defer silence.Stop()
	return welcome(page)
}

// passOn carries the server's stream to the page until either ends, and says
// which.
func passOn(page io.Writer, server io.Reader) error {
	buffer := make([]byte, chunk)
	for {
		n, err := server.Read(buffer)
		if n > 0 {
			if _, err := page.Write(buffer[:n]); err != nil {
				return fmt.Errorf("rfb: page: %w", err)
			}
		}
		if err != nil {
			return fmt.Errorf("rfb: %w: %w", ErrServer, err)
		}
	}
}

// patient is a connection on which each write has its time: little, once ctx is
// done.
type patient struct {
	net.Conn
	ctx context.Context
}

func (p patient) Write(b []byte) (int, error) {
	patience := writePatience
	if p.ctx.Err() != nil {
		patience = farewell
	}
	p.SetWriteDeadline(time.Now().Add(patience))
	n, err := p.Conn.Write(b)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrServer, err)
	}
	return n, err
}
