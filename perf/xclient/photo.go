package xclient

import (
	"fmt"
	"image"
)

// Photo is an animation of one picture, of which only the number changes.
type Photo struct{ *film }

// NewPhoto shows a picture of the window's size, with its corner at 0, 0.
func NewPhoto(w *Window, picture *image.RGBA) (*Photo, error) {
	if picture.Rect != (image.Rectangle{Max: w.Bounds.Size()}) {
		return nil, fmt.Errorf("xclient: photo: a picture of %v in a window of %v", picture.Rect, w.Bounds.Size())
	}
	f, err := newFilm(w, 1, func(pix []byte, _ image.Point, _ int) {
		for i := 0; i < len(pix); i += 4 {
			pix[i], pix[i+1], pix[i+2] = picture.Pix[i+2], picture.Pix[i+1], picture.Pix[i]
		}
	})
	if err != nil {
		return nil, fmt.Errorf("xclient: photo: %w", err)
	}
	return &Photo{f}, nil
}
