// Package encodetest holds the one conformance suite that every encode.Encoder
// passes, and the pictures that it and the benchmarks draw.
package encodetest

import (
	"image"
	"image/color"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"lucarne/capture"
)

// Canvas is a picture in the layout of capture.Frame: B, G, R, X. It is a
// draw.Image.
type Canvas struct {
	Pix    []byte
	Stride int // bytes a row
	Size   image.Point
}

// NewCanvas makes a black canvas. Its rows are padded, so that an encoder that
// takes the width for the stride is found out.
func NewCanvas(size image.Point) *Canvas {
	stride := 4*size.X + 32
	return &Canvas{Pix: make([]byte, stride*size.Y), Stride: stride, Size: size}
}

// ColorModel returns color.RGBAModel.
func (c *Canvas) ColorModel() color.Model { return color.RGBAModel }

// Bounds returns the canvas's rectangle, from the origin.
func (c *Canvas) Bounds() image.Rectangle { return image.Rectangle{Max: c.Size} }

// At returns the pixel's colour.
func (c *Canvas) At(x, y int) color.Color {
	p := c.Pix[y*c.Stride+4*x:]
	return color.RGBA{R: p[2], G: p[1], B: p[0], A: 255}
}

// Set sets a pixel; one outside the canvas is ignored.
func (c *Canvas) Set(x, y int, value color.Color) {
	if !(image.Point{X: x, Y: y}).In(c.Bounds()) {
		return
	}
	rgba := color.RGBAModel.Convert(value).(color.RGBA)
	c.set(x, y, rgba.R, rgba.G, rgba.B)
}

func (c *Canvas) set(x, y int, r, g, b byte) {
	p := c.Pix[y*c.Stride+4*x:]
	p[0], p[1], p[2], p[3] = b, g, r, 0
}

// Fill paints a rectangle in one colour.
func (c *Canvas) Fill(r image.Rectangle, value color.RGBA) {
	r = r.Intersect(c.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c.set(x, y, value.R, value.G, value.B)
		}
	}
}

// Copy copies a rectangle of src, whose upper left corner is from, to r.
func (c *Canvas) Copy(r image.Rectangle, src *Canvas, from image.Point) {
	shift := from.Sub(r.Min)
	r = r.Intersect(c.Bounds()).Intersect(src.Bounds().Sub(shift))
	for y := r.Min.Y; y < r.Max.Y; y++ {
		s := (y+shift.Y)*src.Stride + 4*(r.Min.X+shift.X)
		copy(c.Pix[y*c.Stride+4*r.Min.X:][:4*r.Dx()], src.Pix[s:])
	}
}

// Text writes a line with its baseline at y, in a 7×13 bitmap font.
func (c *Canvas) Text(x, y int, line string, value color.RGBA) {
	(&font.Drawer{Dst: c, Src: image.NewUniform(value), Face: basicfont.Face7x13, Dot: fixed.P(x, y)}).DrawString(line)
}

// Frame returns the canvas as a frame whose pixels are the canvas's own, taken
// at the given moment.
func (c *Canvas) Frame(at time.Time, damage ...image.Rectangle) *capture.Frame {
	f := &capture.Frame{Pix: c.Pix, Stride: c.Stride, Size: c.Size, Damage: damage, Grabbed: at}
	if len(damage) > 0 {
		f.Damaged = at
	}
	return f
}

// luma returns a pixel's luma in ITU-R BT.601 limited range.
func (c *Canvas) luma(x, y int) byte {
	p := c.Pix[y*c.Stride+4*x:]
	b, g, r := int(p[0]), int(p[1]), int(p[2])
	return byte((66*r + 129*g + 25*b + 0x1080) >> 8)
}
