package x11

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// settings are the XSETTINGS of the screen (freedesktop.org, XSETTINGS 0.5),
// which programs follow while they run, and of which one program is the manager:
// the desktop environment's, or, where there is none, we for the DPI alone.
type settings struct {
	log     *slog.Logger
	conn    *xgb.Conn
	root    xproto.Window
	came    chan struct{}  // rung when there may be another window manager; capacity 1
	events  chan xgb.Event // of our window
	wmCheck atomic.Uint32  // the property that names the window manager; 0 until begin

	mu     sync.Mutex // guards the rest
	atoms  settingsAtoms
	dpi    int           // 0: nobody has asked for another than there is
	window xproto.Window // that has them as a property; 0: we manage nothing
	owner  bool          // of the selection; the window without it is waiting for a time
	serial uint32        // of the property
	told   bool          // the log says why we manage nothing
}

// settingsAtoms are interned when they are needed first.
type settingsAtoms struct {
	selection, settings, manager, wmName, utf8 xproto.Atom
}

func newSettings(log *slog.Logger) *settings {
	return &settings{log: log, came: make(chan struct{}, 1), events: make(chan xgb.Event, 16)}
}

// environments begin the names of window managers that belong to a desktop
// environment with a manager of its own. It ends at once, and for good, if it
// finds another one when it starts.
var environments = []string{"Xfwm4", "GNOME", "Mutter", "Metacity", "Marco", "Muffin", "KWin", "Gala", "Budgie", "Cinnamon"}

// set asks for a DPI from now on.
func (m *settings) set(dpi int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dpi == 0 {
		if err := m.begin(); err != nil {
			return err
		}
	}
	m.dpi = dpi
	if m.window != 0 {
		return m.write()
	}
	return m.claim()
}

// begin interns the atoms and listens for window managers.
func (m *settings) begin() error {
	var wmCheck xproto.Atom
	for name, atom := range map[string]*xproto.Atom{
		fmt.Sprintf("_XSETTINGS_S%d", m.conn.DefaultScreen): &m.atoms.selection,
		"_XSETTINGS_SETTINGS":                               &m.atoms.settings,
		"MANAGER":                                           &m.atoms.manager,
		"_NET_SUPPORTING_WM_CHECK":                          &wmCheck,
		"_NET_WM_NAME":                                      &m.atoms.wmName,
		"UTF8_STRING":                                       &m.atoms.utf8,
	} {
		reply, err := xproto.InternAtom(m.conn, false, uint16(len(name)), name).Reply()
		if err != nil {
			return err
		}
		*atom = reply.Atom
	}
	m.wmCheck.Store(uint32(wmCheck))
	return xproto.ChangeWindowAttributesChecked(m.conn, m.root, xproto.CwEventMask,
		[]uint32{xproto.EventMaskPropertyChange}).Check()
}

// claim begins to manage the settings, unless somebody does or is about to:
// while there is no window manager it is not known what environment comes, and
// with it there may come a manager; reconsider is for when it comes. The caller
// holds mu.
func (m *settings) claim() error {
	wm, err := m.windowManager()
	if err != nil || wm == "" {
		return err
	}
	owner, err := xproto.GetSelectionOwner(m.conn, m.atoms.selection).Reply()
	if err != nil {
		return err
	}
	belongs := func(prefix string) bool { return strings.HasPrefix(wm, prefix) }
	if owner.Owner != 0 || slices.ContainsFunc(environments, belongs) {
		if !m.told {
			m.told = true
			m.log.Info("the desktop environment manages its programs' settings: a new DPI is seen by programs that start", "window_manager", wm)
		}
		return nil
	}
	window, err := xproto.NewWindowId(m.conn)
	if err != nil {
		return err
	}
	err = xproto.CreateWindowChecked(m.conn, 0, window, m.root, -1, -1, 1, 1, 0, xproto.WindowClassInputOnly,
		xproto.WindowClassCopyFromParent, xproto.CwOverrideRedirect|xproto.CwEventMask,
		[]uint32{1, xproto.EventMaskPropertyChange}).Check()
	if err != nil {
		return err
	}
	m.window = window
	return m.write() // its event brings the time at which the selection is taken
}

// windowManager returns the name of the window manager (Extended Window Manager
// Hints, _NET_SUPPORTING_WM_CHECK), "" for none.
func (m *settings) windowManager() (string, error) {
	reply, err := xproto.GetProperty(m.conn, false, m.root, xproto.Atom(m.wmCheck.Load()), xproto.AtomWindow, 0, 1).Reply()
	if err != nil {
		return "", err
	}
	if reply.Format != 32 || len(reply.Value) < 4 {
		return "", nil
	}
	window := xproto.Window(xgb.Get32(reply.Value))
	reply, err = xproto.GetProperty(m.conn, false, window, m.atoms.wmName, m.atoms.utf8, 0, 64).Reply()
	if _, gone := err.(xproto.WindowError); gone {
		return "", nil // it has ended
	}
	if err != nil {
		return "", err
	}
	return string(reply.Value), nil
}

