package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lucarne/encode"
)

// mainEnv makes the test binary be lucarne.
const mainEnv = "TEST_BE_LUCARNE"

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(mainEnv) != "":
		main()
		return
	case os.Getenv(holdEnv) != "":
		holdEncoder()
		return
	case os.Getenv(drawEnv) != "":
		draw(os.Getenv(drawEnv))
		return
	}
	os.Exit(m.Run())
}

// agent is a running lucarne.
type agent struct {
	*exec.Cmd
	stdout, stderr *safeBuffer
	ended          func() error
}

// safeBuffer may be read while a process writes to it.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// needEncoder skips a test of the whole where there is nothing to encode with.
func needEncoder(t testing.TB) {
	t.Helper()
	if _, err := usable(backends()); err != nil {
		t.Skip("built without an encoder:", err)
	}
}

// start runs lucarne with the arguments, without the caller's LUCARNE_* and
// DISPLAY variables, and with env. It is killed at the end of the test, and what
// it leaves behind is removed.
func start(t *testing.T, env []string, args ...string) *agent {
	t.Helper()
	return startProgram(t, env, os.Args[0], args...)
}

// startProgram is start, by another program that becomes lucarne.
func startProgram(t *testing.T, env []string, program string, args ...string) *agent {
	t.Helper()
	a := &agent{Cmd: exec.Command(program, args...), stdout: &safeBuffer{}, stderr: &safeBuffer{}}
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		switch {
		case strings.HasPrefix(name, "LUCARNE_"), name == "DISPLAY", name == "NB_PREFIX", name == "JUPYTERHUB_SERVICE_PREFIX", name == "RENKU_BASE_URL_PATH", name == "XDG_RUNTIME_DIR":
		default:
			a.Env = append(a.Env, e)
		}
	}
	a.Env = append(append(a.Env, mainEnv+"=1", "TMPDIR="+t.TempDir()), env...)
	a.Stdout, a.Stderr = a.stdout, a.stderr
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	a.ended = sync.OnceValue(a.Wait)
	t.Cleanup(func() {
		_ = a.Process.Kill()
		_ = a.ended()
	})
	return a
}

// code waits for the end and returns the exit code.
func (a *agent) code(t *testing.T) int {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- a.ended() }()
	select {
	case err := <-done:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return a.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		t.Fatalf("still running after 30 s:\n%s", a.stderr)
		return 0
	}
}

// stop asks for an orderly stop and returns the exit code.
func (a *agent) stop(t *testing.T) int {
	t.Helper()
	if err := a.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return a.code(t)
}

