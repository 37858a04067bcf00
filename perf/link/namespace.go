package link

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace (network_namespaces(7)) at one end of a
// link. It has no name: it lasts as long as its Link is open, or a process or a
// socket in it lives.
//
// Its methods may be called from any goroutine.
type Namespace struct {
	file *os.File // keeps it alive
	addr netip.Addr
}

// newNamespace makes a namespace that has a loopback interface, which is down,
// and nothing else.
func newNamespace(addr netip.Addr) (*Namespace, error) {
	n := &Namespace{addr: addr}
	err := elsewhere(func() error {
		return unix.Unshare(unix.CLONE_NEWNET)
	}, func() (err error) {
		n.file, err = os.Open(threadNamespace)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("link: new network namespace: %w", err)
	}
	return n, nil
}

// Addr returns the address of this end.
func (n *Namespace) Addr() netip.Addr { return n.addr }

// Do runs f on a thread that is in the namespace: sockets that f opens belong to
// it for good, wherever they are used later. Goroutines that f starts are not in
// the namespace.
func (n *Namespace) Do(f func() error) error {
	return elsewhere(func() error {
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("link: enter network namespace: %w", err)
		}
		return nil
	}, f)
}

// Start starts a command, which will be in the namespace as will its children.
func (n *Namespace) Start(cmd *exec.Cmd) error { return n.Do(cmd.Start) }

// Listen is net.Listen in the namespace. The address must be a literal one.
func (n *Namespace) Listen(network, address string) (net.Listener, error) {
	var l net.Listener
	err := n.Do(func() (err error) {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// Dial is net.Dialer.DialContext in the namespace. The address must be a literal
// one.
func (n *Namespace) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var c net.Conn
	err := n.Do(func() (err error) {
		c, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return c, err
}

func (n *Namespace) close() error { return n.file.Close() }

// threadNamespace is the network namespace of the thread that opens it.
const threadNamespace = "/proc/thread-self/ns/net"

// elsewhere runs f on a thread that enter has moved to another network
// namespace, and moves the thread back.
func elsewhere(enter, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open(threadNamespace)
		if err != nil {
			runtime.UnlockOSThread()
			done <- err
			return
		}
		defer home.Close()
		err = enter()
		if err == nil {
			err = f()
		}
		// A thread that cannot go back stays locked and ends with this goroutine,
		// so that no other one is ever run in the wrong place.
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}
