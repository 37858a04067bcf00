package iceserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// show writes out all that servers have.
func show(servers []Server) string {
	var all []string
	for _, s := range servers {
		all = append(all, strings.Join([]string{s.String(), s.Username, s.Credential}, "|"))
	}
	return strings.Join(all, " ")
}

// The credential is that of draft-uberti-behave-turn-rest-00, computed by
// printf %s 1700003600:7 | openssl dgst -sha1 -hmac secret -binary | base64
func TestShared(t *testing.T) {
	s := &Shared{URLs: []string{"turn:t.example"}, Secret: "secret", now: func() time.Time { return time.Unix(1_700_000_000, 0) }}
	for _, tt := range []struct {
		lifetime     time.Duration
		viewer, want string
	}{
		{0, "7", "turn:t.example|1700003600:7|0eDwZf8jAPpI3e06Kag2mHkrySk="},
		{24 * time.Hour, "7", "turn:t.example|1700003600:7|0eDwZf8jAPpI3e06Kag2mHkrySk="},
		{time.Minute, "a:b", "turn:t.example|1700000060:a-b|NmnSe2tCjXHs2vllL1cyzA18L4U="},
	} {
		s.Lifetime = tt.lifetime
		servers, err := s.Servers(t.Context(), tt.viewer)
		if err != nil {
			t.Fatal(err)
		}
		if got := show(servers); got != tt.want {
			t.Errorf("lifetime %v: got %s, want %s", tt.lifetime, got, tt.want)
		}
	}
}

// Nothing that prints or logs a server shows its credential.
func TestServerHidesItsCredential(t *testing.T) {
	s := Server{URLs: []string{"turn:t.example"}, Username: "user", Credential: "secret"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "server", s, "list", []Server{s})
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s", s, s, s, &s), fmt.Sprintf("%+v", Config{Servers: []Server{s}}), log.String()} {
		if strings.Contains(text, "secret") || !strings.Contains(text, "t.example") {
			t.Errorf("got %s", text)
		}
	}
}

type failing struct{}

func (failing) Servers(context.Context, string) ([]Server, error) {
	return []Server{{URLs: []string{"stun:old.example"}}}, errors.New("away")
}

func TestSources(t *testing.T) {
	all := Sources{Static{{URLs: []string{"stun:a.example"}}}, failing{}, &Shared{}}
	servers, err := all.Servers(t.Context(), "1")
	if len(servers) != 3 || err == nil {
		t.Errorf("got %v, %v; want what there is beside the error", servers, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ice.json")
	f := NewFile(path)
	past := fmt.Sprintf(`[{"urls":"turn:t.example","username":"%d:u","credential":"secret"},{"urls":"stun:s.example"}]`, time.Now().Add(-time.Minute).Unix())
	for _, tt := range []struct {
		text, want string
		err        error
	}{
		{"", "", os.ErrNotExist},
		{`[{"urls":"stun:a.example"}]`, "stun:a.example||", nil},
		{`[{"urls":"stun:b.example"}]`, "stun:b.example||", nil},
		{`[{"urls":`, "stun:b.example||", errors.ErrUnsupported},
		{past, "stun:s.example||", ErrExpired},
		{`[]`, "", nil},
	} {
		if tt.text != "" {
			write(t, path, tt.text)
		}
		for range 2 { // the second time nothing has changed
			servers, err := f.Servers(t.Context(), "1")
			if got := show(servers); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.text, got, tt.want)
			}
			if (err != nil) != (tt.err != nil) || !errors.Is(tt.err, errors.ErrUnsupported) && !errors.Is(err, tt.err) {
				t.Errorf("%s: got error %v, want %v", tt.text, err, tt.err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows what is secret: %v", err)
			}
		}
	}
	if _, err := NewFile(t.TempDir()).Servers(t.Context(), "1"); err == nil {
		t.Error("a directory was read")
	}
}

func TestRemote(t *testing.T) {
	for _, tt := range []struct{ token, method, body, authorization string }{
		{"", "GET", "", ""},
		{"secret", "POST", `{"ttl":3600}`, "Bearer secret"},
	} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.Method != tt.method || string(body) != tt.body || r.Header.Get("Authorization") != tt.authorization || r.URL.RawQuery != "service=turn" {
				t.Errorf("asked by %s %s %q with %q", r.Method, r.URL, body, r.Header.Get("Authorization"))
			}
			w.WriteHeader(http.StatusCreated) // as Cloudflare
			io.WriteString(w, `{"iceServers":[{"url":"turn:t.example","username":"u","credential":"c"}]}`)
		}))
		t.Cleanup(web.Close)
		r, err := NewRemote(web.URL+"/ice?service=turn", tt.token)
		if err != nil {
			t.Fatal(err)
		}
		servers, err := r.Servers(t.Context(), "1")
		if got, want := show(servers), "turn:t.example|u|c"; got != want || err != nil {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
}

