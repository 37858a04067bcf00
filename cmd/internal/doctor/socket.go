package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const (
	patience   = 5 * time.Second // for one answer
	trips      = 20
	largeBytes = 200 << 10 // the largest control message is 256 KiB

	pictureType   = 2  // of the binary messages, as in package signaling
	pictureHeader = 40 // bytes; package wsmedia
)

// message is a control message, as far as it is looked at; package signaling
// documents it.
type message struct {
	Type      string   `json:"type"`
	Version   string   `json:"version,omitempty"`
	Key       string   `json:"key,omitempty"`
	Page      string   `json:"page,omitempty"`
	Transport string   `json:"transport,omitempty"`
	Codecs    []string `json:"codecs,omitempty"`
	Text      string   `json:"text,omitempty"`
	T         float64  `json:"t,omitempty"`
	State     string   `json:"state,omitempty"`
	Code      string   `json:"code,omitempty"`
}

// seen is what the socket has brought.
type seen struct {
	asked   time.Time // when hello was sent
	hello   *message
	display string        // the state of the display
	reason  string        // code of a reason
	picture time.Duration // from hello to the first picture; 0: none yet
	bye     string
}

// dial opens a WebSocket beside the page as a browser would.
func (r *remote) dial(ctx context.Context, name string, protocols ...string) (*websocket.Conn, *http.Response, error) {
	address := *r.resolve(name)
	address.Scheme = strings.Replace(address.Scheme, "http", "ws", 1)
	dialer := websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: r.tls(), Subprotocols: protocols, HandshakeTimeout: 2 * patience,
	}
	return dialer.DialContext(ctx, address.String(), r.header())
}

func (r *remote) checkSocket(ctx context.Context) Finding {
	if !r.admitted {
		return skipped("nobody is logged in")
	}
	began := time.Now()
	conn, response, err := r.dial(ctx, "ws")
	if err != nil {
		return refused(response, err)
	}
	took := time.Since(began)
	r.conn = conn
	r.seen.asked = time.Now()
	hello, err := json.Marshal(message{Type: "hello", Version: "doctor", Key: r.key, Page: r.name, Transport: "ws", Codecs: []string{"vp8", "h264", "jpeg"}})
	if err == nil {
		err = conn.WriteMessage(websocket.TextMessage, hello)
	}
	if err == nil {
		err = r.await(ctx, patience, func() bool { return r.seen.hello != nil })
	}
	if err != nil {
		r.drop()
		return Finding{State: Fail, Found: "opens, and then nothing comes: " + oneLine(err.Error()),
			Admin: "the proxy must not buffer what comes after the upgrade"}
	}
	return ok("opens in %v, served by lucarne %s", took.Round(time.Millisecond), oneLine(r.seen.hello.Version))
}

// refused words why there is no WebSocket.
func refused(response *http.Response, err error) Finding {
	if response == nil {
		return unreachable(err)
	}
	f := Finding{State: Fail, Found: "the upgrade is answered " + response.Status}
	const upgrade = "pass Upgrade and Connection on, by HTTP/1.1 (nginx: proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade, proxy_set_header Connection upgrade)"
	switch response.StatusCode {
	case http.StatusBadRequest, http.StatusUpgradeRequired, http.StatusOK, http.StatusNotFound:
		f.Admin = upgrade
	case http.StatusForbidden:
		f.User = "start lucarne with --allowed-host " + response.Request.URL.Hostname()
		f.Admin = "pass Host, or X-Forwarded-Host, on as the browser sends it"
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		f.Admin = "the proxy's upstream for WebSockets has to be where lucarne listens"
	}
	return f
}

// drop gives the socket up; checks that need it are skipped.
func (r *remote) drop() {
	r.conn.Close()
	r.conn = nil
}

var errClosed = errors.New("the socket was closed")

// await reads the socket until done says so. After an error the socket is of no
// more use.
func (r *remote) await(ctx context.Context, limit time.Duration, done func() bool) error {
	defer context.AfterFunc(ctx, func() { r.conn.NetConn().SetReadDeadline(time.Now()) })()
	r.conn.SetReadDeadline(time.Now().Add(limit))
	for !done() {
		kind, data, err := r.conn.ReadMessage()
		if err != nil {
			if r.seen.bye != "" {
				return fmt.Errorf("%w: %s", errClosed, r.seen.bye)
			}
			return err
		}
		r.take(kind, data)
	}
	return nil
}

// take notes what a message says.
func (r *remote) take(kind int, data []byte) {
	if kind == websocket.BinaryMessage {
		if len(data) > pictureHeader && data[0] == pictureType {
			r.seen.picture = cmp.Or(r.seen.picture, time.Since(r.seen.asked))
		}
		return
	}
	var m message
	if json.Unmarshal(data, &m) != nil {
		return
	}
	switch m.Type {
	case "hello":
		r.seen.hello, r.seen.display = &m, m.State
	case "display":
		r.seen.display = m.State
	case "reason":
		r.seen.reason = m.Code
	case "pong":
		r.seen.hello.T = m.T
	case "bye":
		r.seen.bye = m.Code
	}
}

