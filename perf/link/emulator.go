package link

import (
	"errors"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// emulator joins two namespaces by a TUN device on each side.
type emulator struct {
	toClient, toServer *forwarder
	down               atomic.Bool
}

func newEmulator(p Profile, server, client *Namespace) (*emulator, error) {
	s, err := openEnd(server, client.addr)
	if err != nil {
		return nil, err
	}
	c, err := openEnd(client, server.addr)
	if err != nil {
		unix.Close(s)
		return nil, err
	}
	e := &emulator{}
	e.toClient = newForwarder(p, 0, s, c, &e.down)
	e.toServer = newForwarder(p, 1, c, s, &e.down)
	return e, nil
}

// openEnd opens and configures one side's device.
func openEnd(n *Namespace, peer netip.Addr) (fd int, err error) {
	h, err := n.openHandle()
	if err != nil {
		return 0, err
	}
	defer h.Close()
	fd, err = n.openTUN()
	if err != nil {
		return 0, err
	}
	if err := configure(h, n.addr, peer, true); err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

func (e *emulator) run(stop int) error {
	failed := make(chan error, 2)
	for _, f := range []*forwarder{e.toClient, e.toServer} {
		go func() {
			err := f.run(stop)
			if err != nil {
				ring(stop) // the other direction is of no use alone
			}
			failed <- err
		}()
	}
	return errors.Join(<-failed, <-failed)
}

func (e *emulator) cut(cut bool) error {
	e.down.Store(cut)
	return nil
}

func (e *emulator) stats() (Stats, error) {
	return Stats{
		ToClient: e.toClient.counters.read(),
		ToServer: e.toServer.counters.read(),
		CPU:      e.toClient.cpu.read() + e.toServer.cpu.read(),
	}, nil
}

func (e *emulator) close() error {
	return errors.Join(unix.Close(e.toClient.from), unix.Close(e.toServer.from))
}
