package peer

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// runNetwork opens a network on loopback, and runs it until the test's end.
func runNetwork(t *testing.T, cfg NetworkConfig) *Network {
	t.Helper()
	cfg.Loopback, cfg.Log = true, slog.New(slog.DiscardHandler)
	n, err := OpenNetwork(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Run(ctx) // ends with the context's error
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return n
}

// on makes a peer use a network.
func on(n *Network) option {
	return func(_ *page, cfg *Config, _ *interceptor.Registry) { cfg.Network = n }
}

// freePort returns a port that is free for UDP and TCP on loopback.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// offered returns the candidates that the page has been told of.
func (p *page) offered() []ice.Candidate {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []ice.Candidate
	for _, init := range p.theirs {
		c, err := ice.UnmarshalCandidate(init.Candidate)
		if err != nil {
			p.t.Fatalf("%s: %v", init.Candidate, err)
		}
		all = append(all, c)
	}
	return all
}

// carries sends a frame through. What comes before the page's connection is ready for
// it is lost, and not missed.
func (p *page) carries() {
	p.t.Helper()
	before := p.received()
	var again time.Time
	p.await("a frame", func() bool {
		if p.received() > before {
			return true
		}
		if time.Now().After(again) {
			p.write(frame(0, 40_000))
			again = time.Now().Add(patience / 4)
		}
		return false
	})
}

// restart has the peer restart ICE, and waits for the path that comes of it. Until
// then all that says "connected" may speak of the old one.
func (p *page) restart() {
	p.t.Helper()
	before := p.pc.CurrentRemoteDescription().SDP
	p.peer.Restart()
	p.await("an answer to a second offer", func() bool { return p.pc.CurrentRemoteDescription().SDP != before })
	p.await("a new path", func() bool { return p.selected() != "" })
	p.await("a seat", func() bool { return p.seat.get(func(s *fakeSeat) int { return s.joins - s.leaves }) > 0 })
}

// selected is the kind of path in use, from the page's side.
func (p *page) selected() string {
	pair, err := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return ""
	}
	return pair.Local.Typ.String() + " " + pair.Remote.Protocol.String()
}

func TestOnePortForAll(t *testing.T) {
	port := freePort(t)
	n := runNetwork(t, NetworkConfig{UDPPort: port})
	for _, p := range []*page{open(t, on(n)), open(t, on(n))} {
		p.carries()
		for _, c := range p.offered() {
			if c.Port() != port || c.NetworkType().IsTCP() {
				t.Errorf("offered %v, want port %d", c, port)
			}
		}
		p.restart()
		p.carries()
	}
}

func TestPortRange(t *testing.T) {
	n := runNetwork(t, NetworkConfig{UDPPorts: [2]int{42000, 42999}})
	p := open(t, on(n))
	p.carries()
	for _, c := range p.offered() {
		if c.Port() < 42000 || c.Port() > 42999 {
			t.Errorf("offered %v, want port 42000 to 42999", c)
		}
	}
}

func TestTCPAlone(t *testing.T) {
	port := freePort(t)
	n := runNetwork(t, NetworkConfig{TCPPort: port})
	p := open(t, on(n), func(p *page, _ *Config, _ *interceptor.Registry) {
		p.network = func(se *webrtc.SettingEngine) { se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4}) }
	})
	p.carries()
	if got, want := p.selected(), "host tcp"; got != want {
		t.Errorf("the path is %s, want %s", got, want)
	}
	big := frame(1, 400_000) // more than waits anywhere
	p.write(big)
	p.await("a large frame", func() bool { return p.received() > 1 })
	if frames, _ := p.got(); !bytes.Equal(frames[1], big.Data) {
		t.Error("a large frame arrived differently")
	}
	for _, c := range p.offered() {
		if c.NetworkType().IsTCP() && (c.Port() != port || c.TCPType() != ice.TCPTypePassive) {
			t.Errorf("offered %v, want port %d, passive", c, port)
		}
	}
}

// What an agent offers with a network, without anybody who answers.
func offeredBy(t *testing.T, n *Network, want func([]ice.Candidate) bool) []ice.Candidate {
	t.Helper()
	p := start(t, on(n), func(p *page, _ *Config, _ *interceptor.Registry) { p.deaf = true })
	p.await("candidates", func() bool { return want(p.offered()) })
	return p.offered()
}

