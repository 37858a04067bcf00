package xclient

import (
	"fmt"
	"image"
	"sync"
	"time"

	"github.com/jezek/xgb/shm"
	"github.com/jezek/xgb/xproto"
	"golang.org/x/sys/unix"
)

// film is pictures of the window's size, rendered beforehand and shown by shared
// memory, as OpenGL programs without a direct way to the screen and players do.
type film struct {
	w      *Window
	frames int
	pixels []byte // frames pictures, B, G, R, X
	seg    shm.Seg
	close  sync.Once
}

// newFilm has each picture rendered.
func newFilm(w *Window, frames int, render func(pix []byte, size image.Point, i int)) (*film, error) {
	size := w.Bounds.Size()
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, frames*size.X*size.Y*4, unix.IPC_CREAT|0o600)
	if err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	// Removed once both sides have it, so that it cannot be left behind.
	defer unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	f := &film{w: w, frames: frames}
	if f.pixels, err = unix.SysvShmAttach(id, 0, 0); err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	if f.seg, err = shm.NewSegId(w.conn); err == nil {
		err = shm.AttachChecked(w.conn, f.seg, uint32(id), true).Check()
	}
	if err != nil {
		unix.SysvShmDetach(f.pixels)
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	for i := range frames {
		render(f.frame(i), size, i)
	}
	return f, nil
}

func (f *film) frame(i int) []byte {
	n := len(f.pixels) / f.frames
	return f.pixels[i*n : (i+1)*n]
}

// Draw shows frame number.
func (f *film) Draw(number int) (time.Time, error) {
	size := f.w.Bounds.Size()
	i := number % f.frames
	paintBarcode(f.frame(i), size.X*4, number)
	if err := f.w.Sync(); err != nil { // the frame before is done, and errors show up
		return time.Time{}, err
	}
	drawn := time.Now()
	shm.PutImage(f.w.conn, xproto.Drawable(f.w.id), f.w.gc, uint16(size.X), uint16(size.Y), 0, 0,
		uint16(size.X), uint16(size.Y), 0, 0, f.w.screen.RootDepth, xproto.ImageFormatZPixmap, 0,
		f.seg, uint32(i*len(f.pixels)/f.frames))
	return drawn, nil
}

// Picture returns what Draw shows.
func (f *film) Picture(number int) *image.RGBA {
	picture := image.NewRGBA(image.Rectangle{Max: f.w.Bounds.Size()})
	pix := f.frame(number % f.frames)
	// Draw may be at work on the bar code: what is beside and below it stays.
	beside, below := picture.Rect, picture.Rect
	beside.Min.X, beside.Max.Y, below.Min.Y = barcodeBounds.Max.X, Cell, Cell
	fromBGRX(picture, beside, pix)
	fromBGRX(picture, below, pix)
	markNumber(picture, number)
	return picture
}

// Close frees the pictures. It is idempotent.
func (f *film) Close() error {
	var err error
	f.close.Do(func() {
		shm.Detach(f.w.conn, f.seg)
		err = unix.SysvShmDetach(f.pixels)
	})
	return err
}

// fromBGRX copies a rectangle of pixels in X's order, of a picture as wide as dst.
func fromBGRX(dst *image.RGBA, r image.Rectangle, pix []byte) {
	r = r.Intersect(dst.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		to := dst.Pix[dst.PixOffset(r.Min.X, y):dst.PixOffset(r.Max.X, y)]
		from := pix[dst.PixOffset(r.Min.X, y):]
		for i := 0; i < len(to); i += 4 {
			to[i], to[i+1], to[i+2], to[i+3] = from[i+2], from[i+1], from[i], 255
		}
	}
}

// paintBarcode paints a bar code into a picture's upper left corner.
func paintBarcode(pix []byte, stride, number int) {
	for i, white := range barcode(number) {
		var value byte
		if white {
			value = 255
		}
		for y := range Cell {
			row := pix[y*stride+i*Cell*4:][:Cell*4]
			for x := range row {
				row[x] = value
			}
		}
	}
}
