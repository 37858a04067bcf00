package display

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

var (
	// ErrNoDisplay: the X server cannot be reached, refuses the connection, or
	// has gone.
	ErrNoDisplay = errors.New("no X display")
	// ErrRefused: the X server answered, and said no; an ErrNoDisplay as well.
	ErrRefused = errors.New("the X server refused the connection")
)

// ExtensionError says that the X server lacks an extension.
type ExtensionError struct {
	Extension string // "DAMAGE"
}

func (e *ExtensionError) Error() string {
	return fmt.Sprintf("missing X extension %s: start the X server with it (+extension %s)", e.Extension, e.Extension)
}

// setupTimeout is how long a server may take to let a client in. One that is
// stopped (SIGSTOP, a debugger) accepts connections and never says a word.
const setupTimeout = 5 * time.Second

// Connect is Conns.Connect for a connection that is ended by its own Close.
func Connect(name string, extensions ...string) (*xgb.Conn, error) {
	return new(Conns).Connect(name, extensions...)
}

// Conns are connections that end together, at once and whatever the server
// does. The Close of an xgb connection is not like that: it waits for an answer,
// which a server that is stopped does not give. The zero value has none. All
// methods may be called from any goroutine.
type Conns struct {
	mu      sync.Mutex
	sockets []net.Conn
	closed  bool
}

// Connect opens a connection to the display called name (":20"; empty: that of
// DISPLAY) and makes the extensions whose xgb packages are linked into the
// program ready for use. The ones named have to be there. A server that says
// nothing for 5 s cannot be reached.
//
// The cookie is looked up as xgb does: in the file named by XAUTHORITY, else in
// $HOME/.Xauthority, the first entry of this host and display number.
//
// Use it in place of xgb.NewConnDisplay and of every extension's Init. Init
// writes to tables in package xgb that the readers of all connections read
// without a lock: doing so while another connection gets events is a fault that
// ends the program. Connect writes to them on the first connection to a server
// alone. (For the same reason the numbers of events have to be equal on all
// servers that a program talks to at one time.)
//
// The errors are ErrNoDisplay, with ErrRefused where it applies, and *ExtensionError.
func (c *Conns) Connect(name string, extensions ...string) (*xgb.Conn, error) {
	return c.connect(name, func(socket net.Conn) net.Conn { return socket }, extensions)
}

// ConnectBounded is Connect for a connection that asks for what has no bound in
// the protocol, as a cursor's picture. A reply with more than so many bytes after
// its first 32 is an xproto.AllocError to who asked, and takes no memory.
func (c *Conns) ConnectBounded(name string, bytes int, extensions ...string) (*xgb.Conn, error) {
	bound := func(socket net.Conn) net.Conn { return &bounded{Conn: socket, most: int64(bytes)} }
	return c.connect(name, bound, extensions)
}

// connect opens a connection. What the client reads from goes through wrap.
func (c *Conns) connect(name string, wrap func(net.Conn) net.Conn, extensions []string) (*xgb.Conn, error) {
	// What xgb logs it also returns, and we do not print. SetOutput, unlike the
	// variable itself, may be used while other connections log.
	xgb.Logger.SetOutput(io.Discard)

	addr, err := parseName(name)
	if err != nil {
		return nil, fmt.Errorf("display: connect %q: %w: %w", name, ErrNoDisplay, err)
	}
	socket, err := c.dial(addr)
	if err != nil {
		return nil, fmt.Errorf("display: connect %q: %w: %w", name, ErrNoDisplay, err)
	}
	conn, err := enter(wrap(socket), addr)
	if err != nil {
		socket.Close()
		if strings.Contains(err.Error(), "authentication refused") { // xgb has no other sign of it
			err = fmt.Errorf("%w: %w", ErrRefused, err)
		}
		return nil, fmt.Errorf("display: connect %q: %w: %w", name, ErrNoDisplay, err)
	}
	for _, extension := range extensions {
		if _, ok := conn.Extensions[extension]; !ok {
			socket.Close()
			return nil, fmt.Errorf("display: connect %q: %w", name, &ExtensionError{extension})
		}
	}
	return conn, nil
}

// Close ends all connections, those being opened as well; no more can be
// opened. It waits for nothing and is idempotent.
func (c *Conns) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, socket := range c.sockets {
		socket.Close()
	}
	c.sockets = nil
}

// dial opens a socket that Close closes.
func (c *Conns) dial(addr address) (net.Conn, error) {
	socket, err := net.DialTimeout(addr.network, addr.address, setupTimeout)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		socket.Close()
		return nil, net.ErrClosed
	}
	c.sockets = append(c.sockets, socket)
	return socket, nil
}

// enter has the server let us in, in time.
func enter(socket net.Conn, addr address) (*xgb.Conn, error) {
	if err := socket.SetDeadline(time.Now().Add(setupTimeout)); err != nil {
		return nil, err
	}
	cookie, err := addr.cookie()
	if err != nil {
		return nil, err
	}
	var conn *xgb.Conn
	if cookie == "" {
		conn, err = xgb.NewConnNet(socket)
	} else {
		conn, err = xgb.NewConnNetWithCookieHex(socket, cookie)
	}
	if err != nil {
		return nil, err
	}
	conn.DisplayNumber, conn.DefaultScreen = addr.number, addr.screen
	if err := register(conn); err != nil {
		return nil, err
	}
	return conn, socket.SetDeadline(time.Time{})
}

// registered says which extension xgb's tables give a number to. It mirrors
// state that xgb holds for the whole program, so that there is one.
var registered = struct {
	sync.Mutex
	events, errors map[int]string
}{events: map[int]string{}, errors: map[int]string{}}

// register does on conn what the Init of each linked extension would do.
func register(conn *xgb.Conn) error {
	cookies := make(map[string]xproto.QueryExtensionCookie, len(xgb.NewExtEventFuncs))
	for name := range xgb.NewExtEventFuncs {
		cookies[name] = xproto.QueryExtension(conn, uint16(len(name)), name)
	}
	registered.Lock()
	defer registered.Unlock()
	for name, cookie := range cookies {
		reply, err := cookie.Reply()
		if err != nil {
			return err
		}
		if !reply.Present {
			continue
		}
		conn.ExtLock.Lock()
		conn.Extensions[name] = reply.MajorOpcode
		conn.ExtLock.Unlock()
		for n, event := range xgb.NewExtEventFuncs[name] {
			if n += int(reply.FirstEvent); registered.events[n] != name {
				registered.events[n] = name
				xgb.NewEventFuncs[n] = event
			}
		}
		for n, fault := range xgb.NewExtErrorFuncs[name] {
			if n += int(reply.FirstError); registered.errors[n] != name {
				registered.errors[n] = name
				xgb.NewErrorFuncs[n] = fault
			}
		}
	}
	return nil
}
