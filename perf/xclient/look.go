package xclient

import (
	"fmt"
	"image"

	"github.com/jezek/xgb/xproto"
)

// Look returns what the screen shows where the window is: the truth with which a
// page's picture is compared. The window has to lie inside the screen.
func (w *Window) Look() (*image.RGBA, error) {
	picture, err := w.read(xproto.Drawable(w.screen.Root), w.Bounds)
	if err != nil {
		return nil, fmt.Errorf("xclient: look: %w", err)
	}
	return picture, nil
}

// read reads a rectangle of a drawable; the picture's corner is at 0, 0.
func (w *Window) read(d xproto.Drawable, r image.Rectangle) (*image.RGBA, error) {
	reply, err := xproto.GetImage(w.conn, xproto.ImageFormatZPixmap, d, int16(r.Min.X), int16(r.Min.Y),
		uint16(r.Dx()), uint16(r.Dy()), ^uint32(0)).Reply()
	if err != nil {
		return nil, err
	}
	picture := image.NewRGBA(image.Rectangle{Max: r.Size()})
	if len(reply.Data) < len(picture.Pix) {
		return nil, fmt.Errorf("%d bytes of a picture of %v", len(reply.Data), r.Size())
	}
	fromBGRX(picture, picture.Rect, reply.Data)
	return picture, nil
}
