package e2e

import (
	"image"
	"slices"
	"strconv"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/render"
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

// On a dense display a picture's pixels are device pixels, and its hot spot is
// exact, although browsers know whole CSS pixels alone.
func TestCursorOnDenseDisplays(t *testing.T) {
	for _, scale := range []float64{1.5, 2} {
		t.Run(strconv.FormatFloat(scale, 'g', -1, 64), func(t *testing.T) {
			d := newDesk(t, setup{tab: image.Pt(640, 360), scale: scale})
			x := d.cursors()
			page := d.open("?resize=scale")
			d.check(page.MouseMove(d.ctx, image.Pt(300, 200), browser.NoButton))
			for hot := range 4 {
				want := cursor{Width: 20, Height: 16, HotX: float64(7 + hot), HotY: float64(hot), Ratio: scale}
				for y := range want.Height {
					for x := range want.Width {
						var pixel uint32
						if x >= hot && y >= hot {
							pixel = 0xff2040a0
						}
						want.Pixels = append(want.Pixels, pixel)
					}
				}
				x.show(x.block(image.Pt(20, 16), image.Pt(hot, hot), image.Pt(7+hot, hot)))
				poll(t, "cursor", func() bool { return page.cursor().trimmed(image.Pt(20, 16)).equal(want) })
			}
		})
	}
}

// What browsers do not show as a cursor is drawn.
func TestLargeCursors(t *testing.T) {
	d := newDesk(t, setup{})
	x := d.cursors()
	page := d.open("?resize=off")
	for _, c := range []struct {
		name      string
		size, hot image.Point
		at        image.Point
		drawn     bool
	}{
		{"one that browsers show", image.Pt(32, 32), image.Pt(0, 0), image.Pt(1270, 710), false},
		{"a larger one inside the page", image.Pt(64, 64), image.Pt(20, 30), image.Pt(640, 360), false},
		{"a larger one at an edge", image.Pt(64, 64), image.Pt(20, 31), image.Pt(200, 10), true},
		{"one that no browser shows", image.Pt(200, 130), image.Pt(100, 60), image.Pt(640, 360), true},
	} {
		x.show(x.block(c.size, image.Point{}, c.hot))
		var got struct {
			Drawn, None         bool
			X, Y, Width, Height float64
		}
		want := got
		want.Drawn, want.None = c.drawn, c.drawn
		if c.drawn {
			corner := c.at.Sub(c.hot)
			want.X, want.Y, want.Width, want.Height = float64(corner.X), float64(corner.Y), float64(c.size.X), float64(c.size.Y)
		}
		d.check(page.MouseMove(d.ctx, c.at, browser.NoButton))
		poll(t, c.name, func() bool {
			d.check(page.Eval(d.ctx, `(() => {
				const arrow = document.querySelector(".arrow"), {x, y, width, height} = arrow.getBoundingClientRect();
				return {Drawn: !arrow.hidden, None: getComputedStyle(document.querySelector("video")).cursor === "none",
					X: x, Y: y, Width: width, Height: height};
			})()`, &got))
			return got == want
		})
	}
}

// cursorsScript keeps the messages about cursors.
const cursorsScript = `window.told = [];
const Plain = WebSocket;
window.WebSocket = class extends Plain {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data }) => {
      const message = typeof data === "string" ? JSON.parse(data) : {};
      if (message.type === "cursor") told.push({ Serial: message.serial, Pictured: "image" in message });
    });
  }
};`

// An animated cursor moves in the tab, and each of its pictures is sent once.
func TestAnimatedCursor(t *testing.T) {
	d := newDesk(t, setup{})
	x := d.cursors()
	page := d.load(d.browser, d.url("?resize=off"), cursorsScript)
	page.picture()
	d.check(page.MouseMove(d.ctx, image.Pt(300, 300), browser.NoButton))
	d.check(render.Init(x.conn))
	_, err := render.QueryVersion(x.conn, 0, 11).Reply()
	d.check(err)
	animated, err := xproto.NewCursorId(x.conn)
	d.check(err)
	frames := []render.Animcursorelt{
		{Cursor: x.block(image.Pt(16, 16), image.Point{}, image.Pt(1, 1)), Delay: 40},
		{Cursor: x.block(image.Pt(16, 16), image.Pt(8, 8), image.Pt(1, 1)), Delay: 40},
	}
	d.check(render.CreateAnimCursorChecked(x.conn, animated, frames).Check())
	x.show(animated)
	seen := map[bool]bool{}
	poll(t, "both pictures", func() bool {
		c := page.cursor()
		if len(c.Pixels) == 16*16 {
			seen[c.Pixels[0] == 0] = true
		}
		return len(seen) == 2
	})
	var told []struct {
		Serial   uint32
		Pictured bool
	}
	poll(t, "ten frames", func() bool {

		d.check(page.Eval(d.ctx, "told", &told))
		return len(told) >= 12
	})
	pictured := map[uint32]int{}
	for _, m := range told {
		if m.Pictured {
			pictured[m.Serial]++
		}
	}
	for serial, n := range pictured {
		if n != 1 {
			t.Errorf("the picture of cursor %d was sent %d times", serial, n)
		}
	}
}

// cursor is a pointer's picture.
type cursor struct {
	Width, Height int      // pixels
	HotX, HotY    float64  // in them; one may be met by no CSS pixel
	Ratio         float64  // of them to a CSS pixel
	Pixels        []uint32 // ARGB; nil: hidden
}

// trimmed returns the cursor without what a page has added to its left and top.
func (c cursor) trimmed(size image.Point) cursor {
	right, down := c.Width-size.X, c.Height-size.Y
	if right < 0 || down < 0 || len(c.Pixels) != c.Width*c.Height {
		return c
	}
	trimmed := cursor{Width: size.X, Height: size.Y, HotX: c.HotX - float64(right), HotY: c.HotY - float64(down), Ratio: c.Ratio}
	for y := down; y < c.Height; y++ {
		trimmed.Pixels = append(trimmed.Pixels, c.Pixels[y*c.Width+right:(y+1)*c.Width]...)
	}
	return trimmed
}

func (c cursor) equal(other cursor) bool {
	return c.Width == other.Width && c.Ratio == other.Ratio && c.Height == other.Height && c.HotX == other.HotX && c.HotY == other.HotY &&
		slices.Equal(c.Pixels, other.Pixels)
}

// cursor returns the tab's cursor over the desktop.
func (t *tab) cursor() cursor {
	t.d.t.Helper()
	var c cursor
	t.d.check(t.Eval(t.d.ctx, `(async () => {
		const style = getComputedStyle(document.querySelector("video")).cursor;
		if (style === "none") return {};
		const [, url, ratio = 1, hotX, hotY] = /url\("(data:[^"]*)"\)(?: ([\d.]+)(?:x|dppx).*?\))? (\d+) (\d+)/.exec(style) ?? [];
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
		return {Width: width, Height: height, HotX: hotX * ratio, HotY: hotY * ratio, Ratio: Number(ratio), Pixels: pixels};
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

// block makes a blue one of a size, without anything left of or above a corner.
func (x *cursors) block(size, corner, hot image.Point) xproto.Cursor {
	pixmap, err := xproto.NewPixmapId(x.conn)
	x.d.check(err)
	made, err := xproto.NewCursorId(x.conn)
	x.d.check(err)
	x.d.check(xproto.CreatePixmapChecked(x.conn, 1, pixmap, xproto.Drawable(x.root), uint16(size.X), uint16(size.Y)).Check())
	x.fill(pixmap, 0, image.Rectangle{Max: size})
	x.fill(pixmap, 1, image.Rectangle{Min: corner, Max: size})
	x.d.check(xproto.CreateCursorChecked(x.conn, made, pixmap, pixmap,
		0x20*257, 0x40*257, 0xa0*257, 0, 0, 0, uint16(hot.X), uint16(hot.Y)).Check())
	return made
}

// fill sets a rectangle of a bitmap.
func (x *cursors) fill(pixmap xproto.Pixmap, value uint32, r image.Rectangle) {
	gc, err := xproto.NewGcontextId(x.conn)
	x.d.check(err)
	x.d.check(
		xproto.CreateGCChecked(x.conn, gc, xproto.Drawable(pixmap), xproto.GcForeground, []uint32{value}).Check(),
		xproto.PolyFillRectangleChecked(x.conn, xproto.Drawable(pixmap), gc, []xproto.Rectangle{{
			X: int16(r.Min.X), Y: int16(r.Min.Y), Width: uint16(r.Dx()), Height: uint16(r.Dy())}}).Check())
}

// hidden makes one without a pixel, which is how programs hide the pointer.
func (x *cursors) hidden() xproto.Cursor {
	return x.block(image.Pt(1, 1), image.Pt(1, 1), image.Point{})
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
	c := cursor{int(i.Width), int(i.Height), float64(i.Xhot), float64(i.Yhot), 1, i.CursorImage}
	if !slices.ContainsFunc(c.Pixels, func(p uint32) bool { return p != 0 }) {
		return cursor{}
	}
	return c
}
