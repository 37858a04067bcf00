package xclient

import (
	"context"
	"fmt"
	"image"
	"strings"
	"time"

	"github.com/jezek/xgb/xproto"
)

// Typing is an editor: each key press, whatever the key, puts the next character
// of a text at a caret. How many there are stands in the window's upper left
// corner, as an editor's status line has it: as a bar code, from 0.
type Typing struct {
	w    *Window
	bar  xproto.Pixmap // the next bar code
	text []string      // lines that fill the window below the bar code
}

// The editor's page, in the window's pixels.
const (
	typingMargin = 4
	typingTop    = Cell + typingMargin
	caretWidth   = 2
	typingInk    = 0x202020
)

// NewTyping opens the editor with an empty page.
func NewTyping(w *Window) (*Typing, error) {
	t := &Typing{w: w}
	var err error
	if t.bar, err = w.pixmap(barcodeBounds.Size()); err != nil {
		return nil, fmt.Errorf("xclient: typing: %w", err)
	}
	if err := w.setFont(); err != nil {
		return nil, fmt.Errorf("xclient: typing: %w", err)
	}
	size := w.Bounds.Size()
	rows, columns := (size.Y-typingTop)/textLine, (size.X-2*typingMargin)/textColumn
	if rows < 1 || columns < 8 {
		return nil, fmt.Errorf("xclient: typing: no room in %v", size)
	}
	for _, line := range textLines(rows, columns) {
		t.text = append(t.text, strings.TrimSpace(line)+" ")
	}
	t.clear()
	t.w.paintBarcode(xproto.Drawable(w.id), 0)
	return t, w.Sync()
}

func (t *Typing) clear() {
	page := image.Rectangle{Max: t.w.Bounds.Size()}
	page.Min.Y = Cell
	t.w.Fill(page, paper)
}

// Run answers key presses until ctx is done, which closes the window, and
// returns when each character was handed to the server, by its number from 1.
func (t *Typing) Run(ctx context.Context) ([]time.Time, error) {
	drawn := make([]time.Time, 1)
	line, column := 0, 0
	err := t.w.Listen(ctx, func(e Event) {
		if k, ok := e.(Key); !ok || !k.Down {
			return
		}
		if column == len(t.text[line]) {
			t.w.Fill(t.caret(line, column), paper)
			line, column = (line+1)%len(t.text), 0
			if line == 0 {
				t.clear()
			}
		}
		t.w.paintBarcode(xproto.Drawable(t.bar), len(drawn))
		drawn = append(drawn, time.Now())
		t.w.atOnce(func() {
			at := t.caret(line, column).Min
			t.w.write(xproto.Drawable(t.w.id), at, typingInk, t.text[line][column:column+1])
			column++
			t.w.Fill(t.caret(line, column), typingInk)
			t.w.copyBarcode(t.bar)
		})
	})
	return drawn, err
}

// caret is where the caret stands in front of a character.
func (t *Typing) caret(line, column int) image.Rectangle {
	at := image.Pt(typingMargin+column*textColumn, typingTop+line*textLine)
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(caretWidth, textLine-2))}
}