func TestPublicAddress(t *testing.T) {
	loopback, public := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("203.0.113.7")
	port := freePort(t)
	for name, cfg := range map[string]NetworkConfig{
		"any port":       {},
		"one port":       {UDPPort: port},
		"range":          {UDPPorts: [2]int{42000, 42999}},
		"TCP, on a port": {TCPPort: port},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Public = []PublicAddress{{loopback, public}}
			all := offeredBy(t, runNetwork(t, cfg), func(all []ice.Candidate) bool {
				return slices.ContainsFunc(all, func(c ice.Candidate) bool {
					return c.Address() == public.String() && (cfg.TCPPort == 0 || c.NetworkType().IsTCP())
				})
			})
			for _, c := range all {
				if c.Address() == loopback.String() {
					t.Errorf("offered %v", c)
				}
				if c.Address() == public.String() && cfg.UDPPort != 0 && c.Port() != port {
					t.Errorf("offered %v, want port %d", c, port)
				}
			}
		})
	}
}

func TestPublicAddressStandsForTheOneThatReachesIt(t *testing.T) {
	n := runNetwork(t, NetworkConfig{Public: []PublicAddress{{Public: netip.MustParseAddr("127.0.0.9")}}})
	if got := n.rules[0].Local; got != "127.0.0.1" {
		t.Errorf("it stands for %s, want 127.0.0.1", got)
	}
}

func TestInterfaces(t *testing.T) {
	for _, c := range offeredBy(t, runNetwork(t, NetworkConfig{Interfaces: []string{"l?"}, UDPPort: freePort(t)}), func(all []ice.Candidate) bool { return len(all) > 0 }) {
		if ip := netip.MustParseAddr(c.Address()); !ip.IsLoopback() {
			t.Errorf("offered %v, want loopback alone", c)
		}
	}
	if _, err := OpenNetwork(NetworkConfig{Interfaces: []string{"none"}, UDPPort: freePort(t)}); err == nil {
		t.Error("opened a network without addresses")
	}
}

// globalIPv6 returns an address of this machine's.
func globalIPv6(t *testing.T) netip.Addr {
	t.Helper()
	all, err := (&Network{}).addresses()
	i := slices.IndexFunc(all, netip.Addr.Is6)
	if err != nil || i < 0 {
		t.Skip("this machine has no IPv6 address but loopback's")
	}
	return all[i]
}

func TestIPv6(t *testing.T) {
	address := globalIPv6(t)
	for name, cfg := range map[string]NetworkConfig{"any port": {}, "one port": {UDPPort: freePort(t)}, "TCP": {TCPPort: freePort(t)}} {
		t.Run(name, func(t *testing.T) {
			types, want := []webrtc.NetworkType{webrtc.NetworkTypeUDP6}, "host udp"
			if cfg.TCPPort != 0 {
				types, want = []webrtc.NetworkType{webrtc.NetworkTypeTCP6}, "host tcp"
			}
			p := open(t, on(runNetwork(t, cfg)), func(p *page, _ *Config, _ *interceptor.Registry) {
				p.network = func(se *webrtc.SettingEngine) { se.SetNetworkTypes(types) }
			})
			p.carries()
			if got := p.selected(); got != want {
				t.Errorf("the path is %s, want %s", got, want)
			}
		})
		t.Run(name+", off", func(t *testing.T) {
			cfg.NoIPv6 = true
			all := offeredBy(t, runNetwork(t, cfg), func(all []ice.Candidate) bool { return len(all) > 0 })
			if slices.ContainsFunc(all, func(c ice.Candidate) bool { return strings.Contains(c.Address(), ":") }) {
				t.Errorf("offered %v, and so an address such as %v", all, address)
			}
		})
	}
}

func TestNetworkGivesItsPortsBack(t *testing.T) {
	port := freePort(t)
	cfg := NetworkConfig{UDPPort: port, TCPPort: port, Log: slog.New(slog.DiscardHandler)}
	for range 2 {
		n, err := OpenNetwork(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenNetwork(cfg); err == nil {
			t.Fatal("the same port was opened twice")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := n.Run(ctx); err != context.Canceled {
			t.Errorf("Run = %v", err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
}

// Whoever connects and says nothing, or nonsense, takes no more than its place.
func TestTCPPlacesAreBounded(t *testing.T) {
	port := freePort(t)
	n := runNetwork(t, NetworkConfig{TCPPort: port})
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	var guests []net.Conn
	t.Cleanup(func() {
		for _, c := range guests {
			c.Close()
		}
	})
	door := n.tcp.(*door)
	for len(guests) < maxTCP {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		guests = append(guests, c)
	}
	one, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	if n, err := one.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes, want the connection closed", n)
	}
	if got := len(door.inside); got != maxTCP {
		t.Errorf("%d are inside, want %d", got, maxTCP)
	}
	for _, c := range guests {
		if _, err := c.Write([]byte("\x00\x05hello")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Fatal("nonsense was answered")
		}
	}
	for deadline := time.Now().Add(patience); len(door.inside) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d have not left", len(door.inside))
		}
	}
}
