package access

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	aToken = "0123456789abcdefghijklmnopqrstuvwxyzAB-_XYZ"
	aLink  = "the secret of a link"
	linkID = "0123456789abcdef"
)

// open returns a gate of a method, with one link. change may alter the configuration.
func open(t testing.TB, change func(*Config)) *Gate {
	t.Helper()
	cfg := Config{
		Method: Token, Token: aToken, Log: slog.New(slog.DiscardHandler),
		Redeem: func(secret string) (string, time.Time, error) {
			if secret != aLink {
				return "", time.Time{}, errors.New("no such link")
			}
			return linkID, time.Now().Add(time.Hour), nil
		},
		Linked: func(id string) bool { return id == linkID },
	}
	if change != nil {
		change(&cfg)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// post asks a gate by a POST with a body in JSON, and headers as name and value by turns.
func post(g *Gate, name, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://desk.example/"+name, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	g.Serve(w, r, name, false)
	return w
}

// granted is what a login has answered with.
type granted struct {
	Key, Share string
	cookie     string
}

func grant(t testing.TB, w *httptest.ResponseRecorder) granted {
	t.Helper()
	var got granted
	if err := json.Unmarshal(w.Body.Bytes(), &got); w.Code != http.StatusOK || err != nil || len(w.Result().Cookies()) != 1 {
		t.Fatalf("login: %d %q", w.Code, w.Body)
	}
	c := w.Result().Cookies()[0]
	got.cookie = c.Name + "=" + c.Value
	return got
}

// visit says how a request with a cookie, a key and a link's id would come in.
func visit(g *Gate, cookie, share, key string) (Pass, error) {
	r := httptest.NewRequest(http.MethodGet, "http://desk.example/ws", nil)
	r.Header.Set("Cookie", cookie)
	v, err := g.Visitor(r)
	if err != nil {
		return Pass{}, err
	}
	return v.Pass(share, key)
}

func TestKey(t *testing.T) {
	g := open(t, nil)
	owner := grant(t, post(g, "login", `{"token":"`+aToken+`"}`))
	other := grant(t, post(g, "login", `{"token":"`+aToken+`"}`))
	guest := grant(t, post(g, "login", `{"share":"`+aLink+`"}`))
	elsewhere := open(t, func(c *Config) { c.Token = NewToken() })
	foreign := grant(t, post(elsewhere, "login", `{"token":"`+elsewhere.cfg.Token+`"}`))
	if owner.Key == other.Key || owner.cookie == other.cookie || guest.Share != linkID {
		t.Error("two browsers have one key, or a link has none")
	}
	both := owner.cookie + "; " + guest.cookie
	for _, test := range []struct {
		name, cookie, share, key string
		want                     error
	}{
		{"the owner", owner.cookie, "", owner.Key, nil},
		{"a guest", guest.cookie, linkID, guest.Key, nil},
		{"a guest who does not say the link", guest.cookie, "", guest.Key, nil},
		{"both, as guest", both, linkID, guest.Key, nil},
		{"both, by the guest's key", both, "", guest.Key, nil},
		{"both, with the wrong key", both, linkID, owner.Key, ErrLogin},
		{"nothing", "", "", "", ErrLogin},
		{"the cookie alone", owner.cookie, "", "", ErrLogin},
		{"the key alone", "", "", owner.Key, ErrLogin},
		{"another browser's key", owner.cookie, "", other.Key, ErrLogin},
		{"another desktop's", foreign.cookie, "", foreign.Key, ErrLogin},
		{"a guest by the owner's key", guest.cookie, linkID, owner.Key, ErrLogin},
		{"a link without its cookie", owner.cookie, linkID, owner.Key, ErrNoLink},
		{"a forged cookie", owner.cookie + "x", "", owner.Key, ErrLogin},
		{"a cookie cut off", owner.cookie[:len(owner.cookie)-3], "", owner.Key, ErrLogin},
		{"a guest's cookie by the owner's name", strings.SplitN(owner.cookie, "=", 2)[0] + "=" + strings.SplitN(guest.cookie, "=", 2)[1], "", guest.Key, ErrLogin},
	} {
		pass, err := visit(g, test.cookie, test.share, test.key)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
		if err == nil && (pass.Share != "") != strings.Contains(test.name, "guest") {
			t.Errorf("%s: comes by the link %q", test.name, pass.Share)
		}
	}
	again := open(t, nil) // after a restart with the same token
	if _, err := visit(again, owner.cookie, "", owner.Key); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

// TestTabs: the tabs of a browser log in one by one, and have one stay.
func TestTabs(t *testing.T) {
	g := open(t, nil)
	first := grant(t, post(g, "login", `{"token":"`+aToken+`"}`))
	second := grant(t, post(g, "login", `{"token":"`+aToken+`"}`, "Cookie", first.cookie))
	if first.Key != second.Key || first.cookie != second.cookie {
		t.Error("a second tab puts the first one out")
	}
	if w := post(g, "logout", "", "Cookie", first.cookie); w.Code != http.StatusUnauthorized {
		t.Errorf("logged out by the cookie alone: %d", w.Code)
	}
	w := post(g, "logout", `{"path":"/user/zoe/"}`, "Cookie", first.cookie, KeyHeader, first.Key)
	if w.Code != http.StatusNoContent || len(w.Result().Cookies()) != 1 {
		t.Fatalf("logout: %d %s", w.Code, w.Body)
	}
	if c := w.Result().Cookies()[0]; !strings.HasPrefix(first.cookie, c.Name+"=") || c.Path != "/user/zoe/" || c.MaxAge >= 0 || c.Value != "" {
		t.Errorf("the browser is to keep %v", c)
	}
	if _, err := visit(g, first.cookie, "", first.Key); !errors.Is(err, ErrLogin) {
		t.Errorf("logged out: %v", err)
	}
	third := grant(t, post(g, "login", `{"token":"`+aToken+`"}`, "Cookie", first.cookie))
	if third.Key == first.Key {
		t.Error("logging in brings back what had been logged out")
	}
}

func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, func(c *Config) { c.MaxAge = time.Hour })
		come := func() (granted, Pass) {
			has := grant(t, post(g, "login", `{"token":"`+aToken+`"}`))
			pass, err := visit(g, has.cookie, "", has.Key)
			if err != nil {
				t.Fatal(err)
			}
			return has, pass
		}
		leaving, leaver := come()
		_, stayer := come()
		ends := make(chan error, 2)
		go func() { ends <- g.Await(t.Context(), leaver) }()
		time.Sleep(time.Minute)
		post(g, "logout", "", "Cookie", leaving.cookie, KeyHeader, leaving.Key)
		if err := <-ends; !errors.Is(err, ErrLoggedOut) {
			t.Errorf("who logs out: %v", err)
		}
		if err := g.Await(t.Context(), stayer); !errors.Is(err, ErrTooOld) {
			t.Errorf("who stays too long: %v", err)
		}
		if _, err := visit(g, "", "", ""); !errors.Is(err, ErrLogin) {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ends <- g.Await(ctx, Pass{}) }()
		cancel()
		if err := <-ends; err != nil {
			t.Errorf("who has no pass: %v", err)
		}
	})
}

