package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"

	"lucarne/capture/display"
	"lucarne/signaling"
)

// The page is there before anything else is: an X server that never is ready, and a home
// whose template never ends.
func TestUpAnswersAtOnce(t *testing.T) {
	needEncoder(t)
	bin, template, home := t.TempDir(), t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, display.Xvfb), []byte("#!/bin/sh\necho still at it >&2\nexec sleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(template, "endless"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("endless", filepath.Join(template, "link")); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	a := start(t, []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + home}, "up", "--xserver", "Xvfb", "--auth", "none",
		"--listen", "unix:"+socket, "--home-template", template, "--session", "exec sleep 1000")
	a.awaitPage(t, socket)
	client, base := a.page(socket)
	resp, err := client.Get(base + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "lucarne") {
		t.Errorf("the page: %d, %v", resp.StatusCode, err)
	}
	got := awaitProcess(t, a.dial(t, socket), xserverProcess, func(p signaling.Process) bool { return slices.Contains(p.Lines, "still at it") })
	if got.State != signaling.ProcessStarting || !got.Needed || got.Since == 0 {
		t.Errorf("the X server: %+v", got)
	}
	if got := awaitProcess(t, a.dial(t, socket), sessionProcess, func(signaling.Process) bool { return true }); got.State != signaling.ProcessWaiting {
		t.Errorf("the session: %+v", got)
	}
	if target, err := os.Readlink(filepath.Join(home, "link")); target != "endless" {
		t.Errorf("the home is not restored: %v", err)
	}
	if code := a.stop(t); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, a.stderr)
	}
}

// awaitProcess returns what the page is told of a process, once that is as it should be.
func awaitProcess(t *testing.T, conn *websocket.Conn, name string, as func(signaling.Process) bool) signaling.Process {
	t.Helper()
	for {
		var m signaling.Message
		if err := conn.ReadJSON(&m); err != nil {
			t.Fatalf("nothing told of %s: %v", name, err)
		}
		for _, p := range m.Processes {
			if p.Name == name && as(p) {
				return p
			}
		}
	}
}

// A session that cannot run is told with its error and its last words, as is what the
// desktop gets on without.
func TestUpTellsWhatFails(t *testing.T) {
	needEncoder(t)
	if _, err := exec.LookPath(display.Xvfb); err != nil {
		t.Skip(err)
	}
	bin := t.TempDir()
	for _, service := range []string{"dbus-daemon", "pulseaudio"} {
		if err := os.WriteFile(filepath.Join(bin, service), []byte("#!/bin/sh\necho not today\nexit 9\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(t.TempDir(), "s")
	a := start(t, []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, "up", "--xserver", "Xvfb", "--auth", "none", "--size", "640x480",
		"--listen", "unix:"+socket, "--home-template", "/nonexistent/template", "--session", "echo no such program; exit 127")
	a.awaitPage(t, socket)
	for name, want := range map[string]signaling.Process{
		sessionProcess: {Error: "exit status 127", Lines: []string{"no such program"}, Needed: true},
		dbusProcess:    {Error: "exit status 9", Lines: []string{"not today"}},
		pulseProcess:   {Error: "exit status 9", Lines: []string{"not today"}},
		homeProcess:    {Error: "/nonexistent/template"},
	} {
		got := awaitProcess(t, a.dial(t, socket), name, func(p signaling.Process) bool { return strings.Contains(p.Error, want.Error) })
		for _, line := range want.Lines {
			if !slices.Contains(got.Lines, line) {
				t.Errorf("%s: lines %q, want %q", name, got.Lines, line)
			}
		}
		if got.Needed != want.Needed {
			t.Errorf("%s: needed %v", name, got.Needed)
		}
	}
	if code := a.stop(t); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, a.stderr)
	}
}

// The session finds the bus and the sound that are its own, and no others.
func TestUpServices(t *testing.T) {
	needEncoder(t)
	for _, program := range []string{display.Xvfb, "dbus-daemon", "dbus-send", "pulseaudio", "pactl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	said := filepath.Join(dir, "said")
	a := start(t, []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", "PULSE_SERVER=/nonexistent", "HOME=" + dir, "KF_LANG=en"},
		"up", "--xserver", "Xvfb", "--size", "640x480", "--listen", "unix:"+filepath.Join(dir, "s"), "--session", fmt.Sprintf(`
			dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames >%s.bus &&
			pactl list short sinks >%[1]s.sinks && echo "$LANG" >%[1]s.part && mv %[1]s.part %[1]s; exec sleep 1000`, said))
	var lang []byte
	await(t, "the session", func() (ok bool) {
		var err error
		lang, err = os.ReadFile(said)
		return err == nil
	})
	if sinks, err := os.ReadFile(said + ".sinks"); err != nil || !strings.Contains(string(sinks), "lucarne") {
		t.Errorf("sinks %q, %v", sinks, err)
	}
	if !strings.Contains(string(lang), ".UTF-8") {
		t.Errorf("LANG is %q", lang)
	}
	if code := a.stop(t); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, a.stderr)
	}
}

