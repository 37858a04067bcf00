package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lucarne/cmd/internal/doctor"
	"lucarne/signaling/iceserver"
)

// ladder looks at the rungs by which media could come that need servers or ports of others:
// what of them can be told from here.
type ladder struct {
	servers iceserver.Source // nil: there are none
	tcpPort int              // 0: none
}

// rungs are the ways to a TURN server, best first.
var rungs = [...]string{"TURN/UDP", "TURN/TCP", "TURN/TLS"}

func (l ladder) checks() []doctor.Check {
	checks := []doctor.Check{{Name: "STUN", Run: l.checkSTUN}}
	for _, rung := range rungs {
		checks = append(checks, doctor.Check{Name: rung, Run: func(ctx context.Context) doctor.Finding { return l.checkTURN(ctx, rung) }})
	}
	return append(checks, doctor.Check{Name: "ICE-TCP", Run: l.checkTCP})
}

func (l ladder) checkTCP(context.Context) doctor.Finding {
	if l.tcpPort == 0 {
		return doctor.Tell("tcp-off")
	}
	return doctor.Tell("tcp-on", strconv.Itoa(l.tcpPort))
}

// each returns the servers of each URL that is of a rung.
func (l ladder) each(ctx context.Context, rung string) ([]iceserver.Server, error) {
	if l.servers == nil {
		return nil, nil
	}
	all, err := l.servers.Servers(ctx, "doctor")
	var found []iceserver.Server
	for _, server := range all {
		for _, address := range server.URLs {
			if rungOf(address) == rung {
				found = append(found, iceserver.Server{URLs: []string{address}, Username: server.Username, Credential: server.Credential})
			}
		}
	}
	if len(found) > 0 {
		err = nil // those that are there are looked at
	}
	return found, err
}

// rungOf returns the rung of a URL as in RFC 7064 and RFC 7065; "" for none that is known.
func rungOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	tcp := strings.EqualFold(u.Query().Get("transport"), "tcp")
	switch scheme := strings.ToLower(u.Scheme); {
	case scheme == "stun":
		return "STUN"
	case scheme == "turns":
		return "TURN/TLS"
	case scheme == "turn" && tcp:
		return "TURN/TCP"
	case scheme == "turn":
		return "TURN/UDP"
	}
	return ""
}

// stunPort is the port of a STUN server whose URL has none (RFC 7064 §3.2).
const stunPort = "3478"

// checkSTUN asks each server how it sees this machine.
func (l ladder) checkSTUN(ctx context.Context) doctor.Finding {
	return l.ask(ctx, "STUN", "stun", func(ctx context.Context, server iceserver.Server) (string, error) {
		_, host, _ := strings.Cut(server.URLs[0], ":")
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), stunPort)
		}
		address, err := doctor.Reflexive(ctx, host)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s sees %s", server, address), nil
	})
}

// checkTURN asks each server of a rung for an address.
func (l ladder) checkTURN(ctx context.Context, rung string) doctor.Finding {
	return l.ask(ctx, rung, "turn", func(ctx context.Context, server iceserver.Server) (string, error) {
		return allocate(ctx, server)
	})
}

// ask asks each server of a rung, side by side: one that does not answer keeps no other
// from being asked.
func (l ladder) ask(ctx context.Context, rung, code string, one func(context.Context, iceserver.Server) (string, error)) doctor.Finding {
	servers, err := l.each(ctx, rung)
	if err != nil {
		return doctor.Tell("turn-list", err.Error())
	}
	if len(servers) == 0 {
		return doctor.Tell(code + "-none")
	}
	ctx, cancel := context.WithTimeout(ctx, serverPatience)
	defer cancel()
	type answer struct {
		said string
		err  error
	}
	answers := make([]chan answer, len(servers))
	for n, server := range servers {
		answers[n] = make(chan answer, 1)
		go func() {
			said, err := one(ctx, server)
			answers[n] <- answer{said, err}
		}()
	}
	var said []string
	outcome := code + "-ok"
	for _, a := range answers {
		got := <-a
		if got.err != nil {
			outcome, got.said = code+"-failed", got.err.Error()
		}
		said = append(said, got.said)
	}
	return doctor.Tell(outcome, strings.Join(said, "; "))
}

// serverPatience is how long a STUN or TURN server may take, within doctorPatience.
const serverPatience = 4 * time.Second

// checkUDP looks for an address that a browser elsewhere could reach by UDP.
func checkUDP(context.Context) doctor.Finding {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return doctor.Tell("udp-failed", err.Error())
	}
	var usable []string
	for _, a := range addresses {
		ip, ok := a.(*net.IPNet)
		if !ok || !ip.IP.IsGlobalUnicast() {
			continue
		}
		socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip.IP})
		if err != nil {
			continue
		}
		socket.Close()
		usable = append(usable, ip.IP.String())
	}
	if len(usable) == 0 {
		return doctor.Tell("udp-none")
	}
	return doctor.Tell("udp-ok", strings.Join(usable, ", "))
}

func (c *doctorCmd) checkListen(ctx context.Context) doctor.Finding {
	network, address, err := splitListen(c.Listen)
	if err != nil {
		return doctor.Tell("listen-failed", c.Listen, err.Error())
	}
	if network == "unix" {
		return doctor.Tell("listen-unix", address)
	}
	l, err := net.Listen(network, address)
	if errors.Is(err, syscall.EADDRINUSE) {
		if c.answers(ctx) {
			return doctor.Tell("listen-ours", address)
		}
		return doctor.Tell("listen-taken", address)
	}
	if err != nil {
		return doctor.Tell("listen-failed", address, err.Error())
	}
	l.Close()
	return doctor.Tell("listen-free", address)
}

// checkAgent asks whether a lucarne runs here: its WebSocket is then as near as it is.
func (c *doctorCmd) checkAgent(ctx context.Context) doctor.Finding {
	if !c.answers(ctx) {
		return doctor.Tell("ws-none", c.Listen)
	}
	return doctor.Tell("ws-ok", c.Listen)
}

// answering is how long a lucarne on this machine may take to answer; less than a check may.
const answering = 4 * time.Second

// answers says whether a lucarne does at --listen.
func (c *doctorCmd) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, answering)
	defer cancel()
	_, err := c.status(ctx)
	return err == nil
}