func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for method, want := range map[Method]time.Duration{Token: tokenAge, Password: otherAge} {
			g := open(t, func(c *Config) { c.Method, c.Password = method, quick("p") })
			has := grant(t, post(g, "login", fmt.Sprintf(`{"token":%q,"password":"p"}`, aToken)))
			time.Sleep(want - time.Second)
			if _, err := visit(g, has.cookie, "", has.Key); err != nil {
				t.Errorf("%s: a second before: %v", method, err)
			}
			time.Sleep(2 * time.Second)
			if _, err := visit(g, has.cookie, "", has.Key); !errors.Is(err, ErrLogin) {
				t.Errorf("%s: after %v: %v", method, want, err)
			}
		}
	})
}

// TestVoided: however many log out, none comes back, and guests put out guests alone.
func TestVoided(t *testing.T) {
	v, now := newVoided(), time.Unix(1_000_000, 0)
	var passes []Pass
	for n := range 2*maxVoided + 1 {
		p := mint(linkID, now.Add(time.Duration(n)*time.Second), now.Add(time.Hour))
		passes = append(passes, p)
		v.add(p, now.Add(time.Duration(n)*time.Second))
	}
	for n, p := range passes {
		if !v.has(p) {
			t.Fatalf("the pass number %d is good again", n)
		}
	}
	if got := len(v.by[linkID].until); got > maxVoided {
		t.Errorf("%d remembered", got)
	}
	if v.has(mint("", now, now.Add(time.Hour))) || v.has(mint("fedcba9876543210", now, now.Add(time.Hour))) {
		t.Error("one link's guests put out others")
	}
	if v.has(mint(linkID, now.Add(time.Hour), now.Add(2*time.Hour))) {
		t.Error("who comes later is put out")
	}
	old := newVoided()
	old.add(mint("", now, now.Add(time.Second)), now)
	old.add(mint("", now, now.Add(time.Hour)), now.Add(time.Minute))
	if got := len(old.by[""].until); got != 1 {
		t.Errorf("%d remembered, of which one is over anyway", got)
	}
}

