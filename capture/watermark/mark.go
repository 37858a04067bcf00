package watermark

import (
	"encoding/binary"
	"image"
	"math"
)

// standardDPI is what a screen has unless somebody says otherwise.
const standardDPI = 96

// mark is a text over a whole picture: a stamp and where it is put.
type mark struct {
	size   image.Point // of the picture
	stamp  stamp
	places []image.Point // of the stamp's top left corner, which may lie outside
}

// newMark lays a text over a picture of that size. Its letters grow with the DPI, as
// other text does, and with a screen that is large for its DPI, which is looked at
// in small. They are smaller again where the text would not fit, and never less than can
// be read: whoever may choose size and DPI is not to choose what is left of a name.
func newMark(text string, opacity float64, size image.Point, dpi int) mark {
	const least, perScreen = 16, 54 // pixels of an em, up to 96 dpi; ems of the shorter side
	em := max(least, least*float64(dpi)/standardDPI, float64(min(size.X, size.Y))/perScreen)
	outlines := shape(text, em)
	sin, cos := math.Sincos(slope)
	if room := min(float64(size.X)/cos, float64(size.Y)/sin) - 5*em; outlines.width > room {
		em = max(least, em*room/outlines.width)
		outlines = shape(text, em)
	}
	m := mark{size: size, stamp: newStamp(outlines, em, opacity)}
	if len(m.stamp.inks) > 0 {
		m.place(m.stamp.width+4*em, 7*em)
	}
	return m
}

// place puts the stamp along lines at its angle: every step on a line, and the lines
// so far from each other, each half a step after the one above.
func (m *mark) place(step, apart float64) {
	// How far from the middle the picture, or a stamp that still touches it, can be.
	reach := math.Hypot(float64(m.size.X), float64(m.size.Y))/2 + math.Hypot(float64(m.stamp.size.X), float64(m.stamp.size.Y))
	lines, steps := int(math.Ceil(reach/apart)), int(math.Ceil(reach/step))+1
	bounds := image.Rectangle{Max: m.size}
	middle := m.size.Sub(m.stamp.size).Div(2)
	for line := -lines; line <= lines; line++ {
		for n := -steps; n <= steps; n++ {
			dx, dy := rotate((float64(n)+float64(line&1)/2)*step, float64(line)*apart)
			at := middle.Add(image.Pt(int(math.Round(dx)), int(math.Round(dy))))
			if (image.Rectangle{Max: m.stamp.size}).Add(at).Overlaps(bounds) {
				m.places = append(m.places, at)
			}
		}
	}
}

// blend draws the text over a part of a picture, which lies inside it.
func (m *mark) blend(pix []byte, stride int, part image.Rectangle) {
	for _, at := range m.places {
		box := image.Rectangle{Min: at, Max: at.Add(m.stamp.size)}.Intersect(part)
		for y := box.Min.Y; y < box.Max.Y; y++ {
			m.stamp.blendRow(pix[y*stride:], y-at.Y, at.X, box.Min.X, box.Max.X)
		}
	}
}

// blendRow draws a row of the stamp, whose left is at x, into the pixels from left to
// right of one row of a picture.
func (s *stamp) blendRow(row []byte, y, x, left, right int) {
	for _, run := range s.runs[s.rows[y]:s.rows[y+1]] {
		from, to := x+int(run.x), x+int(run.x+run.length)
		skip := max(left-from, 0)
		if from, to = from+skip, min(to, right); from >= to {
			continue
		}
		inks := s.inks[int(run.ink)+skip:][:to-from]
		pixels := row[4*from:][:4*len(inks)]
		for _, ink := range inks {
			if len(pixels) < 4 {
				break // never: it spares the checks of what follows
			}
			binary.LittleEndian.PutUint32(pixels, ink.over(binary.LittleEndian.Uint32(pixels)))
			pixels = pixels[4:]
		}
	}
}

// over returns a pixel with ink on it. Blue and red are computed together, for neither
// goes beyond its 16 bits.
func (k ink) over(pixel uint32) uint32 {
	const both = 0x00ff00ff
	keep, add := uint32(k.keep), uint32(k.add)
	blueRed := (pixel&both*keep + add*0x00010001) >> 8 & both
	green := (pixel>>8&0xff*keep + add) & 0xff00
	return pixel&0xff000000 | blueRed | green
}
