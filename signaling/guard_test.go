package signaling

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling/access"
	"lucarne/signaling/files"
	"lucarne/signaling/rfb"
	"lucarne/signaling/session"
)

// fortress is a server with all that there is to get at, and a page of its owner's.
type fortress struct {
	*server
	t     *testing.T
	owner http.Header // what the owner's requests have
}

const aPassword = "correct horse battery staple"

// accessBy is access by a method, with aToken, aPassword, or the name that a proxy on loopback puts
// into a header.
func accessBy(t *testing.T, method access.Method, header string) access.Config {
	t.Helper()
	local, err := access.ParsePeers([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	password, err := access.ParsePassword("$2a$04$Gmr5RsUTbwSxL68hM.zBFO2E2.kFs.Bne.OzPGXcdxzg7TQkPlSWy")
	if err != nil {
		t.Fatal(err)
	}
	return access.Config{
		Method: method, Token: aToken, Password: password,
		Identity: access.Identity{Header: header, From: local},
	}
}

// fortify starts one. changes may alter the configuration.
func fortify(t *testing.T, method access.Method, changes ...func(*Config)) *fortress {
	t.Helper()
	return fortifySession(t, session.Config{}, method, changes...)
}

// fortifySession is fortify with a session of which something is given already.
func fortifySession(t *testing.T, desktop session.Config, method access.Method, changes ...func(*Config)) *fortress {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	v := newVNCServer()
	s := serveSession(t, desktop, func(c *Config) {
		c.Access = accessBy(t, method, "X-Forwarded-User")
		c.Files = files.New(files.Config{Dir: dir, Log: c.Log})
		c.VNC = &rfb.Server{Dial: v.dial}
		for _, change := range changes {
			change(c)
		}
	})
	f := &fortress{server: s, t: t}
	f.owner = f.come("")
	c := s.dial(t, "/ws", f.owner)
	c.send(fmt.Sprintf(`{"type":"hello","transport":"none","key":%q,"page":%q}`, keyIn(f.owner), ownPage))
	c.await("hello")
	return f
}

const aToken = "0123456789abcdefghijklmnopqrstuvwxyzAB-_XYZ"

// come logs in as another browser, at the server at url, "" for this one.
func (f *fortress) come(at string) http.Header {
	f.t.Helper()
	if at == "" {
		at = f.URL
	}
	body := fmt.Sprintf(`{"token":%q,"password":%q}`, aToken, aPassword)
	header := jsonBody.Clone()
	header.Set("X-Forwarded-User", "zoe")
	r, answer := request(f.t, http.MethodPost, at+"/login", body, header)
	if r.StatusCode/100 != 2 {
		f.t.Fatalf("login: %s", r.Status)
	}
	own := credentials(r, answer)
	own.Set("X-Forwarded-User", "zoe")
	return own
}

// ways are the paths by which one may try to get at the desktop; each says whether it has been let in.
func (f *fortress) ways() map[string]func(http.Header) bool {
	file := func(method, path, body string, more ...string) func(http.Header) bool {
		return func(header http.Header) bool {
			header = header.Clone()
			header.Set(pageHeader, ownPage)
			header.Set("Tus-Resumable", "1.0.0")
			for n := 0; n < len(more); n += 2 {
				header.Set(more[n], more[n+1])
			}
			r, _ := request(f.t, method, f.URL+"/files/"+path, body, header)
			return r.StatusCode != http.StatusUnauthorized && r.StatusCode != http.StatusForbidden
		}
	}
	begun, _ := request(f.t, "POST", f.URL+"/files/uploads/", "", merged(f.owner, http.Header{
		pageHeader: {ownPage}, "Tus-Resumable": {"1.0.0"}, "Upload-Length": {"3"}, "Upload-Metadata": {"filename Yg=="},
	}))
	id := begun.Header.Get("Location")
	return map[string]func(http.Header) bool{
		"WebSocket":     func(h http.Header) bool { return f.greeted(h, "none", "hello") },
		"data channel":  func(h http.Header) bool { return f.greeted(h, "webrtc", "offer") },
		"list":          file("GET", "list/", ""),
		"upload":        file("POST", "uploads/", "", announced("c.txt")...),
		"upload's head": file("HEAD", "uploads/"+id, ""),
		"fetch": func(h http.Header) bool {
			form := url.Values{"page": {ownPage}, "key": {keyIn(h)}, "path": {"a.txt"}}
			return file("POST", "fetch", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")(h)
		},
		"VNC": func(h http.Header) bool { // the page's secret stands for the key that its other socket has said
			page := ownPage
			if f.handler.gate.Keyed() && keyIn(h) != keyIn(f.owner) {
				page = "a-page-that-there-is-not"
			}
			return f.shown(merged(h, http.Header{"Sec-Websocket-Protocol": {pageProtocol + page}}))
		},
	}
}

// merged is the headers of both.
func merged(a, b http.Header) http.Header {
	all := a.Clone()
	maps.Copy(all, b)
	return all
}

// greeted says whether a hello is answered by a message of a kind.
func (f *fortress) greeted(header http.Header, transport, want string) bool {
	conn, _, err := websocket.DefaultDialer.Dial(f.wsURL("/ws"), header)
	if err != nil {
		return false
	}
	defer conn.Close()
	c := &client{t: f.t, conn: conn}
	c.send(fmt.Sprintf(`{"type":"hello","transport":%q,"key":%q}`, transport, keyIn(header)))
	for {
		switch m, err := c.next(); {
		case err != nil && err != errBinary:
			f.t.Fatal(err)
		case m.Type == "bye":
			return false
		case m.Type == want:
			return true
		}
	}
}

// shown says whether a VNC server greets.
func (f *fortress) shown(header http.Header) bool {
	conn, _, err := websocket.DefaultDialer.Dial(f.wsURL("/vnc/ws"), header)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(patience))
	_, data, err := conn.ReadMessage()
	return err == nil && slices.Equal(data, []byte("RFB 003.008\n"))
}

// TestGuard: each way to the desktop is closed to all but whom each method lets in.
func TestGuard(t *testing.T) {
	for _, method := range []access.Method{access.Token, access.Password, access.Proxy, access.None} {
		t.Run(string(method), func(t *testing.T) {
			f := fortify(t, method)
			with := func(name, value string) http.Header { return merged(f.owner, http.Header{name: {value}}) }
			other, gone := f.come(""), f.come("")
			if r, _ := request(t, "POST", f.URL+"/logout", "", gone); r.StatusCode != http.StatusNoContent && method != access.None {
				t.Fatalf("logout: %s", r.Status)
			}
			old := gone
			if method == access.Token { // the cookies of another server with the same token are as good
				before := serve(t, func(c *Config) { c.Access = access.Config{Method: method, Token: aToken, MaxAge: 1} })
				old = f.come(before.URL)
			}
			keyed, open := method == access.Token || method == access.Password, method == access.None
			for _, test := range []struct {
				name   string
				header http.Header
				want   bool
			}{
				{"the owner", f.owner, true},
				{"nobody", http.Header{}, open},
				{"a neighbour's script", merged(with(access.KeyHeader, ""), http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {f.URL}}), !keyed},
				{"a cookie alone", with(access.KeyHeader, ""), !keyed},
				{"a wrong key", with(access.KeyHeader, keyIn(f.owner)+"x"), !keyed},
				{"another browser's key", with(access.KeyHeader, keyIn(other)), !keyed},
				{"a key alone", http.Header{access.KeyHeader: {keyIn(f.owner)}}, open},
				{"who has logged out", gone, !keyed},
				{"whose time is over", old, !keyed},
				{"another origin", with("Origin", "https://evil.example"), false},
				{"another site, says the browser", with("Sec-Fetch-Site", "cross-site"), false},
				{"a sister's site, says the browser", with("Sec-Fetch-Site", "same-site"), false},
			} {
				for name, try := range f.ways() {
					want := test.want
					if name == "fetch" && test.name == "another origin" {
						want = true // a form of ours has the origin "null": page and key are what counts
					}
					if got := try(test.header); got != want {
						t.Errorf("%s by %s: let in %v, want %v", test.name, name, got, want)
					}
				}
			}
			// A stay of one's own gives nothing of another's page.
			for name, try := range f.ways() {
				want := !keyed || name == "WebSocket" || name == "data channel"
				if got := try(other); got != want {
					t.Errorf("another browser that has logged in, by %s: let in %v, want %v", name, got, want)
				}
			}
			if keyed && f.shown(f.owner) {
				t.Error("VNC without a page is shown")
			}
		})
	}
}

// TestLogout: what is open ends, and so does what a page still fetches.
func TestLogout(t *testing.T) {
	f := fortify(t, access.Token)
	own := f.come("")
	const page = "the-page-of-who-logs-out"
	c := f.dial(t, "/ws", own)
	c.send(fmt.Sprintf(`{"type":"hello","transport":"none","key":%q,"page":%q}`, keyIn(own), page))
	c.await("hello")
	vnc := f.dial(t, "/vnc/ws", merged(own, http.Header{"Sec-Websocket-Protocol": {pageProtocol + page}}))
	vnc.hear("RFB 003.008\n")
	if r, _ := request(t, "POST", f.URL+"/logout", "", own); r.StatusCode != http.StatusNoContent {
		t.Fatalf("logout: %s", r.Status)
	}
	if bye := c.await("bye"); bye.Code != "logged-out" || bye.Retry {
		t.Errorf("bye %+v", bye)
	}
	vnc.closed()
	eventually(t, "only the owner is left", func() bool { return f.session.Viewers() == 1 })
}

// TestSessionOver: who stays for as long as one may is told so.
func TestSessionOver(t *testing.T) {
	for age := time.Second; ; age *= 2 { // until it is long enough for a busy machine
		s := serve(t, func(c *Config) { c.Access = access.Config{Method: access.Token, Token: aToken, MaxAge: age} })
		own := credentials(login(t, s.URL+"/login", aToken, nil))
		conn, _, err := websocket.DefaultDialer.Dial(s.wsURL("/ws"), own)
		if err != nil {
			continue
		}
		t.Cleanup(func() { conn.Close() })
		c := &client{t: t, conn: conn}
		c.send(fmt.Sprintf(`{"type":"hello","transport":"none","key":%q}`, keyIn(own)))
		if m, err := c.next(); err != nil || m.Type != "hello" {
			continue
		}
		if bye := c.await("bye"); bye.Code != "session-over" || bye.Retry {
			t.Errorf("bye %+v", bye)
		}
		return
	}
}

// TestUser: who the platform says it is the session knows, and tells the audit.
func TestUser(t *testing.T) {
	var mu sync.Mutex
	var joined []session.Record
	fortifySession(t, session.Config{Audit: func(r session.Record) {
		mu.Lock()
		defer mu.Unlock()
		if r.Event == session.Joined {
			joined = append(joined, r)
		}
	}}, access.Proxy)
	mu.Lock()
	defer mu.Unlock()
	if len(joined) != 1 || joined[0].User != "zoe" || joined[0].Role != session.Owner {
		t.Errorf("joined %+v", joined)
	}
}

// TestDocument: the page is for who shows it.
func TestDocument(t *testing.T) {
	closed := serve(t, nil)
	framed := serve(t, func(c *Config) { c.FrameAncestors = []string{"'self'"} })
	for _, test := range []struct {
		server *server
		dest   string
		want   int
	}{
		{closed, "", 200}, {closed, "document", 200}, {closed, "iframe", 403}, {closed, "empty", 403}, {closed, "object", 403},
		{framed, "iframe", 200}, {framed, "empty", 403}, {framed, "embed", 403},
	} {
		for _, path := range []string{"/", "/index.html", "/connection", "/vnc/", "/vnc/index.html"} {
			r, _ := get(t, test.server.URL+path, http.Header{"Sec-Fetch-Dest": {test.dest}})
			if r.StatusCode != test.want {
				t.Errorf("%s for %q: got %d, want %d", path, test.dest, r.StatusCode, test.want)
			}
		}
	}
	for want, s := range map[string]*server{"DENY": closed, "SAMEORIGIN": framed} {
		if r, _ := get(t, s.URL+"/", nil); r.Header.Get("X-Frame-Options") != want {
			t.Errorf("X-Frame-Options %q, want %s", r.Header.Get("X-Frame-Options"), want)
		}
	}
}