func (r *remote) checkRoundTrip(ctx context.Context) Finding {
	if r.conn == nil {
		return skipped("there is no WebSocket")
	}
	var took []time.Duration
	for n := 1; n <= trips; n++ {
		began := time.Now()
		if err := r.ping(ctx, n); err != nil {
			r.drop()
			return Finding{State: Fail, Found: fmt.Sprintf("ping %d of %d is not answered: %s", n, trips, oneLine(err.Error())),
				Admin: "the proxy must not buffer WebSocket messages"}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	median, most := took[len(took)/2], took[len(took)*9/10]
	f := ok("%.1f ms, nine of ten within %.1f ms", ms(median), ms(most))
	if most > 3*median && most > median+100*time.Millisecond {
		f.State = Warn
		f.Admin = "the path delays some messages: look for buffering or an overloaded proxy"
	}
	return f
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// ping sends a ping and awaits its pong.
func (r *remote) ping(ctx context.Context, n int) error {
	if err := r.conn.WriteJSON(message{Type: "ping", T: float64(n)}); err != nil {
		return err
	}
	return r.await(ctx, patience, func() bool { return r.seen.hello.T == float64(n) })
}

func (r *remote) checkLarge(ctx context.Context) Finding {
	if r.conn == nil {
		return skipped("there is no WebSocket")
	}
	// A type that nobody knows: it is read, counted and ignored.
	err := r.conn.WriteJSON(message{Type: "nothing", Text: strings.Repeat("x", largeBytes)})
	if err == nil {
		err = r.ping(ctx, -1)
	}
	if err != nil {
		r.drop()
		return Finding{State: Fail, Found: fmt.Sprintf("a message of %d KiB does not pass: %s", largeBytes>>10, oneLine(err.Error())),
			Admin: "allow WebSocket messages of 1 MiB: a long clipboard is one"}
	}
	return ok("%d KiB pass", largeBytes>>10)
}

func (r *remote) checkPictures(ctx context.Context) Finding {
	if r.conn == nil {
		return skipped("there is no WebSocket")
	}
	err := r.await(ctx, patience, func() bool { return r.seen.picture > 0 || r.seen.reason == "no-codec" })
	switch {
	case r.seen.picture > 0:
		return ok("the first one came %.0f ms after hello", ms(r.seen.picture))
	case r.seen.display != "up":
		r.dropAfter(err)
		return Finding{State: Warn, Found: "none: the display is " + r.seen.display, User: "see lucarne's log for why there is no display"}
	case r.seen.reason == "no-codec":
		return Finding{State: Fail, Found: "lucarne has no encoder for the socket", User: "build lucarne with CGO_ENABLED=1"}
	}
	r.dropAfter(err)
	return Finding{State: Fail, Found: "none within " + patience.String(), Admin: "the proxy must pass binary WebSocket messages"}
}

func (r *remote) dropAfter(err error) {
	if err != nil {
		r.drop()
	}
}

func (r *remote) checkVNC(ctx context.Context) Finding {
	if !r.admitted {
		return skipped("nobody is logged in")
	}
	var page []string
	if r.conn != nil {
		page = append(page, "lucarne.page."+r.name)
	}
	conn, response, err := r.dial(ctx, "vnc/ws", page...)
	if err != nil {
		return refused(response, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.NetConn().SetReadDeadline(time.Now()) })()
	conn.SetReadDeadline(time.Now().Add(patience))
	_, data, err := conn.ReadMessage()
	var closed *websocket.CloseError // its text is a code of package signaling's
	if errors.As(err, &closed) && closed.Text == "vnc-off" {
		return skipped("switched off (--vnc off)")
	}
	if closed != nil && closed.Text == "vnc-watermark-off" {
		return skipped("off: the pictures carry a watermark, which VNC cannot show")
	}
	if err != nil || !strings.HasPrefix(string(data), "RFB ") {
		return Finding{State: Fail, Found: "opens, and no VNC server answers", User: "install x11vnc, or start the display by lucarne up with Xvnc"}
	}
	return ok("answers as %s", oneLine(string(data)))
}

func (r *remote) checkStay(ctx context.Context) Finding {
	switch {
	case r.cfg.Stay <= 0:
		return skipped("not watched; --stay 2m does")
	case r.conn == nil:
		return skipped("there is no WebSocket")
	}
	began := time.Now()
	err := r.await(ctx, r.cfg.Stay, func() bool { return false })
	lasted := time.Since(began).Round(time.Second)
	if timeout := (interface{ Timeout() bool })(nil); errors.As(err, &timeout) && timeout.Timeout() && ctx.Err() == nil {
		return ok("open for %v", lasted)
	}
	return Finding{State: Warn, Found: fmt.Sprintf("cut after %v: %s", lasted, oneLine(err.Error())),
		User: "the page comes back by itself; that is a moment without a picture each time", Admin: "raise the proxy's timeout for WebSockets (nginx: proxy_read_timeout 1h)"}
}
