package signaling

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/signaling/access"
	"lucarne/signaling/session"
)

// guestList is a server with an owner and what this has shared.
type guestList struct {
	*server
	t     *testing.T
	owner *client
	hello Message
	key   http.Header // the owner's cookie, and the key in a header
}

// share starts a server that wants a token and has its owner come.
func share(t *testing.T, change func(*Config)) *guestList {
	t.Helper()
	token := access.NewToken()
	s := serve(t, func(c *Config) {
		c.Access = byToken(token)
		if change != nil {
			change(c)
		}
	})
	g := &guestList{server: s, t: t, key: credentials(login(t, s.URL+"/login", token, nil))}
	g.owner = s.dial(t, "/ws", g.key)
	g.owner.send(fmt.Sprintf(`{"type":"hello","transport":"none","key":%q}`, keyIn(g.key)))
	g.hello = g.owner.await("hello")
	t.Cleanup(func() {
		if strings.Contains(s.log.String(), token) {
			t.Error("the log holds the token")
		}
	})
	return g
}

// credentials are what a login has answered with, as the next request has them.
func credentials(r *http.Response, body string) http.Header {
	var all []string
	for _, c := range r.Cookies() {
		all = append(all, c.Name+"="+c.Value)
	}
	var granted struct{ Key string }
	json.Unmarshal([]byte(body), &granted)
	return http.Header{"Cookie": {strings.Join(all, "; ")}, access.KeyHeader: {granted.Key}}
}

// keyIn is the key of credentials.
func keyIn(h http.Header) string { return h.Get(access.KeyHeader) }

// link has the owner make a link.
func (g *guestList) link(role session.Role) Message {
	g.t.Helper()
	g.owner.send(fmt.Sprintf(`{"type":"share","role":%q,"minutes":60,"name":"Zoé"}`, role))
	return g.owner.await("shared")
}

// redeem exchanges a link's secret for a cookie and a key.
func (s *server) redeem(t *testing.T, secret string) (*http.Response, string) {
	t.Helper()
	return request(t, http.MethodPost, s.URL+"/login", fmt.Sprintf(`{"share":%q}`, secret), jsonBody)
}

// come joins by a link. more are further cookies.
func (s *server) come(t *testing.T, made Message, more ...string) (*client, Message, http.Header) {
	t.Helper()
	r, body := s.redeem(t, made.Secret)
	if r.StatusCode != http.StatusOK || !strings.Contains(body, fmt.Sprintf(`"share":%q`, made.Share)) {
		t.Fatalf("redeemed: %d %q", r.StatusCode, body)
	}
	own := credentials(r, body)
	header := own.Clone()
	header["Cookie"] = []string{strings.Join(append(header["Cookie"], more...), "; ")}
	c := s.dial(t, "/ws", header)
	c.send(fmt.Sprintf(`{"type":"hello","transport":"none","key":%q,"page":%q,"share":%q}`, keyIn(own), pageOf(made), made.Share))
	return c, c.await("hello"), own
}

// pageOf is the secret of the page that comes by a link.
func pageOf(made Message) string { return "page-that-came-by-" + made.Share }

func TestShareLink(t *testing.T) {
	g := share(t, func(c *Config) { c.BasePath = "/user/alice" })
	made := g.link(session.Watcher)
	if made.Role != session.Watcher || made.Name != "Zoé" || len(made.Secret) != 43 || made.Open {
		t.Fatalf("got %+v", made)
	}
	body := fmt.Sprintf(`{"share":%q}`, made.Secret)
	if r, _ := request(t, http.MethodPost, g.URL+"/user/alice/login", body, jsonBody); len(r.Cookies()) != 1 || r.Cookies()[0].Path != "/user/alice/" {
		t.Errorf("below the base path: %d with %v", r.StatusCode, r.Cookies())
	}
	r, answer := g.redeem(t, made.Secret)
	cookie := r.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.MaxAge < 3500 || cookie.MaxAge > 3600 {
		t.Errorf("cookie %v, want HttpOnly, Strict and an hour", cookie)
	}
	guest, hello, _ := g.come(t, made)
	if hello.Role != session.Watcher || !slices.Equal(hello.Allow, []session.Feature{session.Video}) {
		t.Errorf("comes as %s who may %v", hello.Role, hello.Allow)
	}
	var seen Message
	for len(seen.People) < 2 {
		seen = g.owner.await("people")
	}
	if p := seen.People[1]; p.ID != hello.Viewer || p.Name != "Zoé" || p.Role != session.Watcher || p.You || p.Since == 0 {
		t.Errorf("the owner sees %+v", p)
	}
	if len(seen.Shares) != 1 || seen.Shares[0].Share != made.Share || seen.Shares[0].Until != made.Until {
		t.Errorf("the owner sees the links %+v", seen.Shares)
	}

	g.owner.send(fmt.Sprintf(`{"type":"revoke","share":%q}`, made.Share))
	if bye := guest.await("bye"); bye.Code != "revoked" || bye.Retry {
		t.Errorf("bye %+v, want revoked for good", bye)
	}
	header := credentials(r, answer)
	if got := g.refused(t, "/ws", header); got != http.StatusUnauthorized {
		t.Errorf("the cookie of a link that was revoked: got %d, want 401", got)
	}
	if r, _ := get(t, g.URL+"/session", header); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("probe with it: got %d, want 401", r.StatusCode)
	}
	if r, _ := g.redeem(t, made.Secret); r.StatusCode != http.StatusUnauthorized || len(r.Cookies()) != 0 {
		t.Errorf("redeemed once more: %d with %v", r.StatusCode, r.Cookies())
	}
	for _, secret := range []string{made.Secret, cookie.Value, keyIn(header)} {
		if strings.Contains(g.log.String(), secret) {
			t.Error("the log holds a secret")
		}
	}
	if strings.Contains(cookie.String(), made.Secret) {
		t.Error("the cookie holds the secret")
	}
}

