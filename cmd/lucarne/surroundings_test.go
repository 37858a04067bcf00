package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"lucarne/capture/display"
)

// surroundings are what a platform starts lucarne up in.
type surroundings struct {
	setup string // shell commands of root's in a mount namespace of its own, before
	drop  string // setpriv's arguments
	first string // the program that starts lucarne; empty: none
	env   []string
	pid   bool // a PID namespace: lucarne is its first process
	net   bool // a network namespace: not even loopback is up
}

// A mount that fails says so by this exit code.
const noMount = 77

// container starts lucarne up in the surroundings. /mnt is the directory shared with
// the test.
func (s surroundings) container(t *testing.T, shared string, args ...string) *agent {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("namespaces and mounts need root")
	}
	first, _, _ := strings.Cut(s.first, " ")
	for _, program := range []string{"setpriv", "mount", display.Xvfb, cmp.Or(first, "sh")} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	script := fmt.Sprintf(`fails() { echo "no mount: $1" >&2; exit %d; }
mount --bind "$1" /media && mount --bind "$2" /mnt && mount -t tmpfs -o mode=1777 tmpfs /tmp || fails bind
%s
binary=/media/$3; shift 3
exec setpriv %s %s "$binary" "$@"`, noMount, s.setup, s.drop, s.first)
	a := &agent{stdout: &safeBuffer{}, stderr: &safeBuffer{}}
	a.Cmd = exec.Command("/bin/sh", append([]string{"-c", script, "sh", filepath.Dir(os.Args[0]), shared, filepath.Base(os.Args[0]),
		"up", "--xserver", "Xvfb", "--size", "640x480", "--auth", "none", "--listen", "unix:/mnt/s"}, args...)...)
	a.Env = append([]string{"PATH=" + os.Getenv("PATH"), mainEnv + "=1"}, s.env...)
	a.Stdout, a.Stderr = a.stdout, a.stderr
	a.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	if s.pid {
		a.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID
	}
	if s.net {
		a.SysProcAttr.Cloneflags |= unix.CLONE_NEWNET
	}
	if err := a.Start(); errors.Is(err, unix.EPERM) {
		t.Skip("no namespaces can be made here:", err)
	} else if err != nil {
		t.Fatal(err)
	}
	a.ended = sync.OnceValue(a.Wait)
	t.Cleanup(func() {
		_ = a.Process.Kill()
		_ = a.ended()
	})
	return a
}

// What platforms do, and all of it together.
var platforms = map[string]surroundings{
	"first process": {setup: "mount -t proc proc /proc || fails proc", pid: true},
	"under tini": {
		setup: "mount -t proc proc /proc || fails proc", first: "tini --",
		drop: "--reuid=12345 --regid=0 --clear-groups", pid: true,
	},
	"known user, no home":    {drop: "--reuid=65534 --regid=65534 --clear-groups", env: []string{"HOME=/nonexistent", "USER=nobody"}},
	"home that is another's": {drop: "--reuid=12345 --regid=12345 --clear-groups", env: []string{"HOME=/root"}},
	"no capabilities":        {drop: "--bounding-set=-all --inh-caps=-all --no-new-privs"},
	"all together": {
		setup: "mount -t proc proc /proc && mount -o remount,bind,ro / || fails ro",
		drop:  "--reuid=12345 --regid=0 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs",
		env:   []string{"HOME=/", "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus", "XDG_RUNTIME_DIR=/run/user/1000"},
		pid:   true, net: true,
	},
}

