package wsmedia

import (
	"crypto/tls"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLimitUnsent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := LimitUnsent(tls.Client(conn, &tls.Config{})); err != nil {
		t.Fatal(err)
	}
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
		if err != nil || got != maxUnsent {
			t.Errorf("limit = %d, %v, want %d", got, err, maxUnsent)
		}
	})

	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	if err := LimitUnsent(near); err != nil {
		t.Errorf("not TCP: %v, want no error", err)
	}
}
