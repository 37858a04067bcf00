package signaling

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

var jsonBody = http.Header{"Content-Type": {"application/json"}}

func login(t *testing.T, url, token string, header http.Header) *http.Response {
	t.Helper()
	body, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	if header = header.Clone(); header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	r, _ := request(t, http.MethodPost, url, string(body), header)
	return r
}

func TestLogin(t *testing.T) {
	token := NewToken()
	s := serve(t, func(c *Config) { c.Auth.Token, c.BasePath = token, "/user/al%20ice" })
	if got := s.refused(t, "/ws", nil); got != http.StatusUnauthorized {
		t.Fatalf("without a cookie: got %d, want 401", got)
	}
	if r, _ := get(t, s.URL+"/session", nil); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("probe without a cookie: got %d, want 401", r.StatusCode)
	}
	if r, _ := get(t, s.URL+"/", nil); r.StatusCode != http.StatusOK {
		t.Errorf("the page needs to be public: got %d", r.StatusCode)
	}
	if r := login(t, s.URL+"/login", token+"x", nil); r.StatusCode != http.StatusUnauthorized || len(r.Cookies()) != 0 {
		t.Errorf("wrong token: got %d with %v", r.StatusCode, r.Cookies())
	}
	var values []string
	for _, test := range []struct {
		path, header, cookiePath string
		secure                   bool
	}{
		{"/login", "", "/", false},
		{"/user/al%20ice/login", "", "/user/al%20ice/", false},
		{"/user/al%20ice/login", "https", "/user/al%20ice/", true},
	} {
		header := http.Header{"Sec-Fetch-Site": {"same-origin"}}
		if test.header != "" {
			header.Set("X-Forwarded-Proto", test.header)
		}
		r := login(t, s.URL+test.path, token, header)
		if r.StatusCode != http.StatusNoContent || len(r.Cookies()) != 1 {
			t.Fatalf("%s: got %d with %v", test.path, r.StatusCode, r.Cookies())
		}
		cookie := r.Cookies()[0]
		if cookie.Path != test.cookiePath || cookie.Secure != test.secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode {
			t.Errorf("%s: got %v, want path %s, secure %v, HttpOnly, Strict", test.path, cookie, test.cookiePath, test.secure)
		}
		if strings.Contains(cookie.String(), token) {
			t.Error("the cookie holds the token")
		}
		values = append(values, cookie.Name+"="+cookie.Value)
	}
	if values[0] == values[1] {
		t.Error("two logins got the same cookie")
	}
	for _, value := range values {
		c := s.dial(t, "/ws", http.Header{"Cookie": {value}})
		c.send(`{"type":"hello"}`)
		c.await("hello")
	}
	for _, value := range []string{values[0] + "x", "lucarne=" + token, strings.Replace(values[0], ".", "", 1), values[0][:len(values[0])-9]} {
		if got := s.refused(t, "/ws", http.Header{"Cookie": {value}}); got != http.StatusUnauthorized {
			t.Errorf("cookie %q: got %d, want 401", value, got)
		}
	}
	if log := s.log.String(); strings.Contains(log, token) || strings.Contains(log, strings.SplitN(values[0], "=", 2)[1]) {
		t.Error("the log holds a secret")
	}
}

// TestRestart: a cookie outlives the server with its token, and dies with it.
func TestRestart(t *testing.T) {
	token := NewToken()
	before := serve(t, func(c *Config) { c.Auth.Token = token })
	r := login(t, before.URL+"/login", token, nil)
	cookie := http.Header{"Cookie": {r.Cookies()[0].Name + "=" + r.Cookies()[0].Value}}
	same := serve(t, func(c *Config) { c.Auth.Token = token })
	if r, _ := get(t, same.URL+"/session", cookie); r.StatusCode != http.StatusNoContent {
		t.Errorf("same token: got %d, want 204", r.StatusCode)
	}
	other := serve(t, func(c *Config) { c.Auth.Token = NewToken() })
	if r, _ := get(t, other.URL+"/session", cookie); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("another token: got %d, want 401", r.StatusCode)
	}
}

func TestLoginRefusals(t *testing.T) {
	token := NewToken()
	s := serve(t, func(c *Config) { c.Auth.Token = token })
	good := `{"token":"` + token + `"}`
	for _, test := range []struct {
		name   string
		body   string
		header http.Header
		want   int
	}{
		{"a form", "token=" + token, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 400},
		{"no JSON", "x", jsonBody, 400},
		{"another type", `{"token":7}`, jsonBody, 400},
		{"too long", `{"token":"` + strings.Repeat("x", maxLogin) + `"}`, jsonBody, 400},
		{"another site", good, http.Header{"Content-Type": {"application/json"}, "Sec-Fetch-Site": {"cross-site"}}, 403},
		{"the same site", good, http.Header{"Content-Type": {"application/json"}, "Sec-Fetch-Site": {"same-site"}}, 403},
		{"another origin", good, http.Header{"Content-Type": {"application/json"}, "Origin": {"http://evil.example.org"}}, 403},
		{"good", good, jsonBody, 204},
	} {
		r, _ := request(t, http.MethodPost, s.URL+"/login", test.body, test.header)
		if r.StatusCode != test.want {
			t.Errorf("%s: got %d, want %d", test.name, r.StatusCode, test.want)
		}
	}
}

