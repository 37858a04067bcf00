package signaling

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling/access"
	"lucarne/signaling/activity"
	"lucarne/signaling/files"
	"lucarne/signaling/rfb"
)

// platform is a desktop as one is deployed, behind what the platform has in front.
type platform struct {
	name   string
	base   string // --base-path, as platform or deployment say it
	path   string // of the page, as the browser sees it
	method access.Method
	form   bool // people log in by another page's form
	unix   bool // the desktop listens on a Unix socket
	front  front
	culler string // where the platform asks whether it is used, past what is in front; "": it does not
}

// hostName is by what the browser knows the platform.
const hostName = "hub.example.org"

// What a platform's proxy does with headers.
func keeps(*http.Request, *http.Request) {}

// hops is what JupyterHub's configurable-http-proxy does behind an ingress: it adds its own
// (http-proxy's xfwd).
func hops(out, in *http.Request) {
	own := map[string]string{"For": "10.0.0.9", "Port": "8000", "Proto": "http"}
	if websocket.IsWebSocketUpgrade(in) {
		own["Proto"] = "ws"
	}
	for name, value := range own {
		if before := out.Header.Get("X-Forwarded-" + name); before != "" {
			value = before + "," + value
		}
		out.Header.Set("X-Forwarded-"+name, value)
	}
	out.Header.Set("X-Forwarded-Host", in.Host)
}

func names(out, _ *http.Request) { out.Header.Set("kubeflow-userid", "zoe@example.org") }

// prefixes is what jupyter-server-proxy says of the path that it takes off, but not of a WebSocket's.
func (p platform) prefixes(out, in *http.Request) {
	if websocket.IsWebSocketUpgrade(in) {
		return
	}
	for _, name := range []string{"X-Forwarded-Context", "X-ProxyContextPath", "X-Forwarded-Prefix"} {
		out.Header.Set(name, strings.TrimSuffix(p.path, "/"))
	}
}

// nodes is what Open OnDemand's Apache does: it asks for the node by the node's own name, and
// keeps what the browser and the portal share to itself.
func nodes(out, in *http.Request) {
	out.Host = "n1.cluster.example:40000"
	out.Header.Set("X-Forwarded-Host", in.Host)
	out.Header.Set("X-Forwarded-Server", "portal.example.org")
	out.Header.Set("X-Forwarded-User", "zoe")
	out.Header.Set("X-Forwarded-Escaped-Uri", url.PathEscape(in.URL.Path))
	out.Header.Del("Authorization")
}

// What begins a Location: a host, or dots.
var (
	ofHost = regexp.MustCompile(`^[^/]+//[^/]+`)
	ofDots = regexp.MustCompile(`^[./]*\.`)
)

// portal is Open OnDemand's Apache, with a path that it keeps.
func portal(path string) front {
	hostless := func(to string) string { return ofHost.ReplaceAllLiteralString(to, "") }
	return front{headers: nodes, buffers: true, cookies: strings.TrimSuffix(path, "/"), locations: hostless}
}

// relativePortal is the same with a path that it takes off, and writes in place of the host
// or the dots with which a Location begins, or else, right or wrong, before its first slash.
func relativePortal(path string) front {
	f := portal(path)
	f.strip = path
	f.locations = func(to string) string {
		if host := ofHost.FindString(to); host != "" {
			return f.cookies + strings.TrimPrefix(to, host)
		}
		if dots := ofDots.FindString(to); dots != "" && to[0] != '/' {
			return f.cookies + strings.TrimPrefix(to, dots)
		}
		return strings.Replace(to, "/", f.cookies+"/", 1)
	}
	return f
}

func platforms() []platform {
	all := []platform{
		{name: "Kubeflow, server type jupyter", base: "/notebook/ns/desk", path: "/notebook/ns/desk/", method: access.Proxy,
			front: front{headers: names}, culler: "/notebook/ns/desk/api/kernels"},
		{name: "Kubeflow, server type group-one, path rewritten", base: "/notebook/ns/desk", path: "/notebook/ns/desk/", method: access.Proxy,
			front: front{headers: names, strip: "/notebook/ns/desk/"}, culler: "/notebook/ns/desk/api/kernels"},
		{name: "Kubeflow 2", base: "/workspace/connect/ns/desk/desktop/", path: "/workspace/connect/ns/desk/desktop/", method: access.Proxy,
			front: front{headers: names}, culler: "/workspace/connect/ns/desk/desktop/api/status"},
		{name: "JupyterHub", base: "/user/zoe/", path: "/user/zoe/", method: access.Token, front: front{headers: hops}},
		{name: "Renku", base: "/sessions/zoe-1", path: "/sessions/zoe-1/", method: access.Token, front: front{headers: keeps}},
		{name: "Open OnDemand, node", base: "/node/n1/40000/", path: "/node/n1/40000/", method: access.Password, form: true,
			front: portal("/node/n1/40000/")},
		{name: "Open OnDemand, rnode", base: "/rnode/n1/40000/", path: "/rnode/n1/40000/", method: access.Password, form: true,
			front: relativePortal("/rnode/n1/40000/")},
		{name: "Open OnDemand, rnode of which the desktop knows nothing", path: "/rnode/n1/40000/", method: access.Password, form: true,
			front: relativePortal("/rnode/n1/40000/")},
	}
	for _, method := range []access.Method{access.None, access.Password} {
		p := platform{name: "jupyter-server-proxy, " + string(method), base: "/user/zoe/lucarne/", path: "/user/zoe/lucarne/", method: method, unix: true}
		p.front = front{headers: p.prefixes, strip: p.path, buffers: true, relays: 10 << 20}
		all = append(all, p)
	}
	return all
}

