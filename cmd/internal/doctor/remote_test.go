package doctor

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"lucarne/capture"
	"lucarne/capture/synth"
	"lucarne/encode"
	"lucarne/signaling"
	"lucarne/signaling/access"
	"lucarne/signaling/rfb"
	"lucarne/signaling/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "0123456789abcdef0123456789abcdef"

// blank encodes every picture as one byte.
type blank struct{}

func (blank) Encode(f *capture.Frame, _ encode.Op) (encode.Packet, error) {
	defer f.Release()
	return encode.Packet{Data: []byte{1}, Key: true, Size: f.Size, Settled: true}, nil
}
func (blank) SetBitrate(int) error { return nil }
func (blank) Close() error         { return nil }

// serve runs a desktop of moving pictures, without WebRTC, and returns its URL.
func serve(t *testing.T, vnc *rfb.Server) *url.URL {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	screen := capture.NewScreen(log)
	fanout := encode.NewFanout(encode.FanoutConfig{
		Backend: encode.Backend{Name: "blank", Codec: encode.VP8, Open: func(encode.Config) (encode.Encoder, error) { return blank{}, nil }},
		Open:    func() capture.Source { return screen.NewReader() },
		Log:     log,
	})
	s := session.New(session.Config{Fanouts: []*encode.Fanout{fanout}, Screen: screen, Log: log})
	handler, err := signaling.New(signaling.Config{
		Session: s, Screen: screen, Log: log, VNC: vnc, Version: "1", Access: access.Config{Method: access.Token, Token: token},
		Web: fstest.MapFS{"index.html": {Data: []byte("<html></html>")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	source := synth.New(synth.Config{})
	for _, run := range []func(context.Context) error{
		func(ctx context.Context) error {
			return screen.Run(ctx, func(context.Context) (capture.Source, error) { return source, nil })
		},
		source.Run, fanout.Run, s.Run, handler.Run,
	} {
		running.Go(func() { run(ctx) })
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		cancel()
		running.Wait()
		server.Close()
	})
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// examine returns the findings of a page by the names of the checks.
func examine(t *testing.T, cfg RemoteConfig) map[string]Finding {
	t.Helper()
	checks, done, err := Remote(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	findings := map[string]Finding{}
	var text strings.Builder
	write := Text(&text)
	Examine(t.Context(), checks, func(f Finding) {
		findings[f.Check] = f
		write(f)
	})
	t.Log("\n" + text.String())
	return findings
}

func TestGoodPath(t *testing.T) {
	here, there := net.Pipe()
	go func() { // RFC 6143 §7.1, without security
		io.WriteString(there, "RFB 003.008\n")
		io.CopyN(io.Discard, there, 12)
		there.Write([]byte{1, 1})
		io.CopyN(io.Discard, there, 1)
		there.Write([]byte{0, 0, 0, 0})
		io.Copy(io.Discard, there)
	}()
	page := serve(t, &rfb.Server{Dial: func(context.Context) (net.Conn, error) { return here, nil }})
	findings := examine(t, RemoteConfig{URL: page.String() + "/#token=" + token, Stay: 50 * time.Millisecond})
	for name, f := range findings {
		if f.State != OK {
			t.Errorf("%s: %s: %s", name, f.State, f.Found)
		}
		if strings.Contains(fmt.Sprint(f), token) {
			t.Errorf("%s tells the token", name)
		}
	}
	if len(findings) != 8 {
		t.Errorf("%d findings, want 8", len(findings))
	}
}

// TestMedia: a check of another's is made as somebody who has logged in, and
// only then.
func TestMedia(t *testing.T) {
	page := serve(t, nil)
	site := make(chan Site, 1)
	cfg := RemoteConfig{URL: page.String() + "/#token=" + token, Header: http.Header{"Cookie": {"platform=1"}}}
	cfg.Media = []SiteCheck{{"media", func(_ context.Context, s Site) Finding { site <- s; return ok("") }}}
	if f := examine(t, cfg)["media"]; f.State != OK {
		t.Fatalf("got %+v", f)
	}
	got := <-site
	if got.URL != page.String()+"/" || got.Header.Get("Origin") != page.String() {
		t.Errorf("the site is %s with origin %s", got.URL, got.Header.Get("Origin"))
	}
	if cookies := got.Header["Cookie"]; len(cookies) != 1 || !strings.HasPrefix(cookies[0], "platform=1; lucarne-") {
		t.Errorf("the cookies are %q, want the platform's and the page's on one line", cookies)
	}
	cfg.URL = page.String()
	if f := examine(t, cfg)["media"]; f.State != Skip {
		t.Errorf("without a token: got %+v, want it skipped", f)
	}
}

// TestBadPaths puts proxies of all kinds before the page: the check that meets
// the fault fails, those that cannot be made are skipped, and what to do is said.
func TestBadPaths(t *testing.T) {
	page := serve(t, nil)
	forward := httputil.NewSingleHostReverseProxy(page)
	status := func(path string, code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, path) {
				w.WriteHeader(code)
				return
			}
			forward.ServeHTTP(w, r)
		}
	}
	for _, test := range []struct {
		name    string
		proxy   http.HandlerFunc
		token   string
		check   string
		state   State
		advice  string
		skipped string
	}{
		{name: "nothing behind", proxy: status("/", http.StatusBadGateway), check: "page", state: Fail, advice: "upstream", skipped: "login"},
		{name: "wrong path", proxy: status("/", http.StatusNotFound), check: "page", state: Fail, advice: "route", skipped: "login"},
		{name: "platform's login", proxy: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/hub/login?next=secret", http.StatusFound)
		}, check: "page", state: Fail, advice: "--cookie-file", skipped: "WebSocket"},
		{name: "no token", proxy: forward.ServeHTTP, token: "-", check: "login", state: Fail, advice: "#token", skipped: "WebSocket"},
		{name: "wrong token", proxy: forward.ServeHTTP, token: strings.Repeat("f", 32), check: "login", state: Fail, advice: "newest link", skipped: "WebSocket"},
		{name: "cookies lost", proxy: func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Cookie")
			forward.ServeHTTP(w, r)
		}, check: "login", state: Fail, advice: "Set-Cookie", skipped: "WebSocket"},
		{name: "upgrade stripped", proxy: func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Upgrade")
			forward.ServeHTTP(w, r)
		}, check: "WebSocket", state: Fail, advice: "proxy_http_version", skipped: "round trip"},
		{name: "gateway in the way of sockets", proxy: status("/ws", http.StatusBadGateway), check: "WebSocket", state: Fail, advice: "WebSockets", skipped: "pictures"},
		{name: "another host", proxy: func(w http.ResponseWriter, r *http.Request) {
			r.Host = "inside:8080"
			if r.URL.Path == "/ws" {
				r.Header.Set("Origin", "https://elsewhere.example")
			}
			forward.ServeHTTP(w, r)
		}, check: "login", state: Fail, advice: "Origin and Host", skipped: "WebSocket"},
		{name: "socket cut", proxy: cutAfter(page, 60<<10), check: "large messages", state: Fail, advice: "1 MiB", skipped: "pictures"},
	} {
		t.Run(test.name, func(t *testing.T) {
			proxy := httptest.NewServer(test.proxy)
			defer proxy.Close()
			with := test.token
			if with == "" {
				with = token
			}
			findings := examine(t, RemoteConfig{URL: proxy.URL + "/#token=" + strings.Trim(with, "-")})
			got := findings[test.check]
			if got.State != test.state || !strings.Contains(got.User+got.Admin, test.advice) {
				t.Errorf("%s: %+v, want %s with advice on %q", test.check, got, test.state, test.advice)
			}
			if got := findings[test.skipped]; got.State != Skip {
				t.Errorf("%s: %+v, want it skipped", test.skipped, got)
			}
			if got := findings["VNC"]; got.State != Skip && findings["WebSocket"].State != Fail {
				t.Errorf("VNC: %+v, want it skipped: it is off", got)
			}
			for name, f := range findings {
				if strings.Contains(f.Found, "secret") || strings.Contains(f.Found, token) {
					t.Errorf("%s tells a secret: %s", name, f.Found)
				}
			}
		})
	}
}

