package jpeg

import (
	"bytes"
	"image"
)

// cell is the side of the squares that are looked after one by one, in pixels:
// the MCU of JPEG at 4:2:0 (ITU-T T.81 §A.2).
const cell = 16

// longest is the side of the largest rectangle, in cells. A page decodes
// several rectangles at once, and a short one is there sooner.
const longest = 32

// grade is how well a cell has been sent.
type grade uint8

const (
	stale grade = iota // the decoder has another picture
	rough              // sent in motion
	sharp              // as good as it gets
)

// cells knows the picture that was encoded last, and how well each part of it
// has been sent.
type cells struct {
	size          image.Point // pixels
	columns, rows int
	pix           []byte  // B, G, R, X; rows of 4*size.X bytes
	grades        []grade // row by row
	chosen        []bool  // the cells of the packet being made
	count         [sharp + 1]int
}

func newCells(size image.Point) cells {
	c := cells{size: size, columns: (size.X + cell - 1) / cell, rows: (size.Y + cell - 1) / cell}
	c.pix = make([]byte, 4*size.X*size.Y)
	c.grades = make([]grade, c.columns*c.rows)
	c.chosen = make([]bool, c.columns*c.rows)
	c.count[stale] = len(c.grades)
	return c
}

func (c *cells) set(i int, g grade) {
	c.count[c.grades[i]]--
	c.count[g]++
	c.grades[i] = g
}

// settled says that nothing is left to be sent.
func (c *cells) settled() bool { return c.count[sharp] == len(c.grades) }

// compare takes over what differs in a damaged rectangle.
func (c *cells) compare(pix []byte, stride int, damage image.Rectangle) {
	damage = damage.Intersect(image.Rectangle{Max: c.size})
	if damage.Empty() {
		return
	}
	for row := damage.Min.Y / cell; row*cell < damage.Max.Y; row++ {
		for column := damage.Min.X / cell; column*cell < damage.Max.X; column++ {
			part := image.Rect(column*cell, row*cell, (column+1)*cell, (row+1)*cell).Intersect(damage)
			if c.take(pix, stride, part) {
				c.set(row*c.columns+column, stale)
			}
		}
	}
}

// take copies a rectangle and says whether it was another picture.
func (c *cells) take(pix []byte, stride int, r image.Rectangle) (changed bool) {
	n := 4 * r.Dx()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		was, is := c.pix[4*(y*c.size.X+r.Min.X):][:n], pix[y*stride+4*r.Min.X:][:n]
		if !bytes.Equal(was, is) {
			copy(was, is)
			changed = true
		}
	}
	return changed
}

// choose marks up to limit cells of grades below g for the next packet and
// returns how many.
func (c *cells) choose(g grade, limit int) (n int) {
	clear(c.chosen)
	for i, has := range c.grades {
		if has < g && n < limit {
			c.chosen[i] = true
			n++
		}
	}
	return n
}

// next takes a rectangle of chosen cells off, in cells: a run in the first row
// from which any is left, with the rows below it that are chosen throughout.
// from is where to look, and what it returns where to look next.
func (c *cells) next(from int) (r image.Rectangle, next int, ok bool) {
	for ; from < len(c.chosen) && !c.chosen[from]; from++ {
	}
	if from == len(c.chosen) {
		return image.Rectangle{}, from, false
	}
	x, y := from%c.columns, from/c.columns
	right := x
	for right < c.columns && right-x < longest && c.chosen[y*c.columns+right] {
		right++
	}
	bottom := y
	for bottom < c.rows && bottom-y < longest && c.full(bottom, x, right) {
		clear(c.chosen[bottom*c.columns+x : bottom*c.columns+right])
		bottom++
	}
	return image.Rect(x, y, right, bottom), from, true
}

// full says whether the cells of a row from x to right are all chosen.
func (c *cells) full(row, x, right int) bool {
	for _, chosen := range c.chosen[row*c.columns+x : row*c.columns+right] {
		if !chosen {
			return false
		}
	}
	return true
}

// grade sets the grade of a rectangle of cells.
func (c *cells) grade(r image.Rectangle, g grade) {
	for row := r.Min.Y; row < r.Max.Y; row++ {
		for column := r.Min.X; column < r.Max.X; column++ {
			c.set(row*c.columns+column, g)
		}
	}
}

// pixels returns the pixels of a rectangle of cells.
func (c *cells) pixels(r image.Rectangle) image.Rectangle {
	return image.Rectangle{Min: r.Min.Mul(cell), Max: r.Max.Mul(cell)}.Intersect(image.Rectangle{Max: c.size})
}
