// Package xtest performs input events on an X display by the XTEST extension
// (https://www.x.org/releases/current/doc/xextproto/xtest.html).
package xtest

import (
	"errors"
	"fmt"
	"image"
	"log/slog"
	"math"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	xtestproto "github.com/jezek/xgb/xtest"

	"lucarne/input"
)

// Config is what an injector is opened with.
type Config struct {
	Display string // ":20"; empty: that of DISPLAY
	// Connect opens a connection to a display that has the extensions named.
	// It is display.Connect of package lucarne/capture/display.
	Connect func(display string, extensions ...string) (*xgb.Conn, error)
	Log     *slog.Logger // nil: nothing is logged
}

const (
	// maxPatience is how long the server may take to answer.
	maxPatience = 5 * time.Second
	// confirmEvery and confirmAfter say how often the server is asked whether
	// it is still there: requests alone do not tell, and what is under way has
	// to fit into the socket, so that no write blocks.
	confirmEvery = 64 // requests
	confirmAfter = time.Second

	wheelUp, wheelDown, wheelLeft, wheelRight = 4, 5, 6, 7 // buttons
	maxButton                                 = 9
	notch                                     = 120 // of input.Wheel
)

var errSilent = errors.New("the X server does not answer")

// Injector is an input.Injector, an input.AutoRepeater, an input.LayoutSetter and an
// input.Preparer on an X display.
//
// Positions outside the screen become the nearest inside it. A key goes down
// under its physical keycode if the display's layout has the keysym on that
// key, else under another key that has it, with the Shift and AltGr that it
// takes, else under a spare keycode that is given this meaning; it goes up
// under the keycode that it went down under. Only the first group of the layout
// is looked at. Caps_Lock and Num_Lock are keys like others.
//
// There are some 19 spare keycodes. What one is given is pressed 50 ms later, when
// programs have heard of it. Characters beyond them wait until the program
// that has the keyboard has read those before: by its answer to _NET_WM_PING, 1 s
// at most, or for 300 ms where it gives none.
//
// A display that has gone is an input.ErrGone, noticed within 64 events or a
// second of events; one that does not answer is an error after 5 s, and at once
// from then on until it answers: everything is let go then.
type Injector struct {
	conn *xgb.Conn
	log  *slog.Logger // of lifecycle: never a key
	name string       // the display's
	root xproto.Window

	keymap  *keymap
	own     [256]int // reports of our own changes of the mapping that are to come
	keys    keys
	ring    *ring
	layouts layouts
	pings   pings

	size    image.Point         // of the screen, pixels
	buttons [maxButton + 1]bool // which are down

	repeat *byte       // AutoRepeatMode before SetAutoRepeat; nil: not changed
	mark   xproto.Atom // where the display keeps it

	patience  time.Duration
	requests  int             // since the last answer
	confirmed time.Time       // when the last answer came
	pending   <-chan struct{} // closed when a late answer has come; nil: none is late
	closed    bool
}

var (
	_ input.Injector     = (*Injector)(nil)
	_ input.AutoRepeater = (*Injector)(nil)
	_ input.LayoutSetter = (*Injector)(nil)
	_ input.Preparer     = (*Injector)(nil)
)

// Open connects to a display, lets go of every key and button that is down
// there, and restores the auto-repeat and the layout that a killed injector has left
// changed. It starts nothing.
func Open(cfg Config) (*Injector, error) {
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	connect := func() (*xgb.Conn, error) { return cfg.Connect(cfg.Display) }
	conn, err := cfg.Connect(cfg.Display, "XTEST")
	if err != nil {
		return nil, fmt.Errorf("xtest: open: %w", err)
	}
	i := &Injector{
		conn: conn,
		log:  log,
		name: cfg.Display,
		root: xproto.Setup(conn).DefaultScreen(conn).Root,
		keys: keys{pressed: make(map[input.Key]byte)},
		ring: new(ring),

		pings:    pings{patience: pingPatience, settle: settle},
		patience: maxPatience,
	}
	if err := i.start(connect); err != nil {
		i.hangUpAll()
		return nil, fmt.Errorf("xtest: open: %w", err)
	}
	return i, nil
}

