// Package clipboard reads and offers the selections of an X display (ICCCM
// section 2, https://www.x.org/releases/current/doc/xorg-docs/icccm/icccm.html)
// and hears of their changes by the XFIXES extension.
package clipboard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"

	"lucarne/input"
)

// Config is what a clipboard is opened with.
type Config struct {
	Display string // ":20"; empty: that of DISPLAY
	// Connect opens a connection to a display that has the extensions named.
	// It is display.Connect of package lucarne/capture/display.
	Connect  func(display string, extensions ...string) (*xgb.Conn, error)
	MaxBytes int          // of one selection, read or offered; 0: 16 MiB
	Primary  bool         // serve PRIMARY, what is marked with the mouse, as well
	Log      *slog.Logger // nil: nothing is logged
}

const (
	defaultMaxBytes = 16 << 20
	// maxPatience is how long the X server may take to answer, and another
	// program to take the next part of what it has asked for.
	maxPatience = 5 * time.Second
)

var (
	// ErrRefused: nobody owns the selection, or its owner has no such type.
	ErrRefused = errors.New("refused by its owner")
	// ErrLost: who owned the selection when the reading began does so no more.
	ErrLost = errors.New("its owner has lost it")
	// ErrSelection: the selection is not one that is served.
	ErrSelection = errors.New("no such selection")

	errSilent = errors.New("the X server does not answer")
)

// Clipboard is an input.Clipboard on an X display. Its methods may be used from
// different goroutines; Run has to be running for them to do anything.
type Clipboard struct {
	conn    *xgb.Conn
	log     *slog.Logger
	name    string
	max     int           // bytes
	chunk   int           // bytes of an incremental transfer's part
	root    xproto.Window // where the windows of readers are made
	window  xproto.Window // the owner of what is offered
	known   atoms
	changed chan input.Selection
	gone    chan struct{} // closed when the connection has ended

	selections map[xproto.Atom]input.Selection // those served
	patience   time.Duration

	// mu guards the rest. No request is made under it: one waits for as long as
	// the X server reads nothing.
	mu      sync.Mutex
	names   map[string]xproto.Atom
	offers  map[xproto.Atom]*offer
	takings map[xproto.Atom]int // of each selection by us, of which XFIXES has yet to tell
	readers map[xproto.Window]*reader
	sending map[place]*transfer
	running bool
	closed  bool
}

var _ input.Clipboard = (*Clipboard)(nil)

// Open connects to a display. It starts nothing.
func Open(cfg Config) (*Clipboard, error) {
	c := &Clipboard{
		log:        cfg.Log,
		name:       cfg.Display,
		max:        cfg.MaxBytes,
		gone:       make(chan struct{}),
		selections: make(map[xproto.Atom]input.Selection),
		names:      make(map[string]xproto.Atom),
		offers:     make(map[xproto.Atom]*offer),
		takings:    make(map[xproto.Atom]int),
		readers:    make(map[xproto.Window]*reader),
		sending:    make(map[place]*transfer),
		patience:   maxPatience,
	}
	if c.max == 0 {
		c.max = defaultMaxBytes
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	conn, err := cfg.Connect(cfg.Display, "XFIXES")
	if err != nil {
		return nil, fmt.Errorf("clipboard: open: %w", err)
	}
	c.conn = conn
	served := []input.Selection{input.SelectionClipboard}
	if cfg.Primary {
		served = append(served, input.SelectionPrimary)
	}
	c.changed = make(chan input.Selection, len(served))
	if err := c.start(served); err != nil {
		c.Close()
		return nil, fmt.Errorf("clipboard: open: %w", err)
	}
	return c, nil
}

func (c *Clipboard) start(served []input.Selection) error {
	ctx := context.Background()
	setup := xproto.Setup(c.conn)
	screen := setup.DefaultScreen(c.conn)
	c.root = screen.Root
	c.chunk = chunkSize(int(setup.MaximumRequestLength) * 4)
	if _, err := await(ctx, c, func() (*xfixes.QueryVersionReply, error) {
		return xfixes.QueryVersion(c.conn, 5, 0).Reply()
	}); err != nil {
		return err
	}
	if err := c.known.intern(ctx, c); err != nil {
		return err
	}
	var err error
	if c.window, err = c.newWindow(0); err != nil {
		return err
	}
	for _, s := range served {
		atom, err := c.atom(ctx, string(s))
		if err != nil {
			return err
		}
		c.selections[atom] = s
		xfixes.SelectSelectionInput(c.conn, c.window, atom, xfixes.SelectionEventMaskSetSelectionOwner|
			xfixes.SelectionEventMaskSelectionWindowDestroy|xfixes.SelectionEventMaskSelectionClientClose)
	}
	return nil
}

// newWindow makes a window that is never shown.
func (c *Clipboard) newWindow(eventMask uint32) (xproto.Window, error) {
	id, err := xproto.NewWindowId(c.conn)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", input.ErrGone, err)
	}
	const depth, visual = 0, 0 // as the root's
	xproto.CreateWindow(c.conn, depth, id, c.root, -1, -1, 1, 1, 0, xproto.WindowClassInputOnly, visual,
		xproto.CwEventMask, []uint32{eventMask})
	return id, nil
}

