package wsmedia

import (
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxUnsent is what the kernel may hold of a socket beyond what TCP has sent, in
// bytes. What waits there is past being overtaken by anything.
const maxUnsent = 64 << 10

// LimitUnsent keeps what the kernel queues for a connection short (tcp(7),
// TCP_NOTSENT_LOWAT), through TLS too. A connection that is not TCP is left as it is.
func LimitUnsent(conn net.Conn) error {
	for {
		wrapped, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = wrapped.NetConn()
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	return limitUnsent(tcp)
}

func limitUnsent(conn syscall.Conn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("wsmedia: limit unsent: %w", err)
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	})
	if err == nil {
		err = set
	}
	if err != nil {
		return fmt.Errorf("wsmedia: limit unsent: %w", err)
	}
	return nil
}
