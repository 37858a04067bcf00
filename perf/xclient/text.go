package xclient

import (
	"fmt"
	"image"
	"image/draw"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jezek/xgb/xproto"
)

// The text's page: it repeats after textPeriod pixels, and one more window's
// height of it is kept so that any part can be shown with one copy.
const (
	textPeriod = 3000 // pixels, a multiple of textLine and of textStep
	textLine   = 15   // pixels from one line to the next
	textColumn = 6    // pixels from one character to the next
	textStep   = 6    // pixels from one frame to the next: 360 a second at 60 frames/s
)

// Text is a page of text that scrolls smoothly in a window, as an editor's or a
// browser's does: the page is drawn once, each frame shows another part of it.
type Text struct {
	w          *Window
	page, back xproto.Pixmap
	pixels     *image.RGBA // of page
}

// NewText draws the page on the server.
func NewText(w *Window) (*Text, error) {
	t := &Text{w: w}
	var err error
	size := w.Bounds.Size().Add(image.Pt(0, textPeriod))
	if t.page, err = w.pixmap(size); err != nil {
		return nil, fmt.Errorf("xclient: text: %w", err)
	}
	if t.back, err = w.pixmap(w.Bounds.Size()); err != nil {
		return nil, fmt.Errorf("xclient: text: %w", err)
	}
	if err := w.drawText(xproto.Drawable(t.page), size); err != nil {
		return nil, fmt.Errorf("xclient: text: %w", err)
	}
	if t.pixels, err = w.read(xproto.Drawable(t.page), image.Rectangle{Max: size}); err != nil {
		return nil, fmt.Errorf("xclient: text: %w", err)
	}
	return t, nil
}

func (w *Window) pixmap(size image.Point) (xproto.Pixmap, error) {
	id, err := xproto.NewPixmapId(w.conn)
	if err != nil {
		return 0, err
	}
	return id, xproto.CreatePixmapChecked(w.conn, w.screen.RootDepth, id, xproto.Drawable(w.id),
		uint16(size.X), uint16(size.Y)).Check()
}

// paper is the colour that text is written on.
const paper = 0xfdfdf6

// drawText covers a drawable with lines of text.
func (w *Window) drawText(d xproto.Drawable, size image.Point) error {
	if err := w.setFont(); err != nil {
		return err
	}
	w.fill(d, image.Rectangle{Max: size}, paper)
	lines := textLines(textPeriod/textLine, size.X/textColumn)
	for y := 0; y < size.Y; y += textLine {
		i := y / textLine % len(lines)
		ink := [...]RGB{0x202020, 0x202020, 0x1f4f9f, 0x202020, 0x2a7a2a, 0x202020, 0x9f3030}[i%7]
		w.write(d, image.Pt(4, y), ink, lines[i])
	}
	return nil
}

// setFont gives the graphics context the font that every X server has built in:
// its characters are textColumn wide.
func (w *Window) setFont() error {
	font, err := xproto.NewFontId(w.conn)
	if err != nil {
		return err
	}
	const name = "fixed"
	if err := xproto.OpenFontChecked(w.conn, font, uint16(len(name)), name).Check(); err != nil {
		return err
	}
	defer xproto.CloseFont(w.conn, font) // the context keeps it
	return xproto.ChangeGCChecked(w.conn, w.gc, xproto.GcFont, []uint32{uint32(font)}).Check()
}

// write writes at most 255 characters in a line with its upper left corner at p.
func (w *Window) write(d xproto.Drawable, p image.Point, ink RGB, line string) {
	xproto.ChangeGC(w.conn, w.gc, xproto.GcForeground|xproto.GcBackground, []uint32{uint32(ink), paper})
	xproto.ImageText8(w.conn, byte(len(line)), d, w.gc, int16(p.X), int16(p.Y+11), line)
}

// textLines returns lines of made-up words, always the same, each at most columns long.
func textLines(count, columns int) []string {
	rnd := rand.New(rand.NewPCG(1, 2))
	lines := make([]string, count)
	for i := range lines {
		var line strings.Builder
		line.WriteString(strings.Repeat(" ", 4*rnd.IntN(4)))
		for length := columns/3 + rnd.IntN(columns/2); line.Len() < length; line.WriteByte(' ') {
			for range 2 + rnd.IntN(8) {
				line.WriteByte("etaoinshrdlucmfwypvbgkjqxz(){}=;.,"[min(rnd.IntN(34), rnd.IntN(40))])
			}
		}
		lines[i] = line.String()[:min(line.Len(), columns, 255)]
	}
	return lines
}

// Draw shows frame number: the page, textStep pixels further on. What it costs
// the server to put the frame together is over before the time returned.
func (t *Text) Draw(number int) (time.Time, error) {
	conn, size := t.w.conn, t.w.Bounds.Size()
	width, height := uint16(size.X), uint16(size.Y)
	offset := int16(textOffset(number))
	xproto.CopyArea(conn, xproto.Drawable(t.page), xproto.Drawable(t.back), t.w.gc, 0, offset, 0, 0, width, height)
	t.w.paintBarcode(xproto.Drawable(t.back), number)
	if err := t.w.Sync(); err != nil {
		return time.Time{}, err
	}
	drawn := time.Now()
	xproto.CopyArea(conn, xproto.Drawable(t.back), xproto.Drawable(t.w.id), t.w.gc, 0, 0, 0, 0, width, height)
	return drawn, nil
}

// Picture returns what Draw shows.
func (t *Text) Picture(number int) *image.RGBA {
	size := t.w.Bounds.Size()
	picture := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(picture, picture.Rect, t.pixels, image.Pt(0, textOffset(number)), draw.Src)
	markNumber(picture, number)
	return picture
}

func textOffset(number int) int { return number * textStep % textPeriod }
