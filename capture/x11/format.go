package x11

import (
	"errors"
	"fmt"
	"io"

	"github.com/jezek/xgb/xproto"

	"lucarne/capture/display"
)

// ErrPixelFormat: the display's pixels are not B, G, R, X bytes.
var ErrPixelFormat = errors.New("pixel format not supported")

// checkFormat makes sure that the root window's pixels are what
// capture.Frame.Pix promises.
func checkFormat(setup *xproto.SetupInfo, screen *xproto.ScreenInfo) error {
	const help = "start the X server with 24 bits of depth"
	if depth := screen.RootDepth; depth != 24 && depth != 32 {
		return fmt.Errorf("%w: depth %d: %s", ErrPixelFormat, depth, help)
	}
	if setup.ImageByteOrder != xproto.ImageOrderLSBFirst {
		return fmt.Errorf("%w: big endian", ErrPixelFormat)
	}
	for _, format := range setup.PixmapFormats {
		if format.Depth == screen.RootDepth && (format.BitsPerPixel != 32 || format.ScanlinePad != 32) {
			return fmt.Errorf("%w: %d bits a pixel: %s", ErrPixelFormat, format.BitsPerPixel, help)
		}
	}
	for _, depth := range screen.AllowedDepths {
		for _, visual := range depth.Visuals {
			if visual.VisualId != screen.RootVisual {
				continue
			}
			if visual.RedMask != 0xff0000 || visual.GreenMask != 0xff00 || visual.BlueMask != 0xff {
				return fmt.Errorf("%w: red %#x, green %#x, blue %#x: %s", ErrPixelFormat,
					visual.RedMask, visual.GreenMask, visual.BlueMask, help)
			}
		}
	}
	return nil
}

// lost returns err as callers of this package know it: xgb says io.EOF when the
// connection has ended.
func lost(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the connection has ended", display.ErrNoDisplay)
	}
	return err
}
