package xclient

import (
	"fmt"
	"image"
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
	textStep   = 6    // pixels from one frame to the next: 360 a second at 60 frames/s
)

// Text is a page of text that scrolls smoothly in a window, as an editor's or a
// browser's does: the page is drawn once, each frame shows another part of it.
type Text struct {
	w          *Window
	page, back xproto.Pixmap
}

// NewText draws the page on the server.
func NewText(w *Window) (*Text, error) {
	t := &Text{w: w}
	var err error
	if t.page, err = w.pixmap(image.Pt(w.Bounds.Dx(), textPeriod+w.Bounds.Dy())); err != nil {
		return nil, fmt.Errorf("xclient: text: %w", err)
	}
	if t.back, err = w.pixmap(w.Bounds.Size()); err != nil {
		return nil, fmt.Errorf("xclient: text: %w", err)
	}
	if err := t.drawPage(); err != nil {
		return nil, fmt.Errorf("xclient: text: %w", err)
	}
	return t, w.Sync()
}

func (w *Window) pixmap(size image.Point) (xproto.Pixmap, error) {
	id, err := xproto.NewPixmapId(w.conn)
	if err != nil {
		return 0, err
	}
	return id, xproto.CreatePixmapChecked(w.conn, w.screen.RootDepth, id, xproto.Drawable(w.id),
		uint16(size.X), uint16(size.Y)).Check()
}

func (t *Text) drawPage() error {
	conn, size := t.w.conn, t.w.Bounds.Size()
	font, err := xproto.NewFontId(conn)
	if err != nil {
		return err
	}
	const name = "fixed" // every X server has it built in
	if err := xproto.OpenFontChecked(conn, font, uint16(len(name)), name).Check(); err != nil {
		return err
	}
	defer xproto.CloseFont(conn, font)
	const paper = 0xfdfdf6
	t.w.fill(xproto.Drawable(t.page), image.Rect(0, 0, size.X, textPeriod+size.Y), paper)
	lines := textLines(textPeriod/textLine, size.X/6)
	for y := 0; y < textPeriod+size.Y; y += textLine {
		i := y / textLine % len(lines)
		ink := [...]uint32{0x202020, 0x202020, 0x1f4f9f, 0x202020, 0x2a7a2a, 0x202020, 0x9f3030}[i%7]
		xproto.ChangeGC(conn, t.w.gc, xproto.GcForeground|xproto.GcBackground|xproto.GcFont, []uint32{ink, paper, uint32(font)})
		xproto.ImageText8(conn, byte(len(lines[i])), xproto.Drawable(t.page), t.w.gc, 4, int16(y+11), lines[i])
	}
	return nil
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
	offset := int16(number * textStep % textPeriod)
	xproto.CopyArea(conn, xproto.Drawable(t.page), xproto.Drawable(t.back), t.w.gc, 0, offset, 0, 0, width, height)
	t.w.paintBarcode(xproto.Drawable(t.back), number)
	if err := t.w.Sync(); err != nil {
		return time.Time{}, err
	}
	drawn := time.Now()
	xproto.CopyArea(conn, xproto.Drawable(t.back), xproto.Drawable(t.w.id), t.w.gc, 0, 0, 0, 0, width, height)
	return drawn, nil
}