// note takes an event of the root window or of ours, without a question to the
// server: who reads the events must not wait for answers. Nor does it wait for
// run, however many events other programs make; our own are few.
func (m *settings) note(event xgb.Event) {
	if e, ok := event.(xproto.PropertyNotifyEvent); ok && e.Window == m.root {
		if uint32(e.Atom) == m.wmCheck.Load() {
			select {
			case m.came <- struct{}{}:
			default:
			}
		}
		return
	}
	select {
	case m.events <- event:
	default:
	}
}

// run handles what is noted until done is closed.
func (m *settings) run(done <-chan struct{}) {
	for {
		var err error
		select {
		case <-done:
			return
		case <-m.came:
			err = m.reconsider()
		case event := <-m.events:
			err = m.handle(event)
		}
		if err != nil {
			m.log.Warn("settings of programs not managed", "err", lost(err))
		}
	}
}

// reconsider claims the settings if that was put off.
func (m *settings) reconsider() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dpi == 0 || m.window != 0 {
		return nil
	}
	return m.claim()
}

// handle takes the events of our window.
func (m *settings) handle(event xgb.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e := event.(type) {
	case xproto.PropertyNotifyEvent:
		if e.Window == m.window && e.Atom == m.atoms.settings && !m.owner {
			return m.take(e.Time)
		}
	case xproto.SelectionClearEvent:
		if e.Owner == m.window && e.Selection == m.atoms.selection {
			m.log.Info("another program manages the settings of programs now")
			return m.leave()
		}
	}
	return nil
}

// take becomes the manager as of a time and says so to everybody (ICCCM §2.8).
// The caller holds mu.
func (m *settings) take(at xproto.Timestamp) error {
	if err := xproto.SetSelectionOwnerChecked(m.conn, m.window, m.atoms.selection, at).Check(); err != nil {
		return err
	}
	owner, err := xproto.GetSelectionOwner(m.conn, m.atoms.selection).Reply()
	if err != nil {
		return err
	}
	if owner.Owner != m.window { // somebody was faster
		return m.leave()
	}
	m.owner = true
	message := xproto.ClientMessageEvent{
		Format: 32, Window: m.root, Type: m.atoms.manager,
		Data: xproto.ClientMessageDataUnionData32New([]uint32{uint32(at), uint32(m.atoms.selection), uint32(m.window), 0, 0}),
	}
	return xproto.SendEventChecked(m.conn, false, m.root, xproto.EventMaskStructureNotify, string(message.Bytes())).Check()
}

// leave stops managing. The caller holds mu.
func (m *settings) leave() error {
	window := m.window
	m.window, m.owner = 0, false
	return xproto.DestroyWindowChecked(m.conn, window).Check()
}

// write sets the settings. The caller holds mu.
func (m *settings) write() error {
	m.serial++
	value := appendSettings(nil, m.serial, m.dpi)
	return xproto.ChangePropertyChecked(m.conn, xproto.PropModeReplace, m.window, m.atoms.settings, m.atoms.settings, 8,
		uint32(len(value)), value).Check()
}

// appendSettings appends the property that says a DPI. GTK enlarges whole windows
// by whole factors, and by what is left over the text in them; other toolkits know
// Xft/DPI alone, which is all of it.
func appendSettings(b []byte, serial uint32, dpi int) []byte {
	factor := max(dpi/standardDPI, 1)
	values := []struct {
		name  string
		value int
	}{
		{"Gdk/UnscaledDPI", dpi * 1024 / factor},
		{"Gdk/WindowScalingFactor", factor},
		{"Xft/DPI", dpi * 1024},
	}
	const leastSignificantFirst, integer = 0, 0
	order := binary.LittleEndian
	b = append(b, leastSignificantFirst, 0, 0, 0)
	b = order.AppendUint32(b, serial)
	b = order.AppendUint32(b, uint32(len(values)))
	for _, v := range values {
		b = append(b, integer, 0)
		b = order.AppendUint16(b, uint16(len(v.name)))
		b = append(b, v.name...)
		b = append(b, make([]byte, -len(v.name)&3)...)
		b = order.AppendUint32(b, serial) // all change together
		b = order.AppendUint32(b, uint32(v.value))
	}
	return b
}