func TestCookie(t *testing.T) {
	g := open(t, func(c *Config) { c.Base = "/base/" })
	for _, test := range []struct {
		kept       bool
		path, want string
	}{
		{false, "/user/alice%20b/desk/", "/user/alice%20b/desk/"},
		{true, "/hub/base/", "/hub/base/"},
		{false, "", "/"},
		{true, "", "/base/"},
		{false, "relative/", "/"},
		{false, "/x; Domain=example.org", "/"},
		{false, "/x\r\nSet-Cookie: a=b", "/"},
		{false, "/" + strings.Repeat("x", maxPath), "/"},
	} {
		if got := g.cookiePath(test.path, test.kept); got != test.want {
			t.Errorf("%q: got %q, want %q", test.path, got, test.want)
		}
	}
	now := time.Now()
	p := mint("", now, now.Add(time.Hour))
	for _, secure := range []bool{false, true} {
		c := g.cookie(p, "/a/", secure, now)
		if !c.HttpOnly || c.Secure != secure || c.SameSite != http.SameSiteStrictMode || c.MaxAge != 0 || c.Path != "/a/" || strings.HasPrefix(c.Name, "__Secure-") != secure {
			t.Errorf("cookie %v", c)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := range 2 * maxShareCookies {
		r.AddCookie(&http.Cookie{Name: fmt.Sprint(shareCookies, i), Value: "x"})
	}
	r.AddCookie(g.cookie(mint(linkID, now, now.Add(time.Hour)), "/", false, now))
	if got := g.linked(r, now); len(got) != 0 {
		t.Errorf("looked at more than %d cookies", maxShareCookies)
	}
}

func TestLoginRefusals(t *testing.T) {
	good := `{"token":"` + aToken + `"}`
	for _, test := range []struct {
		name, body string
		headers    []string
		want       int
	}{
		{"no JSON", "x", nil, 400},
		{"text", good, []string{"Content-Type", "text/plain"}, 400},
		{"another type", `{"token":7}`, nil, 400},
		{"too long", `{"token":"` + strings.Repeat("x", maxLogin) + `"}`, nil, 400},
		{"another site", good, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"the same site", good, []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"another origin", good, []string{"Origin", "http://evil.example"}, 403},
		{"wrong", `{"token":"x"}`, nil, 401},
		{"a wrong link", `{"share":"x"}`, nil, 401},
		{"good", good, []string{"Origin", "http://desk.example", "Sec-Fetch-Site", "same-origin"}, 200},
	} {
		if w := post(open(t, nil), "login", test.body, test.headers...); w.Code != test.want || w.Code != 200 && len(w.Result().Cookies()) > 0 {
			t.Errorf("%s: got %d, want %d", test.name, w.Code, test.want)
		}
	}
	if w := httptest.NewRecorder(); !open(t, nil).Serve(w, httptest.NewRequest(http.MethodGet, "/login", nil), "login", false) || w.Code != http.StatusMethodNotAllowed {
		t.Errorf("a GET: %d", w.Code)
	}
	if open(t, nil).Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/x", nil), "x", false) {
		t.Error("answers what is none of its business")
	}
}

// TestRefused: of each way in, whoever is not let in is told of, by that way's name, and nothing
// secret with it.
func TestRefused(t *testing.T) {
	hub := newFakeHub(t).hub(t)
	for _, test := range []struct {
		name, body string
		method     Method
		want       string
	}{
		{"whom the proxy does not name", ``, Proxy, "proxy"},
		{"token", `{"token":"wrong secret"}`, Token, "token"},
		{"link", `{"share":"wrong secret"}`, Token, "link"},
		{"password", `{"password":"wrong secret"}`, Password, "password"},
		{"link, though nobody needs one", `{"share":"wrong secret"}`, None, "link"},
		{"past the proxy", ``, Proxy, "proxy"},
		{"another's way by the hub", `{"verifier":"wrong secret","code":"wrong secret"}`, OAuth, "oauth"},
	} {
		var told []string
		g := open(t, func(c *Config) {
			c.Method, c.Password, c.Hub = test.method, quick("p"), hub
			c.Identity = Identity{Header: "X-Forwarded-User", From: peers(t, "192.0.2.1")}
			if test.name == "past the proxy" {
				c.Identity.From = peers(t, "10.0.0.0/8")
			}
			c.Refused = func(which, from string, err error) { told = append(told, which, from, err.Error()) }
		})
		w := post(g, "login", test.body)
		if w.Code/100 != 4 || len(told) != 3 || told[0] != test.want || told[1] != "192.0.2.1" || strings.Contains(fmt.Sprint(told), "secret") {
			t.Errorf("%s: %d, told %q", test.name, w.Code, told)
		}
		if got := g.Stats(); got != (Stats{Wrong: 1}) {
			t.Errorf("%s: counted %+v", test.name, got)
		}
	}
}

// TestForm: what a view of Open OnDemand posts opens the page, which finds its key in the address.
func TestForm(t *testing.T) {
	g := open(t, func(c *Config) { c.Method, c.Password = Password, quick("pass word") })
	for _, test := range []struct{ body, to string }{
		{"password=pass+word", "./#key="},
		{"password=wrong", "./"},
		{"", "./"},
	} {
		w := post(g, "login", test.body, "Content-Type", "application/x-www-form-urlencoded", "Origin", "https://ood.example", "X-Forwarded-Host", "ood.example", "Sec-Fetch-Site", "same-origin")
		to := w.Header().Get("Location")
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, test.to) || len(w.Result().Cookies()) != strings.Count(test.to, "#") {
			t.Fatalf("%s: %d to %q", test.body, w.Code, to)
		}
		if _, key, found := strings.Cut(to, "#key="); found {
			c := w.Result().Cookies()[0]
			if _, err := visit(g, c.Name+"="+c.Value, "", key); err != nil {
				t.Errorf("the key in the address: %v", err)
			}
		}
	}
}

