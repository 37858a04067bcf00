package activity

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// get asks a meter and reads the answer into into.
func get(t *testing.T, m *Meter, path string, into any) http.Header {
	t.Helper()
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d", path, w.Code)
	}
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: %q: %v", path, w.Body, err)
	}
	return w.Header()
}

func TestAnswers(t *testing.T) {
	at := time.Date(2026, 11, 20, 23, 0, 0, 0, time.FixedZone("elsewhere", 3600))
	m := New(Config{Human: func() time.Time { return at.Add(time.Hour) }, Viewers: func() int { return 2 }, Log: quiet()})
	m.state.Last = at
	var kernels []map[string]any
	header := get(t, m, "/notebook/ns/name/api/kernels", &kernels)
	if got := header.Get("Cache-Control") + " " + header.Get("Content-Type"); got != "no-store application/json" {
		t.Errorf("headers %q", got)
	}
	if len(kernels) != 1 {
		t.Fatalf("%d kernels, want the desktop alone", len(kernels))
	}
	id := kernels[0]["id"].(string)
	if len(id) != 36 || strings.Count(id, "-") != 4 {
		t.Errorf("id %q is no UUID", id)
	}
	want := map[string]any{"id": id, "name": "desktop", "last_activity": "2026-11-20T23:00:00.000000Z", "execution_state": "idle", "connections": 2.0}
	if fmt.Sprint(kernels[0]) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", kernels[0], want)
	}
	var terminals []map[string]any
	get(t, m, "/api/terminals", &terminals)
	if fmt.Sprint(terminals) != "[map[last_activity:2026-11-20T23:00:00.000000Z name:desktop]]" {
		t.Errorf("terminals %v", terminals)
	}
	var status map[string]any
	get(t, m, "/api/status", &status)
	if status["last_activity"] != want["last_activity"] || status["kernels"] != 1.0 || status["connections"] != 2.0 || status["started"] == "" {
		t.Errorf("status %v", status)
	}
	if time.Since(m.Asked()) > time.Minute || status["asked"] == nil || status["busy"] != false {
		t.Errorf("asked at %v, status %v", m.Asked(), status)
	}
	fresh := New(Config{Human: (&person{}).last, Log: quiet()})
	var unasked map[string]any
	get(t, fresh, "/api/status", &unasked)
	if unasked["asked"] != nil || unasked["busy"] != true {
		t.Errorf("a desktop that has just started and that no culler has asked for: %v", unasked)
	}
}

// jupyter is a Jupyter server as far as its kernels are concerned, and the
// directory in which it says so.
func jupyter(t *testing.T, handler http.HandlerFunc) *Jupyter {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	text := fmt.Sprintf(`{"url": "%s/user/alice/", "token": "secret", "pid": %d}`, server.URL, os.Getpid())
	if err := os.WriteFile(filepath.Join(dir, "jpserver-1.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &Jupyter{Dir: dir}
}

func TestJupyterIsMerged(t *testing.T) {
	asked := 0
	j := jupyter(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Authorization") != "token secret" {
			t.Errorf("%s without the token", r.URL)
		}
		switch r.URL.Path {
		case "/user/alice/api/kernels":
			fmt.Fprint(w, `[{"id": "1", "name": "secret project", "last_activity": "2126-01-01T00:00:00.5Z", "execution_state": "starting", "connections": 3}]`)
		default:
			http.NotFound(w, r) // terminals may be switched off
		}
	})
	m := New(Config{Human: (&person{}).last, Jupyter: j, Log: quiet()})
	var kernels []Kernel
	get(t, m, "/api/kernels", &kernels)
	if len(kernels) != 2 || kernels[0].Name != "desktop" {
		t.Fatalf("kernels %+v", kernels)
	}
	want := Kernel{ID: fmt.Sprintf("jupyter-%d-1", os.Getpid()), Name: "jupyter", Last: kernels[1].Last, State: "busy", Connections: 3}
	if kernels[1] != want || kernels[1].Last.Year() != 2126 {
		t.Errorf("got %+v, want %+v", kernels[1], want)
	}
	var status Status
	get(t, m, "/api/status", &status)
	if status.Last.Year() != 2126 || status.Kernels != 2 || status.Connections != 3 {
		t.Errorf("status %+v", status)
	}
	if asked != 2 {
		t.Errorf("%d requests, want one for kernels and one for terminals", asked)
	}
}