// TestWhichCredential: the link that the page says counts, whatever else it has.
func TestWhichCredential(t *testing.T) {
	g := share(t, nil)
	made, other := g.link(session.Watcher), g.link(session.Controller)
	_, hello, _ := g.come(t, made, g.key["Cookie"][0])
	if hello.Role != session.Watcher {
		t.Errorf("an owner's cookie beside the link's: comes as %s", hello.Role)
	}
	alone := credentials(g.redeem(t, made.Secret))
	for _, test := range []struct {
		name   string
		header http.Header
		share  string
		role   session.Role // "": told that there is no such link
	}{
		{"the link's cookie alone", alone, "", session.Watcher},
		{"the owner's alone", g.key, "", session.Owner},
		{"a link that the browser has no cookie of", g.key, other.Share, ""},
		{"another's cookie", alone, other.Share, ""},
		{"no link at all", g.key, "x", ""},
	} {
		c := g.dial(t, "/ws", test.header)
		c.send(fmt.Sprintf(`{"type":"hello","transport":"none","key":%q,"share":%q}`, keyIn(test.header), test.share))
		m, err := c.next()
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if test.role == "" && (m.Type != "bye" || m.Code != "no-share" || m.Retry) || m.Role != test.role {
			t.Errorf("%s: got %+v, want %q", test.name, m, test.role)
		}
	}
}

// TestShareWithoutToken: a link makes a viewer also of who might come as owner.
func TestShareWithoutToken(t *testing.T) {
	s := serve(t, nil)
	owner, _ := s.join(t)
	owner.send(`{"type":"share","role":"viewer","minutes":1}`)
	made := owner.await("shared")
	if !made.Open {
		t.Error("the owner is not told that anybody may come")
	}
	guest, hello, _ := s.come(t, made)
	if hello.Role != session.Watcher {
		t.Errorf("comes as %s", hello.Role)
	}
	owner.send(fmt.Sprintf(`{"type":"revoke","share":%q}`, made.Share))
	if bye := guest.await("bye"); bye.Code != "revoked" {
		t.Errorf("bye %+v", bye)
	}
	if r, _ := s.redeem(t, made.Secret); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("a link that was revoked: got %d, want 401", r.StatusCode)
	}
	if r, _ := request(t, http.MethodPost, s.URL+"/login", `{"token":"any"}`, jsonBody); r.StatusCode != http.StatusNoContent {
		t.Errorf("login without a token to give: got %d, want 204", r.StatusCode)
	}
}

func TestShareEnds(t *testing.T) {
	g := share(t, nil)
	v, err := g.session.Join(session.JoinConfig{Role: session.Owner})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Leave()
	for life := 500 * time.Millisecond; ; life *= 2 { // until it is long enough for a busy machine
		_, secret, err := v.Share(session.Share{Role: session.Watcher, Until: time.Now().Add(life)})
		if err != nil {
			t.Fatal(err)
		}
		own := credentials(g.redeem(t, secret))
		conn, _, err := websocket.DefaultDialer.Dial(g.wsURL("/ws"), own)
		if err != nil {
			continue
		}
		guest := &client{t: t, conn: conn}
		t.Cleanup(func() { conn.Close() })
		guest.send(fmt.Sprintf(`{"type":"hello","transport":"none","key":%q}`, keyIn(own)))
		m, err := guest.next()
		if err != nil {
			t.Fatal(err)
		}
		if m.Type != "hello" {
			continue
		}
		if bye := guest.await("bye"); bye.Code != "expired" || bye.Retry {
			t.Errorf("bye %+v, want expired for good", bye)
		}
		return
	}
}

func TestShareRefusals(t *testing.T) {
	g := share(t, nil)
	for _, text := range []string{
		`{"type":"share","role":"owner","minutes":60}`,
		`{"type":"share","role":"viewer"}`,
		`{"type":"share","role":"viewer","minutes":-1}`,
		`{"type":"share","role":"viewer","minutes":43201}`,
		`{"type":"share","role":"viewer","minutes":9223372036854775807}`,
		`{"type":"share","role":"viewer","minutes":60,"name":"a\nb"}`,
		`{"type":"limits","bitrate":-1}`,
		`{"type":"limits","maxFPS":1000}`,
	} {
		g.owner.send(text)
	}
	for _, m := range g.owner.flush() {
		if m.Type == "shared" {
			t.Errorf("made %+v", m)
		}
	}
	g.owner.send(`{"type":"revoke","share":"none"}`)
	if m := g.owner.await("reason"); m.Code != "share-failed" {
		t.Errorf("got %+v", m)
	}
	g.owner.send(`{"type":"give","viewer":"none"}`)
	if m := g.owner.await("reason"); m.Code != "give-failed" {
		t.Errorf("got %+v", m)
	}
	g.owner.conn.Close()
	eventually(t, "what was malformed is counted", func() bool { return strings.Contains(g.log.String(), "malformed=8") })
}
