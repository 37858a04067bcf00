package mediadev

import (
	"image"
	"image/color"
	"slices"
	"sync"

	"lucarne/capture"
)

// Image is a captured frame as an image.Image. Its pixels do not change before
// it is released.
type Image struct{ frame capture.Frame }

var _ image.Image = (*Image)(nil)

// Frame fills f with the frame. The pixels are the image's own and must not be
// written; the damage is what changed since the frame with the Seq before.
func (m *Image) Frame(f *capture.Frame) {
	damage := append(f.Damage[:0], m.frame.Damage...)
	*f = m.frame
	f.Damage = damage
}

// ColorModel returns color.RGBAModel.
func (m *Image) ColorModel() color.Model { return color.RGBAModel }

// Bounds returns the picture's rectangle; it begins at 0, 0.
func (m *Image) Bounds() image.Rectangle { return image.Rectangle{Max: m.frame.Size} }

// At returns one pixel, which is opaque; outside the picture the zero colour.
func (m *Image) At(x, y int) color.Color {
	if !image.Pt(x, y).In(m.Bounds()) {
		return color.RGBA{}
	}
	p := m.frame.Pix[y*m.frame.Stride+4*x:]
	return color.RGBA{R: p[2], G: p[1], B: p[0], A: 0xff}
}

// copyOf makes m a copy of f, in memory of its own. The times and the Seq are
// f's; there is no segment.
func (m *Image) copyOf(f *capture.Frame) {
	row := 4 * f.Size.X
	pix := slices.Grow(m.frame.Pix[:0], row*f.Size.Y)[:row*f.Size.Y]
	for y := range f.Size.Y {
		copy(pix[y*row:(y+1)*row], f.Pix[y*f.Stride:])
	}
	m.frame = capture.Frame{
		Pix: pix, Stride: row, Size: f.Size,
		Damage: append(m.frame.Damage[:0], f.Damage...),
		Seq:    f.Seq, Damaged: f.Damaged, Grabbed: f.Grabbed,
	}
}

// pool keeps the images that were released. Most of mediadevices does not
// release; those are left to the garbage collector.
type pool struct{ images sync.Pool }

func (p *pool) get() *Image {
	if m, ok := p.images.Get().(*Image); ok {
		return m
	}
	return new(Image)
}

// release returns what gives m back, once.
func (p *pool) release(m *Image) func() {
	return sync.OnceFunc(func() { p.images.Put(m) })
}