// browser is one that has come to a platform.
type browser struct {
	t       *testing.T
	address string // of what is in front
	path    string
	jar     http.CookieJar
	key     string
}

// at is what the browser has in its address bar, for a path below the page's.
func (b *browser) at(rest string) *url.URL {
	page := &url.URL{Scheme: "https", Host: hostName, Path: b.path}
	return page.ResolveReference(&url.URL{Path: "./" + rest})
}

// headers are those that it sends there.
func (b *browser) headers(rest string, more ...string) http.Header {
	h := http.Header{"Host": {hostName}, "Origin": {"https://" + hostName}, "Sec-Fetch-Site": {"same-origin"}}
	var cookies []string
	for _, c := range b.jar.Cookies(b.at(rest)) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	if len(cookies) > 0 {
		h.Set("Cookie", strings.Join(cookies, "; "))
	}
	if b.key != "" {
		h.Set(access.KeyHeader, b.key)
	}
	for n := 0; n < len(more); n += 2 {
		h.Set(more[n], more[n+1])
	}
	return h
}

// ask asks for what is below the page's path, and keeps the cookies.
func (b *browser) ask(method, rest, body string, more ...string) (*http.Response, string) {
	b.t.Helper()
	r, text := request(b.t, method, "http://"+b.address+b.at(rest).Path, body, b.headers(rest, more...))
	b.jar.SetCookies(b.at(rest), r.Cookies())
	for _, c := range r.Cookies() {
		if got := strings.TrimSuffix(c.Path, "/"); got != strings.TrimSuffix(b.path, "/") || !c.Secure || !c.HttpOnly {
			b.t.Errorf("%s %s: cookie %v, want it for %s alone, Secure and HttpOnly", method, rest, c, b.path)
		}
	}
	return r, text
}

// login comes in as the page does, or as another page's form.
func (b *browser) login(p platform) {
	b.t.Helper()
	body, kind, want := fmt.Sprintf(`{"token":%q,"password":%q,"path":%q}`, aToken, aPassword, b.path), "application/json", http.StatusOK
	switch {
	case p.form:
		body, kind, want = url.Values{"password": {aPassword}}.Encode(), "application/x-www-form-urlencoded", http.StatusSeeOther
	case p.method == access.Proxy || p.method == access.None:
		want = http.StatusNoContent
	}
	r, text := b.ask("POST", "login", body, "Content-Type", kind)
	if r.StatusCode != want {
		b.t.Fatalf("login: %s %s", r.Status, text)
	}
	if p.form {
		to, err := b.at("login").Parse(r.Header.Get("Location"))
		if err != nil || to.Path != b.path {
			b.t.Fatalf("the form leads to %s, %v", r.Header.Get("Location"), err)
		}
		b.key = strings.TrimPrefix(to.Fragment, "key=")
		return
	}
	var granted struct{ Key string }
	json.Unmarshal([]byte(text), &granted)
	b.key = granted.Key
}

// dial opens a WebSocket.
func (b *browser) dial(rest string, protocols ...string) *client {
	b.t.Helper()
	dialer := websocket.Dialer{Subprotocols: protocols}
	conn, r, err := dialer.Dial("ws://"+b.address+b.at(rest).Path, b.headers(rest))
	if err != nil {
		b.t.Fatalf("WebSocket %s: %v %v", rest, err, r)
	}
	b.t.Cleanup(func() { conn.Close() })
	if len(protocols) > 0 && conn.Subprotocol() != protocols[0] {
		b.t.Errorf("WebSocket %s: subprotocol %q", rest, conn.Subprotocol())
	}
	return &client{t: b.t, conn: conn}
}

