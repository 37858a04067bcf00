package access

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// peers are parsed from texts that are right.
func peers(t testing.TB, texts ...string) Peers {
	t.Helper()
	p, err := ParsePeers(texts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOrigins(t *testing.T) {
	free := Origins{Hosts: []string{"desk.example"}}
	strict := Origins{Proxies: peers(t, "192.0.2.0/24")}
	for _, test := range []struct {
		name   string
		judge  Origins
		from   string
		header http.Header
		want   bool
	}{
		{"no browser", free, "", http.Header{}, true},
		{"own", free, "", http.Header{"Origin": {"http://own:8080"}}, true},
		{"behind a proxy", free, "", http.Header{"Origin": {"https://hub.example"}, "X-Forwarded-Host": {"hub.example"}}, true},
		{"behind two", free, "", http.Header{"Origin": {"https://hub.example"}, "X-Forwarded-Host": {"hub.example, inner:8888"}}, true},
		{"listed", free, "", http.Header{"Origin": {"https://desk.example"}}, true},
		{"another host", free, "", http.Header{"Origin": {"http://evil.example"}}, false},
		{"another port", free, "", http.Header{"Origin": {"http://own:1"}}, false},
		{"a sandboxed frame", free, "", http.Header{"Origin": {"null"}}, false},
		{"an extension", free, "", http.Header{"Origin": {"chrome-extension://own:8080"}}, false},
		{"two", free, "", http.Header{"Origin": {"http://own:8080", "http://own:8080"}}, false},
		{"empty, and an empty host", free, "", http.Header{"Origin": {""}, "X-Forwarded-Host": {""}}, false},
		{"own, says the browser", free, "", http.Header{"Origin": {"http://own:8080"}, "Sec-Fetch-Site": {"same-origin"}}, true},
		{"another site's, says the browser", free, "", http.Header{"Origin": {"http://own:8080"}, "Sec-Fetch-Site": {"cross-site"}}, false},
		{"a sister's, says the browser", free, "", http.Header{"Sec-Fetch-Site": {"same-site"}}, false},
		{"typed in", free, "", http.Header{"Sec-Fetch-Site": {"none"}}, true},
		{"behind a proxy that is one", strict, "192.0.2.7:1", http.Header{"Origin": {"https://hub.example"}, "X-Forwarded-Host": {"hub.example"}}, true},
		{"who says to be a proxy", strict, "198.51.100.7:1", http.Header{"Origin": {"https://hub.example"}, "X-Forwarded-Host": {"hub.example"}}, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://own:8080/ws", nil)
		r.Header = test.header
		if test.from != "" {
			r.RemoteAddr = test.from
		}
		if got := test.judge.Allows(r); got != test.want {
			t.Errorf("%s: got %v", test.name, got)
		}
	}
}

func TestSecure(t *testing.T) {
	strict := Origins{Proxies: peers(t, "192.0.2.0/24")}
	for _, test := range []struct {
		judge Origins
		peer  string
		proto []string
		want  bool
	}{
		{Origins{}, "198.51.100.7:1", nil, false},
		{Origins{}, "198.51.100.7:1", []string{"https"}, true},
		{Origins{}, "198.51.100.7:1", []string{"HTTPS, http"}, true},
		{Origins{}, "198.51.100.7:1", []string{"https,http", "http"}, true},
		{Origins{}, "198.51.100.7:1", []string{"http,https"}, false},
		{Origins{}, "198.51.100.7:1", []string{"https:"}, false},
		{strict, "192.0.2.7:1", []string{"https,http"}, true},
		{strict, "198.51.100.7:1", []string{"https"}, false},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://own:8080/login", nil)
		r.RemoteAddr = test.peer
		r.Header["X-Forwarded-Proto"] = test.proto
		if got := test.judge.secure(r); got != test.want {
			t.Errorf("%q from %s: got %v", test.proto, test.peer, got)
		}
	}
}

func TestDocument(t *testing.T) {
	for dest, want := range map[string][2]bool{
		"": {true, true}, "document": {true, true}, "iframe": {false, true}, "frame": {false, true},
		"empty": {}, "object": {}, "embed": {}, "script": {}, "image": {}, "worker": {}, "serviceworker": {}, "fencedframe": {},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Sec-Fetch-Dest", dest)
		if got := [2]bool{Document(r, false), Document(r, true)}; got != want {
			t.Errorf("%q: got %v, want %v", dest, got, want)
		}
	}
}

func TestFrom(t *testing.T) {
	o := Origins{Proxies: peers(t, "10.0.0.0/8", "fd00::/8")}
	for _, test := range []struct{ peer, forwarded, want string }{
		{"198.51.100.7:1", "203.0.113.9", "198.51.100.7"},
		{"10.0.0.1:1", "", "10.0.0.1"},
		{"10.0.0.1:1", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:1", "1.1.1.1, 203.0.113.9, 10.2.3.4", "203.0.113.9"},
		{"10.0.0.1:1", "1.1.1.1, junk", "10.0.0.1"},
		{"[fd00::1]:1", "2001:db8::1", "2001:db8::1"},
		{"@", "203.0.113.9", "@"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.peer
		if test.forwarded != "" {
			r.Header.Set("X-Forwarded-For", test.forwarded)
		}
		if got := o.From(r); got != test.want {
			t.Errorf("%s by %s: got %s, want %s", test.forwarded, test.peer, got, test.want)
		}
	}
}

func TestIdentity(t *testing.T) {
	const header = "Kubeflow-Userid"
	g := open(t, func(c *Config) {
		c.Method = Proxy
		c.Identity = Identity{Header: "kubeflow-userid", From: peers(t, "10.0.0.0/8", "unix", "::ffff:192.0.2.1"), Users: []string{"zoe@example.org"}}
	})
	unix := context.WithValue(t.Context(), http.LocalAddrContextKey, &net.UnixAddr{Name: "/s", Net: "unix"})
	for _, test := range []struct {
		name   string
		ctx    context.Context
		peer   string
		values []string
		want   error
	}{
		{"the proxy", t.Context(), "10.1.2.3:1", []string{"zoe@example.org"}, nil},
		{"by an address that is mapped", t.Context(), "192.0.2.1:1", []string{"zoe@example.org"}, nil},
		{"by the socket", unix, "@", []string{"zoe@example.org"}, nil},
		{"somebody else", t.Context(), "11.1.2.3:1", []string{"zoe@example.org"}, ErrIdentity},
		{"nobody", t.Context(), "10.1.2.3:1", nil, ErrIdentity},
		{"an empty name", t.Context(), "10.1.2.3:1", []string{" "}, ErrIdentity},
		{"two names", t.Context(), "10.1.2.3:1", []string{"zoe@example.org", "zoe@example.org"}, ErrIdentity},
		{"who is not allowed", t.Context(), "10.1.2.3:1", []string{"max@example.org"}, ErrIdentity},
		{"a name with a line", t.Context(), "10.1.2.3:1", []string{"zoe@example.org\n"}, ErrIdentity},
	} {
		r := httptest.NewRequest(http.MethodGet, "/ws", nil).WithContext(test.ctx)
		r.RemoteAddr = test.peer
		r.Header[header] = test.values
		v, err := g.Visitor(r)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
		if test.want == nil {
			if p, err := v.Pass("", ""); err != nil || p.User != "zoe@example.org" || p.Until.IsZero() {
				t.Errorf("%s: comes as %+v, %v", test.name, p, err)
			}
		}
		w := httptest.NewRecorder()
		if g.Serve(w, r, "session", false); (w.Code == http.StatusOK) != (test.want == nil) {
			t.Errorf("%s: told %d %s", test.name, w.Code, w.Body)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/login", nil)
	r.RemoteAddr = "11.1.2.3:1"
	w := httptest.NewRecorder()
	if g.Serve(w, r, "login", false); w.Code != http.StatusForbidden {
		t.Errorf("a login that does not come by the proxy: %d", w.Code)
	}
}

func TestParsePeers(t *testing.T) {
	for _, text := range []string{"", "10.0.0.0/33", "proxy.example", "10.0.0", "unix:/s"} {
		if _, err := ParsePeers([]string{text}); err == nil {
			t.Errorf("%q is taken for a network", text)
		}
	}
	if !peers(t).None() || peers(t, "unix").None() || peers(t, "::/0").None() {
		t.Error("nobody is somebody")
	}
}

// FuzzForwarded: whoever asks may write any header.
func FuzzForwarded(f *testing.F) {
	f.Add("http://own:8080", "own:8080", "1.2.3.4, junk", "203.0.113.9:1")
	f.Add("https://[::1]", "[::1], ,:", ",,", "10.0.0.1:1")
	f.Add("null", "", "::ffff:1.2.3.4%eth0", "@")
	o := Origins{Proxies: peers(f, "10.0.0.0/8"), Hosts: []string{"desk.example"}, Guarded: true}
	f.Fuzz(func(t *testing.T, origin, host, hops, peer string) {
		r := httptest.NewRequest(http.MethodGet, "http://own:8080/", nil)
		r.RemoteAddr = peer
		r.Header = http.Header{"Origin": {origin}, "X-Forwarded-Host": {host}, "X-Forwarded-For": {hops}}
		if o.Allows(r) && !o.Proxies.Has(r) && origin != "http://own:8080" && !o.listed(withoutScheme(origin)) {
			if r.Host = withoutScheme(origin); !o.Allows(r) {
				t.Errorf("%q passes for our own", origin)
			}
		}
		o.From(r)
		o.HostAllowed(r)
	})
}

// withoutScheme is the host of an origin.
func withoutScheme(origin string) string {
	r, err := http.NewRequest(http.MethodGet, origin, nil)
	if err != nil {
		return ""
	}
	return r.URL.Host
}
