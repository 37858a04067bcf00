package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/cmd/internal/supervise"
)

// The names of the processes that up starts.
const (
	xserverProcess = "xserver"
	sessionProcess = "session"
)

// xvfbMax is the largest screen of an Xvfb, which cannot grow beyond what it was
// started with. Memory that is not drawn to is not used.
var xvfbMax = image.Pt(3840, 2160)

// upCmd is lucarne up.
type upCmd struct {
	desktopFlags
	Xserver string    `enum:"auto,Xvnc,Xvfb,Xorg" default:"auto" group:"Desktop" help:"X server to start: ${enum}; auto is Xvnc where it is installed, else Xvfb; Xorg runs with its dummy driver."`
	Size    pixelSize `default:"1920x1080" group:"Desktop" help:"Size of the screen to begin with, in pixels."`
	Session string    `placeholder:"COMMAND" group:"Desktop" help:"Shell command that runs the desktop; started again when it ends. Default: openbox with an xterm, as far as they are installed."`
}

// Run starts the desktop and serves it until ctx is done.
func (c *upCmd) Run(ctx context.Context, stdout io.Writer) error {
	d, err := newDesktop(&c.desktopFlags, gpu{})
	if err != nil {
		return err
	}
	defer d.close()
	d.ours = true
	plan, err := c.plan(d.dir)
	if errors.Is(err, exec.ErrNotFound) {
		d.log.Error("no X server", "err", err)
		return d.run(ctx, stdout, func(context.Context) (capture.Source, error) { return nil, err })
	}
	if err != nil {
		return err
	}
	defer plan.Close()
	d.display, d.vncSocket = plan.Display, plan.VNC
	// X clients find the cookie by the environment, and so do we.
	if err := os.Setenv("XAUTHORITY", plan.Authority); err != nil {
		return err
	}
	table := supervise.Config{Processes: c.table(plan), Log: d.log}
	if c.LogFormat == "text" {
		table.Output = os.Stderr // as it is; in a log of another form, each line is a record
	}
	processes, err := supervise.New(table)
	if err != nil {
		return err
	}
	return d.run(ctx, stdout, func(ctx context.Context) (capture.Source, error) {
		if err := awaitReady(ctx, processes, xserverProcess); err != nil {
			return nil, err
		}
		return d.attach(xDisplay{name: plan.Display, size: plan.Size})
	}, processes.Run)
}

func (c *upCmd) plan(dir string) (*display.Plan, error) {
	server := c.Xserver
	if server == "auto" {
		server = ""
	}
	return display.New(display.Config{Server: server, Size: image.Point(c.Size), Max: xvfbMax, Dir: dir})
}

// table is the X server and, after it, the desktop session.
func (c *upCmd) table(plan *display.Plan) []supervise.Process {
	session := c.Session
	if session == "" {
		session = defaultSession(exec.LookPath)
	}
	return []supervise.Process{
		{Name: xserverProcess, Command: plan.Command, Ready: plan.Ready},
		{Name: sessionProcess, Command: []string{"sh", "-c", session}, Env: plan.Env(), After: []string{xserverProcess}},
	}
}

// defaultSession is a shell command for what is installed of a window manager
// and a terminal. The window manager is the one that counts: the session ends
// with it.
func defaultSession(look func(string) (string, error)) string {
	installed := func(program string) bool { _, err := look(program); return err == nil }
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

// awaitReady waits until the process is ready. A process that has just failed
// is an error, with its last word.
func awaitReady(ctx context.Context, s *supervise.Supervisor, name string) error {
	for {
		for _, st := range s.Status() {
			switch {
			case st.Name != name:
			case st.State == supervise.Ready:
				return nil
			case st.State == supervise.Retrying && len(st.Lines) > 0:
				return fmt.Errorf("%w: %s", st.Err, st.Lines[len(st.Lines)-1])
			case st.State == supervise.Retrying:
				return st.Err
			}
		}
		select {
		case <-s.Changed():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
