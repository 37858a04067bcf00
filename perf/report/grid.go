package report

import (
	"io"
	"strings"
	"unicode/utf8"
)

// grid is a table for a terminal: columns as wide as their widest cell, the first
// ones aligned left, the figures right, the last one as it is. A row of one cell
// is a line of its own.
type grid struct {
	left int // columns aligned left
	rows [][]string
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// WriteTo writes the table; it implements io.WriterTo.
func (g *grid) WriteTo(w io.Writer) (int64, error) {
	var widths []int
	for _, row := range g.rows {
		if len(row) == 1 {
			continue
		}
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	for _, row := range g.rows {
		var line strings.Builder
		for i, cell := range row {
			pad := ""
			if len(row) > 1 {
				pad = strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			}
			if i > 0 {
				line.WriteString("  ")
			}
			if i < g.left || i == len(row)-1 {
				line.WriteString(cell + pad)
			} else {
				line.WriteString(pad + cell)
			}
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	n, err := io.WriteString(w, out.String())
	return int64(n), err
}
