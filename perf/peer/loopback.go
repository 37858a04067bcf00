package peer

import (
	"context"
	"net"
	"net/netip"
	"os/exec"
)

// loopback is the Namespace of this process, reached by 127.0.0.1.
type loopback struct{}

func (loopback) Start(cmd *exec.Cmd) error { return cmd.Start() }

func (loopback) Listen(network, address string) (net.Listener, error) {
	return net.Listen(network, address)
}

func (loopback) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

func (loopback) Addr() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

// freePort returns a port of a host that nothing listens at.
func freePort(space Namespace, host string) (string, error) {
	l, err := space.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