// Changed implements input.Clipboard. What this clipboard offers itself is not
// reported. The channel is closed at the end of Run.
func (c *Clipboard) Changed() <-chan input.Selection { return c.changed }

// Run handles the display's events until ctx is done, Close is called or the
// display has gone. It returns nil after Close, ctx's error, or input.ErrGone.
// It is called once, and disconnects at its end.
func (c *Clipboard) Run(ctx context.Context) error {
	c.mu.Lock()
	again := c.running
	c.running = true
	c.mu.Unlock()
	if again {
		return errors.New("clipboard: run: already running or closed")
	}
	defer c.end()
	// Waiting for an event ends with its connection only.
	defer context.AfterFunc(ctx, c.conn.Close)()
	for {
		event, xerr := c.conn.WaitForEvent()
		if event == nil && xerr == nil {
			break
		}
		c.handle(event) // an X error means that a program has gone which we were serving
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	return fmt.Errorf("clipboard: run on %q: %w", c.name, input.ErrGone)
}

// end lets everybody know that the connection has ended.
func (c *Clipboard) end() {
	c.conn.Close()
	close(c.gone)
	close(c.changed)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.sending {
		t.overdue.Stop()
	}
	clear(c.sending)
}

// Close ends Run and disconnects. What is offered is gone with it. It is
// idempotent.
func (c *Clipboard) Close() error {
	c.mu.Lock()
	unused := !c.running && !c.closed
	c.closed = true
	c.running = true // never from now on
	c.mu.Unlock()
	c.conn.Close()
	if unused { // there is no Run to take in what the server still says
		for {
			if event, xerr := c.conn.WaitForEvent(); event == nil && xerr == nil {
				break
			}
		}
		c.end()
	}
	return nil
}

func (c *Clipboard) handle(event xgb.Event) {
	switch e := event.(type) {
	case xfixes.SelectionNotifyEvent:
		c.ownerChanged(e)
	case xproto.SelectionRequestEvent:
		c.serve(e)
	case xproto.SelectionNotifyEvent:
		c.answered(e.Requestor, e)
	case xproto.PropertyNotifyEvent:
		if e.State == xproto.PropertyDelete {
			c.taken(place{e.Window, e.Atom})
		} else {
			c.answered(e.Window, e)
		}
	case xproto.DestroyNotifyEvent:
		c.vanished(e.Window)
	}
}

// ownerChanged hears who owns a selection now. It hears of our own takings too,
// each in its turn: a stranger who came before our last one has lost it again.
func (c *Clipboard) ownerChanged(e xfixes.SelectionNotifyEvent) {
	s, ok := c.selections[e.Selection]
	if !ok {
		return
	}
	c.mu.Lock()
	o := c.offers[e.Selection]
	switch {
	case e.Owner == c.window:
		c.takings[e.Selection]--
		if o != nil {
			o.since = e.SelectionTimestamp
		}
	case c.takings[e.Selection] == 0:
		delete(c.offers, e.Selection)
	}
	for _, r := range c.readers { // what the owner before had is news no more
		if r.selection == e.Selection && r.owner != e.Owner {
			r.wake(e)
		}
	}
	c.mu.Unlock()
	if e.Owner != c.window && e.Owner != xproto.WindowNone {
		c.report(s)
	}
}

// report puts s behind what has not been received from changed yet, once.
func (c *Clipboard) report(s input.Selection) {
	for range cap(c.changed) {
		select {
		case other := <-c.changed:
			if other != s {
				c.changed <- other
			}
		default:
		}
	}
	c.changed <- s
}

// await has ask make a request and wait for its answer, and waits for that, at
// most c.patience. (Making it may well take as long as the answer.)
func await[T any](ctx context.Context, c *Clipboard, ask func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.patience, errSilent)
	defer cancel()
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		value, err := ask()
		if errors.Is(err, io.EOF) {
			err = input.ErrGone
		}
		answered <- answer{value, err}
	}()
	var none T
	select {
	case a := <-answered:
		return a.value, a.err
	case <-c.gone:
		return none, input.ErrGone
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}
