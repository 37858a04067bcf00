package e2e

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"os/exec"
	"testing"

	"lucarne/perf/quality"
	"lucarne/perf/xclient"
)

// TestTextAtRestIsSharp: a page of a real terminal's text at 8 Mbit/s comes to rest
// as near to the display's as is promised, in the browser. Where colour is not
// sampled down the text is coloured, which no 4:2:0 can show as well.
func TestTextAtRestIsSharp(t *testing.T) {
	if _, err := exec.LookPath("xterm"); err != nil {
		t.Skip("xterm is not installed")
	}
	for _, c := range []struct {
		codec, transport string
		luma             float64 // dB
		channels         float64 // dB of each of red, green and blue
	}{
		{"VP8", "webrtc", 44, 0},
		{"VP8", "ws", 44, 0},
		{"H264", "webrtc", 44, 0},
		{"H264", "ws", 44, 0},
		{"H264-444", "webrtc", 48, 48},
		{"H264-444", "ws", 48, 48},
	} {
		t.Run(c.codec+" by "+c.transport, func(t *testing.T) {
			needsCodec(t, c.codec)
			d := newDesk(t, setup{agent: []string{"--auth", "none", "--bitrate", "8M"}})
			bounds := image.Rect(100, 60, 1180, 660)
			text, err := xclient.Terminal(d.ctx, d.plan.Display, bounds)
			d.check(err)
			if c.channels > 0 {
				paintInk(text)
			}
			page := d.load(d.browser, d.url("?resize=off&codec="+c.codec+"&transport="+c.transport))
			page.by(c.transport)
			page.wait(fmt.Sprintf("lucarne.stats().codec.toUpperCase() === %q", c.codec))
			w := d.window(bounds, 0x2060c0)
			page.shows(bounds.Min.Add(image.Pt(9, 9)), 0x2060c0, atRest)
			photo, err := xclient.NewPhoto(w, text)
			d.check(err)
			defer photo.Close()
			_, err = photo.Draw(1)
			d.check(err)
			drawn := photo.Picture(1)
			var score quality.Score
			var channels [3]float64
			defer func() {
				t.Logf("luma %.1f dB, red, green, blue %.1f dB", score.PSNR.Luma, channels)
			}()
			poll(t, "text as sharp as is promised", func() bool {
				shown, err := page.sampler.Picture(d.ctx, bounds)
				d.check(err)
				score, err = quality.Compare(shown, drawn)
				d.check(err)
				channels = channelPSNR(shown, drawn)
				return score.PSNR.Luma >= c.luma && min(channels[0], channels[1], channels[2]) >= c.channels
			})
		})
	}
}

// paintInk gives the words of black text the colours that a terminal has for them,
// by their place.
func paintInk(text *image.RGBA) {
	inks := [...]color.RGBA{{A: 255}, {R: 205, A: 255}, {G: 139, A: 255}, {B: 238, A: 255}, {R: 205, B: 205, A: 255}}
	for y := range text.Rect.Dy() {
		for x := range text.Rect.Dx() {
			if at := text.RGBAAt(x, y); at == (color.RGBA{A: 255}) {
				text.SetRGBA(x, y, inks[(x/60+y/26)%len(inks)])
			}
		}
	}
}

// channelPSNR is the peak signal-to-noise ratio of red, green and blue, in dB.
func channelPSNR(shown, drawn *image.RGBA) (dB [3]float64) {
	var sums [3]float64
	size := drawn.Rect.Size()
	for y := range size.Y {
		a, b := shown.Pix[y*shown.Stride:], drawn.Pix[y*drawn.Stride:]
		for i := range 4 * size.X {
			if channel := i % 4; channel < 3 {
				off := float64(a[i]) - float64(b[i])
				sums[channel] += off * off
			}
		}
	}
	for i, sum := range sums {
		dB[i] = min(quality.Lossless, 10*math.Log10(255*255*float64(size.X*size.Y)/sum))
	}
	return dB
}
