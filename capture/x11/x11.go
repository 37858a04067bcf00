// Package x11 is the capture.Source of an X display: pictures by MIT-SHM, what
// changed by DAMAGE, the cursor by XFIXES, the size by RANDR.
package x11

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/damage"
	"github.com/jezek/xgb/dpms"
	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/screensaver"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"

	"lucarne/capture"
	"lucarne/capture/display"
)

// Config says which display is captured.
type Config struct {
	Display string // ":20"; empty: that of DISPLAY
	// Size is given to the screen when it is opened, in pixels: an Xvfb that
	// may grow has to start too large. Zero: the screen keeps the size it has.
	Size image.Point
	Log  *slog.Logger // nil: silent
}

// Source captures the root window of an X display. It is a capture.Source, a
// capture.Resizer, a capture.DPISetter and capture.Pointed. Its methods may be
// called from any goroutine, but Close, and a Grab after the screen has grown,
// unmap the memory behind the last Frame: nobody may be reading its Pix then.
type Source struct {
	log  *slog.Logger
	root xproto.Window

	// Two connections, so that a large picture on its way delays no event and
	// a burst of events no picture. Both are safe for concurrent use.
	conns  display.Conns
	pixels *xgb.Conn
	events *xgb.Conn

	damaged       *doorbell
	cursorChanged *doorbell
	resized       atomic.Bool // the screen may have another size than picture
	renewed       atomic.Bool // the next Grab is to fetch everything

	running, closing atomic.Bool

	settings *settings // of the screen's programs

	resizing sync.Mutex // held during Resize and SetDPI
	dpi      int        // that the screen is to claim; guarded by resizing
	claimed  int        // that it claims, as far as we have said; guarded by resizing

	cursorMu sync.Mutex
	cursor   capture.Cursor // the newest seen; its Image is converted once a serial

	grabbing sync.Mutex // guards the rest
	damage   damage.Damage
	region   xfixes.Region // where Grab has the server put what changed
	picture  picture
	whole    bool              // the next Grab's damage is the whole picture
	parts    []image.Rectangle // that the last Grab has written
	seq      uint64
	closed   bool
}

// extensions that the source cannot do without. MIT-SHM is wanted, not needed.
var extensions = []string{"DAMAGE", "XFIXES", "RANDR"}

// openTimeout is how long a server may take to answer what Open asks.
const openTimeout = 15 * time.Second

