// Package viewer is a viewer of a desktop that looks at nothing: it speaks the
// signaling of package signaling and receives the video by WebRTC, but decodes
// none of it. It counts what comes and dates it, for cost and network figures
// without a browser on the same cores.
//
// Times are of one clock: viewer and server run on one machine.
package viewer

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"

	"lucarne/input"
	"lucarne/signaling"
	"lucarne/signaling/iceserver"
)

// Config says where the viewer is.
type Config struct {
	// Within runs what opens sockets, so that they belong to a network namespace;
	// nil: this process's own.
	Within func(open func() error) error
	// Header is sent with the request for the WebSocket: cookies, and the origin
	// where the page's server wants one.
	Header http.Header
	Key    string      // that a login has answered with; "": none is asked for
	TLS    *tls.Config // of that request; nil: the default
	// Offered is called with the STUN and TURN servers that an offer names, of
	// which the viewer itself uses none, until Close returns; nil: nobody asks.
	Offered func([]iceserver.Server)
}

// Viewer is one viewer, until Close.
type Viewer struct {
	socket  *websocket.Conn
	pc      *webrtc.PeerConnection
	offered func([]iceserver.Server)
	keys    *webrtc.DataChannel // in order
	motion  *webrtc.DataChannel // for what is worthless when late
	opened  time.Time

	open  chan struct{} // closed when both channels are open
	ended chan struct{} // closed when the socket has ended
	err   error         // why; set before ended is closed
	close sync.Once

	write      sync.Mutex // guards writing to the socket, and:
	generation int        // of the offer that was answered last

	events sync.Mutex // guards the order of input, and:
	seq    uint32     // of the last event

	record record
}

// Start connects to the desktop whose page is at an address
// ("http://127.0.0.1:6070/") and returns when video and input have their
// connection. A token is not exchanged: where one is asked for, cfg brings
// cookie and key. The viewer outlives ctx: Close ends it.
func Start(ctx context.Context, page string, cfg Config) (*Viewer, error) {
	if cfg.Within == nil {
		cfg.Within = func(open func() error) error { return open() }
	}
	if cfg.Offered == nil {
		cfg.Offered = func([]iceserver.Server) {}
	}
	address, err := socketAddress(page)
	if err != nil {
		return nil, fmt.Errorf("viewer: page %s: %w", page, err)
	}
	v := &Viewer{opened: time.Now(), open: make(chan struct{}), ended: make(chan struct{}), record: newRecord(), offered: cfg.Offered}
	if err := v.connect(cfg); err != nil {
		return nil, fmt.Errorf("viewer: connection: %w", err)
	}
	dialer := websocket.Dialer{TLSClientConfig: cfg.TLS, NetDialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		err = cfg.Within(func() error {
			conn, err = new(net.Dialer).DialContext(ctx, network, address)
			return err
		})
		return conn, err
	}}
	if v.socket, _, err = dialer.DialContext(ctx, address, cfg.Header); err != nil {
		v.pc.GracefulClose()
		return nil, fmt.Errorf("viewer: %s: %w", address, err)
	}
	go v.serve()
	if err := v.await(ctx, cfg.Key); err != nil {
		v.Close()
		return nil, fmt.Errorf("viewer: %s: %w", address, err)
	}
	return v, nil
}

// socketAddress returns where the WebSocket of a page is.
func socketAddress(page string) (string, error) {
	u, err := url.Parse(page)
	if err != nil {
		return "", err
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	default:
		return "", errors.New("want an address that begins with http")
	}
	u.RawQuery, u.Fragment = "", ""
	return u.JoinPath("ws").String(), nil
}

func (v *Viewer) await(ctx context.Context, key string) error {
	if err := v.send(signaling.Message{Type: "hello", Key: key, Lang: "en", Transport: "webrtc"}); err != nil {
		return err
	}
	select {
	case <-v.open:
		return nil
	case <-v.ended:
		return v.err
	case <-ctx.Done():
		return fmt.Errorf("no connection for media: %w", ctx.Err())
	}
}

func (v *Viewer) send(m signaling.Message) error {
	v.write.Lock()
	defer v.write.Unlock()
	return v.socket.WriteJSON(m)
}

// serve handles the server's messages until the socket ends.
func (v *Viewer) serve() {
	defer close(v.ended)
	for {
		kind, data, err := v.socket.ReadMessage()
		if err == nil {
			err = v.handle(kind, data)
		}
		if err != nil {
			v.err = err
			return
		}
	}
}

// handle handles one message; those that are for a page's eyes it leaves.
func (v *Viewer) handle(kind int, data []byte) error {
	switch {
	case kind != websocket.BinaryMessage:
		return v.control(data)
	case len(data) > 0 && data[0] == timesType:
		return v.record.told(data)
	}
	return nil
}

// control handles one control message.
func (v *Viewer) control(data []byte) error {
	var m signaling.Message
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	switch m.Type {
	case "offer":
		return v.answer(m)
	case "candidate":
		return v.candidate(m)
	case "bye":
		return fmt.Errorf("the server said bye: %s %q", m.Code, m.Args)
	}
	return nil
}

// Err returns why the viewer has ended, or nil while it has not.
func (v *Viewer) Err() error {
	select {
	case <-v.ended:
		return fmt.Errorf("viewer: %w", v.err)
	default:
		return nil
	}
}

// Send makes an event: motion, repeats and renewals on the channel for what is
// worthless when late, everything else on the one in order, as the page does.
func (v *Viewer) Send(e input.Event) error {
	channel := v.keys
	switch e := e.(type) {
	case input.Motion, input.Renew:
		channel = v.motion
	case input.Key:
		if e.Action == input.Repeat {
			channel = v.motion
		}
	}
	v.events.Lock()
	defer v.events.Unlock()
	v.seq++
	message := input.Append(nil, v.seq, uint32(time.Since(v.opened).Milliseconds()), e)
	if err := channel.Send(message); err != nil {
		return fmt.Errorf("viewer: send input: %w", err)
	}
	return nil
}

// Stats returns what has come so far.
func (v *Viewer) Stats() Stats { return v.record.stats() }

// Frames returns the last frames that have come whole, at most some 16,000, in
// the order in which they were complete.
func (v *Viewer) Frames() []Frame { return v.record.list() }

// Close leaves, and ends the connection. It is idempotent.
func (v *Viewer) Close() error {
	var err error
	v.close.Do(func() {
		v.send(signaling.Message{Type: "bye"}) // the server may be gone
		v.socket.Close()
		<-v.ended
		err = v.pc.GracefulClose()
	})
	return err
}
