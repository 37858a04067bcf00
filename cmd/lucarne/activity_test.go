package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"lucarne/signaling/activity"
)

func TestKeepAwake(t *testing.T) {
	tests := []struct {
		text string
		want keepAwake
	}{
		{"cpu=0.5/10m", keepAwake{kind: "cpu", text: "0.5", cores: 0.5, long: 10 * time.Minute}},
		{"gpu=20/5m", keepAwake{kind: "gpu", text: "20", percent: 20, long: 5 * time.Minute}},
		{"process=blender", keepAwake{kind: "process", text: "blender"}},
		{"process=a/b", keepAwake{kind: "process", text: "a/b"}},
		{"file=~/.keep-alive/8h", keepAwake{kind: "file", text: "~/.keep-alive", long: 8 * time.Hour}},
	}
	for _, tt := range tests {
		var got keepAwake
		if err := got.UnmarshalText([]byte(tt.text)); err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", tt.text, got, err, tt.want)
		}
	}
	for _, text := range []string{"", "cpu", "cpu=", "cpu=/10m", "cpu=x/10m", "cpu=0/10m", "cpu=NaN/10m", "cpu=1", "cpu=1/-5m", "process=", "file=~/x", "file=/8h", "gpu=0/1m", "gpu=101/1m", "gpu=x/1m", "gpu=5", "tpu=5/1m"} {
		if err := new(keepAwake).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestKeepAwakeFileAtHome(t *testing.T) {
	home := t.TempDir()
	k := keepAwake{kind: "file", text: "~/.keep-alive", long: time.Hour}
	if err := os.WriteFile(filepath.Join(home, ".keep-alive"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if holds, err := k.rule(fstest.MapFS{}, home, nil).Holds(t.Context(), time.Now()); !holds || err != nil {
		t.Errorf("%v, %v", holds, err)
	}
}

func TestContainerStart(t *testing.T) {
	root := fstest.MapFS{
		"proc/stat":   {Data: []byte("cpu 1 2 3\nbtime 1700000000\nprocesses 5\n")},
		"proc/1/stat": {Data: []byte("1 (a ) b) S 0 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 12345 1 1\n")},
	}
	got, err := containerStart(root)
	if want := time.Unix(1700000123, 450e6); err != nil || !got.Equal(want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for _, broken := range []string{"", "1 (x", "1 (x) S 0", "1 (a) S 0 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 x 1 1"} {
		root["proc/1/stat"] = &fstest.MapFile{Data: []byte(broken)}
		if _, err := containerStart(root); err == nil {
			t.Errorf("%q: no error", broken)
		}
	}
	if start, err := containerStart(os.DirFS("/")); err != nil || start.After(time.Now()) {
		t.Errorf("on this machine: %v, %v", start, err)
	}
}

func TestHubOf(t *testing.T) {
	tests := []struct {
		env   map[string]string
		every time.Duration
		none  bool
	}{
		{env: map[string]string{}, none: true},
		{env: map[string]string{"JUPYTERHUB_ACTIVITY_URL": "u"}, none: true},
		{env: map[string]string{"JUPYTERHUB_API_TOKEN": "t"}, none: true},
		{env: map[string]string{"JUPYTERHUB_ACTIVITY_URL": "u", "JUPYTERHUB_API_TOKEN": "t"}},
		{env: map[string]string{"JUPYTERHUB_ACTIVITY_URL": "u", "JUPYTERHUB_API_TOKEN": "t", "JUPYTERHUB_ACTIVITY_INTERVAL": "60"}, every: time.Minute},
		{env: map[string]string{"JUPYTERHUB_ACTIVITY_URL": "u", "JUPYTERHUB_API_TOKEN": "t", "JUPYTERHUB_ACTIVITY_INTERVAL": "0"}, none: true},
		{env: map[string]string{"JUPYTERHUB_ACTIVITY_URL": "u", "JUPYTERHUB_API_TOKEN": "t", "JUPYTERHUB_ACTIVITY_INTERVAL": "5m"}},
	}
	for _, tt := range tests {
		got := hubOf(func(name string) string { return tt.env[name] }, slog.New(slog.DiscardHandler))
		if (got == nil) != tt.none || got != nil && (got.URL != "u" || got.Token != "t" || got.Every != tt.every) {
			t.Errorf("%v: %+v, want none: %v, every %v", tt.env, got, tt.none, tt.every)
		}
	}
}

// When lucarne up is started again in its container, it knows when the desktop was last
// used, though it gives its programs a runtime directory that ends with it.
func TestActivityOutlivesUp(t *testing.T) {
	needEncoder(t)
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	var first, second activity.Status
	for _, status := range []*activity.Status{&first, &second} {
		a := start(t, []string{"PATH=" + t.TempDir(), "TMPDIR=" + dir}, "up", "--auth", "none", "--listen", "unix:"+socket)
		a.awaitPage(t, socket)
		client, base := a.page(socket)
		resp, err := client.Get(base + "/api/status")
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(resp.Body).Decode(status)
		resp.Body.Close()
		if code := a.stop(t); err != nil || code != exitOK {
			t.Fatalf("%v, exit code %d:\n%s", err, code, a.stderr)
		}
	}
	if first.Last.IsZero() || !second.Last.Equal(first.Last.Time) || !second.Started.After(first.Started.Time) {
		t.Errorf("last used %v, and %v when it is started again; want the same", first.Last, second.Last)
	}
}

func TestActivity(t *testing.T) {
	needEncoder(t)
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	env := []string{"LUCARNE_LISTEN=unix:" + socket, "NB_PREFIX=/notebook/ns/name", "XDG_RUNTIME_DIR=" + dir}
	serving := start(t, env, "serve", "--wait")
	serving.awaitPage(t, socket)

	client, base := serving.page(socket)
	for _, path := range []string{"/api/kernels", "/notebook/ns/name/api/kernels"} {
		resp, err := client.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		var kernels []activity.Kernel
		err = json.NewDecoder(resp.Body).Decode(&kernels)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || len(kernels) != 1 || kernels[0].State != "busy" {
			t.Errorf("%s without credentials: %s, %+v, %v, want the desktop, which has just been started", path, resp.Status, kernels, err)
		}
	}

	asking := start(t, env, "activity", "--json")
	if code := asking.code(t); code != exitOK {
		t.Fatalf("activity --json: exit code %d: %s", code, asking.stderr.String())
	}
	var told struct {
		Last time.Time `json:"last_activity"`
	}
	if err := json.Unmarshal([]byte(asking.stdout.String()), &told); err != nil || time.Since(told.Last) > time.Hour {
		t.Errorf("activity --json: %q, %v", asking.stdout.String(), err)
	}
	asking = start(t, env, "activity")
	if code, text := asking.code(t), asking.stdout.String(); code != exitOK || !strings.HasPrefix(text, "busy, last used ") {
		t.Errorf("activity: exit code %d, %q", code, text)
	}
	if code := serving.stop(t); code != exitOK {
		t.Errorf("serve: exit code %d", code)
	}
	if _, err := os.Stat(activityFileIn(dir)); err != nil {
		t.Errorf("no state for the next start: %v", err)
	}
	asking = start(t, env, "activity")
	if code, text := asking.code(t), asking.stderr.String(); code != exitFailure || !strings.Contains(text, "no lucarne answers") {
		t.Errorf("activity with nobody there: exit code %d, %q", code, text)
	}
}

// activityFileIn is where an agent with this runtime directory keeps its state.
func activityFileIn(dir string) string {
	matches, _ := filepath.Glob(filepath.Join(dir, "lucarne-*", "activity.json"))
	if len(matches) == 0 {
		return filepath.Join(dir, "none")
	}
	return matches[0]
}
