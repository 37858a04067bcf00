// Package display says how an X server of our own is started: on which display
// number, with which cookie, by which command. It starts nothing itself; that
// is the business of whoever watches over processes.
package display

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// The X servers that a Plan can be made for.
const (
	Xvnc = "Xvnc" // TigerVNC; can grow at any time
	Xvfb = "Xvfb" // cannot grow beyond the size that it was started with
	Xorg = "Xorg" // X.Org's own server with its dummy driver, which needs no card; can grow at any time
)

// maxSide is the largest width or height of an X screen in pixels: positions
// are signed 16-bit numbers (X11 protocol, Common Types).
const maxSide = 32767

// Config says which server is wanted. The zero value is a 1920×1080 screen on
// Xvnc, or on Xvfb where Xvnc is not installed.
type Config struct {
	Server string      // Xvnc, Xvfb or Xorg; empty: Xvnc if it is installed, else Xvfb
	Size   image.Point // pixels; zero: 1920×1080
	// Max is how far the screen may grow, for a server that has to know
	// beforehand: Xvfb starts at this size and has to be resized to Size by
	// RANDR. Zero or smaller than Size in a dimension: Size there.
	Max image.Point
	// Dir is a directory that nobody else can write to, for the cookie and the
	// VNC server's socket. It is made (0700) if need be. Empty: a temporary one,
	// removed by Close.
	Dir  string
	Args []string // more arguments for the server, after ours
}

// Plan is a display that can be started: a number that was free, a cookie, and
// the command. The number stays reserved among Plans until Close.
type Plan struct {
	Display   string      // ":20"
	Authority string      // path of the Xauthority file, which only its owner can read
	Server    string      // Xvnc, Xvfb or Xorg
	VNC       string      // path of the Unix socket of Xvnc's VNC server, which only its owner can open; empty: the server is none
	Command   []string    // the server's program and arguments; it stays in the foreground
	Size      image.Point // the size wanted, in pixels
	Start     image.Point // the size that the server starts with, in pixels: Size, or larger where it has to be

	number  int
	cookie  []byte
	tempDir string   // to be removed by Close
	files   []string // likewise
	claim   io.Closer
}

// New picks a free display number, makes a random cookie and writes it to an
// Xauthority file. It starts nothing. The server listens on Unix sockets only
// and has no clipboard of its own towards VNC viewers, and nobody on the display
// can switch it on.
//
// A server that is not installed is an error that wraps exec.ErrNotFound and
// names the Debian package; a /tmp that no server can work with one that wraps ErrTemp.
func New(cfg Config) (*Plan, error) {
	size, start, err := sizes(cfg.Size, cfg.Max)
	if err != nil {
		return nil, err
	}
	server, program, err := find(cfg.Server)
	if err != nil {
		return nil, err
	}
	p := &Plan{Server: server, Size: size, Start: start, cookie: make([]byte, cookieLen)}
	switch server {
	case Xvnc:
		p.Start = size
	case Xorg:
		p.Start = image.Pt(max(size.X, xorgLeast.X), max(size.Y, xorgLeast.Y))
	}
	rand.Read(p.cookie)
	if err := prepareTemp("/tmp"); err != nil {
		return nil, err
	}
	if p.number, p.claim, err = claimNumber(); err != nil {
		return nil, err
	}
	p.Display = fmt.Sprintf(":%d", p.number)
	if err := p.writeAuthority(cfg.Dir); err != nil {
		p.Close()
		return nil, err
	}
	args, err := p.own()
	if err != nil {
		p.Close()
		return nil, err
	}
	p.Command = slices.Concat([]string{program}, p.common(), args, cfg.Args)
	return p, nil
}

// Env returns the environment that clients of the display need, as os.Environ
// spells it.
func (p *Plan) Env() []string {
	return []string{"DISPLAY=" + p.Display, "XAUTHORITY=" + p.Authority}
}

// readyPoll is how often Ready asks. A server takes some 100 ms to start; a
// connection refused costs microseconds.
const readyPoll = 20 * time.Millisecond

