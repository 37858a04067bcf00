package signaling

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gorilla/websocket"

	"lucarne/signaling/access"
)

// get asks for a path without following redirects.
func get(t *testing.T, url string, header http.Header) (*http.Response, string) {
	t.Helper()
	return request(t, http.MethodGet, url, "", header)
}

func request(t *testing.T, method, url, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		r.Host = host
		r.Header.Del("Host")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(content)
}

func TestRoutes(t *testing.T) {
	s := serve(t, func(c *Config) { c.BasePath = "/user/al%20ice/desktop" })
	const immutable = "public, max-age=31536000, immutable"
	for _, test := range []struct {
		method, path string
		status       int
		cache        string
		kind         string
	}{
		{"GET", "/", 200, "no-store", "text/html"},
		{"GET", "/index.html", 200, "no-store", "text/html"},
		{"GET", "/user/al%20ice/desktop/", 200, "no-store", "text/html"},
		{"HEAD", "/user/al%20ice/desktop/", 200, "no-store", "text/html"},
		{"GET", "/assets/main-ABCD1234.js", 200, immutable, "text/javascript"},
		{"GET", "/user/al%20ice/desktop/assets/style-ABCD1234.css", 200, immutable, "text/css"},
		{"GET", "/robots.txt", 200, "no-cache", "text/plain"},
		{"GET", "/healthz", 200, "no-store", "text/plain"},
		{"GET", "/user/al%20ice/desktop/healthz", 200, "no-store", "text/plain"},
		{"POST", "/readyz", 405, "", "text/plain"},
		{"GET", "/connection", 200, "no-store", "text/html"},
		{"GET", "/user/al%20ice/desktop/connection", 200, "no-store", "text/html"},
		{"GET", "/session", 200, "no-store", "application/json"},
		{"GET", "/assets", 404, "", "text/plain"},
		{"GET", "/assets/", 404, "", "text/plain"},
		{"GET", "/.gitignore", 404, "", "text/plain"},
		{"GET", "/assets/..%2findex.html", 404, "", "text/plain"},
		{"GET", "/nothing", 404, "", "text/plain"},
		{"POST", "/", 405, "", "text/plain"},
		{"GET", "/login", 405, "no-store", "text/plain"},
		{"GET", "/ws", 400, "", "text/plain"},
	} {
		r, _ := request(t, test.method, s.URL+test.path, "", nil)
		kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		if r.StatusCode != test.status || r.Header.Get("Cache-Control") != test.cache || kind != test.kind {
			t.Errorf("%s %s: got %d, %q, %q, want %d, %q, %q", test.method, test.path,
				r.StatusCode, r.Header.Get("Cache-Control"), kind, test.status, test.cache, test.kind)
		}
	}
}

func TestRedirect(t *testing.T) {
	s := serve(t, func(c *Config) { c.BasePath = "/user/alice" })
	r, _ := get(t, s.URL+"/user/alice?resize=off", nil)
	if got := r.Header.Get("Location"); r.StatusCode != http.StatusPermanentRedirect || got != "alice/?resize=off" {
		t.Errorf("got %d to %q, want 308 to alice/?resize=off", r.StatusCode, got)
	}
}

func TestBasePath(t *testing.T) {
	for _, test := range []struct {
		path, want string
		fails      bool
	}{
		{"", "/", false},
		{"/", "/", false},
		{"/a", "/a/", false},
		{"/a/b/", "/a/b/", false},
		{"/a%20b", "/a b/", false},
		{"a", "", true},
		{"/a/../b", "", true},
		{"//a", "", true},
		{"/a?b", "", true},
		{"/%zz", "", true},
	} {
		got, err := parseBase(test.path)
		if got != test.want || (err != nil) != test.fails {
			t.Errorf("%q: got %q, %v, want %q", test.path, got, err, test.want)
		}
	}
}

