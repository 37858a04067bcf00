package e2e

import (
	"context"
	"fmt"
	"image"
	"testing"

	"lucarne/capture/display"
	"lucarne/capture/x11"
)

func TestTheScreenTakesTheTabsSize(t *testing.T) {
	for _, c := range []struct {
		name  string
		setup setup
		sizes []image.Point
	}{
		{"Xvnc", setup{server: display.Xvnc, size: image.Pt(800, 600), tab: image.Pt(1000, 700)},
			[]image.Point{{1000, 700}, {1101, 777}, {640, 481}}},
		{"Xvfb", setup{server: display.Xvfb, size: image.Pt(1280, 720), tab: image.Pt(1000, 700)},
			[]image.Point{{1000, 700}, {901, 577}, {1280, 720}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, c.setup)
			w := d.window(image.Rect(0, 0, 100, 100), 0x40a060)
			page := d.open("?resize=remote")
			for i, size := range c.sizes {
				if i > 0 {
					d.check(page.Resize(d.ctx, size.X, size.Y))
				}
				poll(t, "screen of "+size.String(), func() bool {
					got, err := w.ScreenSize()
					d.check(err)
					return got == size
				})
				page.wait(pictureOf(size))
				page.shows(image.Pt(50, 50), 0x40a060, atRest)
			}
		})
	}
}

// A tab of more pixels than are allowed gets a smaller screen, which fills it.
func TestTheScreenIsNoLargerThanAllowed(t *testing.T) {
	d := newDesk(t, setup{size: image.Pt(640, 480), tab: image.Pt(1200, 800), agent: []string{"--auth", "none", "--max-pixels", "240k"}})
	page := d.open("?resize=remote")
	page.wait(`(v => v.videoWidth === 600 && v.videoHeight === 400)(document.querySelector("video"))`)
	page.wait(`(b => b.width > 1190 && b.height > 790)(document.querySelector("video").getBoundingClientRect())`)
}

func TestThePageTakesTheScreensSize(t *testing.T) {
	for _, server := range []string{display.Xvnc, display.Xvfb} {
		t.Run(server, func(t *testing.T) {
			d := newDesk(t, setup{server: server})
			d.window(image.Rect(0, 0, 100, 100), 0x40a060)
			page := d.open("?resize=off")
			page.shows(image.Pt(50, 50), 0x40a060, atRest)
			resizeScreen(d, image.Pt(1001, 701))
			page.wait(pictureOf(image.Pt(1001, 701)))
			page.shows(image.Pt(50, 50), 0x40a060, atRest)
		})
	}
}

// pictureOf says that the page shows a video of a screen of that size, pixel by pixel.
// Where H.264 4:2:0, which knows even sides alone, has a pixel more, it is cut off.
func pictureOf(size image.Point) string {
	return fmt.Sprintf(`((v, b, ratio) => [0, %[1]d %% 2].includes(v.videoWidth - %[1]d) && [0, %[2]d %% 2].includes(v.videoHeight - %[2]d) &&
		Math.round(b.width * ratio) === %[1]d && Math.round(b.height * ratio) === %[2]d)(
		document.querySelector("video"), document.querySelector("#screen").getBoundingClientRect(), devicePixelRatio)`, size.X, size.Y)
}

// resizeScreen resizes the display as any other program on it can.
func resizeScreen(d *desk, size image.Point) {
	d.t.Helper()
	source, err := x11.Open(x11.Config{Display: d.plan.Display})
	d.check(err)
	ctx, cancel := context.WithCancel(d.ctx)
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx) }()
	got, err := source.Resize(size)
	cancel()
	<-done
	d.check(err, source.Close())
	if got != size {
		d.t.Fatalf("screen is %v, want %v", got, size)
	}
}