// Ready waits until the server answers a connection setup with the cookie, or
// until ctx is done. A server that answers but refuses the cookie is an error
// at once: it is somebody else's.
func (p *Plan) Ready(ctx context.Context) error {
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		err := setup(ctx, p.number, p.cookie)
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrRefused) {
			return fmt.Errorf("display: %s: %w", p.Display, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("display: %s: not ready: %w (%w)", p.Display, err, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// Close removes the cookie and gives the number back, with what a server that had
// to be killed has left of it. The server has to have been stopped by whoever
// started it. It is idempotent.
func (p *Plan) Close() error {
	var errs []error
	if p.claim != nil {
		errs = append(errs, removeTraces(p.number), p.claim.Close())
		p.claim = nil
	}
	for _, file := range p.files {
		if err := os.Remove(file); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if p.tempDir != "" {
		errs = append(errs, os.RemoveAll(p.tempDir))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("display: close %s: %w", p.Display, err)
	}
	return nil
}

// beside is the path of a file of the display's beside its cookie.
func (p *Plan) beside(name string) string {
	return filepath.Join(filepath.Dir(p.Authority), fmt.Sprintf("%s-%d", name, p.number))
}

// sizes returns the size wanted and the size to start with.
func sizes(size, limit image.Point) (want, start image.Point, err error) {
	if size == (image.Point{}) {
		size = image.Pt(1920, 1080)
	}
	start = image.Pt(max(size.X, limit.X), max(size.Y, limit.Y))
	if size.X < 1 || size.Y < 1 || start.X > maxSide || start.Y > maxSide {
		return image.Point{}, image.Point{}, fmt.Errorf("display: size %v up to %v: each side has to be 1 to %d pixels", size, limit, maxSide)
	}
	return size, start, nil
}

// find returns the server's name and the path of its program.
func find(server string) (name, program string, err error) {
	switch server {
	case Xvnc:
		// Other VNC servers (TurboVNC, KasmVNC) are also called Xvnc but take
		// other options, so that TigerVNC's own name comes first.
		for _, program := range []string{"Xtigervnc", "Xvnc"} {
			if program, err = exec.LookPath(program); err == nil {
				return Xvnc, program, nil
			}
		}
		return "", "", fmt.Errorf("display: %w: install the Debian package tigervnc-standalone-server", err)
	case Xvfb:
		if program, err = exec.LookPath(Xvfb); err != nil {
			return "", "", fmt.Errorf("display: %w: install the Debian package xvfb", err)
		}
		return Xvfb, program, nil
	case Xorg:
		program, err = findXorg(xorgModules)
		return Xorg, program, err
	case "":
		name, program, err = find(Xvnc)
		if err == nil {
			return name, program, nil
		}
		if name, program, fallback := find(Xvfb); fallback == nil {
			return name, program, nil
		}
		return "", "", err
	}
	return "", "", fmt.Errorf("display: server %q: not one of %s, %s and %s", server, Xvnc, Xvfb, Xorg)
}

// common are the arguments that all servers have in common.
func (p *Plan) common() []string {
	return []string{p.Display, "-auth", p.Authority, "-nolisten", "tcp",
		"-noreset",         // a server reset loses modes and properties whenever its last client leaves
		"-s", "0", "-dpms", // nobody sits before the monitor
		// A client that draws without pause is interrupted for a grab after
		// 1 ms, not 5 or more.
		"-schedInterval", "1",
	}
}

// own are the arguments of p's kind of server.
func (p *Plan) own() ([]string, error) {
	size := fmt.Sprintf("%dx%d", p.Start.X, p.Start.Y)
	switch p.Server {
	case Xvfb:
		return []string{"-screen", "0", size + "x24"}, nil
	case Xorg:
		return p.writeXorg()
	}
	p.VNC = p.beside("vnc")
	if len(p.VNC) > maxSocketPath {
		return nil, fmt.Errorf("display: VNC socket %s: %w", p.VNC, errLongPath)
	}
	p.files = append(p.files, p.VNC)
	return []string{"-geometry", size, "-depth", "24",
		// The socket's mode is what lets in; there is no other.
		"-rfbport", "-1", "-rfbunixpath", p.VNC, "-rfbunixmode", "384", "-SecurityTypes", "None",
		"-AlwaysShared", "-UseBlacklist=0",
		"-AcceptCutText=0", "-SendCutText=0", "-SetPrimary=0", "-SendPrimary=0",
		"-AllowOverride=", // not even by vncconfig
	}, nil
}

// maxSocketPath is the longest name of a Unix socket (unix(7)), in bytes.
const maxSocketPath = 107

var errLongPath = errors.New("the path is too long: choose a shorter directory")

// ErrTemp says that no X server can be started, for want of a place for its lock
// (/tmp/.X20-lock) and its socket (/tmp/.X11-unix/X20).
var ErrTemp = errors.New("an X server has to write to /tmp and /tmp/.X11-unix")

// prepareTemp makes the directory of the servers' sockets in temp where there is none, as
// a server that is not root's does not, and checks that both can be written to.
func prepareTemp(temp string) error {
	sockets := filepath.Join(temp, ".X11-unix")
	err := os.Mkdir(sockets, 0o700)
	switch {
	case err == nil:
		err = os.Chmod(sockets, 0o777|os.ModeSticky) // for all users', past the umask
	case errors.Is(err, os.ErrExist):
		err = nil
	}
	for _, dir := range []string{temp, sockets} {
		if err == nil {
			err = unix.Access(dir, unix.W_OK|unix.X_OK)
		}
	}
	if err != nil {
		return fmt.Errorf("display: %w: %w", ErrTemp, err)
	}
	return nil
}
