package encode

import (
	"image"

	"lucarne/capture"
)

// Shrink brings small.Damage, which is in small's pixels, over from a picture
// that is twice as wide and high: each pixel becomes the mean of four. An odd
// last row or column of the picture is left out.
type Shrink func(small, picture *capture.Frame) error

// miniature is a copy of a source's frames at half the width and height.
type miniature struct {
	shrink Shrink
	frame  capture.Frame
}

// take brings a frame's damage over, and all of it if the miniature has another
// size or is new. The frame is released if there is no error.
func (m *miniature) take(f *capture.Frame) (*capture.Frame, error) {
	small := &m.frame
	size := image.Pt(f.Size.X/maxScale, f.Size.Y/maxScale)
	small.Damage = small.Damage[:0]
	if small.Size != size {
		*small = capture.Frame{Pix: make([]byte, 4*size.X*size.Y), Stride: 4 * size.X, Size: size, Damage: small.Damage}
		small.Damage = append(small.Damage, image.Rectangle{Max: size})
	} else {
		for _, r := range f.Damage {
			r = image.Rect(r.Min.X/maxScale, r.Min.Y/maxScale, (r.Max.X+maxScale-1)/maxScale, (r.Max.Y+maxScale-1)/maxScale)
			if r = r.Intersect(image.Rectangle{Max: size}); !r.Empty() {
				small.Damage = append(small.Damage, r)
			}
		}
	}
	small.Seq, small.Damaged, small.Grabbed = f.Seq, f.Damaged, f.Grabbed
	if err := m.shrink(small, f); err != nil {
		m.forget()
		return nil, err
	}
	f.Release()
	return small, nil
}

// forget drops the picture: the next is taken as a whole.
func (m *miniature) forget() { m.frame.Size, m.frame.Pix = image.Point{}, nil }
