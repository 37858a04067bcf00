package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/cmd/internal/doctor"
	"lucarne/encode/nvenc"
	"lucarne/signaling"
	"lucarne/signaling/iceserver"
	"lucarne/signaling/iceserver/turntest"
)

func TestDoctorCapabilities(t *testing.T) {
	for env, want := range map[string]string{
		"": "nvidia-unset", "all": "nvidia-ok", "compute,utility": "nvidia-missing", "compute,utility,graphics": "nvidia-missing",
		"compute,utility,graphics,video": "nvidia-ok",
	} {
		if f := capabilities(env); f.Code != want {
			t.Errorf("%q: %+v, want %s", env, f, want)
		}
	}
	if f := capabilities("compute,utility"); f.Args[1] != "graphics, video" {
		t.Errorf("missing: %q", f.Args)
	}
}

// In a container whose desktop runs its own address is taken, by that.
func TestDoctorListen(t *testing.T) {
	listening := func(handler http.HandlerFunc) string {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	says := func(text string) string {
		return listening(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
	}
	const jupyter = `{"started": "2026-11-20T10:00:00.000000Z", "last_activity": "2026-11-20T11:00:00.000000Z", "connections": 0, "kernels": 0}`
	for name, test := range map[string]struct{ address, listen, agent string }{
		"nobody":         {"127.0.0.1:0", "listen-free", "ws-none"},
		"a lucarne":      {says(`{"busy": false}`), "listen-ours", "ws-ok"},
		"Jupyter":        {says(jupyter), "listen-taken", "ws-none"},
		"something else": {listening(http.NotFound), "listen-taken", "ws-none"},
		"a socket":       {"unix:" + filepath.Join(t.TempDir(), "none.sock"), "listen-unix", "ws-none"},
		"no address":     {"127.0.0.1:port", "listen-failed", "ws-none"},
	} {
		c := doctorCmd{askFlags: askFlags{placeFlags: placeFlags{Listen: test.address}, TLS: "off"}}
		if f := c.checkListen(t.Context()); f.Code != test.listen {
			t.Errorf("%s: %+v, want %s", name, f, test.listen)
		}
		if f := c.checkAgent(t.Context()); f.Code != test.agent {
			t.Errorf("%s: %+v, want %s", name, f, test.agent)
		}
	}
}

func TestDoctorOpenGL(t *testing.T) {
	type passed = struct{ Way, Code, Detail string }
	for _, c := range []struct {
		said launched
		gpu  bool
		want string
	}{
		{launched{Way: "virtualgl", Renderer: "L4", Device: "egl0"}, true, "opengl-virtualgl"},
		{launched{Way: "zink", Renderer: "zink"}, true, "opengl-zink"},
		{launched{Way: "llvmpipe"}, false, "opengl-processors"},
		{launched{Way: "llvmpipe", Passed: []passed{{"virtualgl", "no-vglrun", ""}}}, false, "opengl-processors"},
		{launched{Way: "llvmpipe", Passed: []passed{{"virtualgl", "no-vglrun", ""}}}, true, "opengl-no-virtualgl"},
		{launched{Way: "llvmpipe", Passed: []passed{{"virtualgl", "no-eglinfo", ""}}}, true, "opengl-no-virtualgl"},
		{launched{Way: "llvmpipe", Passed: []passed{{"virtualgl", "no-device", ""}}}, true, "opengl-no-device"},
		{launched{Way: "llvmpipe", Passed: []passed{{"virtualgl", "software", ""}}}, true, "opengl-software"},
		{launched{Way: "llvmpipe", Passed: []passed{{"virtualgl", "software", ""}}}, false, "opengl-processors"},
		{launched{Way: "llvmpipe", Passed: []passed{{"virtualgl", "refused", ""}}}, false, "opengl-refused"},
		{launched{Way: "llvmpipe", Passed: []passed{{"virtualgl", "broken", ""}}}, true, "opengl-broken"},
		{launched{Way: "llvmpipe", Passed: []passed{{"virtualgl", "hangs", "eglinfo -e"}, {"zink", "hangs", ""}}}, true, "opengl-hangs"},
	} {
		if f := openGL(c.said, c.gpu); f.Code != c.want || f.State == doctor.Fail {
			t.Errorf("%+v, GPU %t: %+v, want %s", c.said, c.gpu, f, c.want)
		}
	}
}

// launch puts a gpu-run into PATH.
func launch(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gpu-run"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestDoctorAsksGPURun(t *testing.T) {
	real, err := filepath.Abs("../../images/gpu-run")
	if err != nil {
		t.Fatal(err)
	}
	launch(t, `VGL_DIR=/nowhere exec sh `+real+` "$@"`)
	if f := checkOpenGL(t.Context()); !strings.HasPrefix(f.Code, "opengl-") || f.Code == "opengl-failed" || f.Code == "opengl-none" {
		t.Errorf("gpu-run itself: %+v", f)
	}
	launch(t, "echo nonsense")
	if f := checkOpenGL(t.Context()); f.Code != "opengl-failed" {
		t.Errorf("nonsense: %+v", f)
	}
	begun := filepath.Join(t.TempDir(), "begun")
	launch(t, "sleep 60 & echo $! >"+begun+".part; mv "+begun+".part "+begun+"; exec sleep 1000")
	over, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan doctor.Finding, 1)
	go func() { ended <- checkOpenGL(over) }()
	await(t, "gpu-run", func() bool { _, err := os.Stat(begun); return err == nil })
	cancel()
	if f := <-ended; f.Code != "opengl-failed" {
		t.Errorf("one that hangs: %+v", f)
	}
	if text, err := os.ReadFile(begun); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func TestDoctorGPU(t *testing.T) {
	for _, c := range []struct {
		result nvenc.Result
		state  doctor.State
		code   string
	}{
		{nvenc.Result{Code: nvenc.Encodes, Arg: "NVIDIA L4"}, doctor.OK, "gpu-encodes"},
		{nvenc.Result{Code: nvenc.NoEncoder, Arg: "NVIDIA H200"}, doctor.OK, "gpu-no-encoder"},
		{nvenc.Result{Code: nvenc.NoCapability, Arg: "video"}, doctor.Warn, "gpu-no-capability"},
	} {
		if f := ofGPU(c.result); f.State != c.state || f.Code != c.code || f.Found == "" || (f.Admin == "") != (c.state == doctor.OK) {
			t.Errorf("%+v: %+v", c.result, f)
		}
	}
}

func TestDoctorShown(t *testing.T) {
	for state, want := range map[capture.State]string{
		capture.Up: "display-shown", capture.Starting: "display-waits", capture.Failed: "display-failed", capture.Gone: "display-lost",
	} {
		if f := shown(":1", capture.Status{State: state}); f.Code != want {
			t.Errorf("%v: %+v, want %s", state, f, want)
		}
	}
}

func TestDoctorServer(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("display: %w", display.ErrTemp), "xserver-temp"},
		{&exec.Error{Name: "Xvnc", Err: exec.ErrNotFound}, "xserver-none"},
	} {
		if f := noServer(c.err); f.Code != c.want {
			t.Errorf("%v: %+v, want %s", c.err, f, c.want)
		}
	}
}