func TestHeaders(t *testing.T) {
	s := serve(t, func(c *Config) { c.FrameAncestors = []string{"https://hub.example.org"} })
	r, _ := get(t, s.URL+"/", nil)
	for name, want := range map[string]string{
		"Content-Security-Policy":    "script-src 'self';",
		"X-Content-Type-Options":     "nosniff",
		"Referrer-Policy":            "no-referrer",
		"Permissions-Policy":         "clipboard-read=(self)",
		"Cross-Origin-Opener-Policy": "noopener-allow-popups",
	} {
		if got := r.Header.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q in it", name, got, want)
		}
	}
	policy := r.Header.Get("Content-Security-Policy")
	if strings.Contains(policy, "unsafe") || !strings.HasSuffix(policy, "frame-ancestors https://hub.example.org") {
		t.Errorf("got policy %q", policy)
	}
}

func TestNotBuilt(t *testing.T) {
	s := serve(t, func(c *Config) { c.Web = fstest.MapFS{} })
	r, body := get(t, s.URL+"/", nil)
	if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "make web") {
		t.Errorf("got %d %q, want 503 and what to do", r.StatusCode, body)
	}
}

func TestHost(t *testing.T) {
	open := serve(t, func(c *Config) { c.Access.Origins.Hosts = []string{"desk.example.org"} })
	locked := serve(t, func(c *Config) { c.Access = byToken(access.NewToken()) })
	for _, test := range []struct {
		server *server
		host   string
		want   int
	}{
		{open, "", 200},
		{open, "localhost:8080", 200},
		{open, "desk.localhost", 200},
		{open, "[::1]:8080", 200},
		{open, "127.1.2.3", 200},
		{open, "desk.example.org", 200},
		{open, "DESK.example.org:8080", 200},
		{open, "evil.example.org", 403},
		{open, "192.168.1.1", 403},
		{open, "127.0.0.1.evil.example.org", 403},
		{locked, "evil.example.org", 200}, // the page is public, and the cookie is bound to its name
	} {
		header := http.Header{}
		if test.host != "" {
			header.Set("Host", test.host)
		}
		r, body := get(t, test.server.URL+"/", header)
		if r.StatusCode != test.want {
			t.Errorf("host %q: got %d %q, want %d", test.host, r.StatusCode, body, test.want)
		}
	}
}

func TestOrigin(t *testing.T) {
	s := serve(t, func(c *Config) { c.Access.Origins.Hosts = []string{"desk.example.org"} })
	own := strings.TrimPrefix(s.URL, "http://")
	for _, test := range []struct {
		name   string
		header http.Header
		want   int
	}{
		{"no browser", http.Header{}, 101},
		{"own", http.Header{"Origin": {"http://" + own}}, 101},
		{"behind a proxy", http.Header{"Origin": {"https://hub.example.org"}, "X-Forwarded-Host": {"hub.example.org"}}, 101},
		{"behind a proxy with its port", http.Header{"Origin": {"https://hub.example.org"}, "X-Forwarded-Host": {"hub.example.org:443"}}, 101},
		{"behind two proxies", http.Header{"Origin": {"https://hub.example.org"}, "X-Forwarded-Host": {"hub.example.org, inner:8888"}}, 101},
		{"allowed", http.Header{"Origin": {"https://desk.example.org"}}, 101},
		{"another host", http.Header{"Origin": {"http://evil.example.org"}}, 403},
		{"another port", http.Header{"Origin": {"http://127.0.0.1:1"}}, 403},
		{"a sandboxed frame", http.Header{"Origin": {"null"}}, 403},
		{"an extension", http.Header{"Origin": {"chrome-extension://" + own}}, 403},
		{"two", http.Header{"Origin": {"http://" + own, "http://evil.example.org"}}, 403},
		{"empty", http.Header{"Origin": {""}}, 403},
	} {
		if got := s.refused(t, "/ws", test.header); got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}

// TestKeptAndStripped joins through both paths that proxies leave.
func TestKeptAndStripped(t *testing.T) {
	s := serve(t, func(c *Config) { c.BasePath = "/notebook/ns/nb" })
	for _, path := range []string{"/ws", "/notebook/ns/nb/ws"} {
		c := s.dial(t, path, nil)
		c.send(`{"type":"hello"}`)
		if got := c.await("hello"); got.Version != "v1" {
			t.Errorf("%s: got version %q, want v1", path, got.Version)
		}
	}
	if _, _, err := websocket.DefaultDialer.Dial(s.wsURL("/notebook/ns/other/ws"), nil); err == nil {
		t.Error("a foreign prefix was answered")
	}
}
