package report

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// drawing is an SVG picture in the making; sizes are in its own units, which are
// about CSS pixels. How things look is up to the classes of style.css.
type drawing struct {
	width, height float64
	out           strings.Builder
}

// point is a place in a drawing.
type point struct{ x, y float64 }

// Text anchors of SVG.
const (
	start = "start"
	mid   = "middle"
	end   = "end"
)

func (d *drawing) rect(class string, x, y, w, h float64, hint string) {
	fmt.Fprintf(&d.out, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="%s">%s</rect>`,
		class, coordinate(x), coordinate(y), coordinate(max(w, 0)), coordinate(h), coordinate(min(2, max(w, 0)/2)), title(hint))
}

func (d *drawing) line(class string, a, b point) {
	fmt.Fprintf(&d.out, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`,
		class, coordinate(a.x), coordinate(a.y), coordinate(b.x), coordinate(b.y))
}

func (d *drawing) dot(class string, at point, hint string) {
	fmt.Fprintf(&d.out, `<circle class="%s" cx="%s" cy="%s" r="4.5">%s</circle>`, class, coordinate(at.x), coordinate(at.y), title(hint))
}

func (d *drawing) text(class, anchor string, at point, text string) {
	fmt.Fprintf(&d.out, `<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`,
		class, anchor, coordinate(at.x), coordinate(at.y), html.EscapeString(text))
}

// path draws straight lines from point to point.
func (d *drawing) path(class string, points []point, hint string) {
	if len(points) == 0 {
		return
	}
	var to strings.Builder
	for i, p := range points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		to.WriteString(command + coordinate(p.x) + " " + coordinate(p.y))
	}
	fmt.Fprintf(&d.out, `<path class="%s" d="%s">%s</path>`, class, to.String(), title(hint))
}

// svg returns the picture with a name and a description for those who cannot see
// it. attributes are put into its root element.
func (d *drawing) svg(name, description, attributes string) string {
	return fmt.Sprintf(`<svg viewBox="0 0 %s %s" role="img" %s><title>%s</title><desc>%s</desc>%s</svg>`,
		coordinate(d.width), coordinate(d.height), attributes, html.EscapeString(name), html.EscapeString(description), d.out.String())
}

// title returns a tooltip.
func title(hint string) string {
	if hint == "" {
		return ""
	}
	return "<title>" + html.EscapeString(hint) + "</title>"
}

// coordinate formats a place to a tenth; what is no number is 0.
func coordinate(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) || math.Abs(v) > 1e6 {
		return "0"
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// axis maps figures to places.
type axis struct {
	low, high float64 // figures
	from, to  float64 // places
	log       bool
}

// at returns the place of a figure; one outside is at the end.
func (a axis) at(v float64) float64 {
	v = min(max(v, a.low), a.high)
	part := (v - a.low) / (a.high - a.low)
	if a.log {
		part = math.Log(v/a.low) / math.Log(a.high/a.low)
	}
	return a.from + part*(a.to-a.from)
}

// ticks returns about n round figures on the axis; on a logarithmic one powers of
// 2, or of 4 if it is long.
func (a axis) ticks(n int) []float64 {
	var ticks []float64
	if a.log {
		factor := 2.0
		if a.high/a.low > 64 {
			factor = 4
		}
		for v := 1.0; v >= a.low; v /= factor {
			ticks = append([]float64{v}, ticks...)
		}
		for v := factor; v <= a.high; v *= factor {
			ticks = append(ticks, v)
		}
		return ticks
	}
	step := round((a.high - a.low) / float64(n))
	first := math.Ceil(a.low / step)
	for i := range 2 * n {
		if v := (first + float64(i)) * step; v <= a.high*1.0001 {
			ticks = append(ticks, v)
		}
	}
	return ticks
}

// round returns the next of 1, 2 and 5 times a power of ten that is not below v.
func round(v float64) float64 {
	if !(v > 0) || math.IsInf(v, 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 5} {
		if step*power >= v*0.9999 {
			return step * power
		}
	}
	return 10 * power
}
