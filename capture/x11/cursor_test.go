package x11_test

import (
	"image"
	"image/color"
	"runtime"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/render"
	"github.com/jezek/xgb/xproto"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/capture/x11"
)

// bitmap returns a pixmap of depth 1 in which r is set.
func (p *painter) bitmap(width, height int, r image.Rectangle) xproto.Pixmap {
	p.t.Helper()
	pixmap, err := xproto.NewPixmapId(p.conn)
	if err != nil {
		p.t.Fatal(err)
	}
	gc, err := xproto.NewGcontextId(p.conn)
	if err != nil {
		p.t.Fatal(err)
	}
	xproto.CreatePixmap(p.conn, 1, pixmap, xproto.Drawable(p.root), uint16(width), uint16(height))
	xproto.CreateGC(p.conn, gc, xproto.Drawable(pixmap), xproto.GcForeground, []uint32{0})
	whole := xproto.Rectangle{Width: uint16(width), Height: uint16(height)}
	xproto.PolyFillRectangle(p.conn, xproto.Drawable(pixmap), gc, []xproto.Rectangle{whole})
	xproto.ChangeGC(p.conn, gc, xproto.GcForeground, []uint32{1})
	xproto.PolyFillRectangle(p.conn, xproto.Drawable(pixmap), gc, []xproto.Rectangle{{
		X: int16(r.Min.X), Y: int16(r.Min.Y), Width: uint16(r.Dx()), Height: uint16(r.Dy())}})
	return pixmap
}

// twoColours makes a cursor whose mask is r, all of it in c.
func (p *painter) twoColours(width, height int, r image.Rectangle, hot image.Point, c color.RGBA) xproto.Cursor {
	p.t.Helper()
	mask := p.bitmap(width, height, r)
	cursor, err := xproto.NewCursorId(p.conn)
	if err != nil {
		p.t.Fatal(err)
	}
	red, green, blue := uint16(c.R)*257, uint16(c.G)*257, uint16(c.B)*257
	err = xproto.CreateCursorChecked(p.conn, cursor, mask, mask, red, green, blue, 0, 0, 0, uint16(hot.X), uint16(hot.Y)).Check()
	if err != nil {
		p.t.Fatal(err)
	}
	return cursor
}

// translucent makes a cursor of one colour with an alpha channel (RENDER).
func (p *painter) translucent(width, height int, hot image.Point, premultiplied color.RGBA) xproto.Cursor {
	p.t.Helper()
	formats, err := render.QueryPictFormats(p.conn).Reply()
	if err != nil {
		p.t.Fatal(err)
	}
	var argb render.Pictformat
	for _, f := range formats.Formats {
		if f.Depth == 32 && f.Direct.AlphaShift == 24 && f.Direct.RedShift == 16 && f.Direct.AlphaMask == 255 {
			argb = f.Id
		}
	}
	pixmap, err := xproto.NewPixmapId(p.conn)
	if err != nil {
		p.t.Fatal(err)
	}
	picture, err := render.NewPictureId(p.conn)
	if err != nil {
		p.t.Fatal(err)
	}
	cursor, err := xproto.NewCursorId(p.conn)
	if err != nil {
		p.t.Fatal(err)
	}
	xproto.CreatePixmap(p.conn, 32, pixmap, xproto.Drawable(p.root), uint16(width), uint16(height))
	render.CreatePicture(p.conn, picture, xproto.Drawable(pixmap), argb, 0, nil)
	wide := func(v byte) uint16 { return uint16(v) * 257 }
	render.FillRectangles(p.conn, render.PictOpSrc, picture, render.Color{
		Red: wide(premultiplied.R), Green: wide(premultiplied.G), Blue: wide(premultiplied.B), Alpha: wide(premultiplied.A),
	}, []xproto.Rectangle{{Width: uint16(width), Height: uint16(height)}})
	if err := render.CreateCursorChecked(p.conn, cursor, picture, uint16(hot.X), uint16(hot.Y)).Check(); err != nil {
		p.t.Fatal(err)
	}
	return cursor
}

// point gives the root window a cursor, which the pointer is on.
func (p *painter) point(cursor xproto.Cursor, at image.Point) {
	p.t.Helper()
	xproto.WarpPointer(p.conn, 0, p.root, 0, 0, 0, 0, int16(at.X), int16(at.Y))
	if err := xproto.ChangeWindowAttributesChecked(p.conn, p.root, xproto.CwCursor, []uint32{uint32(cursor)}).Check(); err != nil {
		p.t.Fatal(err)
	}
}

// cursorWhere asks for the cursor, each time the source rings, until check
// accepts it.
func cursorWhere(t *testing.T, source *x11.Source, check func(capture.Cursor) bool) capture.Cursor {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case <-source.CursorChanged():
			cursor, err := source.Cursor()
			if err != nil {
				t.Fatal(err)
			}
			if check(cursor) {
				return cursor
			}
		case <-timeout:
			t.Fatal("no such cursor")
		}
	}
}

