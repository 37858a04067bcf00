package signaling

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// front is what a platform has in front of a desktop: how it alters what it passes on, as
// the platforms' code does.
type front struct {
	strip     string // of the path, "" for none
	headers   func(out, in *http.Request)
	cookies   string              // the path that it gives to every cookie; "" for as they are
	locations func(string) string // what it makes of Location; nil: leaves it
	buffers   bool                // it has the whole of an answer before it passes any of it on
	// It answers a WebSocket with the first subprotocol before it asks the desktop, which has
	// to choose the same, and passes on messages of this many bytes at most. A piece without
	// content it cannot pass on. 0: it is not so.
	relays int64
}

// serve serves it before a desktop at upstream, unix:/path or a URL's host.
func (f front) serve(t *testing.T, upstream string) (address string) {
	t.Helper()
	dial := func(string, string) (net.Conn, error) { return net.Dial("tcp", upstream) }
	if path, unix := strings.CutPrefix(upstream, "unix:"); unix {
		dial, upstream = func(string, string) (net.Conn, error) { return net.Dial("unix", path) }, "localhost"
	}
	rewrite := func(out, in *http.Request) {
		if f.strip != "" {
			out.URL.Path, out.URL.RawPath = "/"+strings.TrimPrefix(in.URL.Path, f.strip), ""
		}
		out.Header.Set("X-Forwarded-For", "192.0.2.7")
		out.Header.Set("X-Forwarded-Proto", "https") // TLS ends at the ingress
		f.headers(out, in)
	}
	transport := &http.Transport{Dial: dial}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", upstream
			r.Out.Host = r.In.Host
			rewrite(r.Out, r.In)
		},
		ModifyResponse: f.alter,
	}
	return serveLocally(t, func(w http.ResponseWriter, r *http.Request) {
		if f.relays > 0 && websocket.IsWebSocketUpgrade(r) {
			f.relay(t, w, r, dial, rewrite)
			return
		}
		if f.relays > 0 && r.Method == http.MethodPatch && r.ContentLength == 0 {
			// Tornado's client (simple_httpclient.py) takes no PATCH without a body.
			http.Error(w, "Internal Server Error", http.StatusInternalServerError)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// alter changes an answer as the platform does.
func (f front) alter(r *http.Response) error {
	if cookies := r.Cookies(); f.cookies != "" && len(cookies) > 0 {
		r.Header.Del("Set-Cookie")
		for _, c := range cookies {
			c.Path, c.Domain = f.cookies, ""
			r.Header.Add("Set-Cookie", c.String())
		}
	}
	if to := r.Header.Get("Location"); f.locations != nil && to != "" {
		r.Header.Set("Location", f.locations(to))
	}
	if !f.buffers || r.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(body))
	if r.Request.Method != http.MethodHead {
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	return err
}

// relay passes on the messages of a WebSocket as jupyter-server-proxy does: a connection on
// either side, each with a handshake of its own.
func (f front) relay(t *testing.T, w http.ResponseWriter, r *http.Request, dial func(string, string) (net.Conn, error), rewrite func(out, in *http.Request)) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	offered := websocket.Subprotocols(r)
	if len(offered) > 0 {
		upgrader.Subprotocols = offered[:1]
	}
	page, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer page.Close()
	out := &http.Request{URL: &url.URL{Path: r.URL.Path}, Host: r.Host, Header: r.Header.Clone()}
	rewrite(out, r)
	for name := range out.Header {
		if strings.HasPrefix(name, "Sec-Websocket-") || name == "Connection" || name == "Upgrade" {
			out.Header.Del(name)
		}
	}
	out.Header.Set("Host", out.Host)
	// It passes on that the browser can compress, and cannot itself.
	dialer := websocket.Dialer{NetDial: dial, Subprotocols: offered, EnableCompression: true}
	desktop, answer, err := dialer.Dial("ws://localhost"+out.URL.Path, out.Header)
	if err != nil {
		return
	}
	defer desktop.Close()
	if took := answer.Header.Get("Sec-Websocket-Extensions"); took != "" {
		t.Errorf("the desktop chose the extension %q, of which the proxy knows nothing", took)
		return
	}
	if len(offered) > 0 && desktop.Subprotocol() != offered[0] {
		t.Errorf("the desktop chose the subprotocol %q, the page has been told %q", desktop.Subprotocol(), offered[0])
		return
	}
	page.SetReadLimit(f.relays)
	desktop.SetReadLimit(f.relays)
	pass := func(from, to *websocket.Conn, done chan<- struct{}) {
		defer close(done)
		for {
			kind, message, err := from.ReadMessage()
			if err != nil || to.WriteMessage(kind, message) != nil {
				return
			}
		}
	}
	up, down := make(chan struct{}), make(chan struct{})
	go pass(page, desktop, up)
	go pass(desktop, page, down)
	select {
	case <-up:
		desktop.Close()
	case <-down:
		page.Close()
	}
	page.Close()
	desktop.Close()
	<-up
	<-down
}
