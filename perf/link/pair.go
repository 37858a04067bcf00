package link

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// pair joins two namespaces by a veth pair, in which the kernel carries packets.
//
// A cut makes either end take its peer for having an Ethernet address that
// nobody has. Packets then go their way and are ignored at its end, in silence:
// the kernel need not have any filter, and no interface goes down.
type pair struct {
	mu             sync.Mutex
	server, client *side
	closed         bool
}

// side is one end of a pair.
type side struct {
	handle *netlink.Handle
	peer   netip.Addr
	down   bool
	since  Direction // what had been received when the cut began
	missed Direction // during cuts before
}

func newPair(server, client *Namespace) (*pair, error) {
	s, err := server.openHandle()
	if err != nil {
		return nil, err
	}
	c, err := client.openHandle()
	if err != nil {
		s.Close()
		return nil, err
	}
	p := &pair{server: &side{handle: s, peer: client.addr}, client: &side{handle: c, peer: server.addr}}
	if err := p.open(server, client); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *pair) open(server, client *Namespace) error {
	if err := openVeth(p.server.handle, server, client); err != nil {
		return err
	}
	if err := configure(p.server.handle, server.addr, client.addr, false); err != nil {
		return err
	}
	if err := configure(p.client.handle, client.addr, server.addr, false); err != nil {
		return err
	}
	return errors.Join(p.server.cut(false), p.client.cut(false))
}

// run waits: the kernel carries the packets.
func (p *pair) run(stop int) error {
	fds := []unix.PollFd{{Fd: int32(stop), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, -1); err != unix.EINTR {
			return err
		}
	}
}

func (p *pair) cut(cut bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.server.cut(cut), p.client.cut(cut))
}

func (p *pair) stats() (Stats, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	toClient, errClient := p.client.stats()
	toServer, errServer := p.server.stats()
	return Stats{ToClient: toClient, ToServer: toServer}, errors.Join(errClient, errServer)
}

func (p *pair) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		p.server.handle.Close()
		p.client.handle.Close()
	}
	return nil
}

// cut sets where the side's packets go, and what it receives counts as.
func (s *side) cut(cut bool) error {
	at := hardwareAddr(s.peer)
	if cut {
		at = net.HardwareAddr{0x02, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	if err := address(s.handle, s.peer, at); err != nil {
		return err
	}
	now, err := received(s.handle)
	if err != nil {
		return err
	}
	switch {
	case cut && !s.down:
		s.since = now
	case !cut && s.down:
		s.missed.Packets += now.Packets - s.since.Packets
		s.missed.Bytes += now.Bytes - s.since.Bytes
	}
	s.down = cut
	return nil
}

// stats returns what the side has received.
func (s *side) stats() (Direction, error) {
	now, err := received(s.handle)
	if err != nil {
		return Direction{}, err
	}
	missed := s.missed
	if s.down {
		missed.Packets += now.Packets - s.since.Packets
		missed.Bytes += now.Bytes - s.since.Bytes
	}
	now.Cut = missed.Packets
	now.Packets -= missed.Packets
	now.Bytes -= missed.Bytes
	return now, nil
}