// cutAfter passes everything on, and closes a socket that has sent so many bytes.
func cutAfter(page *url.URL, limit int64) http.HandlerFunc {
	forward := httputil.NewSingleHostReverseProxy(page)
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws" {
			forward.ServeHTTP(w, r)
			return
		}
		back, err := net.Dial("tcp", page.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer back.Close()
		front, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer front.Close()
		if r.Write(back) != nil {
			return
		}
		var both sync.WaitGroup
		both.Go(func() {
			io.Copy(front, back)
			front.Close()
		})
		io.CopyN(back, bufio.NewReader(buffered), limit)
		back.Close()
		both.Wait()
	}
}

func TestNotAPage(t *testing.T) {
	for _, address := range []string{"", "desktop", "ftp://host/", "http://", "/user/alice/"} {
		if _, _, err := Remote(RemoteConfig{URL: address}); err == nil {
			t.Errorf("%q is taken for a page", address)
		}
	}
}

func TestDirectory(t *testing.T) {
	for path, want := range map[string]string{
		"": "/", "/": "/", "/a": "/a/", "/a/": "/a/", "/a/index.html": "/a/", "/user/b.c/desktop/": "/user/b.c/desktop/",
	} {
		if got := directory(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	write := JSON(&b)
	write(Finding{Check: "a", State: OK, Found: "<b>"})
	write(Finding{Check: "c", State: Fail, User: "do"})
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	var f Finding
	if len(lines) != 2 || json.Unmarshal([]byte(lines[1]), &f) != nil || f.State != Fail || !strings.Contains(lines[0], "<b>") {
		t.Errorf("wrote %q", b.String())
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ran := 0
	check := Check{"a", func(context.Context) Finding { ran++; cancel(); return ok("") }}
	if Examine(ctx, []Check{check, check}, func(Finding) {}) || ran != 1 {
		t.Errorf("healthy, or %d checks ran after the end", ran)
	}
}
