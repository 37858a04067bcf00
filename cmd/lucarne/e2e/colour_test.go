package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"strings"
	"testing"

	"lucarne/capture/display"
	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

// TestColourChart: the page's colours are the display's, whatever the codec and the
// path, for a script that reads the picture and for the compositor that shows it.
func TestColourChart(t *testing.T) {
	for _, c := range []struct {
		server, codec, transport string
		tolerance                int // levels a channel
	}{
		{display.Xvnc, "VP8", "webrtc", 6},
		{display.Xvfb, "VP8", "webrtc", 6},
		{display.Xvnc, "VP8", "ws", 6},
		{display.Xvnc, "H264", "webrtc", 6},
		{display.Xvnc, "H264", "ws", 6},
		{display.Xvnc, "H264-444", "webrtc", 4},
		{display.Xvnc, "H264-444", "ws", 4},
	} {
		t.Run(fmt.Sprintf("%s by %s from %s", c.codec, c.transport, c.server), func(t *testing.T) {
			needsCodec(t, c.codec)
			d := newDesk(t, setup{server: c.server})
			middles := d.drawChart()
			page := d.load(d.browser, d.url("?resize=off&codec="+c.codec+"&transport="+c.transport))
			page.by(c.transport)
			page.wait(fmt.Sprintf("lucarne.stats().codec.toUpperCase() === %q", c.codec))
			page.settlesOnChart(middles, c.tolerance)
			page.screenColours(middles, c.tolerance)
		})
	}
}

// needsCodec skips a test where the program was built without an encoder.
func needsCodec(t *testing.T, codec string) {
	t.Helper()
	out, err := exec.Command(os.Getenv(binaryVariable), "--version").Output()
	must(t, err)
	if !strings.Contains(string(out), codec+" (") {
		t.Skipf("this build does not encode %s", codec)
	}
}

// drawChart draws the colour chart and returns the middles of its patches on the
// screen, which are far from any edge.
func (d *desk) drawChart() (middles []image.Point) {
	d.t.Helper()
	corner := image.Pt(160, 160)
	w := d.window(image.Rectangle{Min: corner, Max: corner.Add(image.Pt(768, 288))}, 0)
	d.check(w.DrawChart())
	for _, p := range xclient.Chart() {
		middles = append(middles, corner.Add(p.Bounds.Min.Add(p.Bounds.Size().Div(2))))
	}
	return middles
}

// settlesOnChart waits until the page's picture has the chart's colours.
func (t *tab) settlesOnChart(middles []image.Point, tolerance int) {
	t.d.t.Helper()
	var got []int
	defer func() {
		for i, p := range xclient.Chart() {
			if t.d.t.Failed() && len(got) > i {
				t.d.t.Logf("%-8s is %06x, want %06x", p.Name, got[i], p.Colour)
			}
		}
	}()
	poll(t.d.t, "settled colour chart", func() bool {
		var err error
		got, err = t.sampler.Colours(t.d.ctx, middles...)
		t.d.check(err)
		for i, p := range xclient.Chart() {
			if !sample.Near(got[i], int(p.Colour), tolerance) {
				return false
			}
		}
		return true
	})
}

// screenColours checks the same colours as the compositor shows them.
func (t *tab) screenColours(middles []image.Point, tolerance int) {
	t.d.t.Helper()
	shot, err := t.Screenshot(t.d.ctx)
	t.d.check(err)
	img, err := png.Decode(bytes.NewReader(shot))
	t.d.check(err)
	for i, p := range xclient.Chart() {
		r, g, b, _ := img.At(middles[i].X, middles[i].Y).RGBA()
		if got := int(r>>8<<16 | g>>8<<8 | b>>8); !sample.Near(got, int(p.Colour), tolerance) {
			t.d.t.Errorf("%s on the screen is %06x, want %06x", p.Name, got, p.Colour)
		}
	}
}
