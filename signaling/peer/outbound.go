package peer

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/pion/transport/v4"
	"github.com/pion/transport/v4/stdnet"
)

const (
	dialTimeout = 5 * time.Second // to a server
	// parting is how long a connection may take to tell TURN servers and the page
	// that it ends.
	parting = time.Second
)

// outbound is the system's network, as a connection uses it to reach STUN and TURN
// servers. Pion waits for servers that do not answer, also to end a connection;
// abandon ends that.
type outbound struct {
	*stdnet.Net
	abandoned context.Context
	abandon   context.CancelFunc
}

func newOutbound() (*outbound, error) {
	system, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("peer: open network: %w", err)
	}
	o := &outbound{Net: system}
	o.abandoned, o.abandon = context.WithCancel(context.Background())
	return o, nil
}

// ListenPacket opens the socket for a TURN server by UDP.
func (o *outbound) ListenPacket(network, address string) (net.PacketConn, error) {
	conn, err := o.Net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(o.abandoned, func() { conn.Close() })
	return conn, nil
}

// DialTCP connects to a TURN server by TCP or TLS.
func (o *outbound) DialTCP(network string, from, to *net.TCPAddr) (transport.TCPConn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	if from != nil {
		dialer.LocalAddr = from
	}
	conn, err := dialer.DialContext(o.abandoned, network, to.String())
	if err != nil {
		return nil, err
	}
	context.AfterFunc(o.abandoned, func() { conn.Close() })
	return conn.(*net.TCPConn), nil
}

// ResolveUDPAddr looks up a server by UDP.
func (o *outbound) ResolveUDPAddr(network, address string) (*net.UDPAddr, error) {
	ip, port, err := o.lookup(network, address)
	if err != nil {
		return nil, err
	}
	return &net.UDPAddr{IP: ip, Port: port}, nil
}

// ResolveTCPAddr looks up a server by TCP.
func (o *outbound) ResolveTCPAddr(network, address string) (*net.TCPAddr, error) {
	ip, port, err := o.lookup(network, address)
	if err != nil {
		return nil, err
	}
	return &net.TCPAddr{IP: ip, Port: port}, nil
}

// lookup resolves host:port for a network such as udp4.
func (o *outbound) lookup(network, address string) (net.IP, int, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, 0, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, 0, err
	}
	family := "ip"
	if last := network[len(network)-1]; last == '4' || last == '6' {
		family += string(last)
	}
	ctx, cancel := context.WithTimeout(o.abandoned, dialTimeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupIP(ctx, family, host)
	if err != nil {
		return nil, 0, err
	}
	return ips[0], int(port), nil
}
