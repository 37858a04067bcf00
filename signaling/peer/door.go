package peer

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of ICE-TCP.
const (
	maxTCP       = 256      // connections at once
	maxUnread    = 64       // packets of one that wait to be read
	maxUnsentTCP = 16 << 10 // bytes of one that wait in the kernel
	// maxTCPQueue is how many bytes of one wait here; what is more is lost, as by
	// UDP. Little costs more than it saves: what is lost has to be asked for.
	maxTCPQueue = 256 << 10
	// bindPatience is how long a connection may take to say whose it is.
	bindPatience = 5 * time.Second
)

// door lets a bounded number of TCP connections in. It goes on listening when one
// cannot be accepted.
type door struct {
	*net.TCPListener
	inside chan struct{} // one for each connection
}

func newDoor(l *net.TCPListener) *door {
	return &door{TCPListener: l, inside: make(chan struct{}, maxTCP)}
}

// Accept returns the next connection that may come in.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // for want of descriptors, say
			continue
		}
		if limitUnsent(conn) != nil { // it has gone already
			conn.Close()
			continue
		}
		select {
		case d.inside <- struct{}{}:
			return &guest{TCPConn: conn, leave: sync.OnceFunc(func() { <-d.inside })}, nil
		default:
			conn.Close()
		}
	}
}

// guest is a connection that has been let in.
type guest struct {
	*net.TCPConn
	leave func()
}

// Close makes room for another.
func (g *guest) Close() error {
	defer g.leave()
	return g.TCPConn.Close()
}

// limitUnsent keeps what the kernel queues short (tcp(7), TCP_NOTSENT_LOWAT): what
// waits there comes late and can no longer be held back.
func limitUnsent(conn syscall.Conn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsentTCP)
	})
	return errors.Join(err, set)
}
