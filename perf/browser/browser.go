// Package browser drives a headless Chromium over its debugging protocol
// (https://chromedevtools.github.io/devtools-protocol), for measurements and
// tests that count what a person would see.
//
// It speaks over a pair of pipes, so that there is no port to find or to be
// found, and the browser ends when this process does. It enables no protocol
// domain that watches the page's traffic: with the Network domain on, Chromium
// copies every WebSocket message to the debugger and taxes the pages that are
// to be measured.
package browser

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// ErrNotFound is returned by Find and Start when there is no Chromium.
var ErrNotFound = errors.New("browser: no chromium in PATH")

// Config says which browser to start, and how.
type Config struct {
	Path  string      // of the program; "": as Find finds it
	Size  image.Point // of each page's viewport in CSS pixels; zero: 1280×720
	Scale float64     // device pixels to one CSS pixel; 0: 1
	Lang  string      // of the person, as in navigator.language ("fr"); "": "en-US"
	Args  []string    // further command line arguments
	// Start starts the program, in a network namespace for instance; nil: by
	// its own Start.
	Start func(*exec.Cmd) error
}

// Browser is a running Chromium with a profile of its own.
type Browser struct {
	cfg     Config
	cmd     *exec.Cmd
	conn    *conn
	profile *profile
	exited  chan struct{} // closed when the process has been waited for
	close   sync.Once
}

// Find returns the path of an installed Chromium, or ErrNotFound.
func Find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNotFound
}

// Start starts a browser and waits, no longer than ctx, until it answers. The
// browser outlives ctx: Close ends it.
func Start(ctx context.Context, cfg Config) (*Browser, error) {
	if cfg.Path == "" {
		path, err := Find()
		if err != nil {
			return nil, err
		}
		cfg.Path = path
	}
	if cfg.Size == (image.Point{}) {
		cfg.Size = image.Pt(1280, 720)
	}
	if cfg.Scale == 0 {
		cfg.Scale = 1
	}
	if cfg.Lang == "" {
		cfg.Lang = "en-US"
	}
	if cfg.Start == nil {
		cfg.Start = (*exec.Cmd).Start
	}
	profile, err := newProfile()
	if err != nil {
		return nil, err
	}
	b := &Browser{cfg: cfg, profile: profile, exited: make(chan struct{})}
	if err := b.start(); err != nil {
		profile.release()
		return nil, fmt.Errorf("browser: %s: %w", cfg.Path, err)
	}
	if _, err := b.Version(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// start runs the program with the two pipes as its descriptors 3 and 4.
func (b *Browser) start() error {
	theirIn, out, err := os.Pipe()
	if err != nil {
		return err
	}
	in, theirOut, err := os.Pipe()
	if err != nil {
		theirIn.Close()
		out.Close()
		return err
	}
	b.cmd = exec.Command(b.cfg.Path, b.args()...)
	b.cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	// The language of the page comes from the environment; a group of its own
	// lets Close end every process that the browser has started.
	b.cmd.Env = append(os.Environ(), "LANGUAGE="+b.cfg.Lang, "LC_ALL=C.UTF-8")
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	err = b.cfg.Start(b.cmd)
	theirIn.Close()
	theirOut.Close()
	if err != nil {
		in.Close()
		out.Close()
		return err
	}
	b.conn = newConn(out)
	go func() {
		b.conn.read(in)
		in.Close()
	}()
	go func() {
		b.cmd.Wait() // the exit status of a browser that was ended says nothing
		close(b.exited)
	}()
	return nil
}

func (b *Browser) args() []string {
	args := []string{
		"--headless", "--remote-debugging-pipe", "--user-data-dir=" + b.profile.dir,
		"--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-extensions", "--disable-breakpad", "--mute-audio",
		"--allow-loopback-in-peer-connection",
		"--disable-features=WebRtcHideLocalIpsWithMdns,Translate,MediaRouter",
		"--window-size=" + strconv.Itoa(b.cfg.Size.X) + "," + strconv.Itoa(b.cfg.Size.Y),
		"--accept-lang=" + b.cfg.Lang,
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium refuses to run as root with it
	}
	return append(append(args, b.cfg.Args...), "about:blank")
}

// PID returns the id of the browser's first process; the others descend from it.
func (b *Browser) PID() int { return b.cmd.Process.Pid }

// Gone returns a channel that is closed when the browser has ended, by Close or
// by itself: everything asked of it is an error then.
func (b *Browser) Gone() <-chan struct{} { return b.conn.done }

// Version returns the product's name and version, "Chrome/156.0.8078.79".
func (b *Browser) Version(ctx context.Context) (string, error) {
	var v struct{ Product string }
	err := b.conn.call(ctx, "", "Browser.getVersion", nil, &v)
	return v.Product, err
}

// Grant gives pages of an origin ("http://127.0.0.1:6070") permissions by their
// protocol names ("clipboardReadWrite"), in the context that Open uses.
func (b *Browser) Grant(ctx context.Context, origin string, permissions ...string) error {
	return b.conn.call(ctx, "", "Browser.grantPermissions",
		map[string]any{"origin": origin, "permissions": permissions}, nil)
}

// Close ends the browser and every process it started, and removes its
// profile. It is idempotent.
func (b *Browser) Close() error {
	var err error
	b.close.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		// An orderly end first: it lets the browser's children end before it does.
		if b.conn.call(ctx, "", "Browser.close", nil, nil) == nil {
			select {
			case <-b.exited:
			case <-ctx.Done():
			}
		}
		b.conn.out.Close()
		if err = b.sweep(); err == nil {
			<-b.conn.done
		}
	})
	return err
}

// sweep kills what is left of the browser's process group and removes the
// profile, again while dying children still hold on to it. It does not wait for
// those to be reaped, which is the init process's business.
func (b *Browser) sweep() error {
	syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL) // nobody left is not an error
	<-b.exited
	defer b.profile.release()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var err error
	for range 300 {
		if err = b.profile.remove(); err == nil {
			return nil
		}
		<-tick.C
	}
	return fmt.Errorf("browser: profile: %w", err)
}
