package e2e

import (
	"fmt"
	"image"
	"os"
	"os/exec"
	"strings"
	"testing"

	"lucarne/perf/xclient"
)

// connectionsScript counts the page's connections.
const connectionsScript = `window.connections = 0;
for (const kind of ["RTCPeerConnection", "WebSocket"]) {
	window[kind] = class extends window[kind] { constructor(...args) { super(...args); connections++; } };
}`

// TestCodecChangesWithoutReconnecting: who prefers another codec sees the picture in it,
// and what is drawn from then on, by the connections that there are.
func TestCodecChangesWithoutReconnecting(t *testing.T) {
	version, err := exec.Command(os.Getenv(binaryVariable), "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(version), "H264 ") {
		t.Skip("this build has no x264")
	}
	for _, transport := range []string{"webrtc", "ws"} {
		t.Run(transport, func(t *testing.T) {
			d := newDesk(t, setup{})
			w := d.window(image.Rect(0, 0, 1280, 720), 0x40a060)
			page := d.load(d.browser, d.url("?resize=off&codec=vp8&transport="+transport), connectionsScript)
			page.by(transport)
			page.wait(`lucarne.stats().codec === "VP8"`)
			var before, after int
			d.check(page.Eval(d.ctx, "connections", &before))
			for n, codec := range []string{"h264", "vp8", "h264-444", "h264", "vp8"} {
				page.prefer(codec)
				colour := []xclient.RGB{0xc04040, 0x40a060}[n%2]
				w.Fill(image.Rect(0, 0, 1280, 720), colour)
				d.check(w.Sync())
				page.shows(image.Pt(400, 350), colour, 12)
			}
			d.check(page.Eval(d.ctx, "connections", &after))
			if after != before {
				t.Errorf("%d connections were made for another codec", after-before)
			}
		})
	}
}

// prefer chooses a codec in the page's settings, and waits for pictures of it.
func (t *tab) prefer(codec string) {
	t.d.t.Helper()
	t.choose("codec", codec)
	t.wait(fmt.Sprintf("lucarne.stats().codec === %q", strings.ToUpper(codec)))
}

// smallScript makes the browser one whose only decoder by WebRTC is VP8, of pictures of
// 100 macroblocks at most (RFC 7741, §6.1).
const smallScript = `window.RTCPeerConnection = class extends RTCPeerConnection {
	get localDescription() {
		const { type, sdp } = super.localDescription;
		const vp8 = /a=rtpmap:(\d+) VP8\/90000\r\n/;
		return { type, sdp: sdp.replaceAll("H264/90000", "H263/90000").replace(vp8, "$&a=fmtp:$1 max-fs=100\r\n") };
	}
}`

// TestPictureTooLargeForWebRTC: a page that decodes no picture of the screen's size by
// WebRTC says so where it has no other path, and else shows the socket's.
func TestPictureTooLargeForWebRTC(t *testing.T) {
	d := newDesk(t, setup{})
	d.window(image.Rect(0, 0, 1280, 720), 0x40a060)
	bound := d.load(d.browser, d.url("?resize=off&transport=webrtc"), smallScript)
	bound.wait(`document.body.innerText.includes("cannot decode pictures of this size by WebRTC")`)
	bound.wait(`document.documentElement.dataset.state === "picture"`)
	free := d.load(d.browser, d.url("?resize=off&transport=auto"), smallScript)
	free.shows(image.Pt(400, 350), 0x40a060, atRest)
	free.by("ws")
}