func TestCursor(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		source := open(t, x11.Config{Display: plan.Display})
		p := newPainter(t, plan)
		mask, hot, at := image.Rect(3, 2, 9, 12), image.Pt(4, 7), image.Pt(123, 45)
		p.point(p.twoColours(16, 16, mask, hot, orange), at)
		cursor := cursorWhere(t, source, func(c capture.Cursor) bool { return c.Image != nil && c.Hot == hot })
		if cursor.Pos != at {
			t.Errorf("position %v, want %v", cursor.Pos, at)
		}
		if got := image.Pt(16, 16); cursor.Image.Bounds().Size() != got {
			t.Fatalf("size %v, want %v", cursor.Image.Bounds().Size(), got)
		}
		for y := range 16 {
			for x := range 16 {
				want := color.NRGBA{}
				if image.Pt(x, y).In(mask) {
					want = color.NRGBA(orange)
				}
				if got := cursor.Image.NRGBAAt(x, y); got != want {
					t.Fatalf("pixel %d,%d is %v, want %v", x, y, got, want)
				}
			}
		}
		again, err := source.Cursor()
		if err != nil || again.Serial != cursor.Serial || again.Image != cursor.Image {
			t.Errorf("the same cursor again: serial %d after %d (%v)", again.Serial, cursor.Serial, err)
		}

		p.point(p.twoColours(8, 8, image.Rectangle{}, image.Point{}, orange), at)
		hidden := cursorWhere(t, source, func(c capture.Cursor) bool { return c.Image == nil })
		if hidden.Serial == cursor.Serial {
			t.Error("the hidden cursor has the serial of the one before")
		}
	})
}

func TestTranslucentCursor(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		conn, err := display.Connect(plan.Display, "RENDER")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		source := open(t, x11.Config{Display: plan.Display})
		p := &painter{t: t, conn: conn, root: xproto.Setup(conn).DefaultScreen(conn).Root}
		p.point(p.translucent(5, 7, image.Pt(1, 2), color.RGBA{R: 64, G: 32, B: 128, A: 128}), image.Pt(20, 20))
		cursor := cursorWhere(t, source, func(c capture.Cursor) bool { return c.Image != nil && c.Hot == image.Pt(1, 2) })
		if got, want := cursor.Image.NRGBAAt(2, 3), (color.NRGBA{R: 128, G: 64, B: 255, A: 128}); got != want {
			t.Errorf("pixel %v, want %v", got, want)
		}
	})
}

// A cursor of any size that a program makes has a picture of bounded size, with
// its hot spot where it was.
func TestLargeCursor(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		source := open(t, x11.Config{Display: plan.Display})
		p := newPainter(t, plan)
		for _, c := range []struct{ hot, want image.Point }{
			{image.Pt(0, 0), image.Pt(0, 0)},
			{image.Pt(599, 299), image.Pt(255, 255)},
			{image.Pt(300, 150), image.Pt(128, 128)},
		} {
			mask := image.Rectangle{Min: c.hot, Max: c.hot.Add(image.Pt(1, 1))}
			p.point(p.twoColours(600, 300, mask, c.hot, orange), image.Pt(20, 20))
			cursor := cursorWhere(t, source, func(got capture.Cursor) bool { return got.Image != nil && got.Hot == c.want })
			if got := cursor.Image.Bounds().Size(); got != image.Pt(256, 256) {
				t.Errorf("hot spot %v: size %v", c.hot, got)
			}
			if got := cursor.Image.NRGBAAt(c.want.X, c.want.Y); got != color.NRGBA(orange) {
				t.Errorf("hot spot %v: pixel %v there", c.hot, got)
			}
		}
	})
}

// A cursor that nobody can want to see costs no memory, and the one before it stays.
func TestGiantCursor(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		source := open(t, x11.Config{Display: plan.Display})
		p := newPainter(t, plan)
		at := image.Pt(20, 20)
		show := func(side int) capture.Cursor {
			t.Helper()
			hot := image.Pt(side/2, side/2)
			p.point(p.twoColours(side, side, image.Rectangle{Max: hot}, hot, orange), at)
			return cursorWhere(t, source, func(c capture.Cursor) bool { return c.Image != nil && c.Hot == hot })
		}
		small := show(16)
		const side = 2000
		p.point(p.twoColours(side, side, image.Rect(0, 0, side, side), image.Point{}, orange), at)
		select {
		case <-source.CursorChanged():
		case <-time.After(patience):
			t.Fatal("the giant is not told of")
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		cursor, err := source.Cursor()
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		if cursor.Serial != small.Serial || cursor.Image != small.Image {
			t.Errorf("cursor %d, want that before the giant, %d", cursor.Serial, small.Serial)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%d bytes for it, want at most 1 MiB", got)
		}
		show(18)
	})
}

// A keyboard that is remapped tells every client, asked or not.
func TestUnaskedEventsDoNotBlockGrabs(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 64)})
	source := open(t, x11.Config{Display: plan.Display})
	p := newPainter(t, plan)
	go discard(p.conn)
	var f capture.Frame
	for range 20 {
		for range 500 {
			xproto.ChangeKeyboardMapping(p.conn, 1, 255, 1, []xproto.Keysym{'x'})
		}
		p.sync()
		if err := source.Grab(&f); err != nil {
			t.Fatal(err)
		}
	}
}

// discard reads a connection's events until it is closed.
func discard(conn *xgb.Conn) {
	for {
		if event, fault := conn.WaitForEvent(); event == nil && fault == nil {
			return
		}
	}
}
