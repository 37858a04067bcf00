package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeHub follows what JupyterHub's documentation says of its OAuth (services, "HubOAuth"): codes
// are good once, for the client and the address that they were made for, and a token is
// somebody's until it is revoked.
type fakeHub struct {
	*httptest.Server
	mu     sync.Mutex
	status int // of all answers; 0: as it should be
	codes  map[string]string
	tokens map[string]string // to names
	scopes []string
	asked  int // for users
}

const (
	apiToken = "the secret of the server"
	callback = "/user/zoe/oauth_callback"
	scope    = "access:servers!server=zoe/"
)

func newFakeHub(t *testing.T) *fakeHub {
	h := &fakeHub{codes: map[string]string{}, tokens: map[string]string{}, scopes: []string{"self", scope}}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *fakeHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.status != 0 {
		http.Error(w, "no", h.status)
		return
	}
	switch r.URL.Path {
	case "/hub/api/oauth2/token":
		name, known := h.codes[r.PostFormValue("code")]
		delete(h.codes, r.PostFormValue("code"))
		if !known || r.PostFormValue("client_id") != "service-user-zoe" || r.PostFormValue("client_secret") != apiToken ||
			r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != callback {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		token := fmt.Sprint("token ", len(h.tokens))
		h.tokens[token] = name
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600,"scope":"self"}`, token)
	case "/hub/api/user":
		h.asked++
		name, known := h.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "token ")]
		if !known {
			http.Error(w, "{}", http.StatusForbidden)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"kind": "user", "name": name, "scopes": h.scopes})
	default:
		http.NotFound(w, r)
	}
}

// change does something to the hub.
func (h *fakeHub) change(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
}

// hub is the hub as a server sees it that it has started.
func (h *fakeHub) hub(t *testing.T) *Hub {
	t.Helper()
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // which is for others than the hub
	hub, err := NewHub(HubConfig{
		APIURL: h.URL + "/hub/api", APIToken: apiToken, ClientID: "service-user-zoe", BaseURL: "/", CallbackURL: callback, Scopes: []string{scope},
	})
	if err != nil {
		t.Fatal(err)
	}
	return hub
}

// gate is the gate of that server.
func (h *fakeHub) gate(t *testing.T) *Gate {
	t.Helper()
	return open(t, func(c *Config) { c.Method, c.Hub, c.Base = OAuth, h.hub(t), "/user/zoe/" })
}

// traveller is a browser on its way by the hub.
type traveller struct {
	t        *testing.T
	gate     *Gate
	verifier string
	state    string // of the address at the hub
	jar      map[string]string
}

func (b *traveller) cookies() string {
	var all []string
	for name, value := range b.jar {
		all = append(all, name+"="+value)
	}
	return strings.Join(all, "; ")
}

func (b *traveller) take(w *httptest.ResponseRecorder) {
	for _, c := range w.Result().Cookies() {
		if b.jar[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.jar, c.Name)
		}
	}
}

// depart has a browser begin.
func depart(t *testing.T, g *Gate) *traveller {
	t.Helper()
	b := &traveller{t: t, gate: g, verifier: NewToken(), jar: map[string]string{}}
	b.depart()
	return b
}

func (b *traveller) depart() {
	b.t.Helper()
	w := post(b.gate, "login", fmt.Sprintf(`{"oauth":%q,"path":"/user/zoe/"}`, b.verifier), "Cookie", b.cookies())
	var answer struct{ Location string }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
		b.t.Fatalf("departs: %d %s", w.Code, w.Body)
	}
	c := w.Result().Cookies()[0]
	if strings.Contains(c.Value, b.verifier) {
		b.t.Error("the state holds the verifier")
	}
	if c.SameSite != http.SameSiteLaxMode || !c.HttpOnly || c.Path != "/user/zoe/" {
		b.t.Errorf("the state's cookie: %v", c)
	}
	b.take(w)
	to, err := url.Parse(answer.Location)
	if err != nil || to.Path != "/hub/api/oauth2/authorize" || to.Query().Get("client_id") != "service-user-zoe" ||
		to.Query().Get("redirect_uri") != callback || to.Query().Get("response_type") != "code" {
		b.t.Fatalf("goes to %q", answer.Location)
	}
	if strings.Contains(answer.Location, apiToken) || strings.Contains(answer.Location, b.verifier) {
		b.t.Errorf("the address tells a secret: %s", answer.Location)
	}
	b.state = to.Query().Get("state")
}

// arrive comes back with a code and returns what the page's address has.
func (b *traveller) arrive(code, state string, headers ...string) (fragment string, status int) {
	r := httptest.NewRequest(http.MethodGet, "http://desk.example/user/zoe/oauth_callback?"+url.Values{"code": {code}, "state": {state}}.Encode(), nil)
	r.Header.Set("Cookie", b.cookies())
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	b.gate.Serve(w, r, "oauth_callback", true)
	b.take(w)
	return strings.TrimPrefix(w.Header().Get("Location"), "./#"), w.Code
}

// pickUp asks for the key.
func (b *traveller) pickUp(fragment string) (key string, status int) {
	w := post(b.gate, "login", fmt.Sprintf(`{"verifier":%q,"code":%q}`, b.verifier, strings.TrimPrefix(fragment, "code=")), "Cookie", b.cookies())
	var got granted
	json.Unmarshal(w.Body.Bytes(), &got)
	return got.Key, w.Code
}

func TestHub(t *testing.T) {
	hub := newFakeHub(t)
	g := hub.gate(t)
	b := depart(t, g)
	hub.change(func() { hub.codes["a"] = "zoe" })
	fragment, status := b.arrive("a", b.state, "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site")
	if status != http.StatusSeeOther || !strings.HasPrefix(fragment, "code=") || len(b.jar) != 1 {
		t.Fatalf("comes back: %d %q %v", status, fragment, b.jar)
	}
	if _, err := visit(g, b.cookies(), "", ""); !errors.Is(err, ErrLogin) {
		t.Errorf("without a key: %v", err)
	}
	neighbour := &traveller{t: t, gate: g, verifier: NewToken(), jar: b.jar}
	if key, status := neighbour.pickUp(fragment); status != http.StatusUnauthorized || key != "" {
		t.Errorf("somebody else's verifier: %d", status)
	}
	if key, status := b.pickUp("code=another"); status != http.StatusUnauthorized || key != "" {
		t.Errorf("without the code: %d", status)
	}
	key, status := b.pickUp(fragment)
	if status != http.StatusOK {
		t.Fatalf("fetches the key: %d", status)
	}
	pass, err := visit(g, b.cookies(), "", key)
	if err != nil || pass.User != "zoe" {
		t.Errorf("comes in as %+v, %v", pass, err)
	}

	// Another tab goes the same way, and both stay in.
	b.depart()
	hub.change(func() { hub.codes["b"] = "zoe" })
	again, _ := b.arrive("b", b.state)
	if second, _ := b.pickUp(again); second != key {
		t.Error("a second tab puts the first one out")
	}
	if w := post(g, "logout", "", "Cookie", b.cookies(), KeyHeader, key); w.Code != http.StatusNoContent {
		t.Errorf("logs out: %d", w.Code)
	}
	if _, err := visit(g, b.cookies(), "", key); !errors.Is(err, ErrLogin) {
		t.Errorf("logged out: %v", err)
	}
	if len(g.accounts.by) != 0 {
		t.Error("the hub's token is kept")
	}
}

func TestHubRefusals(t *testing.T) {
	hub := newFakeHub(t)
	g := hub.gate(t)
	for _, test := range []struct {
		name   string
		change func()
		state  string // "": the right one
		header []string
		want   string
		status int
	}{
		{"no code of the hub's", func() {}, "", nil, "refused=hub-refused", 303},
		{"another state", func() { hub.codes["c"] = "zoe" }, "x", nil, "refused=oauth-state", 303},
		{"who has no right to it", func() { hub.codes["c"], hub.scopes = "max", []string{"self", "access:servers!server=max/"} }, "", nil, "refused=hub-refused", 303},
		{"the hub is out of order", func() { hub.codes["c"], hub.status = "zoe", 503 }, "", nil, "refused=hub-unreachable", 303},
		{"a script", func() { hub.codes["c"] = "zoe" }, "", []string{"Sec-Fetch-Dest", "empty"}, "", 403},
		{"a frame", func() { hub.codes["c"] = "zoe" }, "", []string{"Sec-Fetch-Dest", "iframe"}, "", 403},
	} {
		b := depart(t, g)
		hub.change(func() { hub.status, hub.scopes = 0, []string{scope}; test.change() })
		if test.state == "" {
			test.state = b.state
		}
		fragment, status := b.arrive("c", test.state, test.header...)
		if fragment != test.want || status != test.status {
			t.Errorf("%s: %d %q, want %d %q", test.name, status, fragment, test.status, test.want)
		}
		hub.change(func() { clear(hub.codes) })
	}
	b := depart(t, g)
	hub.change(func() { hub.status = 0; hub.codes["c"] = "zoe" })
	stranger := &traveller{t: t, gate: g, jar: map[string]string{}}
	if fragment, _ := stranger.arrive("c", b.state); fragment != "refused=oauth-state" {
		t.Errorf("a browser that had not left: %q", fragment)
	}
	for name, body := range map[string]string{"nothing": `{}`, "a short verifier": `{"oauth":"x"}`, "a verifier without a code": `{"verifier":"x"}`} {
		if w := post(g, "login", body); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := httptest.NewRecorder(); !open(t, nil).Serve(w, httptest.NewRequest(http.MethodGet, "/oauth_callback", nil), "oauth_callback", false) || w.Code != http.StatusNotFound {
		t.Errorf("where there is no hub: %d", w.Code)
	}
}

// TestHubAsksAgain: who is no longer let in is out within minutes, and a hub that is
// being restarted puts nobody out.
func TestHubAsksAgain(t *testing.T) {
	hub := newFakeHub(t)
	g := hub.gate(t)
	b := depart(t, g)
	hub.change(func() { hub.codes["a"] = "zoe" })
	fragment, _ := b.arrive("a", b.state)
	key, _ := b.pickUp(fragment)
	pass, err := visit(g, b.cookies(), "", key)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, step := range []struct {
		after  time.Duration
		change func()
		asked  int
		want   error
	}{
		{recheckAfter - time.Second, func() {}, 1, nil},
		{recheckAfter + time.Second, func() {}, 2, nil},
		{recheckAfter + 2*time.Second, func() {}, 2, nil},
		{3 * recheckAfter, func() { hub.status = 502 }, 2, nil},
		{3*recheckAfter + retryAfter/2, func() {}, 2, nil},
		{recheckAfter + hubGrace + 2*time.Second, func() {}, 2, ErrHub},
		{recheckAfter + hubGrace + 3*time.Second, func() {}, 2, ErrHub},
		{recheckAfter + hubGrace + time.Minute, func() { hub.status = 0 }, 3, nil},
		{3 * hubGrace, func() { clear(hub.tokens) }, 4, ErrBarred},
		{3*hubGrace + time.Second, func() {}, 4, ErrLogin},
	} {
		hub.change(step.change)
		_, err := g.known(t.Context(), pass, now.Add(step.after))
		hub.change(func() {
			if !errors.Is(err, step.want) || hub.asked != step.asked {
				t.Errorf("after %v: %v, asked %d times, want %v, %d", step.after, err, hub.asked, step.want, step.asked)
			}
		})
	}
}

// TestHubFlood: whoever makes up codes has the hub asked about a few at a time.
func TestHubFlood(t *testing.T) {
	hub := newFakeHub(t)
	g := hub.gate(t)
	b := depart(t, g)
	for range maxExchanges {
		g.cfg.Hub.places <- struct{}{}
	}
	hub.change(func() { hub.codes["c"] = "zoe" })
	if fragment, _ := b.arrive("c", b.state); fragment != "refused=hub-unreachable" {
		t.Errorf("one more: %q", fragment)
	}
	hub.change(func() {
		if len(hub.codes) != 1 {
			t.Error("the hub has been asked")
		}
	})
	b.depart()
	<-g.cfg.Hub.places
	for range 2 { // each leaves its place
		if fragment, _ := b.arrive("c", b.state); !strings.HasPrefix(fragment, "code=") {
			t.Errorf("when there is a place: %q", fragment)
		}
		hub.change(func() { hub.codes["c"] = "zoe" })
		b.depart()
	}
}

func TestAccountsAreBounded(t *testing.T) {
	a, now := newAccounts(), time.Now().Add(-time.Hour)
	for n := range maxAccounts + 10 {
		a.put(mint("", now, now), account{user: "u", asked: now.Add(time.Duration(n))})
	}
	if len(a.by) != maxAccounts {
		t.Errorf("%d accounts", len(a.by))
	}
}

func TestNewHub(t *testing.T) {
	good := HubConfig{APIURL: "http://hub:8081/hub/api", APIToken: "t", ClientID: "c", BaseURL: "/jupyter/", CallbackURL: callback, Scopes: []string{scope}}
	hub, err := NewHub(good)
	if err != nil || hub.oauth.Endpoint.AuthURL != "/jupyter/hub/api/oauth2/authorize" || hub.oauth.Endpoint.TokenURL != "http://hub:8081/hub/api/oauth2/token" {
		t.Errorf("got %+v, %v", hub, err)
	}
	elsewhere := good
	elsewhere.Host = "https://hub.example"
	if hub, err := NewHub(elsewhere); err != nil || hub.oauth.Endpoint.AuthURL != "https://hub.example/jupyter/hub/api/oauth2/authorize" {
		t.Errorf("got %+v, %v", hub, err)
	}
	for _, spoil := range []func(*HubConfig){
		func(c *HubConfig) { c.APIURL = "" }, func(c *HubConfig) { c.APIURL = "hub" }, func(c *HubConfig) { c.APIToken = "" },
		func(c *HubConfig) { c.ClientID = "" }, func(c *HubConfig) { c.Scopes = nil }, func(c *HubConfig) { c.CallbackURL = "" },
	} {
		bad := good
		if spoil(&bad); func() bool { _, err := NewHub(bad); return err == nil }() {
			t.Errorf("%+v makes a hub", bad)
		}
	}
}

// FuzzUser: what a hub answers is whatever comes.
func FuzzUser(f *testing.F) {
	for _, seed := range []string{`{"name":"zoe","scopes":["s"]}`, `{"name":"","scopes":["s"]}`, `{"name":7}`, `[]`, `{"name":"a\nb","scopes":["s"]}`, `{"scopes":{"s":1}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if name, err := admitted(body, []string{"s"}); err == nil && !userName(name) {
			t.Errorf("%q is a name", name)
		}
	})
}
