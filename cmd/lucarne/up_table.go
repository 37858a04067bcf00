package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lucarne/cmd/internal/supervise"
)

// besideWithin is how long D-Bus and PulseAudio may take until they are ready; what comes
// after is started then all the same, as it is when they fail.
const besideWithin = 5 * time.Second

// soundless is how long a PulseAudio may take to end, which it would draw out to 3 s. It
// has nothing to save.
const soundless = 200 * time.Millisecond

// steady is how long a session has to run to be taken for one that works.
const steady = time.Second

// table is what is kept running, each after what it needs.
func (c *upCmd) table(h *household, place place, d *desktop) []supervise.Process {
	all := []supervise.Process{{Name: homeProcess, Do: c.restoreHome(place, d)}}
	if h.plan == nil {
		return append(all, supervise.Process{Name: xserverProcess, Do: func(context.Context) error { return h.err }})
	}
	all = append(all, supervise.Process{Name: xserverProcess, Command: h.plan.Command, Ready: h.plan.Ready})
	session := supervise.Process{
		Name: sessionProcess, Command: []string{"sh", "-c", c.Session}, Ready: supervise.Steady(steady),
		Env: slices.Concat(h.plan.Env(), place.env, c.language(d.log)), After: []string{xserverProcess}, Prefer: []string{homeProcess},
	}
	if c.Session == "" {
		session.Command[2] = defaultSession(exec.LookPath)
	}
	services := []service{
		dbus(filepath.Join(d.dir, "bus"), session.Env),
		pulse(filepath.Join(d.dir, "pulse"), session.Env),
	}
	for i, wanted := range []string{c.Dbus, c.Pulse} {
		s := services[i]
		if wanted == "off" {
			continue
		}
		if _, err := exec.LookPath(s.Command[0]); err != nil {
			d.log.Info("left out: it is not installed", "process", s.Name, "program", s.Command[0])
			continue
		}
		all = append(all, s.Process)
		session.Prefer = append(session.Prefer, s.Name)
		session.Env = append(session.Env, s.clients...)
	}
	return append(all, session)
}

// service is a process that the session gets on without.
type service struct {
	supervise.Process
	clients []string // the environment by which programs find it
}

// dbus is the desktop's session bus at a socket. What it starts by itself, for who asks the
// bus for a service, has its environment.
func dbus(socket string, env []string) service {
	address := "unix:path=" + dbusEscape(socket)
	return service{supervise.Process{
		Name:    dbusProcess,
		Command: []string{"dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog", "--address=" + address},
		Env:     append(env[:len(env):len(env)], "DBUS_SESSION_BUS_ADDRESS="+address),
		Ready:   supervise.Listening(socket), ReadyWithin: besideWithin,
		Prefer: []string{homeProcess},
	}, []string{"DBUS_SESSION_BUS_ADDRESS=" + address}}
}

// dbusEscape writes a value of an address (D-Bus Specification, Server Addresses).
func dbusEscape(value string) string {
	const plain = "-_/.*"
	var b strings.Builder
	for _, c := range []byte(value) {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// pulse is a PulseAudio whose sound goes nowhere by itself, with all that is its own
// in dir. Who can enter dir may use it.
func pulse(dir string, env []string) service {
	socket := dir + ".socket"
	return service{supervise.Process{
		Name: pulseProcess,
		Command: []string{
			"pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--log-target=stderr", "--log-level=error",
			"--high-priority=no", "--realtime=no", "--disable-shm=yes",
			"-L", "module-null-sink sink_name=lucarne",
			"-L", fmt.Sprintf("module-native-protocol-unix socket=%q auth-anonymous=1 auth-cookie-enabled=0", socket),
			"-L", "module-suspend-on-idle",
		},
		Env:   append(env[:len(env):len(env)], "PULSE_RUNTIME_PATH="+dir, "PULSE_STATE_PATH="+dir),
		Ready: supervise.Listening(socket), ReadyWithin: besideWithin,
		Grace:  soundless,
		Prefer: []string{homeProcess},
	}, []string{"PULSE_SERVER=unix:" + socket}}
}

// defaultSession is a shell command for what is installed of a desktop, else of a
// window manager and a terminal, of which the manager is the one that counts: the
// session ends with it.
func defaultSession(look func(string) (string, error)) string {
	installed := func(program string) bool { _, err := look(program); return err == nil }
	for _, desktop := range []string{"startxfce4", "startlxqt", "mate-session", "startlxde"} {
		if installed(desktop) {
			return "exec " + desktop
		}
	}
	switch manager, terminal := installed("openbox"), installed("xterm"); {
	case manager && terminal:
		return "xterm & exec openbox"
	case manager:
		return "exec openbox"
	case terminal:
		return "exec xterm"
	}
	return `echo "install openbox and xterm, or give --session a command"; exec sleep 1000000`
}
