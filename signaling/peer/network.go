package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"syscall"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// NetworkConfig says at which addresses and ports this side can be reached by
// WebRTC. The zero value: at all of the machine's but loopback, by UDP, at a port
// of the system's choice for each connection and address.
type NetworkConfig struct {
	// UDPPort is one port for all connections, at the addresses that there are when
	// the network is opened; 0: see UDPPorts.
	UDPPort int
	// UDPPorts are the first and the last port that connections may use, one for
	// each address; 0, 0: any.
	UDPPorts [2]int
	TCPPort  int // of ICE-TCP (RFC 6544), passive, for all connections; 0: no TCP

	Public     []PublicAddress
	Interfaces []string // names of network interfaces or patterns as in filepath.Match; none: all
	NoIPv6     bool
	Loopback   bool // 127.0.0.1 and ::1 too

	Log *slog.Logger
}

// PublicAddress is an address at which others reach one of ours: it takes its
// place in what is offered, with the same port.
type PublicAddress struct {
	Private netip.Addr // zero: the one from which Public would be reached
	Public  netip.Addr
}

// Network is the addresses and ports that peers share.
type Network struct {
	cfg     NetworkConfig
	rules   []webrtc.ICEAddressRewriteRule
	udp     []net.PacketConn // at UDPPort, one for each address
	tcp     net.Listener     // nil: no TCP
	running chan struct{}    // closed when the next two are there

	udpMux ice.UDPMux // nil: no UDPPort
	tcpMux ice.TCPMux // nil: no TCP
}

// OpenNetwork takes the ports. Peers are served while Run runs.
func OpenNetwork(cfg NetworkConfig) (*Network, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("peer: open network: %w", err)
	}
	n := &Network{cfg: cfg, running: make(chan struct{})}
	err := n.rewrite()
	if err == nil && cfg.UDPPort != 0 {
		err = n.listenUDP()
	}
	if err == nil && cfg.TCPPort != 0 {
		err = n.listenTCP()
	}
	if err != nil {
		n.Close()
		return nil, fmt.Errorf("peer: open network: %w", err)
	}
	return n, nil
}

// Validate says what is wrong with it.
func (cfg NetworkConfig) Validate() error {
	for _, port := range []int{cfg.UDPPort, cfg.UDPPorts[0], cfg.UDPPorts[1], cfg.TCPPort} {
		if port < 0 || port > 65535 {
			return fmt.Errorf("port %d: 1 to 65535", port)
		}
	}
	first, last := cfg.UDPPorts[0], cfg.UDPPorts[1]
	if first > last || (first == 0) != (last == 0) {
		return fmt.Errorf("ports %d to %d are no range", first, last)
	}
	if cfg.UDPPort != 0 && first != 0 {
		return errors.New("one UDP port and a range of them exclude each other")
	}
	for _, pattern := range cfg.Interfaces {
		if _, err := filepath.Match(pattern, ""); err != nil {
			return fmt.Errorf("interface pattern %q: %w", pattern, err)
		}
	}
	return nil
}

// rewrite makes the rules for the public addresses.
func (n *Network) rewrite() error {
	for _, a := range n.cfg.Public {
		private := a.Private
		if !private.IsValid() {
			var err error
			if private, err = sourceFor(a.Public); err != nil {
				return fmt.Errorf("public address %v: %w; say which address of this machine it stands for", a.Public, err)
			}
		}
		n.rules = append(n.rules, webrtc.ICEAddressRewriteRule{
			External: []string{a.Public.String()},
			Local:    private.String(),
			Mode:     webrtc.ICEAddressRewriteReplace,
		})
	}
	return nil
}