func TestDoctorPrefix(t *testing.T) {
	for _, c := range []struct{ page, seen, base, want string }{
		{"/", "/", "/", "prefix-kept"},
		{"/notebook/a/b/", "/notebook/a/b/", "/notebook/a/b", "prefix-kept"},
		{"/notebook/a/b/", "/", "/notebook/a/b/", "prefix-strip"},
		{"/proxy/desktop/", "/", "/", "prefix-strip"},
		{"/hub/desktop/", "/desktop/", "/desktop/", "prefix-foreign"},
	} {
		if f := seenPath(c.page, c.seen, c.base); f.Code != c.want {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}

func TestDoctorCuller(t *testing.T) {
	t.Setenv("NB_PREFIX", "/notebook/a/b")
	now := time.Now()
	for _, c := range []struct {
		name           string
		started, asked time.Time
		want           string
	}{
		{"just started", now, time.Time{}, "culler-silent"},
		{"for an hour", now.Add(-time.Hour), time.Time{}, "culler-missing"},
		{"asked", now.Add(-time.Hour), now, "culler-ok"},
	} {
		if f := asker(c.started, now, c.asked); f.Code != c.want {
			t.Errorf("%s: %+v, want %s", c.name, f, c.want)
		}
	}
}

func TestDoctorHub(t *testing.T) {
	t.Setenv("JUPYTERHUB_API_URL", "")
	if f := checkHub(t.Context()); f.Code != "hub-none" {
		t.Errorf("no hub: %+v", f)
	}
	answer := http.StatusOK
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/hub/api/user" || r.Header.Get("Authorization") != "token secret" {
			t.Errorf("asked for %s with %q", r.URL, r.Header)
		}
		w.WriteHeader(answer)
	}))
	t.Setenv("JUPYTERHUB_API_URL", hub.URL+"/hub/api")
	t.Setenv("JUPYTERHUB_API_TOKEN", "secret")
	for status, want := range map[int]string{http.StatusOK: "hub-ok", http.StatusForbidden: "hub-refuses", http.StatusFound: "hub-refuses"} {
		answer = status
		if f := checkHub(t.Context()); f.Code != want {
			t.Errorf("%d: %+v, want %s", status, f, want)
		}
	}
	answer = http.StatusOK
	for status, want := range map[string]string{
		`{"busy": false}`: "hub-ok", `{"busy": false, "hub_hears": true}`: "hub-ok", `{"busy": false, "hub_hears": false}`: "hub-deaf",
	} {
		agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, status) }))
		var c doctorCmd
		c.Listen = strings.TrimPrefix(agent.URL, "http://")
		c.TLS = "off"
		if f := c.checkHub(t.Context()); f.Code != want {
			t.Errorf("a lucarne that says %s: %+v, want %s", status, f, want)
		}
		agent.Close()
		if f := c.checkHub(t.Context()); f.Code != "hub-ok" {
			t.Errorf("no lucarne: %+v", f)
		}
	}
	hub.Close()
	if f := checkHub(t.Context()); f.Code != "hub-unreachable" || strings.Contains(f.Found, "secret") {
		t.Errorf("gone: %+v", f)
	}
}