func TestDefaultDesktop(t *testing.T) {
	for installed, want := range map[string]string{
		"openbox xterm startxfce4 mate-session": "exec startxfce4",
		"openbox startlxqt":                     "exec startlxqt",
		"mate-session":                          "exec mate-session",
		"startlxde xterm":                       "exec startlxde",
		"openbox xterm":                         "xterm & exec openbox",
	} {
		got := defaultSession(func(program string) (string, error) {
			if slices.Contains(strings.Fields(installed), program) {
				return program, nil
			}
			return "", exec.ErrNotFound
		})
		if !strings.Contains(got, want) {
			t.Errorf("with %q: %q, want %q", installed, got, want)
		}
	}
}

func TestFindHome(t *testing.T) {
	good, account := t.TempDir(), t.TempDir()
	for name, c := range map[string]struct {
		meant, account string
		want           string // "": the last
		err            error
	}{
		"as meant":      {good, account, good, nil},
		"none is meant": {"", account, account, nil},
		"nor any here":  {"/", account, account, nil},
		"not there":     {"/proc/none", account, account, fs.ErrNotExist},
		"none at all":   {"/proc/none", "/proc/other", "", fs.ErrNotExist},
		"nobody's":      {"/", "", "", nil},
	} {
		last := filepath.Join(t.TempDir(), "last")
		got, err := findHome(c.meant, c.account, last)
		want := c.want
		if want == "" {
			want = last
		}
		if err != nil || got.home != want || c.err != nil && !errors.Is(got.err, c.err) {
			t.Errorf("%s: %q (%v), %v; want %q (%v)", name, got.home, got.err, err, want, c.err)
		}
		if told, lost := got.err != nil, c.want == "" || c.err != nil; told != lost {
			t.Errorf("%s: %v is told", name, got.err)
		}
		if info, err := os.Stat(got.home); err != nil || !info.IsDir() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrivate(t *testing.T) {
	dir := t.TempDir()
	for mode, want := range map[fs.FileMode]bool{0o700: true, 0o755: false, 0o770: false} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if got := private(dir); got != want {
			t.Errorf("%o: %v, want %v", mode, got, want)
		}
	}
	for _, none := range []string{"", "relative", filepath.Join(dir, "none"), "/proc"} {
		if private(none) {
			t.Errorf("%q is taken for private", none)
		}
	}
}

func TestDBusAddress(t *testing.T) {
	if got, want := dbusEscape("/tmp/a b;c,é/bus_1-2.x"), "/tmp/a%20b%3bc%2c%c3%a9/bus_1-2.x"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLocale(t *testing.T) {
	const notAsked = "?"
	debian := "C C.utf8 POSIX en_US.utf8 fr_CA.utf8 fr_FR fr_FR.iso88591 fr_FR.utf8"
	for name, c := range map[string]struct {
		wished, lang, installed string
		want                    string
		spoken                  bool
	}{
		"French":                {"fr", "", debian, "LANG=fr_CA.UTF-8 LC_ALL=fr_CA.UTF-8 LANGUAGE=fr_CA:fr", true},
		"English":               {"en", "", debian, "LANG=en_US.UTF-8 LC_ALL=en_US.UTF-8 LANGUAGE=en_US:en", true},
		"of France":             {"fr", "", "C fr_FR.utf8", "LANG=fr_FR.UTF-8 LC_ALL=fr_FR.UTF-8 LANGUAGE=fr_FR:fr", true},
		"of elsewhere":          {"FR_be", "", "fr_CH.UTF-8 fr_BE.UTF-8", "LANG=fr_BE.UTF-8 LC_ALL=fr_BE.UTF-8 LANGUAGE=fr_BE:fr", true},
		"as it is":              {"fr", "fr_FR.UTF-8", debian, "LANG=fr_FR.UTF-8 LC_ALL=fr_FR.UTF-8 LANGUAGE=fr_FR:fr", true},
		"other than it is":      {"fr", "en_US.UTF-8", debian, "LANG=fr_CA.UTF-8 LC_ALL=fr_CA.UTF-8 LANGUAGE=fr_CA:fr", true},
		"not installed":         {"fr", "en_US.UTF-8", "C C.utf8 en_US.utf8 fr_CA.iso88591", "LANG=C.UTF-8 LC_ALL=C.UTF-8 LANGUAGE=fr", false},
		"English needs none":    {"en", "", "C", "LANG=C.UTF-8 LC_ALL=C.UTF-8 LANGUAGE=en", true},
		"unknown":               {"tlh", "en_US.UTF-8", notAsked, "", false},
		"no wish":               {"", "de_DE.UTF-8", notAsked, "", true},
		"no wish and no locale": {"", "", notAsked, "LANG=C.UTF-8", true},
	} {
		getenv := func(name string) string { return map[string]string{"LANG": c.lang}[name] }
		installed := func() []string {
			if c.installed == notAsked {
				t.Errorf("%s: the system is asked for its locales", name)
			}
			return strings.Fields(c.installed)
		}
		env, spoken := localeFor(c.wished, getenv, installed)
		if got := strings.Join(env, " "); got != c.want || spoken != c.spoken {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, spoken, c.want, c.spoken)
		}
	}
}
