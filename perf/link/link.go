// Package link makes two network namespaces that are joined by a link of given
// delay, rate, queue and loss: what lies between a desktop and the person at it.
//
// It needs root (CAP_SYS_ADMIN, CAP_NET_ADMIN) and, for emulated links,
// /dev/net/tun; nothing else of the kernel: no netem, no other queueing
// discipline, no firewall. Nothing has a name outside the two namespaces and
// everything hangs on file descriptors, so that nothing is left behind even by a
// crash.
package link

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// The ends' addresses, 10.83.0.1/30 and 10.83.0.2/30. Every link has the same,
// for no two share a namespace.
const (
	serverAddr = "10.83.0.1"
	clientAddr = "10.83.0.2"
	prefix     = 30
)

// Link is two network namespaces and what joins them. Each has its loopback, an
// interface link0 with an IPv4 address, and a default route towards the other.
//
// Its methods may be called from any goroutine.
type Link struct {
	Server, Client *Namespace

	profile Profile
	wire    wire
	gone    chan struct{} // closed by Close

	mu      sync.Mutex
	running chan struct{} // closed when Run has returned; nil: not running
	closed  bool
}

// wire is what joins the namespaces.
type wire interface {
	// run carries packets until the file descriptor stop can be read.
	run(stop int) error
	cut(bool) error
	stats() (Stats, error)
	close() error
}

// Open makes a link. An emulated one carries nothing before Run.
func Open(p Profile) (*Link, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	l := &Link{profile: p, gone: make(chan struct{})}
	if err := l.open(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Link) open() (err error) {
	if l.Server, err = newNamespace(netip.MustParseAddr(serverAddr)); err != nil {
		return err
	}
	if l.Client, err = newNamespace(netip.MustParseAddr(clientAddr)); err != nil {
		return err
	}
	if l.profile.Emulated {
		l.wire, err = newEmulator(l.profile, l.Server, l.Client)
		return err
	}
	l.wire, err = newPair(l.Server, l.Client)
	return err
}

// check says what is wrong with a profile.
func (p Profile) check() error {
	switch {
	case p.Delay < 0 || p.Jitter < 0 || p.Queue < 0 || p.Bps < 0:
		return fmt.Errorf("link: profile %q: negative delay, jitter, queue or rate", p.Name)
	case p.Loss < 0 || p.Loss > 1:
		return fmt.Errorf("link: profile %q: loss %v is not from 0 to 1", p.Name, p.Loss)
	}
	return nil
}

// Supported returns why there can be no links here, or nil.
func Supported() error {
	l, err := Open(Profile{Name: "trial", Emulated: true})
	if err != nil {
		return err
	}
	return l.Close()
}

// Run carries packets until ctx is done, then returns nil; or until Close. It may
// be called again, but not while it runs.
func (l *Link) Run(ctx context.Context) error {
	done := make(chan struct{})
	l.mu.Lock()
	if l.closed || l.running != nil {
		l.mu.Unlock()
		return errors.New("link: run: closed or running already")
	}
	l.running = done
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.running = nil
		close(done)
	}()

	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("link: run: %w", err)
	}
	defer unix.Close(stop)
	failed := make(chan error, 1)
	go func() { failed <- l.wire.run(stop) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	case <-l.gone:
	}
	ring(stop)
	return <-failed
}

// ring makes an eventfd readable, which it then stays.
func ring(eventfd int) { unix.Write(eventfd, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// Cut makes every packet vanish, those on their way too, until it is called with
// false. Both ends' interfaces stay up and their routes valid: nobody is told, as
// when the other end's lid is shut.
func (l *Link) Cut(cut bool) error { return l.wire.cut(cut) }

// Stats returns what the link has carried so far.
func (l *Link) Stats() (Stats, error) { return l.wire.stats() }

// Close ends Run and takes the link away, and with it the namespaces, unless a
// process or a socket is still in one of them. It is idempotent.
func (l *Link) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	close(l.gone)
	if running := l.running; running != nil {
		l.mu.Unlock()
		<-running
		l.mu.Lock()
	}
	var errs []error
	if l.wire != nil {
		errs = append(errs, l.wire.close())
	}
	for _, n := range []*Namespace{l.Server, l.Client} {
		if n != nil {
			errs = append(errs, n.close())
		}
	}
	return errors.Join(errs...)
}