// An answer is asked for once a minute; while there is none, the last one holds
// as long as its credentials.
func TestRemoteKeepsItsAnswer(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	asked, status := 0, http.StatusOK
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(status)
		fmt.Fprintf(w, `[{"urls":"turn:t.example","username":"%d:u","credential":"c"}]`, now.Add(10*time.Minute).Unix())
	}))
	t.Cleanup(web.Close)
	r, err := NewRemote(web.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	r.now = func() time.Time { return now }
	for _, tt := range []struct {
		later   time.Duration
		status  int
		asked   int
		servers int
		fails   bool
	}{
		{0, 200, 1, 1, false},
		{59 * time.Second, 200, 1, 1, false},
		{time.Second, 200, 2, 1, false},
		{time.Minute, 500, 3, 1, true},
		{time.Second, 500, 3, 1, true},
		{time.Second, 500, 4, 1, true},
		{10 * time.Minute, 500, 5, 0, true},
		{2 * time.Second, 200, 6, 1, false},
	} {
		now, status = now.Add(tt.later), tt.status
		servers, err := r.Servers(t.Context(), "1")
		if asked != tt.asked || len(servers) != tt.servers || (err != nil) != tt.fails {
			t.Errorf("%+v: asked %d times, got %v, %v", tt, asked, servers, err)
		}
	}
}

func TestRemoteRefuses(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"/long": func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte(" "), 2*maxList)) },
		"/html": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"/elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/good?key=hidden", http.StatusFound)
		},
		"/cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "[")
		},
		"/good": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `[{"urls":"stun:a.example"}]`) },
		"/gone": nil,
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := answers[r.URL.Path]; answer != nil {
			answer(w, r)
			return
		}
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(web.Close)
	for path := range answers {
		r, err := NewRemote(web.URL+path+"?key=hidden", "bearer")
		if err != nil {
			t.Fatal(err)
		}
		servers, err := r.Servers(t.Context(), "1")
		if (err == nil) != (path == "/good") {
			t.Errorf("%s: got %v, %v", path, servers, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "bearer")) {
			t.Errorf("%s: the error shows what is secret: %v", path, err)
		}
	}
	for _, address := range []string{"", "ice", "ftp://a.example", "http://", "https://a.example/\x7f?key=hidden"} {
		if _, err := NewRemote(address, ""); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("NewRemote(%q) = %v", address, err)
		}
	}
}

// A service that does not answer is waited for no longer than the context says,
// by those who queue for it too.
func TestRemoteIsSlow(t *testing.T) {
	stop := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	t.Cleanup(web.Close)
	t.Cleanup(func() { close(stop) })
	r, err := NewRemote(web.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 3)
	for range cap(results) {
		go func() {
			_, err := r.Servers(ctx, "1")
			results <- err
		}()
	}
	cancel()
	for range cap(results) {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	}
}
