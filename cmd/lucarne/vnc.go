package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"lucarne/capture/display"
	"lucarne/signaling/rfb"
)

// vncFlags say how the page reaches VNC, where no media pass.
type vncFlags struct {
	VNC             string `name:"vnc" default:"auto" group:"VNC" help:"Where the page's VNC comes from. auto: the Xvnc that up has started, else an x11vnc for each viewer. unix:/path or host:port: a VNC server of the same display; who may not copy from the desktop cannot use it, for its own clipboard cannot be switched off. off: there is none."`
	VNCPasswordFile string `name:"vnc-password-file" placeholder:"FILE" group:"VNC" help:"Read the password of the VNC server that --vnc names from this file."`
}

func (f *vncFlags) validate() error {
	_, _, err := f.address()
	if err == nil && f.VNCPasswordFile != "" && (f.VNC == "auto" || f.VNC == "off") {
		err = errors.New("--vnc-password-file is for the server that --vnc names")
	}
	return err
}

// address is the network and the address of the VNC server that is named; empty:
// none is.
func (f *vncFlags) address() (network, address string, err error) {
	if f.VNC == "auto" || f.VNC == "off" {
		return "", "", nil
	}
	if path, ok := strings.CutPrefix(f.VNC, "unix:"); ok && path != "" {
		return "unix", path, nil
	}
	host, port, err := net.SplitHostPort(f.VNC)
	if n, convErr := strconv.Atoi(port); err != nil || convErr != nil || host == "" || n < 1 || n > 65535 {
		return "", "", fmt.Errorf("--vnc %q is not auto, off, unix:/path or host:port", f.VNC)
	}
	return "tcp", f.VNC, nil
}

// password returns the password of the server that is named, without the end of
// its line.
func (f *vncFlags) password() (string, error) {
	if f.VNCPasswordFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(f.VNCPasswordFile)
	if err != nil {
		return "", exitError{exitNoInput, fmt.Errorf("cannot use --vnc-password-file: %w", err)}
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// vncServer is how the display's VNC server is reached; nil: there is none, or vncOff
// says why there may be none.
func (d *desktop) vncServer() (*rfb.Server, error) {
	network, address, err := d.flags.address()
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	switch {
	case d.flags.VNC == "off" || d.vncOff() != "":
		return nil, nil
	case network == "":
		return &rfb.Server{Dial: d.dialOwnVNC}, nil
	}
	password, err := d.flags.password()
	return &rfb.Server{
		Password:  password,
		Clipboard: true,
		Dial:      dialer(network, address),
	}, err
}

func dialer(network, address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

// dialOwnVNC connects to the VNC server in the X server that we have started, or
// to an x11vnc.
func (d *desktop) dialOwnVNC(ctx context.Context) (net.Conn, error) {
	if d.vncSocket != "" {
		return dialer("unix", d.vncSocket)(ctx)
	}
	if d.display == "" {
		return nil, display.ErrNoDisplay
	}
	command, err := display.X11vnc(d.display)
	if err != nil {
		return nil, err
	}
	return startX11vnc(command, d.log)
}

// x11vnc is a connection to a process of its own, which ends with it.
type x11vnc struct {
	net.Conn
	process *os.Process
	ended   chan struct{}
	once    sync.Once
}

// startX11vnc starts an x11vnc at the other end of a pair of sockets: nobody
// else can connect to it, and should we end by force, it sees so.
func startX11vnc(command []string, log *slog.Logger) (net.Conn, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("x11vnc: socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "x11vnc"), os.NewFile(uintptr(pair[1]), "x11vnc")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("x11vnc: %w", err)
	}
	said := new(lastWords)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, said
	if err := cmd.Start(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("x11vnc: %w", err)
	}
	log.Info("started", "process", "x11vnc", "pid", cmd.Process.Pid)
	x := &x11vnc{Conn: conn, process: cmd.Process, ended: make(chan struct{})}
	go func() {
		defer close(x.ended)
		if err := cmd.Wait(); err != nil {
			log.Warn("x11vnc has failed", "err", err, "said", said)
			return
		}
		log.Info("ended", "process", "x11vnc", "pid", cmd.Process.Pid)
	}()
	return x, nil
}

// x11vncGrace is how long an x11vnc may take to see that its client has gone.
const x11vncGrace = 2 * time.Second

// Close ends the process and waits for it. It is idempotent.
func (x *x11vnc) Close() (err error) {
	x.once.Do(func() {
		err = x.Conn.Close()
		select {
		case <-x.ended:
		case <-time.After(x11vncGrace):
			x.process.Kill()
			<-x.ended
		}
	})
	return err
}

// lastWords keeps the last of what a process has said.
type lastWords struct{ text []byte }

const maxWords = 1 << 10

func (w *lastWords) Write(b []byte) (int, error) {
	w.text = append(w.text, b...)
	w.text = w.text[max(0, len(w.text)-maxWords):]
	return len(b), nil
}

func (w *lastWords) String() string { return string(bytes.TrimSpace(w.text)) }