// await polls until ok, failing the test after 20 s.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not seen within 20 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// parse returns what a command line means.
func parse(t testing.TB, env map[string]string, args ...string) (*cli, error) {
	t.Helper()
	for name := range map[string]bool{"DISPLAY": true, "NB_PREFIX": true, "JUPYTERHUB_SERVICE_PREFIX": true, "RENKU_BASE_URL_PATH": true} {
		t.Setenv(name, "") // restored by Setenv, then removed
		os.Unsetenv(name)
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	var c cli
	parser, err := newParser(&c, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return &c, err
}

func TestFlagsAndVariables(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		args string
		got  func(*cli) any
		want any
	}{
		"listen default":   {nil, "serve", func(c *cli) any { return c.Serve.Listen }, "127.0.0.1:8080"},
		"listen env":       {map[string]string{"LUCARNE_LISTEN": ":1"}, "serve", func(c *cli) any { return c.Serve.Listen }, ":1"},
		"flag before env":  {map[string]string{"LUCARNE_LISTEN": ":1"}, "serve --listen :2", func(c *cli) any { return c.Serve.Listen }, ":2"},
		"base default":     {nil, "up", func(c *cli) any { return c.Up.BasePath }, "/"},
		"base Kubeflow":    {map[string]string{"NB_PREFIX": "/notebook/a/b"}, "up", func(c *cli) any { return c.Up.BasePath }, "/notebook/a/b"},
		"base JupyterHub":  {map[string]string{"JUPYTERHUB_SERVICE_PREFIX": "/user/a/"}, "up", func(c *cli) any { return c.Up.BasePath }, "/user/a/"},
		"base Renku":       {map[string]string{"RENKU_BASE_URL_PATH": "/sessions/a"}, "up", func(c *cli) any { return c.Up.BasePath }, "/sessions/a"},
		"base order":       {map[string]string{"NB_PREFIX": "/n", "JUPYTERHUB_SERVICE_PREFIX": "/j"}, "up", func(c *cli) any { return c.Up.BasePath }, "/n"},
		"base ours first":  {map[string]string{"NB_PREFIX": "/n", "LUCARNE_BASE_PATH": "/l"}, "up", func(c *cli) any { return c.Up.BasePath }, "/l"},
		"display":          {map[string]string{"DISPLAY": ":3"}, "serve", func(c *cli) any { return c.Serve.Display }, ":3"},
		"display ours":     {map[string]string{"DISPLAY": ":3", "LUCARNE_DISPLAY": ":4"}, "serve", func(c *cli) any { return c.Serve.Display }, ":4"},
		"auth default":     {nil, "serve", func(c *cli) any { return c.Serve.Auth }, "token"},
		"bitrate default":  {nil, "serve", func(c *cli) any { return c.Serve.Bitrate }, amount(8_000_000)},
		"bitrate k":        {nil, "serve --bitrate 900k", func(c *cli) any { return c.Serve.Bitrate }, amount(900_000)},
		"bitrate env":      {map[string]string{"LUCARNE_BITRATE": "1.5M"}, "serve", func(c *cli) any { return c.Serve.Bitrate }, amount(1_500_000)},
		"max fps":          {map[string]string{"LUCARNE_MAX_FPS": "30"}, "serve", func(c *cli) any { return c.Serve.MaxFPS }, 30},
		"pixels":           {nil, "up", func(c *cli) any { return c.Up.MaxPixels }, amount(2_300_000)},
		"playout delay":    {nil, "up --playout-delay 50ms", func(c *cli) any { return c.Up.PlayoutDelay }, 50 * time.Millisecond},
		"size":             {map[string]string{"LUCARNE_SIZE": "1280x720"}, "up", func(c *cli) any { return c.Up.Size }, pixelSize{1280, 720}},
		"hosts":            {nil, "up --allowed-host a --allowed-host b", func(c *cli) any { return strings.Join(c.Up.AllowedHost, " ") }, "a b"},
		"hosts env":        {map[string]string{"LUCARNE_ALLOWED_HOST": "a,b"}, "up", func(c *cli) any { return strings.Join(c.Up.AllowedHost, " ") }, "a b"},
		"session":          {nil, "up --session xterm", func(c *cli) any { return c.Up.Session }, "xterm"},
		"the measured one": {nil, "serve --display :77 --listen 127.0.0.1:6070 --auth none", func(c *cli) any { return c.Serve.Display }, ":77"},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := parse(t, c.env, strings.Fields(c.args)...)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.got(parsed); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestEveryFlagHasAVariable(t *testing.T) {
	parser, err := newParser(&cli{}, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Children {
		for _, flag := range command.Flags {
			if len(flag.Envs) == 0 || !strings.HasPrefix(flag.Envs[0], "LUCARNE_") {
				t.Errorf("%s --%s: variables %v", command.Name, flag.Name, flag.Envs)
			}
			if flag.Help == "" {
				t.Errorf("%s --%s has no help", command.Name, flag.Name)
			}
		}
	}
}

func TestNoEncoder(t *testing.T) {
	none := encode.Backend{Name: "none", Open: func(encode.Config) (encode.Encoder, error) { return nil, errors.New("not built in") }}
	var exit exitError
	if _, err := usable([]encode.Backend{none, none}); !errors.As(err, &exit) || exit.code != exitNoEncoder {
		t.Errorf("got %v, want exit code %d", err, exitNoEncoder)
	}
}

func TestExitCodes(t *testing.T) {
	needEncoder(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free := "127.0.0.1:0"
	for name, c := range map[string]struct {
		args string
		code int
		want string // in the one line of the error
	}{
		"no command":     {"", exitUsage, "lucarne --help"},
		"unknown flag":   {"serve --colour", exitUsage, "lucarne serve --help"},
		"bad listen":     {"serve --listen nowhere", exitUsage, "host:port"},
		"bad port":       {"serve --listen :99999", exitUsage, "65535"},
		"bad auth":       {"up --auth maybe", exitUsage, "--auth"},
		"bad bitrate":    {"up --bitrate fast", exitUsage, "not a number"},
		"bitrates":       {"up --bitrate 100k --min-bitrate 200k", exitUsage, "below --min-bitrate"},
		"bad size":       {"up --size 0x0", exitUsage, "1920x1080"},
		"half of TLS":    {"serve --tls-cert x", exitUsage, "go together"},
		"token unused":   {"serve --auth none --token-file x", exitUsage, "--auth token"},
		"token bad":      {"serve --wait --listen " + free + " --token-file /dev/null", exitNoInput, "not a regular file"},
		"no password":    {"up --auth password", exitUsage, "--password-file"},
		"password bad":   {"serve --wait --listen " + free + " --auth password --password-file /dev/null", exitNoInput, "--password-file"},
		"no header":      {"up --auth proxy --proxy-from unix", exitUsage, "--proxy-header"},
		"anybody":        {"up --auth proxy --proxy-header X-User", exitUsage, "--proxy-from"},
		"no network":     {"up --auth proxy --proxy-header X-User --proxy-from here", exitUsage, "10.0.0.0/8"},
		"no hub":         {"serve --wait --listen " + free + " --auth oauth", exitUsage, "JupyterHub"},
		"two sources":    {"up --embed 'self';script-src", exitUsage, "--embed"},
		"TLS twice":      {"serve --tls-cert x --tls-key y --tls self-signed", exitUsage, "exclude"},
		"no certificate": {"serve --wait --listen " + free + " --tls-cert /nonexistent --tls-key /nonexistent", exitNoInput, "--tls-cert"},
		"no DISPLAY":     {"serve --listen " + free, exitNoDisplay, "--display"},
		"no display":     {"serve --listen " + free + " --display :987654", exitNoDisplay, "--wait"},
		"port taken":     {"serve --wait --display :987654 --listen " + taken.Addr().String(), exitNoListen, "taken by another program; choose another with --listen"},
		"no directory":   {"serve --wait --listen unix:/nonexistent/socket", exitNoListen, "--listen"},
		"version":        {"version", exitOK, ""},
		"--version":      {"--version", exitOK, ""},
		"help":           {"up --help", exitOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, []string{"PATH=" + os.Getenv("PATH")}, strings.Fields(c.args)...)
			code := a.code(t)
			stderr := a.stderr.String()
			if code != c.code || !strings.Contains(stderr, c.want) {
				t.Errorf("exit code %d, want %d with %q in:\n%s", code, c.code, c.want, stderr)
			}
			lines := 0
			for line := range strings.Lines(stderr) {
				if strings.HasPrefix(line, "lucarne: ") {
					lines++
				}
			}
			if want := min(1, c.code); lines != want {
				t.Errorf("%d lines of error, want %d:\n%s", lines, want, stderr)
			}
		})
	}
}

func TestHelpNamesTheExitCodes(t *testing.T) {
	a := start(t, nil, "--help")
	a.code(t)
	help := strings.Join(strings.Fields(a.stdout.String()), " ")
	for _, c := range exitCodes {
		if !strings.Contains(help, c.Meaning) {
			t.Errorf("--help does not say %q", c.Meaning)
		}
	}
}

func TestVersion(t *testing.T) {
	a := start(t, nil, "--version")
	a.code(t)
	for _, want := range []string{"lucarne ", "commit ", "VP8 (libvpx)", "MIT", "BSD-3-Clause"} {
		if !strings.Contains(a.stdout.String(), want) {
			t.Errorf("no %q in:\n%s", want, a.stdout)
		}
	}
}

func TestDefaultSession(t *testing.T) {
	for name, c := range map[string]struct{ installed, want string }{
		"both":     {"openbox xterm", "xterm & exec openbox"},
		"manager":  {"openbox", "exec openbox"},
		"terminal": {"xterm", "exec xterm"},
		"nothing":  {"", `echo "install openbox and xterm, or give --session a command"; exec sleep 1000000`},
	} {
		t.Run(name, func(t *testing.T) {
			got := defaultSession(func(program string) (string, error) {
				for installed := range strings.FieldsSeq(c.installed) {
					if installed == program {
						return "/usr/bin/" + program, nil
					}
				}
				return "", exec.ErrNotFound
			})
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAmount(t *testing.T) {
	for text, want := range map[string]amount{
		"0": 0, "8000000": 8_000_000, "500k": 500_000, "2.3M": 2_300_000, "0.5k": 500,
		"": -1, "-1": -1, "M": -1, "8G": -1, "NaN": -1, "1e12": -1, "9999999M": -1,
	} {
		var a amount
		if err := a.UnmarshalText([]byte(text)); (err != nil) != (want < 0) || err == nil && a != want {
			t.Errorf("%q = %d, %v; want %d", text, a, err, want)
		}
	}
}

func TestReport(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
		text string
	}{
		{nil, exitOK, ""},
		{context.Canceled, exitOK, ""},
		{errors.New("two\nlines"), exitFailure, "lucarne: two lines\n"},
		{exitError{exitNoListen, errors.New("taken")}, exitNoListen, "lucarne: taken\n"},
	} {
		var out bytes.Buffer
		if code := conclude(&out, c.err); code != c.code || out.String() != c.text {
			t.Errorf("conclude(%v) = %d, %q; want %d, %q", c.err, code, &out, c.code, c.text)
		}
	}
}