// start asks for news of the screen's size, and for the keyboard as it is.
func (i *Injector) start(connect func() (*xgb.Conn, error)) error {
	i.listen(xproto.EventMaskStructureNotify)
	root, err := await(i, xproto.GetGeometry(i.conn, xproto.Drawable(i.root)).Reply)
	if err != nil {
		return err
	}
	i.size = image.Pt(int(root.Width), int(root.Height))
	if err := i.findLayouts(connect); err != nil {
		return err
	}
	if err := i.findPings(); err != nil {
		return err
	}
	if err := i.readKeymap(); err != nil {
		return err
	}
	if err := i.restoreForgottenLayout(); err != nil {
		return err
	}
	if err := i.restoreForgotten(); err != nil {
		return err
	}
	return i.releaseForgotten()
}

// releaseForgotten lets go of what is down on the display: what XTEST has
// pressed stays pressed when an injector is killed, and nobody else would let it
// go.
func (i *Injector) releaseForgotten() error {
	held, err := await(i, xproto.QueryKeymap(i.conn).Reply)
	if err != nil {
		return err
	}
	for n := range 8 * len(held.Keys) {
		if held.Keys[n/8]>>(n%8)&1 == 1 {
			i.fake(xproto.KeyRelease, byte(n))
		}
	}
	pointer, err := await(i, xproto.QueryPointer(i.conn, i.root).Reply)
	if err != nil {
		return err
	}
	for n := range 5 { // the buttons that the core protocol can tell of
		if pointer.Mask&(xproto.ButtonMask1<<n) != 0 {
			i.fake(xproto.ButtonRelease, byte(n+1))
		}
	}
	return nil
}

// Inject implements input.Injector.
func (i *Injector) Inject(e input.Event) error {
	if i.closed {
		return fmt.Errorf("xtest: inject %T: %w", e, input.ErrGone)
	}
	if err := i.ready(); err != nil {
		return fmt.Errorf("xtest: inject %T: %w", e, err)
	}
	switch e := e.(type) {
	case input.Key:
		return i.key(e)
	case input.Text:
		return i.text(e.Text)
	case input.Locks:
		return i.locks(e)
	case input.Motion:
		i.move(e.Pos)
	case input.Shift:
		i.shift(e.By)
	case input.Button:
		if e.Button == 0 || e.Button > maxButton {
			return fmt.Errorf("xtest: button %d: %w", e.Button, input.ErrInexpressible)
		}
		i.place(e.Pos)
		i.button(e.Button, e.Action == input.Down)
	case input.Wheel:
		i.place(e.Pos)
		i.click(e.Delta.Y/notch, wheelUp, wheelDown)
		i.click(e.Delta.X/notch, wheelLeft, wheelRight)
	default:
		return fmt.Errorf("xtest: inject %T: %w", e, input.ErrInexpressible)
	}
	return nil
}

// Close implements input.Injector: it lets every key and button go, gives the
// spare keycodes and the auto-repeat back and disconnects.
func (i *Injector) Close() error {
	if i.closed {
		return nil
	}
	i.closed = true
	if i.ready() == nil {
		i.letGo()
		if err := i.restoreLayout(); err != nil {
			i.log.Warn("keyboard layout not restored", "display", i.name, "err", err)
		}
		for _, kc := range i.ring.lent() {
			i.remap(kc, 0)
		}
		if i.repeat != nil {
			i.restoreRepeat(*i.repeat)
		}
	}
	i.hangUpAll()
	return nil
}

func (i *Injector) hangUpAll() {
	i.hangUp(i.conn)
	if x := i.layouts.xkb; x != nil {
		i.hangUp(x.conn)
	}
}

// hangUp closes a connection, after what is under way, and waits for xgb to
// end, unless the server does not answer.
func (i *Injector) hangUp(conn *xgb.Conn) {
	conn.Close()
	_, _ = await(i, func() (struct{}, error) {
		for {
			if event, err := conn.WaitForEvent(); event == nil && err == nil {
				return struct{}{}, nil
			}
		}
	})
}

// move puts the pointer at a position of the screen.
func (i *Injector) move(p image.Point) {
	p.X = max(0, min(p.X, i.size.X-1))
	p.Y = max(0, min(p.Y, i.size.Y-1))
	const absolute = 0
	i.request(xproto.MotionNotify, absolute, p)
}

// place puts the pointer at the position of a button or wheel.
func (i *Injector) place(p image.Point) {
	if p != input.Here {
		i.move(p)
	}
}

// shift moves the pointer from where it is. Devices of XTEST are not accelerated.
func (i *Injector) shift(by image.Point) {
	const relative = 1
	bound := func(v int) int { return max(math.MinInt16, min(v, math.MaxInt16)) }
	i.request(xproto.MotionNotify, relative, image.Pt(bound(by.X), bound(by.Y)))
}

