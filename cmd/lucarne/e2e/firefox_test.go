package e2e

import (
	"fmt"
	"image"
	"slices"
	"testing"

	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

// TestFirefox: another browser's WebRTC, decoder and keys. The picture is what
// its compositor shows, pixel for pixel.
func TestFirefox(t *testing.T) {
	d := newAgentDesk(t, &setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	corner := image.Pt(160, 160)
	w := d.window(image.Rectangle{Min: corner, Max: corner.Add(image.Pt(768, 288))}, 0)
	d.check(w.DrawChart())
	fox := startFirefox(d.ctx, t, image.Pt(1280, 720))
	for _, c := range []struct{ name, query, transport, codec string }{
		{"VP8 by WebRTC", "&transport=webrtc", "webrtc", "VP8"},
		{"VP8 on the socket", "&transport=ws&codec=vp8", "ws", "VP8"},
		{"JPEG on the socket", "&transport=ws&codec=jpeg", "ws", "JPEG"},
		{"the best", "&transport=auto", "webrtc", "VP8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fox := fox.in(t)
			fox.navigate(d.url("?resize=off" + c.query))
			fox.wait(fmt.Sprintf("(s => s.transport === %q && s.codec === %q)(lucarne.stats())", c.transport, c.codec))
			poll(t, "settled colour chart", func() bool {
				img := fox.screenshot()
				for _, p := range xclient.Chart() {
					at := corner.Add(p.Bounds.Min.Add(p.Bounds.Size().Div(2)))
					red, green, blue, _ := img.At(at.X, at.Y).RGBA()
					if !sample.Near(int(red>>8<<16|green>>8<<8|blue>>8), int(p.Colour), atRest) {
						return false
					}
				}
				return true
			})
			r.reset()
			fox.click(image.Pt(600, 600))
			const text = "Hello, Firefox 153"
			fox.typeText(text)
			want := keysyms(text)
			poll(t, "typed text", func() bool { return len(r.printable()) >= len(want) && r.held() == 0 })
			if got := r.printable(); !slices.Equal(got, want) {
				t.Errorf("keysyms\n got %x\nwant %x", got, want)
			}
			var unexpected []string
			if must(t, fox.eval("unexpected", &unexpected)); len(unexpected) > 0 {
				t.Errorf("errors in the page: %q", unexpected)
			}
		})
	}
}
