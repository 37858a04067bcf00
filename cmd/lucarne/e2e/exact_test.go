package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
	"testing"

	"lucarne/perf/xclient"
)

// emulate gives the viewport a size in CSS pixels and a device pixel ratio.
func (t *tab) emulate(size image.Point, ratio float64) {
	t.d.t.Helper()
	t.d.check(t.Call(t.d.ctx, "Emulation.setDeviceMetricsOverride", map[string]any{
		"width": size.X, "height": size.Y, "deviceScaleFactor": ratio, "mobile": false,
	}, nil))
}

// photograph returns what the tab shows, in device pixels.
func (t *tab) photograph() image.Image {
	t.d.t.Helper()
	data, err := t.Screenshot(t.d.ctx)
	t.d.check(err)
	picture, err := png.Decode(bytes.NewReader(data))
	t.d.check(err)
	return picture
}

// stripes are patches of lines one pixel wide, white and black in turn, upright in
// every other patch: a picture that is shown between its pixels makes grey of them.
type stripes []image.Rectangle

// drawStripes draws them in the corners of a screen and in its middle.
func drawStripes(w *xclient.Window, screen image.Point) stripes {
	const side = 48
	far := screen.Sub(image.Pt(side, side))
	w.Fill(image.Rectangle{Max: screen}, 0x808080)
	var s stripes
	for n, at := range []image.Point{{}, {X: far.X}, {Y: far.Y}, far, far.Div(2)} {
		patch := image.Rectangle{at, at.Add(image.Pt(side, side))}
		s = append(s, patch)
		w.Fill(patch, 0)
		for i := 0; i < side; i += 2 {
			line := image.Rect(i, 0, i+1, side)
			if n%2 == 1 {
				line = image.Rect(0, i, side, i+1)
			}
			w.Fill(line.Add(at), 0xffffff)
		}
	}
	return s
}

// differ says where a picture, whose corner is the screen's pixel at origin, shows
// something else, "" for nowhere.
func (s stripes) differ(picture image.Image, origin image.Point) string {
	for n, patch := range s {
		shown := patch.Sub(origin).Intersect(picture.Bounds())
		for y := shown.Min.Y; y < shown.Max.Y; y++ {
			for x := shown.Min.X; x < shown.Max.X; x++ {
				along := x + origin.X - patch.Min.X
				if n%2 == 1 {
					along = y + origin.Y - patch.Min.Y
				}
				want := 255 * (1 - along%2)
				_, green, _, _ := picture.At(x, y).RGBA()
				if got := int(green >> 8); math.Abs(float64(got-want)) > 70 {
					return fmt.Sprintf("%d instead of %d at %v of patch %d", got, want, image.Pt(x, y), n)
				}
			}
		}
	}
	return ""
}

// exactly waits until the tab's pixels are the screen's.
func (t *tab) exactly(s stripes, origin image.Point) {
	t.d.t.Helper()
	differs := ""
	defer func() {
		if differs != "" {
			t.d.t.Log(differs)
		}
	}()
	poll(t.d.t, "picture pixel for pixel", func() bool {
		differs = s.differ(t.photograph(), origin)
		return differs == ""
	})
}

// devicePixels returns how many the tab's viewport has.
func (t *tab) devicePixels() image.Point { return t.photograph().Bounds().Max }

// follows waits until the screen has the tab's size, and checks every pixel.
func (t *tab) follows(w *xclient.Window) {
	t.d.t.Helper()
	want := t.devicePixels()
	poll(t.d.t, "screen of "+want.String(), func() bool {
		screen, err := w.ScreenSize()
		t.d.check(err)
		return screen == want
	})
	t.wait(`document.querySelector("#screen").classList.contains("exact")`)
	t.exactly(drawStripes(w, want), image.Point{})
}

// A pixel of the screen is one of the tab's, whatever the tab's size and ratio.
func TestPixelForPixel(t *testing.T) {
	args := []string{"--auth", "none", "--max-pixels", "6M"}
	t.Run("emulated", func(t *testing.T) {
		d := newDesk(t, setup{size: image.Pt(800, 600), agent: args})
		w := d.window(image.Rect(0, 0, 2000, 1200), 0x808080)
		for _, path := range []string{"ws", "webrtc"} {
			page := d.open("?resize=remote&transport=" + path)
			for _, c := range []struct {
				tab   image.Point
				ratio float64
			}{
				{image.Pt(1367, 771), 1}, {image.Pt(1092, 620), 1.25}, {image.Pt(910, 514), 1.5}, {image.Pt(683, 385), 2},
			} {
				page.emulate(c.tab, c.ratio)
				page.follows(w)
			}
			d.check(page.Close())
		}
	})
	// Here the viewport is no whole number of CSS pixels.
	t.Run("real", func(t *testing.T) {
		d := newDesk(t, setup{size: image.Pt(800, 600), tab: image.Pt(1243, 701), agent: args, args: []string{"--force-device-scale-factor=1.1"}})
		w := d.window(image.Rect(0, 0, 2000, 1200), 0x808080)
		for _, path := range []string{"ws", "webrtc"} {
			page := d.open("?resize=remote&transport=" + path)
			d.check(page.Call(d.ctx, "Emulation.clearDeviceMetricsOverride", nil, nil))
			page.follows(w)
			d.check(page.Close())
		}
	})
}
