package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"lucarne/perf/xclient"
)

// TestWatermark: what a policy wants over the picture is in it by each path, on light and
// on dark, and VNC says why there is none.
func TestWatermark(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte("preset: open\nwatermark: {text: 'Ada {host} {time}', opacity: 0.3}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--policy", policy}})
	grounds := map[xclient.RGB]image.Rectangle{0xffffff: image.Rect(160, 160, 560, 560), 0: image.Rect(640, 160, 1040, 560)}
	for ground, bounds := range grounds {
		d.window(bounds, ground)
	}
	for _, transport := range []string{"webrtc", "ws"} {
		page := d.open("?resize=off&transport=" + transport)
		for ground, bounds := range grounds {
			share := 0.0
			poll(t, fmt.Sprintf("text over %06x by %s", ground, transport), func() bool {
				share = page.differing(bounds.Inset(16), ground)
				return share > 0.01 && share < 0.12
			})
			t.Logf("by %s %.1f %% of %06x are another colour", transport, 100*share, ground)
		}
		page.keep("watermark-" + transport)
		d.check(page.Close())
	}

	page := d.load(d.browser, d.url("?transport=vnc"))
	page.wait(`document.querySelector(".card").innerText.includes("watermark")`)
	page.keep("watermark-vnc")
	d.check(page.Close())
	page = d.examine(d.url("connection?stay=1"))
	page.finds("pictures=ok vnc=skip", "watermark")
}

// differing returns which share of a part of the picture, shown pixel by pixel, is clearly of
// another colour than its ground.
func (t *tab) differing(part image.Rectangle, ground xclient.RGB) float64 {
	t.d.t.Helper()
	shot, err := t.Screenshot(t.d.ctx)
	t.d.check(err)
	picture, err := png.Decode(bytes.NewReader(shot))
	t.d.check(err)
	const clear = 20
	count := 0
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			_, green, _, _ := picture.At(x, y).RGBA()
			if by := int(green>>8) - int(ground>>8&0xff); by > clear || by < -clear {
				count++
			}
		}
	}
	return float64(count) / float64(part.Dx()*part.Dy())
}
