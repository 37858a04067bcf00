package e2e

import (
	"image"
	"slices"
	"testing"

	"lucarne/perf/browser"
)

// cutScript ends the page's first WebSocket when the first offer has come.
const cutScript = `window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...args) { super(...args); sockets.push(this); }
};
const set = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function (...args) {
  if (sockets.length === 1) sockets[0].close();
  return set.apply(this, args);
};`

func TestReconnectDuringNegotiation(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	page := d.load(d.browser, d.url("?resize=off"), cutScript)
	page.wait(`sockets.length > 1 && sockets.at(-1).readyState === WebSocket.OPEN`) // one that was slow has been replaced
	page.picture()
	page.shows(image.Pt(400, 350), 0x303030, atRest)
	page.focus()
	d.check(page.Press(d.ctx, browser.Key{Code: "KeyZ", Key: "z"}))
	poll(t, "key", func() bool { return slices.Equal(r.pressed(), []uint32{'z'}) && r.held() == 0 })
}

// peersScript keeps the page's WebRTC connections.
const peersScript = `window.peers = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...args) { super(...args); peers.push(this); }
};`

// A browser that comes to another network looks for a path anew, with the
// connection that there is.
func TestICERestart(t *testing.T) {
	d := newDesk(t, setup{})
	w := d.window(image.Rect(0, 0, 1280, 720), 0x303030)
	page := d.load(d.browser, d.url("?resize=off"), peersScript)
	page.picture()
	page.shows(image.Pt(400, 350), 0x303030, atRest)
	d.check(page.Eval(d.ctx, `window.fragment = () => /a=ice-ufrag:(\S+)/.exec(peers[0].remoteDescription.sdp)[1],
		window.before = fragment(), dispatchEvent(new Event("online")), 1`, nil))
	page.wait(`fragment() !== before`)
	page.wait(`peers[0].signalingState === "stable" && peers[0].connectionState === "connected"`)
	w.Fill(image.Rect(0, 0, 1280, 720), 0xc04040)
	d.check(w.Sync())
	page.shows(image.Pt(400, 350), 0xc04040, atRest)
	page.wait(`peers.length === 1`)
}
