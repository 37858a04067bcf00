package watermark

import (
	"fmt"
	"image"
	"image/draw"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// slope is the angle at which the text rises, in radians.
const slope = math.Pi / 8

// stamp is the text once, at its angle: for each row of its box the runs of pixels
// that it changes. Nothing is kept for those that it does not, which are most.
type stamp struct {
	size  image.Point
	width float64 // of the text along its own line, in pixels
	rows  []int32 // for each row the index of its first run, and one more
	runs  []run
	inks  []ink // of all runs
}

// run is a part of a row, from its left.
type run struct{ x, length, ink int32 }

// ink is what becomes of a pixel: each of its colours times keep plus add, in 256ths.
// half is in add already, to round to the nearest; 255*keep+add has 16 bits.
type ink struct{ keep, add uint16 }

const half = 128

// newStamp draws letters of so many pixels an em.
func newStamp(outlines outlines, em, opacity float64) stamp {
	rim := max(1, em/12)
	turned := outlines.turn(math.Ceil(rim) + 1)
	letters := turned.fill()
	s := stamp{size: letters.Rect.Size(), width: outlines.width, rows: make([]int32, 1, letters.Rect.Dy()+1)}
	around := spread(letters, rim)
	for y := range s.size.Y {
		var last *run
		for x := range s.size.X {
			covered := around.Pix[y*around.Stride+x]
			if covered == 0 {
				last = nil
				continue
			}
			if last == nil {
				s.runs = append(s.runs, run{x: int32(x), ink: int32(len(s.inks))})
				last = &s.runs[len(s.runs)-1]
			}
			last.length++
			s.inks = append(s.inks, newInk(letters.Pix[y*letters.Stride+x], covered, opacity))
		}
		s.rows = append(s.rows, int32(len(s.runs)))
	}
	return s
}

// newInk returns that of a pixel which letters cover by lit 255ths and with their rim by
// covered. The rim is thin, and darker therefore: white paper is what is mostly on a screen.
func newInk(lit, covered uint8, opacity float64) ink {
	const darker = 1.6
	light := opacity * float64(min(lit, covered)) / 255
	dark := min(darker*opacity, 1) * float64(covered-min(lit, covered)) / 255
	return ink{keep: 256 - uint16((light+dark)*256+0.5), add: uint16(light*255*256) + half}
}

// outlines are the letters of a text, their base line beginning at 0,0.
type outlines struct {
	segments      []sfnt.Segment // y grows downwards, in 64ths of a pixel
	width         float64
	ascent, decay float64 // above and below the base line; decay is positive
}

// shape lays a text out, with kerning. What the font lacks (it has Latin, Greek and
// Cyrillic letters) is written as its number, so that a name stays one's own.
func shape(text string, em float64) outlines {
	face, err := sfnt.Parse(gomedium.TTF)
	if err != nil {
		panic(err) // it is part of the program
	}
	var buffer sfnt.Buffer
	var letters []sfnt.GlyphIndex
	for _, r := range text {
		if glyph, err := face.GlyphIndex(&buffer, r); err == nil && glyph != 0 {
			letters = append(letters, glyph)
			continue
		}
		for _, digit := range fmt.Sprintf("<%04X>", r) {
			glyph, _ := face.GlyphIndex(&buffer, digit) // which the font has
			letters = append(letters, glyph)
		}
	}
	ppem := fixed.Int26_6(em * 64)
	var o outlines
	var pen fixed.Int26_6
	for i, glyph := range letters {
		if i > 0 {
			if kern, err := face.Kern(&buffer, letters[i-1], glyph, ppem, font.HintingNone); err == nil {
				pen += kern
			}
		}
		if segments, err := face.LoadGlyph(&buffer, glyph, ppem, nil); err == nil {
			for _, segment := range segments {
				for i := range segment.Args {
					segment.Args[i].X += pen
				}
				o.segments = append(o.segments, segment)
			}
		}
		if advance, err := face.GlyphAdvance(&buffer, glyph, ppem, font.HintingNone); err == nil {
			pen += advance
		}
	}
	o.width, o.ascent, o.decay = float64(pen)/64, em, em/4
	return o
}

// turned are outlines at the text's angle, in a box from 0,0 that has room around them.
type turned struct {
	outlines
	size   image.Point
	dx, dy float64
}

func (o outlines) turn(room float64) turned {
	t := turned{outlines: o}
	left, top, right, bottom := 0.0, 0.0, 0.0, 0.0
	for _, corner := range [][2]float64{{0, -o.ascent}, {0, o.decay}, {o.width, -o.ascent}, {o.width, o.decay}} {
		x, y := rotate(corner[0], corner[1])
		left, top, right, bottom = min(left, x), min(top, y), max(right, x), max(bottom, y)
	}
	t.dx, t.dy = room-left, room-top
	t.size = image.Pt(int(math.Ceil(right-left+2*room)), int(math.Ceil(bottom-top+2*room)))
	return t
}

// rotate turns a vector so that what went to the right rises.
func rotate(x, y float64) (float64, float64) {
	sin, cos := math.Sincos(slope)
	return x*cos + y*sin, y*cos - x*sin
}

// fill returns how much of each pixel the letters cover.
func (t turned) fill() *image.Alpha {
	raster := vector.NewRasterizer(t.size.X, t.size.Y)
	raster.DrawOp = draw.Src
	at := func(p fixed.Point26_6) (x, y float32) {
		turnedX, turnedY := rotate(float64(p.X)/64, float64(p.Y)/64)
		return float32(turnedX + t.dx), float32(turnedY + t.dy)
	}
	for _, segment := range t.segments {
		ax, ay := at(segment.Args[0])
		bx, by := at(segment.Args[1])
		cx, cy := at(segment.Args[2])
		switch segment.Op {
		case sfnt.SegmentOpMoveTo:
			raster.MoveTo(ax, ay)
		case sfnt.SegmentOpLineTo:
			raster.LineTo(ax, ay)
		case sfnt.SegmentOpQuadTo:
			raster.QuadTo(ax, ay, bx, by)
		case sfnt.SegmentOpCubeTo:
			raster.CubeTo(ax, ay, bx, by, cx, cy)
		}
	}
	letters := image.NewAlpha(image.Rectangle{Max: t.size})
	raster.Draw(letters, letters.Rect, image.Opaque, image.Point{})
	return letters
}

// spread returns letters that are bolder by a rim of so many pixels.
func spread(letters *image.Alpha, rim float64) *image.Alpha {
	reach := int(math.Ceil(rim))
	bold := image.NewAlpha(letters.Rect)
	for y := reach; y < letters.Rect.Dy()-reach; y++ {
		for x := reach; x < letters.Rect.Dx()-reach; x++ {
			covered := letters.Pix[y*letters.Stride+x]
			if covered == 0 {
				continue
			}
			for dy := -reach; dy <= reach; dy++ {
				for dx := -reach; dx <= reach; dx++ {
					share := min(max(rim+0.5-math.Hypot(float64(dx), float64(dy)), 0), 1)
					p := &bold.Pix[(y+dy)*bold.Stride+x+dx]
					*p = max(*p, uint8(float64(covered)*share))
				}
			}
		}
	}
	return bold
}