// TestCookiePath: the page knows best under which path the browser sees it.
func TestCookiePath(t *testing.T) {
	token := NewToken()
	s := serve(t, func(c *Config) { c.Auth.Token, c.BasePath = token, "/base" })
	for _, test := range []struct{ url, path, want string }{
		{"/login", "/user/alice%20b/desk/", "/user/alice%20b/desk/"},
		{"/base/login", "/hub/base/", "/hub/base/"},
		{"/login", "", "/"},
		{"/base/login", "", "/base/"},
		{"/login", "relative/", "/"},
		{"/login", "/x; Domain=example.org", "/"},
		{"/login", "/x\r\nSet-Cookie: a=b", "/"},
		{"/login", "/" + strings.Repeat("x", maxPath), "/"},
	} {
		body, err := json.Marshal(credentials{Token: token, Path: test.path})
		if err != nil {
			t.Fatal(err)
		}
		r, _ := request(t, http.MethodPost, s.URL+test.url, string(body), jsonBody)
		if c := r.Cookies(); len(c) != 1 || c[0].Path != test.want {
			t.Errorf("%s with %q: got %v, want the path %q", test.url, test.path, c, test.want)
		}
	}
}

func TestCookieAge(t *testing.T) {
	g := newGate(Auth{Token: NewToken()})
	now := time.Now()
	for age, want := range map[time.Duration]bool{0: true, cookieAge - time.Hour: true, cookieAge: false} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(g.cookie("/", false, now.Add(-age)))
		if got := g.owns(r); got != want {
			t.Errorf("a cookie of %v: admitted %v, want %v", age, got, want)
		}
	}
}

// TestLoginStalls: a body that does not come holds nothing up.
func TestLoginStalls(t *testing.T) {
	s := serve(t, func(c *Config) { c.Auth.Token = NewToken() })
	s.handler.pace.login = 50 * time.Millisecond
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	conn.SetReadDeadline(time.Now().Add(patience))
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusBadRequest {
		t.Errorf("got %d, want 400", r.StatusCode)
	}
}

func TestAttempts(t *testing.T) {
	a := attempts{failed: make(map[string]attempt)}
	now := time.Unix(1e9, 0)
	var got []time.Duration
	for range 12 {
		a.fail("a", now)
		got = append(got, a.wait("a", now)/time.Second)
	}
	want := []time.Duration{0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got pauses %v s, want %v", got, want)
		}
	}
	if a.wait("b", now) != 0 {
		t.Error("one address pays for another")
	}
	if a.wait("a", now.Add(maxPause)) != 0 {
		t.Error("a pause does not end")
	}
	for i := range 3 * maxAddresses {
		a.fail(strings.Repeat("x", i), now.Add(time.Duration(i)))
	}
	if len(a.failed) > maxAddresses {
		t.Errorf("%d addresses remembered, want at most %d", len(a.failed), maxAddresses)
	}
}

func TestAttemptLimit(t *testing.T) {
	token := NewToken()
	s := serve(t, func(c *Config) { c.Auth.Token = token })
	var last *http.Response
	for range freeAttempts + 1 {
		last = login(t, s.URL+"/login", "wrong", nil)
	}
	if last.StatusCode != http.StatusTooManyRequests || last.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, Retry-After %q, want 429 and when", last.StatusCode, last.Header.Get("Retry-After"))
	}
	if r := login(t, s.URL+"/login", token, nil); r.StatusCode != http.StatusNoContent {
		t.Errorf("the right token has to wait for others' wrong ones: got %d", r.StatusCode)
	}
	if strings.Contains(s.log.String(), "wrong\"") || strings.Count(s.log.String(), "login refused") != freeAttempts {
		t.Error("the log should hold one line for each wrong token, and no token")
	}
}

// TestNoAuth needs no cookie at all.
func TestNoAuth(t *testing.T) {
	s := serve(t, nil)
	if r := login(t, s.URL+"/login", "", nil); r.StatusCode != http.StatusNoContent || len(r.Cookies()) != 0 {
		t.Errorf("got %d with %v, want 204 without a cookie", r.StatusCode, r.Cookies())
	}
	conn, _, err := websocket.DefaultDialer.Dial(s.wsURL("/ws"), nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
