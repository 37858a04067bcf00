package yuv

import "image"

// Even cuts r to a picture of size pixels and widens it to even coordinates, so
// that it covers whole chroma samples. At the right and lower border of an odd
// picture it ends with the picture.
func Even(r image.Rectangle, size image.Point) image.Rectangle {
	r = r.Intersect(image.Rectangle{Max: size})
	if r.Empty() {
		return image.Rectangle{}
	}
	r.Min.X &^= 1
	r.Min.Y &^= 1
	r.Max.X = min((r.Max.X+1)&^1, size.X)
	r.Max.Y = min((r.Max.Y+1)&^1, size.Y)
	return r
}
