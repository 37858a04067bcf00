package main

import (
	"context"
	"fmt"
	"image"
	"os"
	"slices"
	"strconv"
	"time"

	"lucarne/capture/display"
)

// screen is the size at which everything is measured, in pixels.
var screen = image.Pt(1920, 1080)

// peer is one way to see a display in a page.
type peer struct {
	name    string
	display *display.Plan
	url     string
	agent   []*process // what carries the display to the page
	server  *process   // the display server

	serverCarries bool // it does the agent's work too
}

// startLucarne serves a display of its own by the program at path.
func startLucarne(ctx context.Context, path string) (*peer, error) {
	p := &peer{name: "lucarne"}
	if err := p.startDisplay(ctx, ""); err != nil {
		return p, err
	}
	port, err := freePort()
	if err != nil {
		return p, err
	}
	p.url = "http://" + loopback(port) + "/?resize=off&codec=vp8&transport=webrtc"
	return p, p.run(port, path, "serve", "--display", p.display.Display, "--listen", loopback(port), "--auth", "none")
}

// startVNC serves a display of its own by TigerVNC, websockify and noVNC.
func startVNC(ctx context.Context) (*peer, error) {
	p := &peer{name: "novnc", serverCarries: true}
	rfb, err := freePort()
	if err != nil {
		return p, err
	}
	if err := p.startDisplay(ctx, strconv.Itoa(rfb)); err != nil {
		return p, err
	}
	port, err := freePort()
	if err != nil {
		return p, err
	}
	p.url = "http://" + loopback(port) + "/vnc.html?autoconnect=1&resize=off"
	return p, p.run(port, "websockify", "--web", "/usr/share/novnc", loopback(port), loopback(rfb))
}

// startDisplay starts an Xvnc, with a VNC port on loopback or ("") without.
func (p *peer) startDisplay(ctx context.Context, rfbPort string) error {
	plan, err := display.New(display.Config{Server: display.Xvnc, Size: screen})
	if err != nil {
		return err
	}
	p.display = plan
	command := slices.Clone(plan.Command)
	if i := slices.Index(command, "-rfbport"); i >= 0 && rfbPort != "" {
		command[i+1] = rfbPort
		command = append(command, "-localhost")
	}
	if p.server, err = start(nil, command...); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := plan.Ready(ctx); err != nil {
		return fmt.Errorf("%w\n%s", err, p.server.output.tail())
	}
	return nil
}

func (p *peer) run(port int, command ...string) error {
	agent, err := start(p.display.Env(), command...)
	if err != nil {
		return err
	}
	p.agent = append(p.agent, agent)
	return agent.listens(port)
}

// enter makes the peer's display the one that our X clients find their
// authority for.
func (p *peer) enter() error { return os.Setenv("XAUTHORITY", p.display.Authority) }

// carriers returns the processes that carry the display to the page: without
// the display server, except where that is the VNC server too.
func (p *peer) carriers() []int {
	var pids []int
	for _, a := range p.agent {
		pids = append(pids, a.cmd.Process.Pid)
	}
	if p.serverCarries {
		pids = append(pids, p.server.cmd.Process.Pid)
	}
	return pids
}

// everyone returns the carriers and the display server: what a picture costs
// from the X request to the network, which is comparable between peers.
func (p *peer) everyone() []int {
	if p.serverCarries {
		return p.carriers()
	}
	return append(p.carriers(), p.server.cmd.Process.Pid)
}

func (p *peer) stop() {
	for _, a := range p.agent {
		a.stop()
	}
	if p.server != nil {
		p.server.stop()
	}
	if p.display != nil {
		p.display.Close()
	}
}
