package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"strings"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/cmd/internal/supervise"
	"lucarne/signaling"
)

// The names of the processes that up starts. The page has words for them.
const (
	homeProcess    = "home"
	xserverProcess = "xserver"
	dbusProcess    = "dbus"
	pulseProcess   = "pulseaudio"
	sessionProcess = "session"
)

// xvfbMax is the largest screen of an Xvfb, which cannot grow beyond what it was
// started with. Memory that is not drawn to is not used.
var xvfbMax = image.Pt(3840, 2160)

// household is the X server and all that runs on it.
type household struct {
	*supervise.Supervisor
	plan *display.Plan // nil: no X server can be started
	err  error         // why
}

// household says what is to be started; nothing is yet.
func (c *upCmd) household(d *desktop) (*household, error) {
	place, err := settle(d.dir, d.log)
	if err != nil {
		return nil, err
	}
	h := &household{}
	h.plan, h.err = c.plan(d.dir)
	if h.err == nil {
		d.display, d.vncSocket = h.plan.Display, h.plan.VNC
		// X clients find the cookie by the environment, and so do we.
		if err := os.Setenv("XAUTHORITY", h.plan.Authority); err != nil {
			return nil, errors.Join(err, h.plan.Close())
		}
	}
	table := supervise.Config{Processes: c.table(h, place, d), Log: d.log}
	if c.LogFormat == "text" {
		table.Output = os.Stderr // as it is; in a log of another form, each line is a record
	}
	if h.Supervisor, err = supervise.New(table); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (c *upCmd) plan(dir string) (*display.Plan, error) {
	server := c.Xserver
	if server == "auto" {
		server = ""
	}
	return display.New(display.Config{Server: server, Size: image.Point(c.Size), Max: xvfbMax, Dir: dir})
}

// open opens the display once its X server is ready.
func (h *household) open(ctx context.Context, d *desktop) (capture.Source, error) {
	if h.plan == nil {
		return nil, h.err
	}
	if err := h.awaitReady(ctx, xserverProcess); err != nil {
		return nil, err
	}
	return d.attach(xDisplay{name: h.plan.Display, size: h.plan.Size})
}

// close removes what was made for the X server, which has ended.
func (h *household) close() {
	if h.plan != nil {
		h.plan.Close()
	}
}

// awaitReady waits until the process is ready. A process that has just failed is an
// error, with its last word.
func (h *household) awaitReady(ctx context.Context, name string) error {
	changed, unsubscribe := h.Subscribe()
	defer unsubscribe()
	for {
		for _, st := range h.Status() {
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
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// All tells how the processes are, for the page.
func (h *household) All() []signaling.Process {
	var all []signaling.Process
	for _, st := range h.Status() {
		p := signaling.Process{
			Name: st.Name, State: signaling.ProcessState(st.State), Since: st.Since.UnixMilli(), Restarts: st.Restarts,
			Lines: st.Lines, Needed: st.Name == xserverProcess || st.Name == sessionProcess,
		}
		if st.Err != nil {
			p.Error = strings.TrimPrefix(strings.TrimPrefix(st.Err.Error(), "supervise: "), st.Name+": ")
		}
		all = append(all, p)
	}
	return all
}
