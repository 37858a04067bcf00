// Package xclient is small deterministic X clients: what is drawn on a display
// while somebody measures how it arrives elsewhere, and who is listening there
// when input comes back.
package xclient

import (
	"fmt"
	"image"
	"sync"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/shm"
	"github.com/jezek/xgb/xproto"
)

// RGB is a colour as 0xRRGGBB, which is also its pixel value at depth 24.
type RGB uint32

// Window is a bare window at a fixed place, above the others, unmanaged. Its
// methods may be called from one goroutine at a time.
type Window struct {
	Bounds image.Rectangle // in screen pixels

	conn   *xgb.Conn
	screen *xproto.ScreenInfo
	id     xproto.Window
	gc     xproto.Gcontext
	close  sync.Once
}

// Open maps a window on a display (":20") and returns when the server has done
// so. The X authority is found as X clients do.
func Open(display string, bounds image.Rectangle, background RGB) (*Window, error) {
	conn, err := xgb.NewConnDisplay(display)
	if err != nil {
		return nil, fmt.Errorf("xclient: display %s: %w", display, err)
	}
	w := &Window{Bounds: bounds, conn: conn, screen: xproto.Setup(conn).DefaultScreen(conn)}
	if err := w.open(background); err != nil {
		conn.Close()
		return nil, fmt.Errorf("xclient: window on %s: %w", display, err)
	}
	return w, nil
}

func (w *Window) open(background RGB) error {
	if err := shm.Init(w.conn); err != nil {
		return err
	}
	var err error
	if w.id, err = xproto.NewWindowId(w.conn); err != nil {
		return err
	}
	if w.gc, err = xproto.NewGcontextId(w.conn); err != nil {
		return err
	}
	const events = xproto.EventMaskKeyPress | xproto.EventMaskKeyRelease | xproto.EventMaskButtonPress |
		xproto.EventMaskButtonRelease | xproto.EventMaskPointerMotion
	err = xproto.CreateWindowChecked(w.conn, w.screen.RootDepth, w.id, w.screen.Root,
		int16(w.Bounds.Min.X), int16(w.Bounds.Min.Y), uint16(w.Bounds.Dx()), uint16(w.Bounds.Dy()), 0,
		xproto.WindowClassInputOutput, w.screen.RootVisual,
		xproto.CwBackPixel|xproto.CwOverrideRedirect|xproto.CwEventMask,
		[]uint32{uint32(background), 1, events}).Check()
	if err != nil {
		return err
	}
	if err := xproto.CreateGCChecked(w.conn, w.gc, xproto.Drawable(w.id), xproto.GcGraphicsExposures, []uint32{0}).Check(); err != nil {
		return err
	}
	return xproto.MapWindowChecked(w.conn, w.id).Check()
}

// Focus gives the window the keyboard.
func (w *Window) Focus() error {
	err := xproto.SetInputFocusChecked(w.conn, xproto.InputFocusNone, w.id, xproto.TimeCurrentTime).Check()
	if err != nil {
		return fmt.Errorf("xclient: focus: %w", err)
	}
	return nil
}

// Fill fills a rectangle, in the window's pixels. The request is on its way
// when Fill returns; Sync waits for it.
func (w *Window) Fill(r image.Rectangle, c RGB) { w.fill(xproto.Drawable(w.id), r, c) }

func (w *Window) fill(d xproto.Drawable, r image.Rectangle, c RGB) {
	xproto.ChangeGC(w.conn, w.gc, xproto.GcForeground, []uint32{uint32(c)})
	xproto.PolyFillRectangle(w.conn, d, w.gc, []xproto.Rectangle{rectangle(r)})
}

func rectangle(r image.Rectangle) xproto.Rectangle {
	return xproto.Rectangle{X: int16(r.Min.X), Y: int16(r.Min.Y), Width: uint16(r.Dx()), Height: uint16(r.Dy())}
}

// Sync returns when the server has done everything asked for so far.
func (w *Window) Sync() error {
	if _, err := xproto.GetInputFocus(w.conn).Reply(); err != nil {
		return fmt.Errorf("xclient: sync: %w", err)
	}
	return nil
}

// ScreenSize asks the server for the size of the screen now.
func (w *Window) ScreenSize() (image.Point, error) {
	g, err := xproto.GetGeometry(w.conn, xproto.Drawable(w.screen.Root)).Reply()
	if err != nil {
		return image.Point{}, fmt.Errorf("xclient: screen size: %w", err)
	}
	return image.Pt(int(g.Width), int(g.Height)), nil
}

// Close destroys the window and ends the connection. It is idempotent.
func (w *Window) Close() error {
	w.close.Do(w.conn.Close)
	return nil
}
