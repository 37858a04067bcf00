// Package peer starts ways to see a display in a page: Lucarne, and what it is
// compared with. Each is a Spec; further ones are read from small JSON files
// (see README.md). What a peer starts ends with it, and with this process
// should that crash.
package peer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"lucarne/capture/display"
	"lucarne/perf/floor"
)

// patience is how long the X server and each program may take to start. A
// loaded machine is slow; what works is not waited for.
const patience = 20 * time.Second

// Namespace is where a peer's programs run and listen.
type Namespace interface {
	// Start is cmd.Start inside.
	Start(cmd *exec.Cmd) error
	// Listen and Dial are net.Listen and net.Dialer.DialContext inside.
	Listen(network, address string) (net.Listener, error)
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// Addr is the address at which a viewer reaches what listens inside.
	Addr() netip.Addr
}

// Config says how a peer is started. The zero value will do.
type Config struct {
	Size  image.Point  // of the screen, in pixels; zero: 1920×1080
	Space Namespace    // nil: this process's own, where a viewer comes by loopback
	Log   *slog.Logger // nil: nothing is logged
}

// Peer is a way to see a display in a page, running. Its methods may be called
// from any goroutine.
type Peer struct {
	spec    Spec
	log     *slog.Logger
	space   Namespace
	guard   *guard
	dir     string        // of its temporary files
	plan    *display.Plan // nil: the floor has no display
	server  *process      // the X server; nil as well
	floor   *served       // nil: not the floor
	values  values
	version string

	life   sync.Mutex // one start, restart or end at a time
	closed bool       // guarded by life

	mu     sync.Mutex // guards the following
	last   int        // number of the newest process, for its mark
	agents []*process // what carries the display to the page
}

// Start starts a display and the programs of a peer, and waits until each
// listens; ctx bounds the start alone. The caller has to Close the peer. An
// error names the peer, the program, and the last that it said; a program that
// is missing, and how to get it.
func Start(ctx context.Context, spec Spec, cfg Config) (*Peer, error) {
	p := &Peer{spec: spec, log: cfg.Log, space: cfg.Space}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	p.log = p.log.With("peer", spec.Name)
	if p.space == nil {
		p.space = loopback{}
	}
	if cfg.Size == (image.Point{}) {
		cfg.Size = image.Pt(1920, 1080)
	}
	if err := p.start(ctx, cfg.Size); err != nil {
		return nil, fmt.Errorf("peer: %s: %w", spec.Name, errors.Join(err, p.Close()))
	}
	p.log.Info("started", "url", p.URL(), "display", p.Display())
	return p, nil
}

// Name returns the Spec's name.
func (p *Peer) Name() string { return p.spec.Name }

// Version returns what the peer calls itself, "" if it does not say.
func (p *Peer) Version() string { return p.version }

// Display returns the X display's name, ":20"; "" of the floor.
func (p *Peer) Display() string {
	if p.plan == nil {
		return ""
	}
	return p.plan.Display
}

// Enter makes the peer's display the one that X clients of this process find
// their cookie for, by setting XAUTHORITY. It does nothing for the floor.
func (p *Peer) Enter() error {
	if p.plan == nil {
		return nil
	}
	return os.Setenv("XAUTHORITY", p.plan.Authority)
}

// Dir returns the directory that {dir} stands for; "" where there is none.
func (p *Peer) Dir() string { return p.dir }

// Floor returns what is drawn on where the peer is the floor, else nil.
func (p *Peer) Floor() *floor.Server {
	if p.floor == nil {
		return nil
	}
	return p.floor.server
}

// URL returns the page's URL, with further parameters ("stats=1").
func (p *Peer) URL(query ...string) string {
	url := p.values.expand(p.spec.URL)[0]
	for _, parameter := range query {
		separator := "&"
		if !strings.Contains(url, "?") {
			separator = "?"
		}
		url += separator + parameter
	}
	return url
}

// Carriers returns the roots of what carries the display to the page: without
// the X server, except where that is the VNC server too, or the peer's own. The
// floor has none.
func (p *Peer) Carriers() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var pids []int
	for _, agent := range p.agents {
		pids = append(pids, agent.pid())
	}
	if p.spec.VNC || p.spec.Server == Own {
		pids = append(pids, p.server.pid())
	}
	return pids
}

// Everyone returns the carriers and the X server: what a picture costs from the
// X request to the network, which is comparable between peers.
func (p *Peer) Everyone() []int {
	pids := p.Carriers()
	if p.server == nil {
		return pids
	}
	if !slices.Contains(pids, p.server.pid()) {
		pids = append(pids, p.server.pid())
	}
	return pids
}

// Err returns which of the peer's programs has ended by itself, and the last that
// it said; nil while all of them run. After Close it says nothing of use.
func (p *Peer) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	programs := slices.Clone(p.agents)
	if p.server != nil {
		programs = append(programs, p.server)
	}
	for _, program := range programs {
		select {
		case <-program.exited:
			return fmt.Errorf("peer: %s: %w", p.spec.Name, program.ended())
		default:
		}
	}
	return nil
}

// Restart ends what carries the display to the page and starts it again at the
// same URL. The X server, and what is drawn on it, stays. The floor cannot.
func (p *Peer) Restart(ctx context.Context) error {
	p.life.Lock()
	defer p.life.Unlock()
	err := os.ErrClosed
	switch {
	case p.spec.floor:
		err = errors.ErrUnsupported
	case !p.closed:
		if err = p.stopAgents(); err == nil {
			err = p.startAgents(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("peer: %s: restart: %w", p.spec.Name, err)
	}
	p.log.Info("restarted")
	return nil
}

func (p *Peer) stopAgents() error {
	p.mu.Lock()
	agents := p.agents
	p.agents = nil
	p.mu.Unlock()
	var errs []error
	for _, agent := range slices.Backward(agents) {
		errs = append(errs, agent.stop())
	}
	return errors.Join(errs...)
}

// Close ends everything that the peer has started, also what has left its
// process group, and removes its files. It is idempotent.
func (p *Peer) Close() error {
	p.life.Lock()
	defer p.life.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	errs := []error{p.stopAgents()}
	if p.floor != nil {
		errs = append(errs, p.floor.close())
	}
	if p.server != nil {
		errs = append(errs, p.server.stop())
	}
	if p.plan != nil {
		errs = append(errs, p.plan.Close())
	}
	if p.guard != nil {
		p.guard.close()
	}
	if p.dir != "" {
		errs = append(errs, os.RemoveAll(p.dir))
	}
	p.log.Info("stopped")
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("peer: %s: close: %w", p.spec.Name, err)
	}
	return nil
}
