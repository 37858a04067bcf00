package session

import (
	"fmt"
	"image"
	"math"
)

// Resize asks for a screen of this size in pixels, which is shrunk to the
// session's MaxPixels, and returns the size there is then. A size that no
// window has is ErrSize.
func (v *Viewer) Resize(size image.Point) (image.Point, error) {
	var got image.Point
	err := v.Do(Resize, func() error {
		want, err := fit(size, v.session.cfg.MaxPixels)
		if err != nil {
			return fmt.Errorf("session: resize to %v: %w", size, err)
		}
		got, err = v.session.cfg.Screen.Resize(want)
		return err
	})
	return got, err
}

// fit returns the size as it is asked of the screen: with the same proportions
// and at most pixels. Sizes that no window has are ErrSize.
func fit(size image.Point, pixels int) (image.Point, error) {
	const least, most = 64, 16384
	if size.X < least || size.Y < least || size.X > most || size.Y > most {
		return image.Point{}, ErrSize
	}
	if size.X*size.Y > pixels {
		scale := math.Sqrt(float64(pixels) / float64(size.X*size.Y))
		size = image.Pt(int(float64(size.X)*scale), int(float64(size.Y)*scale))
	}
	return size, nil
}