// TestPlatforms: behind each platform's proxy the page comes, people log in by a cookie for
// the desktop alone, and picture, files and VNC work.
func TestPlatforms(t *testing.T) {
	for _, p := range platforms() {
		t.Run(p.name, func(t *testing.T) {
			dir := t.TempDir()
			s := p.start(t, dir)
			upstream := strings.TrimPrefix(s.URL, "http://")
			if p.unix {
				upstream = "unix:" + serveUnix(t, s.handler)
			}
			jar, _ := cookiejar.New(nil) // never fails
			b := &browser{t: t, address: p.front.serve(t, upstream), path: p.path, jar: jar}
			for _, rest := range []string{"", "assets/main-ABCD1234.js", "healthz"} {
				if r, _ := b.ask("GET", rest, ""); r.StatusCode != http.StatusOK {
					t.Errorf("%q: %s", rest, r.Status)
				}
			}
			b.login(p)
			if r, text := b.ask("GET", "session", ""); r.StatusCode != http.StatusOK {
				t.Errorf("logged in: %s %s", r.Status, text)
			}
			r, _ := b.ask("GET", "vnc", "")
			if to, err := b.at("vnc").Parse(r.Header.Get("Location")); err != nil || to.Path != p.path+"vnc/" {
				t.Errorf("vnc leads to %s, %v: %s", to, err, r.Status)
			}
			b.see()
			b.bring(dir, "a.txt", "abc")
			b.bring(dir, "empty.txt", "")
			b.dial("vnc/ws", pageProtocol+ownPage).hear("RFB 003.008\n")
			if p.culler != "" {
				r, text := get(t, s.URL+p.culler, nil)
				if r.StatusCode != http.StatusOK || !strings.Contains(text, `"last_activity"`) {
					t.Errorf("the culler hears %s %s", r.Status, text)
				}
			}
		})
	}
}

// start starts its desktop, with files in dir.
func (p platform) start(t *testing.T, dir string) *server {
	t.Helper()
	v := newVNCServer()
	s := serve(t, func(c *Config) {
		c.BasePath = p.base
		c.Access = accessBy(t, p.method, "kubeflow-userid")
		c.Files = files.New(files.Config{Dir: dir, Log: c.Log})
		c.VNC = &rfb.Server{Dial: v.dial}
		c.Activity = activity.New(activity.Config{Human: func() time.Time { return time.Time{} }, Log: c.Log})
	})
	s.picture.Store(3 << 20)
	return s
}

// maxMessage is the longest that any proxy has to pass on, in bytes.
const maxMessage = 1 << 20

// see opens the page's socket and waits for a picture on it, in messages that proxies pass on.
func (b *browser) see() {
	b.t.Helper()
	c := b.dial("ws")
	c.send(fmt.Sprintf(`{"type":"hello","transport":"ws","codecs":["vp8"],"key":%q,"page":%q}`, b.key, ownPage))
	c.conn.SetReadDeadline(time.Now().Add(patience))
	for greeted, shown := false, false; !greeted || !shown; {
		kind, message, err := c.conn.ReadMessage()
		switch {
		case err != nil:
			b.t.Fatalf("waiting for a picture: %v", err)
		case len(message) > maxMessage:
			b.t.Errorf("a message of %d bytes", len(message))
		case kind == websocket.BinaryMessage:
			shown = true
		case strings.Contains(string(message), `"bye"`):
			b.t.Fatalf("%s", message)
		case strings.Contains(string(message), `"hello"`):
			greeted = true
		}
	}
}

// bring sends a file to the desktop, which keeps what it gets in dir.
func (b *browser) bring(dir, name, content string) {
	b.t.Helper()
	known := []string{"Tus-Resumable", "1.0.0", pageHeader, ownPage}
	headers := append(announced(name), known...)
	r, text := b.ask("POST", "files/uploads/", "", append(headers, "Upload-Length", strconv.Itoa(len(content)))...)
	if r.StatusCode != http.StatusCreated {
		b.t.Fatalf("upload: %s %s", r.Status, text)
	}
	if r.Header.Get("Lucarne-Name") == "" { // it is not whole yet
		piece := "files/uploads/" + r.Header.Get("Location")
		r, text = b.ask("PATCH", piece, content, append(known, "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")...)
	}
	if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != content || r.Header.Get("Lucarne-Name") != name {
		b.t.Errorf("%s: %s %s; there is %q, %v", name, r.Status, text, got, err)
	}
}

// serveUnix serves on a socket, whose path it returns.
func serveUnix(t *testing.T, h http.Handler) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.Listener.Close()
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	return path
}

// serveLocally serves on loopback and returns its address.
func serveLocally(t *testing.T, h http.HandlerFunc) (address string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}
