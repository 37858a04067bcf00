package xclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/jezek/xgb/xproto"
)

const (
	terminalColumn = 6  // pixels from one character of the font "fixed" to the next
	terminalLine   = 13 // and from one line to the next
	terminalRest   = 300 * time.Millisecond
)

// Terminal has a real xterm fill a rectangle of the screen with text and returns
// the picture of it once nothing changes any more. The xterm is gone by then.
func Terminal(ctx context.Context, display string, bounds image.Rectangle) (*image.RGBA, error) {
	program, err := exec.LookPath("xterm")
	if err != nil {
		return nil, errors.New("xclient: terminal: xterm is missing: apt install xterm")
	}
	// A corner beside the terminal: what is read is the screen.
	w, err := Open(display, image.Rect(0, 0, 1, 1), 0)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	before, err := w.read(xproto.Drawable(w.screen.Root), bounds)
	if err != nil {
		return nil, fmt.Errorf("xclient: terminal: %w", err)
	}
	columns, lines := bounds.Dx()/terminalColumn, bounds.Dy()/terminalLine
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-display", display, "-b", "0", "-bw", "0", "+sb", "-fn", "fixed", "-uc", "-geometry",
		fmt.Sprintf("%dx%d+%d+%d", columns, lines, bounds.Min.X, bounds.Min.Y), "-e", "sh", "-c", `printf '%s' "$LUCARNE_TEXT"; exec sleep 60`)
	cmd.Env = append(os.Environ(), "LUCARNE_TEXT="+strings.Join(textLines(lines-1, columns), "\r\n"))
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("xclient: terminal: %w", err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	picture, err := w.rested(ctx, bounds, before)
	if err != nil {
		return nil, fmt.Errorf("xclient: terminal: %w", err)
	}
	return picture, nil
}

// rested waits until a rectangle of the screen shows something else than before, and has
// for a while.
func (w *Window) rested(ctx context.Context, bounds image.Rectangle, before *image.RGBA) (*image.RGBA, error) {
	last, since := before, time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		picture, err := w.read(xproto.Drawable(w.screen.Root), bounds)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(picture.Pix, last.Pix) {
			last, since = picture, time.Now()
		}
		if time.Since(since) > terminalRest && !bytes.Equal(last.Pix, before.Pix) {
			return last, nil
		}
	}
}