func (i *Injector) button(n byte, down bool) {
	if i.buttons[n] == down {
		return
	}
	i.buttons[n] = down
	if down {
		i.fake(xproto.ButtonPress, n)
	} else {
		i.fake(xproto.ButtonRelease, n)
	}
}

// letGo releases every button and then every key, the last pressed first.
func (i *Injector) letGo() {
	for b, down := range i.buttons {
		if down {
			i.button(byte(b), false)
		}
	}
	for n := len(i.keys.order) - 1; n >= 0; n-- {
		i.fake(xproto.KeyRelease, i.keys.order[n])
	}
	i.keys = keys{pressed: make(map[input.Key]byte)}
}

// click turns the wheel by n notches, which X shows as clicks of two buttons.
func (i *Injector) click(n int, negative, positive byte) {
	b := positive
	if n < 0 {
		n, b = -n, negative
	}
	for range n {
		i.fake(xproto.ButtonPress, b)
		i.fake(xproto.ButtonRelease, b)
	}
}

func (i *Injector) fake(event, detail byte) { i.request(event, detail, image.Point{}) }

func (i *Injector) request(event, detail byte, p image.Point) {
	const now, device = 0, 0
	xtestproto.FakeInput(i.conn, event, detail, now, i.root, int16(p.X), int16(p.Y), device)
	i.requests++
}

// ready takes in what the server has reported, and makes sure now and then that
// it is still there.
func (i *Injector) ready() error {
	if i.pending != nil {
		select {
		case <-i.pending:
			i.pending = nil
			i.letGo() // releases may have been among what was refused meanwhile
		default:
			return errSilent
		}
	}
	if err := i.takeEvents(); err != nil {
		return err
	}
	if i.requests < confirmEvery && time.Since(i.confirmed) < confirmAfter {
		return nil
	}
	_, err := await(i, xproto.GetInputFocus(i.conn).Reply)
	return err
}

// await waits for an answer of the server, patiently but not for ever.
func await[T any](i *Injector, reply func() (T, error)) (T, error) {
	var (
		value T
		err   error
	)
	answered := make(chan struct{})
	go func() {
		value, err = reply()
		close(answered)
	}()
	select {
	case <-answered:
		if err != nil {
			return value, fmt.Errorf("%w: %w", input.ErrGone, err)
		}
		i.requests, i.confirmed = 0, time.Now()
		return value, nil
	case <-time.After(i.patience):
		i.pending = answered
		var none T
		return none, errSilent
	}
}

func (i *Injector) takeEvents() error {
	stale := false
	for {
		event, xerr := i.conn.PollForEvent()
		switch e := event.(type) {
		case nil:
			if xerr != nil {
				continue // a request of ours was refused: it has had no effect
			}
			if stale {
				return i.readKeymap()
			}
			return nil
		case xproto.ConfigureNotifyEvent:
			if e.Window == i.root {
				i.size = image.Pt(int(e.Width), int(e.Height))
			}
		case xproto.ClientMessageEvent:
			i.pong(e)
		case xproto.MappingNotifyEvent:
			stale = i.foreign(e) || stale
		}
	}
}

// foreign reports whether somebody else has changed the keyboard.
func (i *Injector) foreign(e xproto.MappingNotifyEvent) bool {
	if e.Request == xproto.MappingPointer {
		return false
	}
	if e.Request == xproto.MappingKeyboard && e.Count == 1 && i.own[e.FirstKeycode] > 0 {
		i.own[e.FirstKeycode]--
		return false
	}
	return true
}

// readKeymap reads the keyboard's mapping and fits the spare keycodes to it.
func (i *Injector) readKeymap() error {
	setup := xproto.Setup(i.conn)
	first, count := setup.MinKeycode, byte(setup.MaxKeycode-setup.MinKeycode+1)
	mapping := xproto.GetKeyboardMapping(i.conn, first, count)
	modifiers := xproto.GetModifierMapping(i.conn)
	mappingReply, err := await(i, mapping.Reply)
	if err != nil {
		return err
	}
	modifierReply, err := await(i, modifiers.Reply)
	if err != nil {
		return err
	}
	if i.layouts.xkb != nil {
		if i.layouts.now, err = i.names(i.layouts.xkb); err != nil {
			return err
		}
	}
	i.keymap = newKeymap(byte(first), mappingReply, modifierReply)
	i.ring.refit(i.keymap)
	i.log.Info("keyboard mapping read", "display", i.name, "spare", len(i.ring.slots))
	return nil
}
