package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lucarne/signaling/peer"
)

// parseServe parses the flags of lucarne serve.
func parseServe(t *testing.T, args ...string) (*serveCmd, error) {
	t.Helper()
	var c cli
	parser, err := newParser(&c, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(append([]string{"serve"}, args...))
	return &c.Serve, err
}

func TestNetworkFlags(t *testing.T) {
	c, err := parseServe(t, "--udp-ports", "50000-50100", "--tcp-port", "7881", "--public-address", "203.0.113.7",
		"--public-address", "10.0.0.5=203.0.113.8,fd00::5=2001:db8::5", "--interface", "eth*,ib0", "--ipv6", "off")
	if err != nil {
		t.Fatal(err)
	}
	want := "{0 [50000 50100] 7881 [{invalid IP 203.0.113.7} {10.0.0.5 203.0.113.8} {fd00::5 2001:db8::5}] [eth* ib0] true true <nil>}"
	if got := fmt.Sprint(c.network(true)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if c, err = parseServe(t); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(c.network(false)), fmt.Sprint(peer.NetworkConfig{}); got != want {
		t.Errorf("without flags: got %s, want %s", got, want)
	}
	for _, args := range []string{
		"--udp-port 70000", "--udp-port -1", "--tcp-port x", "--udp-ports 5", "--udp-ports 6-5", "--udp-ports 0-5", "--udp-ports 5-70000",
		"--udp-port 5 --udp-ports 6-7", "--public-address host", "--public-address =192.0.2.1", "--public-address 192.0.2.1=",
		"--public-address 192.0.2.1=b", "--public-address 0.0.0.0", "--public-address fe80::1%eth0", "--interface [", "--ipv6 maybe",
		"--ice-server http://a.example", "--ice-servers-token-file f", "--relay all",
	} {
		if _, err := parseServe(t, strings.Fields(args)...); err == nil {
			t.Errorf("%s was taken", args)
		}
	}
}

// A port that is in use is told before anything is served.
func TestUDPPortInUse(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	port := conn.LocalAddr().(*net.UDPAddr).Port
	var stderr strings.Builder
	code := run(t.Context(), []string{"serve", "--wait", "--listen", "127.0.0.1:0", "--udp-port", fmt.Sprint(port)}, io.Discard, &stderr)
	if code != exitNoListen && code != exitNoEncoder || !strings.Contains(stderr.String(), "in use") && code == exitNoListen {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

// ask returns the servers that flags and environment lead to, in words.
func ask(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c, err := parseServe(t, args...)
	if err != nil {
		return "", err
	}
	source, err := c.servers()
	if err != nil || source == nil {
		return "none", err
	}
	servers, err := source.Servers(t.Context(), "7")
	var all []string
	for _, s := range servers {
		_, viewer, minted := strings.Cut(s.Username, ":")
		if minted {
			s.Username, s.Credential = "…:"+viewer, fmt.Sprintf("%d characters", len(s.Credential))
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%v %s %s", s, s.Username, s.Credential)))
	}
	return strings.Join(all, "; "), err
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTurnFlags(t *testing.T) {
	file := secretFile(t, "from file\n")
	list := secretFile(t, `{"iceServers":[{"urls":["stun:list.example"]}]}`)
	for _, tt := range []struct {
		name, args, env, want string
	}{
		{"none", "", "", "none"},
		{"STUN", "--ice-server stun:a.example,stun:b.example", "", "stun:a.example stun:b.example"},
		{"password in a file", "--ice-server turn:a.example --ice-server stun:b.example --turn-username u --turn-password-file " + file, "",
			"stun:b.example; turn:a.example u from file"},
		{"password in the environment", "--ice-server turn:a.example", "LUCARNE_TURN_USERNAME=u LUCARNE_TURN_PASSWORD=p", "turn:a.example u p"},
		{"shared secret", "--ice-server turn:a.example,turns:a.example:443?transport=tcp", "LUCARNE_TURN_SECRET=s",
			"turn:a.example turns:a.example:443?transport=tcp …:7 28 characters"},
		{"list", "--ice-servers-file " + list, "", "stun:list.example"},
		{"Selkies", "", "SELKIES_TURN_HOST=t.example SELKIES_TURN_PORT=5349 SELKIES_TURN_PROTOCOL=TCP SELKIES_TURN_TLS=true SELKIES_TURN_USERNAME=u SELKIES_TURN_PASSWORD=p",
			"turns:t.example:5349?transport=tcp u p"},
		{"Selkies, shared secret", "", "SELKIES_TURN_HOST=2001:db8::1 SELKIES_TURN_SHARED_SECRET=s", "turn:[2001:db8::1]:3478?transport=udp …:7 28 characters"},
		{"Selkies, list", "", "SELKIES_RTC_CONFIG_JSON=" + list, "stun:list.example"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, e := range strings.Fields(tt.env) {
				name, value, _ := strings.Cut(e, "=")
				t.Setenv(name, value)
			}
			got, err := ask(t, strings.Fields(tt.args)...)
			if got != tt.want || err != nil {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
			for _, name := range []string{"LUCARNE_TURN_PASSWORD", "LUCARNE_TURN_SECRET", "SELKIES_TURN_PASSWORD", "SELKIES_TURN_SHARED_SECRET"} {
				if _, set := os.LookupEnv(name); set {
					t.Errorf("%s is still in the environment", name)
				}
			}
		})
	}
}

func TestTurnFlagsRefused(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
	}{
		{"--ice-server turn:a.example", exitUsage},
		{"--ice-server turn:a.example --turn-username u", exitUsage},
		{"--relay viewer", exitUsage},
		{"--ice-servers-url ftp://a.example", exitUsage},
		{"--ice-server turn:a.example --turn-secret-file " + secretFile(t, "\n"), exitNoInput},
		{"--ice-server turn:a.example --turn-secret-file " + secretFile(t, "a\nb"), exitNoInput},
		{"--ice-server turn:a.example --turn-secret-file " + secretFile(t, strings.Repeat("a", maxSecret+1)), exitNoInput},
		{"--ice-server turn:a.example --turn-secret-file /nonexistent", exitNoInput},
	} {
		_, err := ask(t, strings.Fields(tt.args)...)
		var exit exitError
		if !errors.As(err, &exit) || exit.code != tt.code {
			t.Errorf("%s: %v, want exit code %d", tt.args, err, tt.code)
		}
	}
	t.Setenv("SELKIES_TURN_HOST", "no host")
	if _, err := ask(t); err == nil {
		t.Error("a host name with a space was taken")
	}
}
