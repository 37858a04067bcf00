package display

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The numbers to choose from. Lower ones are used by login managers, by
// vncserver (from 1) and by ssh's forwarding (from 10).
const (
	firstNumber = 20
	lastNumber  = 1019
)

// claimNumber returns a display number that no server has, and what keeps
// other Plans from choosing it: a server makes its own lock only once it is
// started.
func claimNumber() (number int, held io.Closer, err error) {
	for n := firstNumber; n <= lastNumber; n++ {
		held, err := newClaim(n)
		if err != nil {
			continue
		}
		if !taken(n) {
			return n, held, nil
		}
		held.Close()
	}
	return 0, nil, fmt.Errorf("display: no free display number from %d to %d", firstNumber, lastNumber)
}

// claim keeps a number, as a server has it, both in the network namespace, by an abstract
// socket, and in /tmp, by a file that is locked: containers may share the one and not the
// other. Of two servers in separate PID namespaces the second would take the first one's
// lock for a dead server's, and its place. The kernel gives both up whatever becomes of
// this process.
type claim struct {
	socket net.Conn
	file   *os.File
}

var errClaimed = errors.New("somebody else has claimed it")

func newClaim(n int) (*claim, error) {
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: fmt.Sprintf("@lucarne/display/%d", n), Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	file, err := lockFile(claimPath(n))
	if err != nil {
		socket.Close()
		return nil, err
	}
	return &claim{socket, file}, nil
}

// Close gives the number up.
func (c *claim) Close() error {
	_ = os.Remove(c.file.Name()) // one that another user has left stays
	return errors.Join(c.file.Close(), c.socket.Close())
}

// lockFile makes a file and locks it, or locks one that somebody has left. Who removes it
// holds the lock.
func lockFile(path string) (*os.File, error) {
	// In /tmp no file of another user's can be opened with O_CREAT (proc(5), protected_regular).
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		file, err = os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = sameFile(file, path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// sameFile is an error where the file has another name by now, or none.
func sameFile(file *os.File, path string) error {
	now, err := os.Lstat(path)
	if err != nil {
		return err
	}
	opened, err := file.Stat()
	if err == nil && !os.SameFile(now, opened) {
		err = errClaimed
	}
	return err
}

// taken reports whether display n has a server, or traces of one. What a dead
// server has left behind counts as well: telling is not worth the risk.
func taken(n int) bool {
	for _, path := range []string{lockPath(n), socketPath(n)} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			return true
		}
	}
	// A server in a container that shares our network but not /tmp.
	conn, err := net.Dial("unix", "@"+socketPath(n))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// removeTraces removes the lock and the socket of a server that has ended without
// doing so. The number is claimed and was free then: they are our server's.
func removeTraces(n int) error {
	text, err := os.ReadFile(lockPath(n))
	if err != nil {
		return nil // as it should be
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 || !errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
		return nil // it lives: whoever starts it has not stopped it
	}
	for _, path := range []string{socketPath(n), lockPath(n)} { // the lock last: it is what tells
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func claimPath(n int) string { return fmt.Sprintf("/tmp/.X%d-lucarne", n) }

func lockPath(n int) string { return fmt.Sprintf("/tmp/.X%d-lock", n) }

func socketPath(n int) string { return fmt.Sprintf("/tmp/.X11-unix/X%d", n) }
