package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"lucarne/signaling/peer"
)

// networkFlags say where viewers reach this machine by WebRTC.
type networkFlags struct {
	UDPPort       int             `name:"udp-port" placeholder:"PORT" group:"WebRTC" help:"One UDP port for all viewers. Without it each connection has a port of its own."`
	UDPPorts      portRange       `name:"udp-ports" placeholder:"FIRST-LAST" group:"WebRTC" help:"UDP ports that connections may use, one or more each. Without it, any."`
	TCPPort       int             `name:"tcp-port" placeholder:"PORT" group:"WebRTC" help:"Take viewers by TCP too (ICE-TCP), at this port."`
	PublicAddress []publicAddress `placeholder:"[PRIVATE=]PUBLIC" group:"WebRTC" help:"IP address by which others reach this machine, or one of its addresses, at the same port: offered in its place."`
	Interface     []string        `placeholder:"NAME" group:"WebRTC" help:"Network interface to use, or a pattern such as eth*. Without it, all."`
	IPv6          string          `name:"ipv6" enum:"on,off" default:"on" group:"WebRTC" help:"off: offer no IPv6 addresses."`
}

// network returns what the flags say; loopback: this machine alone opens the page.
func (f *networkFlags) network(loopback bool) peer.NetworkConfig {
	cfg := peer.NetworkConfig{
		UDPPort: f.UDPPort, UDPPorts: f.UDPPorts, TCPPort: f.TCPPort,
		Interfaces: f.Interface, NoIPv6: f.IPv6 == "off", Loopback: loopback,
	}
	for _, a := range f.PublicAddress {
		cfg.Public = append(cfg.Public, peer.PublicAddress(a))
	}
	return cfg
}

func (f *networkFlags) validate() error { return f.network(false).Validate() }

// portRange is two ports such as 50000-50100.
type portRange [2]int

// UnmarshalText parses "50000-50100".
func (p *portRange) UnmarshalText(text []byte) error {
	first, last, _ := strings.Cut(string(text), "-")
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(last, 10, 16)
	if errA != nil || errB != nil || a == 0 || a > b {
		return fmt.Errorf("%q is not a range of ports such as 50000-50100", text)
	}
	*p = portRange{int(a), int(b)}
	return nil
}

// publicAddress is PUBLIC or PRIVATE=PUBLIC.
type publicAddress peer.PublicAddress

var errAddress = errors.New("want an IP address, or PRIVATE=PUBLIC")

// UnmarshalText parses "203.0.113.7" or "10.0.0.5=203.0.113.7".
func (p *publicAddress) UnmarshalText(text []byte) error {
	private, public, pair := strings.Cut(string(text), "=")
	if !pair {
		private, public = "", private
	}
	for _, a := range []struct {
		text string
		to   *netip.Addr
	}{{private, &p.Private}, {public, &p.Public}} {
		if a.text == "" && a.to == &p.Private && !pair {
			continue
		}
		ip, err := netip.ParseAddr(a.text)
		if err != nil || ip.Zone() != "" || ip.IsUnspecified() {
			return fmt.Errorf("%q: %w", text, errAddress)
		}
		*a.to = ip.Unmap()
	}
	return nil
}
