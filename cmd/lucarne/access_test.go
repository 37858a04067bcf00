package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lucarne/signaling/access"
)

func TestPasswordFile(t *testing.T) {
	for name, c := range map[string]struct {
		text, right string
		mode        os.FileMode
		fails       string
	}{
		"plain":       {"correct horse\nsecond line\n", "correct horse", 0o600, ""},
		"Windows":     {"correct horse\r\n", "correct horse", 0o400, ""},
		"spaces":      {" pass word ", " pass word ", 0o600, ""},
		"group reads": {"x", "", 0o640, "chmod 600"},
		"empty":       {"\n", "", 0o600, "empty"},
		"half a hash": {"$argon2id$v=19$half", "", 0o600, "argon2id"},
	} {
		path := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		f := accessFlags{Auth: "password", PasswordFile: path}
		who, err := f.access(nil)
		switch {
		case c.fails != "":
			if err == nil || !strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %v, want %q", name, err, c.fails)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case !logsIn(t, who, c.right) || logsIn(t, who, c.right+"x"):
			t.Errorf("%s: the password is not %q", name, c.right)
		}
	}
}

// logsIn says whether a password lets in.
func logsIn(t *testing.T, who access.Config, password string) bool {
	t.Helper()
	who.Log = slog.New(slog.DiscardHandler)
	gate, err := access.New(who)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]string{"password": password})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/login", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	gate.Serve(w, r, "login", false)
	return w.Code == http.StatusOK
}

func TestHubFromEnvironment(t *testing.T) {
	env := map[string]string{
		"JUPYTERHUB_API_URL": "http://hub:8081/hub/api", "JUPYTERHUB_API_TOKEN": "t", "JUPYTERHUB_CLIENT_ID": "c", "JUPYTERHUB_BASE_URL": "/",
		"JUPYTERHUB_OAUTH_CALLBACK_URL": "/user/zoe/oauth_callback", "JUPYTERHUB_OAUTH_ACCESS_SCOPES": `["access:servers!server=zoe/"]`,
	}
	if _, err := hubFromEnvironment(func(name string) string { return env[name] }); err != nil {
		t.Error(err)
	}
	for name := range env {
		if _, err := hubFromEnvironment(func(asked string) string {
			if asked == name {
				return ""
			}
			return env[asked]
		}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	env["JUPYTERHUB_OAUTH_ACCESS_SCOPES"] = "access"
	if _, err := hubFromEnvironment(func(name string) string { return env[name] }); err == nil {
		t.Error("scopes that are no list")
	}
}

func TestAccessOfAProxy(t *testing.T) {
	f := accessFlags{Auth: "proxy", ProxyHeader: "kubeflow-userid", ProxyFrom: []string{"127.0.0.0/8"}, AllowUser: []string{"zoe"}, Embed: []string{"self", "https://portal.example"}}
	who, err := f.access([]string{"desk.example"})
	if err != nil || who.Method != access.Proxy || who.Identity.Header != "kubeflow-userid" || who.Identity.From.None() || who.Origins.Proxies.None() {
		t.Errorf("got %+v, %v", who, err)
	}
	if got := f.ancestors(); !slices.Equal(got, []string{"'self'", "https://portal.example"}) {
		t.Errorf("may show it in a frame: %q", got)
	}
	if err := f.validate(); err != nil {
		t.Error(err)
	}
}