// TestEndOfAll: a platform that stops idle desktops looks at the kernels beside it as well.
func TestEndOfAll(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name, kernels string
		left          time.Duration
		ends          bool
	}{
		{"none", `[]`, 10 * time.Minute, true},
		{"one used later", `[{"last_activity": "2026-11-20T11:14:00Z", "execution_state": "idle"}]`, 14 * time.Minute, true},
		{"one used earlier", `[{"last_activity": "2026-11-20T11:00:00Z", "execution_state": "idle"}]`, 10 * time.Minute, true},
		{"one just used", `[{"last_activity": "2026-11-20T11:59:00Z", "execution_state": "idle"}]`, 0, false},
		{"one that works", `[{"last_activity": "2026-11-20T11:00:00Z", "execution_state": "busy"}]`, 0, false},
	}
	for _, tt := range tests {
		j := jupyter(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/terminals") {
				http.NotFound(w, r)
				return
			}
			fmt.Fprint(w, tt.kernels)
		})
		m := New(Config{
			Human: func() time.Time { return now.Add(-50 * time.Minute) }, Now: func() time.Time { return now },
			Limit: time.Hour, Jupyter: j, Log: quiet(),
		})
		m.state.Last = time.Time{}
		if left, ends := m.Left(15 * time.Minute); ends != tt.ends || ends && left != tt.left {
			t.Errorf("%s: ends %v in %v, want %v in %v", tt.name, ends, left, tt.ends, tt.left)
		}
	}
}