func TestDoctorClock(t *testing.T) {
	t.Setenv("JUPYTERHUB_API_URL", "")
	now := time.Now()
	for _, c := range []struct {
		clock clock
		want  string
	}{
		{clock{}, "clock-none"},
		{clock{service: "http://127.0.0.1:1/"}, "clock-failed"},
	} {
		if f := c.clock.check(t.Context()); f.Code != c.want {
			t.Errorf("%+v: %+v, want %s", c.clock, f, c.want)
		}
	}
	e := &examiner{d: &desktop{flags: &desktopFlags{}}}
	for by, want := range map[time.Duration]string{0: "clock-ok", time.Hour: "clock-skew", -time.Minute: "clock-skew"} {
		checks := e.ofVisit(signaling.Visit{Clock: now.Add(by), Now: now})
		if f := checks[len(checks)-1].Run(t.Context()); f.Code != want {
			t.Errorf("a browser's clock, %v ahead: %+v, want %s", by, f, want)
		}
	}
	t.Setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:1/")
	if checks := e.ofVisit(signaling.Visit{}); len(checks) != 1 {
		t.Errorf("%d checks each time that a page asks, want the one that asks nobody else", len(checks))
	}
	t.Setenv("JUPYTERHUB_API_URL", "")
	var skewed time.Duration
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(skewed).UTC().Format(http.TimeFormat))
	}))
	defer service.Close()
	for by, want := range map[time.Duration]string{0: "clock-ok", 2 * time.Hour: "clock-skew", -2 * time.Hour: "clock-skew"} {
		skewed = by
		if f := (clock{service: service.URL}).check(t.Context()); f.Code != want {
			t.Errorf("%v: %+v, want %s", by, f, want)
		}
	}
}

func TestDoctorLadder(t *testing.T) {
	for address, want := range map[string]string{
		"stun:a": "STUN", "stun:a:3478": "STUN", "turn:a": "TURN/UDP", "turn:a?transport=udp": "TURN/UDP", "turn:a?transport=tcp": "TURN/TCP",
		"turns:a:443?transport=tcp": "TURN/TLS", "TURNS:a": "TURN/TLS", "http://a": "", ":": "",
	} {
		if got := rungOf(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	none := ladder{}
	for _, c := range none.checks() {
		if f := c.Run(t.Context()); f.State != doctor.Skip {
			t.Errorf("%s, with no server: %+v", c.Name, f)
		}
	}
	if f := (ladder{tcpPort: 443}).checkTCP(t.Context()); f.Code != "tcp-on" {
		t.Errorf("ICE-TCP: %+v", f)
	}
	lost := ladder{servers: iceserver.NewFile(filepath.Join(t.TempDir(), "missing"))}
	if f := lost.checkSTUN(t.Context()); f.Code != "turn-list" {
		t.Errorf("no list: %+v", f)
	}
}

// withoutQuery takes off how a TURN server is reached.
func withoutQuery(address string) string {
	before, _, _ := strings.Cut(address, "?")
	return before
}

func TestDoctorTurnServer(t *testing.T) {
	server := turntest.Start(t)
	rightly := func(secret string) ladder {
		return ladder{servers: iceserver.Sources{
			iceserver.Static{{URLs: []string{strings.Replace(withoutQuery(server.UDP), "turn:", "stun:", 1)}}},
			&iceserver.Shared{URLs: []string{server.UDP, server.TCP}, Secret: secret},
		}}
	}
	for _, c := range []struct{ rung, secret, want string }{
		{"STUN", turntest.Secret, "stun-ok"},
		{"TURN/UDP", turntest.Secret, "turn-ok"},
		{"TURN/TCP", turntest.Secret, "turn-ok"},
		{"TURN/TLS", turntest.Secret, "turn-none"},
		{"TURN/UDP", "another", "turn-failed"},
	} {
		l := rightly(c.secret)
		var told string
		eventually(t, c.rung, func() bool {
			f := l.checkTURN(t.Context(), c.rung)
			if c.rung == "STUN" {
				f = l.checkSTUN(t.Context())
			}
			told = fmt.Sprint(f)
			return f.Code == c.want
		}, &told)
		if strings.Contains(told, turntest.Secret) {
			t.Errorf("%s tells a secret: %s", c.rung, told)
		}
	}
}
