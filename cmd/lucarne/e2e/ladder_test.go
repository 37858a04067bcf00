package e2e

import (
	"image"
	"slices"
	"testing"

	"lucarne/capture/display"
	"lucarne/perf/browser"
	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

// chart draws the colour chart and returns a check of the page's picture of it.
func (d *desk) chart() (check func(*tab)) {
	d.t.Helper()
	corner := image.Pt(160, 160)
	w := d.window(image.Rectangle{Min: corner, Max: corner.Add(image.Pt(768, 288))}, 0)
	d.check(w.DrawChart())
	var middles []image.Point
	for _, p := range xclient.Chart() {
		middles = append(middles, corner.Add(p.Bounds.Min.Add(p.Bounds.Size().Div(2))))
	}
	return func(page *tab) {
		d.t.Helper()
		var got []int
		settled := func() bool {
			var err error
			got, err = page.sampler.Colours(d.ctx, middles...)
			d.check(err)
			for i, p := range xclient.Chart() {
				if !sample.Near(got[i], int(p.Colour), atRest) {
					return false
				}
			}
			return true
		}
		poll(d.t, "settled colour chart", settled)
	}
}

// by waits until the page shows the picture of a path.
func (t *tab) by(path string) {
	t.d.t.Helper()
	t.wait(`document.documentElement.dataset.state === "connected" && lucarne.stats().transport === "` + path + `"`)
}

func TestPictureOnTheSocket(t *testing.T) {
	for _, c := range []struct{ name, query, codec string }{
		{"VP8", "&codec=vp8", "VP8"},
		{"JPEG", "&codec=jpeg", "JPEG"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, setup{server: display.Xvnc})
			check := d.chart()
			page := d.open("?resize=off&transport=ws" + c.query)
			page.by("ws")
			page.wait(`lucarne.stats().codec === "` + c.codec + `"`)
			check(page)
			page.wait(`typeof peers === "undefined" || peers.length === 0`)
			var stages struct{ Samples int }
			d.check(page.Eval(d.ctx, `({Samples: lucarne.stats().framesDecoded})`, &stages))
			if stages.Samples == 0 {
				t.Error("no frames are counted")
			}
		})
	}
}

// heldScript keeps WebRTC from connecting until release is called.
const heldScript = peersScript + `
let release;
const held = new Promise(resolve => release = resolve);
const remote = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = async function (...args) {
  await held;
  return remote.apply(this, args);
};
window.release = () => (release(), 1);`

func TestFirstPictureBeforeWebRTCThenWebRTC(t *testing.T) {
	d := newDesk(t, setup{})
	w := d.window(image.Rect(0, 0, 1280, 720), 0x40a060)
	page := d.load(d.browser, d.url("?resize=off&transport=auto"), heldScript)
	page.by("ws")
	page.shows(image.Pt(400, 350), 0x40a060, atRest)
	page.wait(`peers.every(p => p.connectionState !== "connected")`)
	d.check(page.Eval(d.ctx, "release()", nil))
	page.by("webrtc")
	page.wait(`lucarne.stats().path === "udp"`)
	w.Fill(image.Rect(0, 0, 1280, 720), 0xc04040)
	d.check(w.Sync())
	page.shows(image.Pt(400, 350), 0xc04040, atRest)
	r := d.record(image.Rect(0, 0, 1280, 720))
	page.focus()
	d.check(page.Press(d.ctx, browser.Key{Code: "KeyZ", Key: "z"}))
	poll(t, "key", func() bool { return slices.Equal(r.pressed(), []uint32{'z'}) && r.held() == 0 })
}
