package peer

import (
	"context"
	"fmt"
	"image"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"lucarne/capture/display"
)

func (p *Peer) start(ctx context.Context, size image.Point) error {
	if err := p.spec.check(); err != nil {
		return err
	}
	if p.spec.floor {
		return p.startFloor(size)
	}
	if err := p.spec.missing(); err != nil {
		return err
	}
	if err := p.prepare(size); err != nil {
		return err
	}
	if err := p.startServer(ctx); err != nil {
		return err
	}
	p.version = p.askVersion(ctx)
	return p.startAgents(ctx)
}

// prepare makes everything that the programs need: a place for temporary files,
// a display number with its cookie, ports; and has it guarded.
func (p *Peer) prepare(size image.Point) error {
	var err error
	if p.dir, err = os.MkdirTemp("", "lucarne-peer-"); err != nil {
		return err
	}
	if p.guard, err = newGuard(p.dir); err != nil {
		return err
	}
	port, err := freePort(p.space, p.space.Addr().String())
	if err != nil {
		return err
	}
	rfbPort, err := freePort(p.space, "127.0.0.1")
	if err != nil {
		return err
	}
	server, args := p.spec.Server, []string(nil)
	if server == Own {
		server = "" // any: what is used of the plan is the number and the cookie
	}
	if p.spec.VNC {
		args = []string{"-rfbport", "{rfbport}", "-localhost"} // of two -rfbport, the latter counts
	}
	if p.plan, err = display.New(display.Config{Server: server, Size: size, Dir: p.dir, Args: args}); err != nil {
		return err
	}
	p.values = values{
		"{display}": p.plan.Display, "{authority}": p.plan.Authority,
		"{width}": strconv.Itoa(size.X), "{height}": strconv.Itoa(size.Y),
		"{dir}": p.dir, "{host}": p.space.Addr().String(), "{port}": port, "{rfbport}": rfbPort,
	}
	return nil
}

// serverCommand returns the X server's command.
func (p *Peer) serverCommand() []string {
	if p.spec.Server == Own {
		return p.spec.Command[0]
	}
	return p.plan.Command
}

// startServer starts the X server and waits until it lets us in.
func (p *Peer) startServer(ctx context.Context) error {
	command := p.serverCommand()
	var err error
	if p.server, err = p.run(command); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.server.await(ctx, "start display "+p.plan.Display, p.plan.Ready); err != nil {
		return err
	}
	return p.awaitPorts(ctx, p.server, p.firstPorts(0, command))
}

// startAgents starts the programs that carry the display to the page.
func (p *Peer) startAgents(ctx context.Context) error {
	for i, command := range p.agentCommands() {
		agent, err := p.run(command)
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.agents = append(p.agents, agent)
		p.mu.Unlock()
		ctx, cancel := context.WithTimeout(ctx, patience)
		err = p.awaitPorts(ctx, agent, p.firstPorts(i+1, command))
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Peer) agentCommands() [][]string {
	if p.spec.Server == Own {
		return p.spec.Command[1:]
	}
	return p.spec.Command
}

// firstPorts returns the port placeholders that a command is the first to name; the
// X server's is number 0, the agents' follow.
func (p *Peer) firstPorts(number int, command []string) []string {
	var before []string
	if number > 0 {
		before = slices.Concat(p.serverCommand(), slices.Concat(p.agentCommands()[:number-1]...))
	}
	var first []string
	for _, port := range []string{"{port}", "{rfbport}"} {
		has := func(word string) bool { return strings.Contains(word, port) }
		if slices.ContainsFunc(command, has) && !slices.ContainsFunc(before, has) {
			first = append(first, port)
		}
	}
	return first
}

// awaitPorts waits until somebody listens at each of the ports.
func (p *Peer) awaitPorts(ctx context.Context, program *process, ports []string) error {
	for _, port := range ports {
		host := p.values["{host}"]
		if port == "{rfbport}" {
			host = "127.0.0.1"
		}
		address := net.JoinHostPort(host, p.values[port])
		err := program.await(ctx, "listen at "+address, func(ctx context.Context) error {
			conn, err := p.space.Dial(ctx, "tcp", address)
			if err != nil {
				return err
			}
			return conn.Close()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// run starts a program of the peer's.
func (p *Peer) run(command []string) (*process, error) {
	p.mu.Lock()
	p.last++
	mark := fmt.Sprintf("%s%d.", p.guard.mark, p.last)
	p.mu.Unlock()
	command = p.values.expand(command...)
	program, err := run(p.space, mark, append(p.plan.Env(), "TMPDIR="+p.dir), command)
	if err != nil {
		return nil, err
	}
	p.log.Debug("started a program", "command", command, "pid", program.pid())
	return program, nil
}

// askVersion returns what the version command says first.
func (p *Peer) askVersion(ctx context.Context) string {
	if len(p.spec.Version) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	command := p.values.expand(p.spec.Version...)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.WaitDelay = drain
	text, err := cmd.CombinedOutput()
	if err != nil { // a version is not worth a measurement
		p.log.Warn("asked for the version", "err", err)
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(line)
}
