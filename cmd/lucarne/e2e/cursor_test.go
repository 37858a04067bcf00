package e2e

import (
	"image"
	"slices"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"

	"lucarne/perf/browser"
)

// The tab's cursor is the desktop's: its picture, its hot spot, and none where
// there is none.
func TestCursor(t *testing.T) {
	d := newDesk(t, setup{})
	x := d.cursors()
	page := d.open("?resize=off")
	d.check(page.MouseMove(d.ctx, image.Pt(300, 300), browser.NoButton))
	const watch, xterm = 150, 152 // X11 protocol, appendix B
	for _, c := range []struct {
		name string
		make func() xproto.Cursor
	}{
		{"watch", func() xproto.Cursor { return x.glyph(watch) }},
		{"xterm", func() xproto.Cursor { return x.glyph(xterm) }},
		{"hidden", x.hidden},
		{"watch again", func() xproto.Cursor { return x.glyph(watch) }},
	} {
		x.show(c.make())
		want := x.now()
		var got cursor
		poll(t, c.name+" cursor", func() bool {
			got = page.cursor()
			return got.equal(want)
		})
	}
}

// cursor is a pointer's picture.
type cursor struct {
	Width, Height, HotX, HotY int
	Pixels                    []uint32 // ARGB; nil: hidden
}

func (c cursor) equal(other cursor) bool {
	return c.Width == other.Width && c.Height == other.Height && c.HotX == other.HotX && c.HotY == other.HotY &&
		slices.Equal(c.Pixels, other.Pixels)
}

// cursor returns the tab's cursor over the desktop.
func (t *tab) cursor() cursor {
	t.d.t.Helper()
	var c cursor
	t.d.check(t.Eval(t.d.ctx, `(async () => {
		const style = getComputedStyle(document.querySelector("video")).cursor;
		if (style === "none") return {};
		const [, url, hotX, hotY] = /^url\("(data:[^"]*)"\) (\d+) (\d+)/.exec(style) ?? [];
		if (!url) return {Width: -1};
		const image = new Image();
		image.src = url;
		await image.decode();
		const {width, height} = image;
		const context = new OffscreenCanvas(width, height).getContext("2d");
		context.drawImage(image, 0, 0);
		const {data} = context.getImageData(0, 0, width, height);
		const pixels = [];
		for (let i = 0; i < data.length; i += 4)
			pixels.push(data[i + 3] && ((data[i + 3] << 24 | data[i] << 16 | data[i + 1] << 8 | data[i + 2]) >>> 0));
		return {Width: width, Height: height, HotX: Number(hotX), HotY: Number(hotY), Pixels: pixels};
	})()`, &c))
	return c
}

// cursors sets the cursor of a display's root window.
type cursors struct {
	d    *desk
	conn *xgb.Conn
	root xproto.Window
}

func (d *desk) cursors() *cursors {
	d.t.Helper()
	conn, err := xgb.NewConnDisplay(d.plan.Display)
	d.check(err)
	d.t.Cleanup(conn.Close)
	d.check(xfixes.Init(conn))
	_, err = xfixes.QueryVersion(conn, 5, 0).Reply()
	d.check(err)
	return &cursors{d, conn, xproto.Setup(conn).DefaultScreen(conn).Root}
}

// glyph makes one of the cursor font, black in white.
func (x *cursors) glyph(number uint16) xproto.Cursor {
	font, err := xproto.NewFontId(x.conn)
	x.d.check(err)
	made, err := xproto.NewCursorId(x.conn)
	x.d.check(err)
	const name = "cursor"
	x.d.check(
		xproto.OpenFontChecked(x.conn, font, uint16(len(name)), name).Check(),
		xproto.CreateGlyphCursorChecked(x.conn, made, font, font, number, number+1, 0, 0, 0, 0xffff, 0xffff, 0xffff).Check(),
		xproto.CloseFontChecked(x.conn, font).Check())
	return made
}

// hidden makes one without a pixel, which is how programs hide the pointer.
func (x *cursors) hidden() xproto.Cursor {
	pixmap, err := xproto.NewPixmapId(x.conn)
	x.d.check(err)
	gc, err := xproto.NewGcontextId(x.conn)
	x.d.check(err)
	made, err := xproto.NewCursorId(x.conn)
	x.d.check(err)
	x.d.check(
		xproto.CreatePixmapChecked(x.conn, 1, pixmap, xproto.Drawable(x.root), 1, 1).Check(),
		xproto.CreateGCChecked(x.conn, gc, xproto.Drawable(pixmap), xproto.GcForeground, []uint32{0}).Check(),
		xproto.PolyFillRectangleChecked(x.conn, xproto.Drawable(pixmap), gc, []xproto.Rectangle{{Width: 1, Height: 1}}).Check(),
		xproto.CreateCursorChecked(x.conn, made, pixmap, pixmap, 0, 0, 0, 0, 0, 0, 0, 0).Check())
	return made
}

// show gives the display a cursor.
func (x *cursors) show(c xproto.Cursor) {
	x.d.t.Helper()
	x.d.check(xproto.ChangeWindowAttributesChecked(x.conn, x.root, xproto.CwCursor, []uint32{uint32(c)}).Check())
}

// now returns the cursor that the display shows.
func (x *cursors) now() cursor {
	x.d.t.Helper()
	i, err := xfixes.GetCursorImage(x.conn).Reply()
	x.d.check(err)
	c := cursor{int(i.Width), int(i.Height), int(i.Xhot), int(i.Yhot), i.CursorImage}
	if !slices.ContainsFunc(c.Pixels, func(p uint32) bool { return p != 0 }) {
		return cursor{}
	}
	return c
}