// The desktop comes up wherever it is started, with a home, a name and a runtime directory,
// stops when it is told to, and leaves nothing.
func TestUpInAnySurroundings(t *testing.T) {
	needEncoder(t)
	for name, s := range platforms {
		t.Run(name, func(t *testing.T) {
			shared := t.TempDir()
			if err := os.Chmod(shared, 0o777); err != nil {
				t.Fatal(err)
			}
			a := s.container(t, shared, "--session",
				`set -e; touch "$HOME/mine"; [ "$(stat -c %a "$XDG_RUNTIME_DIR")" = 700 ]; touch "$XDG_RUNTIME_DIR/mine"; xset q >/mnt/screen
				cat /proc/1/environ >/mnt/first || :
				{ echo "user=$USER$LOGNAME home=$HOME bus=$DBUS_SESSION_BUS_ADDRESS"; } >/mnt/said.part; mv /mnt/said.part /mnt/said; exec sleep 1000`)
			socket := filepath.Join(shared, "s")
			a.awaitPageOrSkip(t, socket)
			awaitState(t, a.dial(t, socket), "up")
			var said string
			await(t, "what the session says", func() bool {
				text, err := os.ReadFile(filepath.Join(shared, "said"))
				said = string(text)
				return err == nil
			})
			if strings.Contains(said, "user= ") || strings.Contains(said, "home= ") || strings.Contains(said, "/run/user/1000") {
				t.Errorf("the session has %s", said)
			}
			// Who is not root learns nothing of our own first process's environment.
			if first, err := os.ReadFile(filepath.Join(shared, "first")); s.pid && s.first == "" && s.drop != "" && (err != nil || len(first) > 0) {
				t.Errorf("the first process's environment: %.100q, %v", first, err)
			}
			own := descendants(t, a.Process.Pid)
			if code := a.stop(t); code != exitOK {
				t.Errorf("exit code %d:\n%s", code, a.stderr)
			}
			for _, pid := range own {
				if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && !strings.Contains(string(stat), ") Z ") {
					t.Errorf("left behind: %s", stat)
				}
			}
			if t.Failed() {
				t.Logf("%s\n%s", said, a.stderr)
			}
		})
	}
}

// A uid that /etc/passwd does not know has a name on the desktop, without which there is no
// D-Bus; who is known stays known.
func TestUpNamesAnyUID(t *testing.T) {
	needEncoder(t)
	for _, program := range []string{"dbus-daemon", "dbus-send"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	if !hasLibrary(nssWrapper, libraries) {
		t.Skip("nss_wrapper is not installed")
	}
	shared := t.TempDir()
	if err := os.Chmod(shared, 0o777); err != nil {
		t.Fatal(err)
	}
	s := surroundings{drop: "--reuid=12345 --regid=23456 --clear-groups", env: []string{"HOME=/nonexistent"}}
	a := s.container(t, shared, "--session", `
		dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames || exit 1
		{ id -un; id -gn; getent passwd 12345 | cut -d : -f 1-5; [ "$(getent passwd user | cut -d : -f 6)" = "$HOME" ] && id -un 0; } >/mnt/said.part; mv /mnt/said.part /mnt/said; exec sleep 1000`)
	a.awaitPageOrSkip(t, filepath.Join(shared, "s"))
	var said string
	await(t, "what the session says", func() bool {
		text, err := os.ReadFile(filepath.Join(shared, "said"))
		said = string(text)
		return err == nil
	})
	if want := "user\nuser\nuser:x:12345:23456:\nroot\n"; said != want {
		t.Errorf("the session says %q, want %q", said, want)
	}
	if code := a.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if t.Failed() {
		t.Log(a.stderr)
	}
}

// Where no X server can work the page is there, and says why.
func TestUpWithoutTmp(t *testing.T) {
	needEncoder(t)
	shared := t.TempDir()
	if err := os.Chmod(shared, 0o777); err != nil {
		t.Fatal(err)
	}
	s := surroundings{setup: "mount -o remount,ro /tmp || fails ro", drop: "--reuid=12345 --regid=12345 --clear-groups"}
	a := s.container(t, shared)
	socket := filepath.Join(shared, "s")
	a.awaitPageOrSkip(t, socket)
	if m := awaitState(t, a.dial(t, socket), "failed"); m.Code != "xserver-temp" {
		t.Errorf("the page is told %q", m.Code)
	}
	if said := a.stderr.String(); !strings.Contains(said, "an X server has to write to /tmp and /tmp/.X11-unix: ") {
		t.Errorf("no line says so:\n%s", said)
	}
	if code := a.stop(t); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, a.stderr)
	}
}

// awaitPageOrSkip waits for the page, unless there could be none for want of mounts.
func (a *agent) awaitPageOrSkip(t *testing.T, socket string) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		_ = a.ended()
		close(ended)
	}()
	await(t, "the page, or an end", func() bool {
		select {
		case <-ended:
			if a.ProcessState.ExitCode() == noMount {
				t.Skip("no mounts can be made here:", a.stderr)
			}
			t.Fatalf("ended:\n%s", a.stderr)
		default:
		}
		_, err := os.Stat(socket)
		return err == nil
	})
	a.awaitPage(t, socket)
}
