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

// maxCursor is the longest side of a cursor's picture, in pixels. Themes have
// them up to about 128; X itself knows no limit.
const maxCursor = 256

// maxReply bounds what the server may answer, in bytes: there is no asking for
// a part of a cursor, nor for its size, and a program may make one of 65535 by
// 65535 pixels. It is enough for one of 1024 by 1024.
const maxReply = 4 << 20

// Cursor implements capture.Pointed (XFIXES protocol, §8 Cursor Monitoring). A
// cursor without a single visible pixel, which is how programs hide it, has no
// Image; of one with a side of more than 256 pixels it is the part around the hot
// spot; in place of one with more than 4 MiB stays the one before it. The server does not say whether a client has hidden it by
// XFixesHideCursor.
func (s *Source) Cursor() (capture.Cursor, error) {
	s.cursorMu.Lock()
	defer s.cursorMu.Unlock()
	s.cursorChanged.answer()
	reply, err := xfixes.GetCursorImage(s.events).Reply()
	if missing := (xproto.CursorError{}); errors.As(err, &missing) {
		return capture.Cursor{}, nil // the server has not shown one yet
	}
	if tooLarge := (xproto.AllocError{}); errors.As(err, &tooLarge) {
		return s.cursor, nil
	}
	if err != nil {
		return capture.Cursor{}, fmt.Errorf("x11: cursor: %w", lost(err))
	}
	if reply.CursorSerial != s.cursor.Serial {
		s.cursor.Serial = reply.CursorSerial
		size, hot := image.Pt(int(reply.Width), int(reply.Height)), image.Pt(int(reply.Xhot), int(reply.Yhot))
		part := around(hot, size)
		s.cursor.Image = cursorImage(size, part, reply.CursorImage)
		s.cursor.Hot = hot.Sub(part.Min)
	}
	s.cursor.Pos = image.Pt(int(reply.X), int(reply.Y))
	return s.cursor, nil
}

// around returns the part of a cursor that is shown.
func around(hot, size image.Point) image.Rectangle {
	along := func(hot, length int) (from, to int) {
		from = max(0, min(hot-maxCursor/2, length-maxCursor))
		return from, min(from+maxCursor, length)
	}
	var r image.Rectangle
	r.Min.X, r.Max.X = along(hot.X, size.X)
	r.Min.Y, r.Max.Y = along(hot.Y, size.Y)
	return r
}

// cursorImage returns a part of a cursor, whose pixels are premultiplied ARGB, as
// a picture of its own; nil if none of it is visible.
func cursorImage(size image.Point, part image.Rectangle, argb []uint32) *image.NRGBA {
	img := image.NewNRGBA(image.Rectangle{Max: part.Size()})
	visible := false
	for y := range part.Dy() {
		start := (part.Min.Y+y)*size.X + part.Min.X
		if start+part.Dx() > len(argb) {
			break
		}
		for x, pixel := range argb[start : start+part.Dx()] {
			premultiplied := color.RGBA{A: byte(pixel >> 24), R: byte(pixel >> 16), G: byte(pixel >> 8), B: byte(pixel)}
			visible = visible || premultiplied.A != 0
			img.SetNRGBA(x, y, unmultiply(premultiplied))
		}
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
