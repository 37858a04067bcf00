package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// serveHello answers on l until the test ends.
func serveHello(t *testing.T, l net.Listener) {
	t.Helper()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
}

func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	defer client.CloseIdleConnections()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestSelfSigned(t *testing.T) {
	f := &httpFlags{placeFlags: placeFlags{Listen: "127.0.0.1:0"}, TLS: "self-signed", AllowedHost: []string{"desk.example:8443"}}
	l, err := f.open(silent())
	if err != nil {
		t.Fatal(err)
	}
	serveHello(t, l)
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	cert := conn.ConnectionState().PeerCertificates[0]
	conn.Close()

	roots := x509.NewCertPool()
	roots.AddCert(cert)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	if got := get(t, client, f.link(l, "")); got != "hello" {
		t.Errorf("got %q", got)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "desk.example"} {
		if err := cert.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	// What a killed process has left behind is in nobody's way.
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	old.Close()

	f := &httpFlags{placeFlags: placeFlags{Listen: "unix:" + path}, TLS: "off"}
	l, err := f.open(silent())
	if err != nil {
		t.Fatal(err)
	}
	serveHello(t, l)
	client := &http.Client{Transport: &http.Transport{Dial: func(string, string) (net.Conn, error) {
		return net.Dial("unix", path)
	}}}
	if got := get(t, client, f.link(l, "")); got != "hello" {
		t.Errorf("got %q", got)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}

	var exit exitError
	if _, err := f.open(silent()); !errors.As(err, &exit) || exit.code != exitNoListen {
		t.Errorf("a second listener: %v", err)
	}
}

func TestUnixSocketSparesFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &httpFlags{placeFlags: placeFlags{Listen: "unix:" + path}, TLS: "off"}
	if l, err := f.open(silent()); err == nil {
		l.Close()
		t.Error("listened in the place of a file")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "data" {
		t.Errorf("the file is %q, %v", b, err)
	}
}

func TestLink(t *testing.T) {
	at := func(ip string) net.Listener { return fakeListener{&net.TCPAddr{IP: net.ParseIP(ip), Port: 8080}} }
	for name, c := range map[string]struct {
		flags httpFlags
		l     net.Listener
		token string
		want  string
	}{
		"plain":     {httpFlags{placeFlags: placeFlags{BasePath: "/"}, TLS: "off"}, at("127.0.0.1"), "", "http://127.0.0.1:8080/"},
		"token":     {httpFlags{placeFlags: placeFlags{BasePath: "/"}, TLS: "off"}, at("127.0.0.1"), "T", "http://127.0.0.1:8080/#token=T"},
		"base":      {httpFlags{placeFlags: placeFlags{BasePath: "/notebook/a/b"}, TLS: "off"}, at("127.0.0.1"), "T", "http://127.0.0.1:8080/notebook/a/b/#token=T"},
		"slash":     {httpFlags{placeFlags: placeFlags{BasePath: "/user/a/"}, TLS: "off"}, at("::1"), "", "http://[::1]:8080/user/a/"},
		"any":       {httpFlags{placeFlags: placeFlags{BasePath: "/"}, TLS: "off"}, at("0.0.0.0"), "", "http://localhost:8080/"},
		"any IPv6":  {httpFlags{placeFlags: placeFlags{BasePath: "/"}, TLS: "off"}, at("::"), "", "http://localhost:8080/"},
		"TLS":       {httpFlags{placeFlags: placeFlags{BasePath: "/"}, TLS: "self-signed"}, at("127.0.0.1"), "", "https://127.0.0.1:8080/"},
		"TLS files": {httpFlags{placeFlags: placeFlags{BasePath: "/"}, TLS: "off", TLSCert: "x"}, at("127.0.0.1"), "", "https://127.0.0.1:8080/"},
		"socket":    {httpFlags{placeFlags: placeFlags{BasePath: "/"}, TLS: "off"}, fakeListener{&net.UnixAddr{Name: "/x"}}, "T", "http://localhost/#token=T"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.flags.link(c.l, c.token); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

type fakeListener struct{ addr net.Addr }

func (f fakeListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (f fakeListener) Close() error              { return nil }
func (f fakeListener) Addr() net.Addr            { return f.addr }

func TestLinkFile(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	dir, remove, err := privateDir()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(dir, os.Getenv("XDG_RUNTIME_DIR")) {
		t.Errorf("%s is not in XDG_RUNTIME_DIR", dir)
	}
	var log, stdout strings.Builder
	if err := tellLink("http://x/#token=SECRET", dir, &stdout, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String()+stdout.String(), "SECRET") {
		t.Errorf("the token is in the log or on standard output:\n%s%s", &log, &stdout)
	}
	path := filepath.Join(dir, "link")
	if !strings.Contains(log.String(), path) {
		t.Errorf("the log does not name %s:\n%s", path, &log)
	}
	b, err := os.ReadFile(path)
	if err != nil || string(b) != "http://x/#token=SECRET\n" {
		t.Errorf("%s holds %q, %v", path, b, err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, path: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	remove()
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", dir)
	}
}