func TestJupyterThatFails(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"no JSON":    func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") },
		"a login":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"no times":   func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `[{"last_activity": "yesterday"}]`) },
		"for ever":   func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 2*maxAnswer)) },
		"an error":   func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"an object":  func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{}`) },
		"no kernels": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `[]`) },
	}
	for name, answer := range answers {
		m := New(Config{Human: (&person{}).last, Jupyter: jupyter(t, answer), Log: quiet()})
		var kernels []Kernel
		get(t, m, "/api/kernels", &kernels)
		if len(kernels) != 1 || kernels[0].Name != "desktop" {
			t.Errorf("%s: kernels %+v, want the desktop alone", name, kernels)
		}
	}
}

func TestJupyterElsewhereIsNotAsked(t *testing.T) {
	dir := t.TempDir()
	for n, address := range []string{"http://192.0.2.1/", "https://localhost/", "http://localhost.example.org/", "", "http://[::1/"} {
		text := fmt.Sprintf(`{"url": %q, "pid": %d}`, address, os.Getpid())
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("jpserver-%d.json", n)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gone := `{"url": "http://127.0.0.1:1/", "pid": 99999999}`
	if err := os.WriteFile(filepath.Join(dir, "jpserver-9.json"), []byte(gone), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := (&Jupyter{Dir: dir}).servers(); len(got) != 0 {
		t.Errorf("servers %+v", got)
	}
}

// TestJupyterOnAllAddresses: such a server has the machine's name in its URL, as notebook
// images start it.
func TestJupyterOnAllAddresses(t *testing.T) {
	tests := []struct{ hostname, url, want string }{
		{"0.0.0.0", "http://notebook-0:8889/notebook/ns/name/", "http://localhost:8889/notebook/ns/name/"},
		{"::", "http://notebook-0:8889/", "http://localhost:8889/"},
		{"localhost", "http://localhost:8889/a/", "http://localhost:8889/a/"},
		{"127.0.0.1", "http://127.0.0.1:8889/", "http://127.0.0.1:8889/"},
		{"192.0.2.1", "http://192.0.2.1:8889/", ""},
		{"0.0.0.0", "https://notebook-0:8889/", ""},
		{"0.0.0.0", "http://notebook-0/", ""},
	}
	for _, tt := range tests {
		if got, err := (server{URL: tt.url, Hostname: tt.hostname}).onLoopback(); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s at %s: %q, %v, want %q", tt.url, tt.hostname, got, err, tt.want)
		}
	}
}

// TestWhoGoesAwayHidesNothing: an answer that nobody waits for does not empty those that follow.
func TestWhoGoesAwayHidesNothing(t *testing.T) {
	j := jupyter(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `[{"last_activity": "2126-01-01T00:00:00Z", "execution_state": "busy"}]`)
	})
	m := New(Config{Human: (&person{}).last, Jupyter: j, Log: quiet()})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	m.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(gone, "GET", "/api/kernels", nil))
	var kernels []Kernel
	if get(t, m, "/api/kernels", &kernels); len(kernels) != 2 {
		t.Errorf("kernels %+v, want that of Jupyter, too", kernels)
	}
}

// TestJupyterThatHangs: it keeps nobody, least of all who tells the hub as long as lucarne runs.
func TestJupyterThatHangs(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	j := jupyter(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-end:
		}
	})
	t.Cleanup(func() { close(end) })
	m := New(Config{Human: (&person{}).last, Jupyter: j, Log: quiet()})
	last := make(chan time.Time, 1)
	go func() { last <- m.Last() }()
	select {
	case at := <-last:
		if !at.Equal(m.Report().Last) {
			t.Errorf("last used %v, want the desktop's own %v", at, m.Report().Last)
		}
	case <-time.After(time.Minute):
		t.Fatal("who asks waits for ever")
	}
}

// TestJupyterThatIsSilent: what a server has listed counts for a while when it does not answer.
func TestJupyterThatIsSilent(t *testing.T) {
	var silent atomic.Bool
	j := jupyter(t, func(w http.ResponseWriter, r *http.Request) {
		if silent.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `[{"last_activity": "2026-01-01T00:00:00Z", "execution_state": "busy"}]`)
	})
	count := func() int {
		kernels, terminals := j.ask(quiet())
		if len(kernels) != len(terminals) {
			t.Errorf("%d kernels and %d terminals", len(kernels), len(terminals))
		}
		return len(kernels)
	}
	back := func(d time.Duration) { // as if that had been so long ago
		j.at = j.at.Add(-d)
		for pid, l := range j.listed {
			l.at = l.at.Add(-d)
			j.listed[pid] = l
		}
	}
	if got := count(); got != 1 {
		t.Errorf("%d kernels, want 1", got)
	}
	silent.Store(true)
	back(freshFor)
	if got := count(); got != 1 {
		t.Errorf("%d kernels of a server that does not answer, want the one that it had", got)
	}
	back(validFor)
	if got := count(); got != 0 {
		t.Errorf("%d kernels of a server that has not answered for long", got)
	}
}

func TestJupyterDir(t *testing.T) {
	tests := []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"HOME": "/home/a"}, "/home/a/.local/share/jupyter/runtime"},
		{map[string]string{"HOME": "/home/a", "XDG_DATA_HOME": "/data"}, "/data/jupyter/runtime"},
		{map[string]string{"HOME": "/home/a", "JUPYTER_DATA_DIR": "/j"}, "/j/runtime"},
		{map[string]string{"HOME": "/home/a", "JUPYTER_RUNTIME_DIR": "/run/j"}, "/run/j"},
	}
	for _, tt := range tests {
		if got := JupyterDir(func(name string) string { return tt.env[name] }); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.env, got, tt.want)
		}
	}
}
