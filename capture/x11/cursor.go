package x11

import (
	"errors"
	"fmt"
	"image"
	"image/color"

	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"

	"lucarne/capture"
)

// Cursor implements capture.Pointed (XFIXES protocol, §8 Cursor Monitoring). A
// cursor without a single visible pixel, which is how programs hide it, has no
// Image. The server does not say whether a client has hidden it by
// XFixesHideCursor.
func (s *Source) Cursor() (capture.Cursor, error) {
	s.cursorMu.Lock()
	defer s.cursorMu.Unlock()
	s.cursorChanged.answer()
	reply, err := xfixes.GetCursorImage(s.events).Reply()
	if missing := (xproto.CursorError{}); errors.As(err, &missing) {
		return capture.Cursor{}, nil // the server has not shown one yet
	}
	if err != nil {
		return capture.Cursor{}, fmt.Errorf("x11: cursor: %w", lost(err))
	}
	if reply.CursorSerial != s.cursor.Serial {
		s.cursor.Serial = reply.CursorSerial
		s.cursor.Image = cursorImage(int(reply.Width), int(reply.Height), reply.CursorImage)
		s.cursor.Hot = image.Pt(int(reply.Xhot), int(reply.Yhot))
	}
	s.cursor.Pos = image.Pt(int(reply.X), int(reply.Y))
	return s.cursor, nil
}

// cursorImage returns premultiplied ARGB pixels as a picture of its own; nil
// if none is visible.
func cursorImage(width, height int, argb []uint32) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	visible := false
	for i, pixel := range argb[:min(width*height, len(argb))] {
		premultiplied := color.RGBA{A: byte(pixel >> 24), R: byte(pixel >> 16), G: byte(pixel >> 8), B: byte(pixel)}
		visible = visible || premultiplied.A != 0
		img.SetNRGBA(i%width, i/width, unmultiply(premultiplied))
	}
	if !visible {
		return nil
	}
	return img
}

// unmultiply rounds to the nearest, so that multiplying again gives c.
func unmultiply(c color.RGBA) color.NRGBA {
	if c.A == 0 {
		return color.NRGBA{}
	}
	channel := func(v byte) byte { return byte(min((int(v)*255+int(c.A)/2)/int(c.A), 255)) }
	return color.NRGBA{R: channel(c.R), G: channel(c.G), B: channel(c.B), A: c.A}
}
