package report

import (
	_ "embed" // for the style
	"fmt"
	"io"
)

//go:embed plot.css
var plotStyle string

// WriteSVG writes one plot for the README: the median latency and the frames a
// second of each peer, by scenario, over one link. It stands on a ground of its
// own, light or dark as the reader's system is.
func (r *Report) WriteSVG(w io.Writer, link string) error {
	p := r.plotter(link)
	d := &drawing{}
	fmt.Fprintf(&d.out, "<style>\n%s</style>\n"+`<rect class="card" width="100%%" height="100%%" rx="10"/>`, plotStyle)
	const margin, column, head = 20.0, 375.0, 62.0
	below := head
	x := margin
	for _, metric := range []facet{{"p50-ms", "Latency to the pixel, ms (shorter is better)"}, {"frames/s", "Frames shown a second (longer is better)"}} {
		rows := p.of(metric.metric)
		if len(rows) == 0 {
			continue
		}
		d.text("head", start, point{x, 32}, metric.text)
		below = max(below, p.bars(d, point{x, head - 10}, column, rows, Row.heading))
		x += column + 30
	}
	if x == margin {
		return fmt.Errorf("report: write SVG: no latency and no frames over %s: run flip or scroll over it", link)
	}
	d.width = x - 30 + margin
	d.height = below + 26
	d.text("note", start, point{margin, d.height - 14}, fmt.Sprintf("%s · %s · %s · medians, with the interval of the median", r.Machine.CPU, r.Machine.Screen, r.Started.UTC().Format("2006-01-02")))
	plot := d.svg("Lucarne against its peers over "+link, describe(append(p.of("p50-ms"), p.of("frames/s")...), Row.heading), fmt.Sprintf(`xmlns="http://www.w3.org/2000/svg" width="%s" height="%s"`, coordinate(d.width), coordinate(d.height)))
	if _, err := io.WriteString(w, plot+"\n"); err != nil {
		return fmt.Errorf("report: write SVG: %w", err)
	}
	return nil
}