// TestProbe: what it says is a code, and never a key.
func TestProbe(t *testing.T) {
	g := open(t, nil)
	has := grant(t, post(g, "login", `{"token":"`+aToken+`"}`))
	open := open(t, func(c *Config) { c.Method = None })
	for _, test := range []struct {
		gate   *Gate
		cookie string
		status int
		want   string
	}{
		{g, "", 401, `{"methods":["token"],"key":true,"code":"login"}`},
		{g, has.cookie, 200, `{"methods":["token"],"key":true}`},
		{open, "", 200, `{"methods":[],"key":false}`},
	} {
		r := httptest.NewRequest(http.MethodGet, "/session", nil)
		r.Header.Set("Cookie", test.cookie)
		w := httptest.NewRecorder()
		test.gate.Serve(w, r, "session", false)
		if got := strings.TrimSpace(w.Body.String()); w.Code != test.status || got != test.want || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("got %d %s, want %d %s", w.Code, got, test.status, test.want)
		}
	}
}

// TestLoginStalls: a body that does not come holds nothing up.
func TestLoginStalls(t *testing.T) {
	g := open(t, nil)
	g.pace.body = 50 * time.Millisecond
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Serve(w, r, "login", false) }))
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	io.Copy(io.Discard, r.Body)
	if r.StatusCode != http.StatusBadRequest {
		t.Errorf("got %d, want 400", r.StatusCode)
	}
}

func TestNew(t *testing.T) {
	for method, want := range map[Method]bool{"": true, None: true, Token: false, Password: false, OAuth: false, Proxy: false, "palm": false} {
		if g, err := New(Config{Method: method}); (err == nil) != want || err == nil && g.Keyed() {
			t.Errorf("%q: %v", method, err)
		}
	}
}

// FuzzPass: a cookie's value is whatever a browser likes.
func FuzzPass(f *testing.F) {
	g := open(f, nil)
	now := time.Unix(1_700_000_000, 0)
	sealed := []byte(mint(linkID, now, now.Add(time.Hour)).sealed)
	clear(sealed[nonceAt:]) // the same in each process that fuzzes
	good := g.cookie(passOf(sealed), "/", false, now).Value
	for _, seed := range []string{good, good[1:], good + "x", "", ".", "AAAA.AAAA", strings.Repeat("A", 54) + "." + strings.Repeat("A", 43)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if p, ok := g.pass(value); ok && (value != good || p.Share != linkID) {
			t.Errorf("%q is taken for the link %q", value, p.Share)
		}
	})
}

// FuzzLogin: the body of a login is whatever comes.
func FuzzLogin(f *testing.F) {
	for _, seed := range []string{
		`{"token":"t","path":"/user/alice/"}`, `{"share":"s","path":"/"}`, `{"password":"p"}`, `{"oauth":"` + strings.Repeat("A", 43) + `"}`,
		`{"verifier":"v","code":"c"}`, `{"share":["s"]}`, `{"share":"\ud800\u0000"}`, `{`, ``,
	} {
		f.Add("application/json", seed)
	}
	f.Add("application/x-www-form-urlencoded", "password=a%20b&token=c&password=%zz")
	f.Add("text/plain; charset=\"", "{}")
	f.Fuzz(func(t *testing.T, media, body string) {
		r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(body))
		r.Header.Set("Content-Type", media)
		if c, err := parseLogin(r); err == nil && len(c.Token)+len(c.Share)+len(c.Path)+len(c.Password) > 4*maxLogin {
			t.Errorf("%d bytes of credentials", len(c.Token)+len(c.Share)+len(c.Path)+len(c.Password))
		}
	})
}
