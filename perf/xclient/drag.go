package xclient

import (
	"fmt"
	"image"
	"image/draw"
	"math"
	"time"

	"github.com/jezek/xgb/xproto"
)

// dragSize is the size of the window that is dragged, in pixels.
var dragSize = image.Pt(640, 400)

// Drag is a window of 640×400 pixels that somebody drags over a page of text, as
// a window manager does it with its content shown: the server moves what is in
// it and repaints what was behind it.
type Drag struct {
	w     *Window
	child xproto.Window
	bar   xproto.Pixmap // the next bar code

	behind, content *image.RGBA
}

// NewDrag draws both windows on the server.
func NewDrag(w *Window) (*Drag, error) {
	d := &Drag{w: w}
	if err := d.open(); err != nil {
		return nil, fmt.Errorf("xclient: drag: %w", err)
	}
	return d, nil
}

func (d *Drag) open() error {
	w, size := d.w, d.w.Bounds.Size()
	behind, err := w.pixmap(size)
	if err != nil {
		return err
	}
	content, err := w.pixmap(dragSize)
	if err != nil {
		return err
	}
	if d.bar, err = w.pixmap(barcodeBounds.Size()); err != nil {
		return err
	}
	if err := w.drawText(xproto.Drawable(behind), size); err != nil {
		return err
	}
	if err := d.drawContent(xproto.Drawable(content)); err != nil {
		return err
	}
	if d.behind, err = w.read(xproto.Drawable(behind), image.Rectangle{Max: size}); err != nil {
		return err
	}
	if d.content, err = w.read(xproto.Drawable(content), image.Rectangle{Max: dragSize}); err != nil {
		return err
	}
	if d.child, err = xproto.NewWindowId(w.conn); err != nil {
		return err
	}
	xproto.ChangeWindowAttributes(w.conn, w.id, xproto.CwBackPixmap, []uint32{uint32(behind)})
	xproto.ClearArea(w.conn, false, w.id, 0, 0, 0, 0)
	at := d.place(0)
	err = xproto.CreateWindowChecked(w.conn, w.screen.RootDepth, d.child, w.id, int16(at.X), int16(at.Y),
		uint16(dragSize.X), uint16(dragSize.Y), 0, xproto.WindowClassInputOutput, w.screen.RootVisual,
		xproto.CwBackPixmap, []uint32{uint32(content)}).Check()
	if err != nil {
		return err
	}
	return xproto.MapWindowChecked(w.conn, d.child).Check()
}

// drawContent draws a window with a title, a colour chart and text.
func (d *Drag) drawContent(content xproto.Drawable) error {
	if err := d.w.drawText(content, dragSize); err != nil {
		return err
	}
	const title = 24 // pixels
	d.w.fill(content, image.Rect(0, 0, dragSize.X, title), 0x2f4f7f)
	for _, p := range Chart() {
		d.w.fill(content, p.Bounds.Add(image.Pt(0, title)), p.Colour)
	}
	return nil
}

// place is the dragged window's corner in a frame: a curve that never comes near
// the bar code, with at most some 20 pixels from one frame to the next.
func (d *Drag) place(number int) image.Point {
	room := d.w.Bounds.Size().Sub(dragSize).Sub(image.Pt(0, Cell))
	along := func(room, period int) int {
		return int(float64(max(0, room)) * (1 + math.Sin(2*math.Pi*float64(number%period)/float64(period))) / 2)
	}
	return image.Pt(along(room.X, 97), Cell+along(room.Y, 61))
}

// Draw moves the window to its place in frame number.
func (d *Drag) Draw(number int) (time.Time, error) {
	conn, at := d.w.conn, d.place(number)
	d.w.paintBarcode(xproto.Drawable(d.bar), number)
	if err := d.w.Sync(); err != nil {
		return time.Time{}, err
	}
	drawn := time.Now()
	d.w.atOnce(func() {
		xproto.ConfigureWindow(conn, d.child, xproto.ConfigWindowX|xproto.ConfigWindowY, []uint32{uint32(at.X), uint32(at.Y)})
		d.w.copyBarcode(d.bar)
	})
	return drawn, nil
}

// Picture returns what Draw shows.
func (d *Drag) Picture(number int) *image.RGBA {
	picture := image.NewRGBA(d.behind.Rect)
	copy(picture.Pix, d.behind.Pix)
	draw.Draw(picture, d.content.Rect.Add(d.place(number)), d.content, image.Point{}, draw.Src)
	markNumber(picture, number)
	return picture
}

// atOnce has requests carried out with nobody else's between them, so that no
// other program sees half of a frame.
func (w *Window) atOnce(requests func()) {
	xproto.GrabServer(w.conn)
	requests()
	xproto.UngrabServer(w.conn)
}

// copyBarcode shows a bar code that was painted on a pixmap.
func (w *Window) copyBarcode(from xproto.Pixmap) {
	xproto.CopyArea(w.conn, xproto.Drawable(from), xproto.Drawable(w.id), w.gc, 0, 0, 0, 0,
		uint16(barcodeBounds.Dx()), uint16(barcodeBounds.Dy()))
}