// Open connects to the display, with the cookie that display.Connect finds. It
// starts no goroutines of its own; Run has to be running for Damaged and
// CursorChanged to ring.
//
// The screen saver and DPMS are held off until Close, or until the connection
// ends otherwise.
//
// The errors are display.ErrNoDisplay, *display.ExtensionError and
// ErrPixelFormat, wrapped.
func Open(cfg Config) (*Source, error) {
	s := &Source{
		log:           cfg.Log,
		damaged:       newDoorbell(),
		cursorChanged: newDoorbell(),
		dpi:           standardDPI,
		claimed:       standardDPI,
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.settings = newSettings(s.log)
	silent := time.AfterFunc(openTimeout, s.conns.Close)
	defer silent.Stop()
	if err := s.open(cfg); err != nil {
		s.Close()
		return nil, fmt.Errorf("x11: open: %w", err)
	}
	s.log.Info("display opened", "display", cfg.Display, "size", s.picture.size)
	return s, nil
}

func (s *Source) open(cfg Config) error {
	var err error
	if s.pixels, err = s.conns.Connect(cfg.Display, extensions...); err != nil {
		return err
	}
	if s.events, err = s.conns.ConnectBounded(cfg.Display, maxReply, extensions...); err != nil {
		return err
	}
	setup := xproto.Setup(s.pixels)
	screen := setup.DefaultScreen(s.pixels)
	s.root = screen.Root
	s.settings.conn, s.settings.root = s.events, s.root
	if err := checkFormat(setup, screen); err != nil {
		return err
	}
	if err := s.negotiate(); err != nil {
		return err
	}
	s.keepAwake()
	if cfg.Size != (image.Point{}) {
		if _, err := s.Resize(cfg.Size); err != nil {
			return err
		}
	}
	if err := s.watch(); err != nil {
		return err
	}
	s.picture.open(s.pixels, s.root, s.log)
	if err := s.fit(); err != nil {
		return err
	}
	// Nothing has been grabbed yet, so that everything is new.
	s.damaged.ring(time.Time{})
	s.cursorChanged.ring(time.Time{})
	return nil
}

// negotiate tells the server which versions of the extensions we know, which
// it wants to hear before anything else is asked of them.
func (s *Source) negotiate() error {
	for _, conn := range []*xgb.Conn{s.pixels, s.events} {
		if _, err := damage.QueryVersion(conn, 1, 1).Reply(); err != nil {
			return lost(err)
		}
		if _, err := xfixes.QueryVersion(conn, 4, 0).Reply(); err != nil {
			return lost(err)
		}
		version, err := randr.QueryVersion(conn, 1, 3).Reply()
		if err != nil {
			return lost(err)
		}
		if version.MajorVersion == 1 && version.MinorVersion < 3 {
			return fmt.Errorf("%w (it has 1.%d)", &display.ExtensionError{Extension: "RANDR 1.3"}, version.MinorVersion)
		}
	}
	return nil
}

// keepAwake suspends the screen saver and DPMS. The server resumes them when
// the connection ends, however it ends. A server without these extensions
// never blanks.
func (s *Source) keepAwake() {
	xproto.ForceScreenSaver(s.events, xproto.ScreenSaverReset)
	if _, ok := s.events.Extensions["MIT-SCREEN-SAVER"]; ok {
		if _, err := screensaver.QueryVersion(s.events, 1, 1).Reply(); err == nil {
			screensaver.Suspend(s.events, 1)
		}
	}
	if _, ok := s.events.Extensions["DPMS"]; ok {
		// An error where DPMS is off, which is as good.
		_ = dpms.ForceLevelChecked(s.events, dpms.DPMSModeOn).Check()
	}
}

// watch asks for the events that Run handles and makes the objects that
// collect damage.
func (s *Source) watch() error {
	id, err := damage.NewDamageId(s.events)
	if err != nil {
		return lost(err)
	}
	s.damage = id
	// NonEmpty: one event until the damage is fetched, however much is drawn.
	if err := damage.CreateChecked(s.events, id, xproto.Drawable(s.root), damage.ReportLevelNonEmpty).Check(); err != nil {
		return lost(err)
	}
	if err := randr.SelectInputChecked(s.events, s.root, randr.NotifyMaskScreenChange).Check(); err != nil {
		return lost(err)
	}
	if err := xfixes.SelectCursorInputChecked(s.events, s.root, xfixes.CursorNotifyMaskDisplayCursor).Check(); err != nil {
		return lost(err)
	}
	if s.region, err = xfixes.NewRegionId(s.pixels); err != nil {
		return lost(err)
	}
	return lost(xfixes.CreateRegionChecked(s.pixels, s.region, nil).Check())
}

// Damaged implements capture.Source. Run has to be running.
func (s *Source) Damaged() <-chan struct{} { return s.damaged.bell }

// Renew has the next Grab fetch all of the picture, for who has drawn into Pix, and
// rings Damaged.
func (s *Source) Renew() {
	s.renewed.Store(true)
	s.damaged.ring(time.Now())
}

// Fresh returns the parts of Pix that the last Grab has written: more than its damage,
// where that is cheaper to fetch, and overlapping. They are valid until the next Grab.
func (s *Source) Fresh() []image.Rectangle {
	s.grabbing.Lock()
	defer s.grabbing.Unlock()
	return s.parts
}

// CursorChanged implements capture.Pointed. Run has to be running. It is closed
// together with Damaged.
func (s *Source) CursorChanged() <-chan struct{} { return s.cursorChanged.bell }

// Run handles the display's events until ctx is done, Close is called or the
// display has gone, and closes Damaged and CursorChanged at the end. It returns
// nil after Close, ctx's error, or display.ErrNoDisplay. It is called once; the
// source is of no use afterwards.
func (s *Source) Run(ctx context.Context) error {
	if s.running.Swap(true) {
		return errors.New("x11: run: already running or closed")
	}
	defer s.cursorChanged.close()
	defer s.damaged.close()
	// Waiting for an event ends with its connection only, and so does waiting
	// for a picture.
	defer context.AfterFunc(ctx, s.conns.Close)()

	var managing sync.WaitGroup
	defer managing.Wait()
	done := make(chan struct{})
	defer close(done)
	managing.Go(func() { s.settings.run(done) })

	for {
		event, fault := s.events.WaitForEvent()
		switch event.(type) {
		case damage.NotifyEvent:
			s.damaged.ring(time.Now())
		case randr.ScreenChangeNotifyEvent:
			s.resized.Store(true)
			s.damaged.ring(time.Now())
		case xfixes.CursorNotifyEvent:
			s.cursorChanged.ring(time.Now())
		case xproto.PropertyNotifyEvent, xproto.SelectionClearEvent:
			s.settings.note(event)
		case nil:
			if fault != nil {
				s.log.Warn("X error", "err", fault)
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if s.closing.Load() {
				return nil
			}
			return fmt.Errorf("x11: run: %w", display.ErrNoDisplay)
		default: // MappingNotify, which goes to every client
		}
	}
}

// Close implements capture.Source: it ends Run, disconnects and unmaps the
// picture.
func (s *Source) Close() error {
	s.closing.Store(true)
	if !s.running.Swap(true) { // Run does this, if it ever ran
		s.damaged.close()
		s.cursorChanged.close()
	}
	s.conns.Close() // before the lock: a Grab may be waiting for a server that is stopped
	s.grabbing.Lock()
	defer s.grabbing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.picture.close(); err != nil {
		return fmt.Errorf("x11: close: %w", err)
	}
	return nil
}

// errClosed is what methods return after Close.
var errClosed = fmt.Errorf("source %w", os.ErrClosed)