// sourceFor returns our address on the way to another. Nothing is sent.
func sourceFor(to netip.Addr) (netip.Addr, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 9)))
	if err != nil {
		return netip.Addr{}, errors.New("no way leads there")
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

// uses says whether an interface is among those asked for.
func (n *Network) uses(name string) bool {
	for _, pattern := range n.cfg.Interfaces {
		if ok, _ := filepath.Match(pattern, name); ok {
			return true
		}
	}
	return len(n.cfg.Interfaces) == 0
}

// addresses returns ours that are asked for and can be offered: not those that
// have a meaning on one link alone.
func (n *Network) addresses() ([]netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || !n.uses(i.Name) {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		for _, a := range addrs {
			prefix, err := netip.ParsePrefix(a.String())
			if ip := prefix.Addr().Unmap(); err == nil && n.offers(ip) {
				all = append(all, ip)
			}
		}
	}
	if len(all) == 0 {
		return nil, errNoAddress
	}
	return all, nil
}

var errNoAddress = errors.New("no interface has an address that could be offered")

func (n *Network) offers(ip netip.Addr) bool {
	return !(ip.Is6() && n.cfg.NoIPv6) && !(ip.IsLoopback() && !n.cfg.Loopback) && !(ip.Is6() && ip.IsLinkLocalUnicast())
}

func (n *Network) listenUDP() error {
	addresses, err := n.addresses()
	if err != nil {
		return err
	}
	for _, ip := range addresses {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(n.cfg.UDPPort))))
		if errors.Is(err, syscall.EADDRNOTAVAIL) { // IPv6 is not sure yet that nobody else has it
			n.cfg.Log.Warn("an address is left out", "err", err)
			continue
		}
		if err != nil {
			return err
		}
		n.udp = append(n.udp, conn)
	}
	if len(n.udp) == 0 {
		return errNoAddress
	}
	return nil
}

func (n *Network) listenTCP() error {
	network := "tcp"
	if n.cfg.NoIPv6 {
		network = "tcp4"
	}
	l, err := net.ListenTCP(network, &net.TCPAddr{Port: n.cfg.TCPPort})
	if err != nil {
		return err
	}
	n.tcp = newDoor(l)
	return nil
}

// Run serves the shared ports until ctx is done, and closes them. It may be
// called once, and has to outlive the peers.
func (n *Network) Run(ctx context.Context) error {
	logs := logFactory{n.cfg.Log}.NewLogger("ice")
	var muxes []ice.UDPMux
	for _, conn := range n.udp {
		muxes = append(muxes, ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn, Logger: logs}))
	}
	if muxes != nil {
		n.udpMux = ice.NewMultiUDPMuxDefault(muxes...)
	}
	if n.tcp != nil {
		n.tcpMux = ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener: n.tcp, Logger: logs,
			ReadBufferSize: maxUnread, WriteBufferSize: maxTCPQueue,
			FirstStunBindTimeout: bindPatience, AliveDurationForConnFromStun: bindPatience,
		})
	}
	close(n.running)
	<-ctx.Done()
	var err error
	if n.udpMux != nil {
		err = n.udpMux.Close()
	}
	if n.tcpMux != nil {
		err = errors.Join(err, n.tcpMux.Close())
	}
	if err := errors.Join(err, n.Close()); err != nil {
		n.cfg.Log.Debug("network did not close well", "err", err)
	}
	return ctx.Err()
}

// Close gives the ports back. Run does it too.
func (n *Network) Close() error {
	var err error
	for _, conn := range n.udp {
		err = errors.Join(err, notClosed(conn.Close()))
	}
	if n.tcp != nil {
		err = errors.Join(err, notClosed(n.tcp.Close()))
	}
	return err
}

func notClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// apply makes a connection use the network; it waits until it runs.
func (n *Network) apply(ctx context.Context, se *webrtc.SettingEngine) error {
	select {
	case <-n.running:
	case <-ctx.Done():
		return ctx.Err()
	}
	if n.udpMux != nil {
		se.SetICEUDPMux(n.udpMux)
	}
	if n.tcpMux != nil {
		se.SetICETCPMux(n.tcpMux)
	}
	if first := n.cfg.UDPPorts[0]; first != 0 {
		if err := se.SetEphemeralUDPPortRange(uint16(first), uint16(n.cfg.UDPPorts[1])); err != nil {
			return fmt.Errorf("peer: set ports: %w", err)
		}
	}
	if len(n.rules) > 0 {
		if err := se.SetICEAddressRewriteRules(n.rules...); err != nil {
			return fmt.Errorf("peer: set public addresses: %w", err)
		}
	}
	if len(n.cfg.Interfaces) > 0 {
		se.SetInterfaceFilter(n.uses)
	}
	if n.cfg.NoIPv6 {
		// TCP is for TURN servers too.
		se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
	}
	se.SetIncludeLoopbackCandidate(n.cfg.Loopback)
	return nil
}
