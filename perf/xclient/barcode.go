package xclient

import (
	"image"
	"image/color"
	"image/draw"

	"github.com/jezek/xgb/xproto"
)

// A frame number as a bar code: BarcodeCells cells in a row, each Cell pixels
// wide and high, black or white. The first two are white, black; the last two
// black, white; between them the number's 16 bits and a sum of 4 bits, highest
// bit first. The cells are as large as the codecs' blocks, so that the number
// survives whatever a codec does to the picture.
const (
	Cell         = 16
	BarcodeCells = 24
)

// barcode returns the cells of a frame number, modulo 1<<16; true is white.
func barcode(number int) [BarcodeCells]bool {
	n := uint16(number)
	sum := (n>>12 + n>>8 + n>>4 + n + 5) & 15
	bits := 1<<23 | uint32(n)<<6 | uint32(sum)<<2 | 1
	var cells [BarcodeCells]bool
	for i := range cells {
		cells[i] = bits>>(BarcodeCells-1-i)&1 == 1
	}
	return cells
}

// DecodeBarcode returns the frame number of the cells, or false when they are none.
func DecodeBarcode(cells [BarcodeCells]bool) (int, bool) {
	number := 0
	for _, white := range cells[2:18] {
		number <<= 1
		if white {
			number |= 1
		}
	}
	return number, cells == barcode(number)
}

// barcodeRects returns what to paint white of a bar code with its corner at p.
func barcodeRects(number int, p image.Point) []image.Rectangle {
	var rects []image.Rectangle
	for i, white := range barcode(number) {
		if white {
			rects = append(rects, image.Rect(i*Cell, 0, (i+1)*Cell, Cell).Add(p))
		}
	}
	return rects
}

// paintBarcode paints a bar code at the drawable's upper left corner.
func (w *Window) paintBarcode(d xproto.Drawable, number int) {
	w.fill(d, image.Rect(0, 0, BarcodeCells*Cell, Cell), 0)
	for _, r := range barcodeRects(number, image.Point{}) {
		w.fill(d, r, 0xffffff)
	}
}

// barcodeBounds is where a bar code is in a window.
var barcodeBounds = image.Rect(0, 0, BarcodeCells*Cell, Cell)

// markNumber paints a bar code into a picture's upper left corner.
func markNumber(picture *image.RGBA, number int) {
	draw.Draw(picture, barcodeBounds, image.NewUniform(color.Black), image.Point{}, draw.Src)
	for _, r := range barcodeRects(number, image.Point{}) {
		draw.Draw(picture, r, image.NewUniform(color.White), image.Point{}, draw.Src)
	}
}

// ReadNumber returns the number of the frame that a window's picture shows,
// however blurred it is, or false where there is no bar code to be read.
func ReadNumber(picture *image.RGBA) (int, bool) {
	var cells [BarcodeCells]bool
	for i := range cells {
		at := picture.Rect.Min.Add(image.Pt(i*Cell+Cell/2, Cell/2))
		cells[i] = picture.RGBAAt(at.X, at.Y).G > 127
	}
	return DecodeBarcode(cells)
}
