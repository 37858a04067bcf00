package e2e

import (
	"fmt"
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
	middles := d.drawChart()
	return func(page *tab) {
		d.t.Helper()
		page.settlesOnChart(middles, atRest)
	}
}

// by waits until the page shows the picture of a path.
func (t *tab) by(path string) {
	t.d.t.Helper()
	t.wait(`document.documentElement.dataset.state === "connected" && lucarne.stats().transport === "` + path + `"`)
}

func TestPictureOnTheSocket(t *testing.T) {
	for _, c := range []struct{ name, query, script, codec string }{
		{"VP8", "&codec=vp8", "", "VP8"},
		{"JPEG", "&codec=jpeg", "", "JPEG"},
		{"without WebCodecs", "", "delete window.VideoDecoder;", "JPEG"},
		{"without a worker", "", `window.Worker = class extends Worker { constructor(url) { super(url + ".gone"); } };`, "JPEG"},
		{"with a worker that does nothing", "", "Worker.prototype.postMessage = () => {};", "JPEG"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, setup{server: display.Xvnc})
			check := d.chart()
			page := d.load(d.browser, d.url("?resize=off&transport=ws"+c.query), peersScript+c.script)
			page.by("ws")
			page.wait(`lucarne.stats().codec === "` + c.codec + `"`)
			check(page)
			page.wait(`lucarne.stats().framesDecoded > 0 && lucarne.stats().keyFramesDecoded > 0 && peers.length === 0`)
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

// blockedScript lets no candidate through, as a network does that drops UDP.
const blockedScript = `RTCPeerConnection.prototype.addIceCandidate = async () => {};
const post = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  if (typeof data === "string" && data.startsWith('{"type":"candidate"')) return;
  return post.call(this, data);
};`

func TestSocketAloneWhereUDPIsBlocked(t *testing.T) {
	d := newDesk(t, setup{max: image.Pt(1920, 1080)})
	check := d.chart()
	page := d.load(d.browser, d.url("?resize=remote&transport=auto"), blockedScript)
	page.by("ws")
	check(page)
	r := d.record(image.Rect(0, 500, 1280, 720))
	page.focus()
	d.check(page.Type(d.ctx, "hello"))
	poll(t, "keys", func() bool { return string(runes(r.pressed())) == "hello" && r.held() == 0 })
	d.check(page.Resize(d.ctx, 1000, 640))
	page.wait(`lucarne.stats().width === 1000 && lucarne.stats().height === 640`)
	d.window(image.Rect(100, 100, 400, 400), 0xc04040)
	page.shows(image.Pt(300, 300), 0xc04040, atRest)
	page.wait(`document.querySelector(".route").textContent.includes("the network may block UDP")`)
	page.by("ws")
}

// runes takes keysyms of Latin-1 for what they are.
func runes(syms []uint32) []rune {
	var text []rune
	for _, sym := range syms {
		text = append(text, rune(sym))
	}
	return text
}

// coloursScript writes down each colour that a point of the picture has had, and
// when the path that is seen was another one.
const coloursScript = `window.had = new Map();
window.paths = [];
const look = () => {
  const colour = lucarneSampler.colours([[400, 350]])[0];
  had.set(colour, (had.get(colour) ?? 0) + 1);
  const path = document.querySelector("#screen").dataset.shown;
  if (paths.at(-1)?.path !== path) paths.push({ path, at: performance.now() });
  requestAnimationFrame(look);
};
look();`

func TestStalledWebRTCFallsBackToTheSocket(t *testing.T) {
	const green = 0x40a060
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	w := d.window(image.Rect(300, 250, 500, 450), green)
	way := newRelay(d)
	page := way.openBy("auto")
	page.by("webrtc")
	page.shows(image.Pt(400, 350), green, atRest)
	page.focus()
	d.check(page.Eval(d.ctx, coloursScript+"1", nil), page.Type(d.ctx, "be"))
	poll(t, "keys by WebRTC", func() bool { return len(r.pressed()) == 2 })

	way.deaf.Store(true)
	d.check(page.Eval(d.ctx, `window.cut = performance.now()`, nil), page.Type(d.ctx, "tw"))
	page.by("ws")
	d.check(page.Type(d.ctx, "ee"))
	poll(t, "keys by the socket", func() bool { return len(r.pressed()) == 6 })
	var took float64
	d.check(page.Eval(d.ctx, `paths.at(-1).at - cut`, &took))
	t.Logf("fell back %.0f ms after the cut", took)
	page.wait(`document.querySelector(".route").textContent.includes("WebRTC has stalled")`)

	way.deaf.Store(false)
	page.by("webrtc")
	d.check(page.Type(d.ctx, "n"))
	poll(t, "all keys", func() bool { return len(r.pressed()) == 7 && r.held() == 0 })
	if got := string(runes(r.pressed())); got != "between" {
		t.Errorf("typed %q, want %q", got, "between")
	}
	var had map[string]int
	d.check(page.Eval(d.ctx, `Object.fromEntries(had)`, &had))
	for colour, frames := range had {
		var c int
		if _, err := fmt.Sscan(colour, &c); err != nil || !sample.Near(c, green, 2*atRest) {
			t.Errorf("%d frames had colour %06x, want %06x alone", frames, c, green)
		}
	}
	w.Fill(image.Rect(0, 0, 200, 200), 0xc04040)
	d.check(w.Sync())
	page.shows(image.Pt(400, 350), 0xc04040, atRest)
}

// spoiledScript spoils the next picture that is no key frame: window.spoil takes
// its bytes, and returns those that the page gets.
const spoiledScript = `window.spoil = null;
const property = [WebSocket.prototype, Object.getPrototypeOf(WebSocket.prototype)]
  .map(owner => Object.getOwnPropertyDescriptor(owner, "onmessage")).find(Boolean); // also where WebSocket is a class of the test's
Object.defineProperty(WebSocket.prototype, "onmessage", { ...property, set(handler) {
  property.set.call(this, handler && (event => {
    const bytes = event.data instanceof ArrayBuffer && new Uint8Array(event.data);
    if (!window.spoil || !bytes || bytes[0] !== 2 || bytes[1] & 1) return handler(event);
    const spoil = window.spoil;
    window.spoil = null;
    handler({ data: spoil(bytes).buffer });
  }));
}});`

func TestSpoiledPicturesAreMadeGood(t *testing.T) {
	d := newDesk(t, setup{})
	w := d.window(image.Rect(200, 200, 600, 500), 0x40a060)
	page := d.load(d.browser, d.url("?resize=off&transport=ws"), spoiledScript)
	page.by("ws")
	page.shows(image.Pt(400, 350), 0x40a060, atRest)
	colours := []xclient.RGB{0xc04040, 0x4060c0}
	for i, spoil := range []string{"b => b.fill(255, 40)", "b => b.slice(0, 20)"} {
		d.check(page.Eval(d.ctx, "window.spoil = "+spoil+", 1", nil))
		w.Fill(image.Rect(0, 0, 400, 300), colours[i])
		d.check(w.Sync())
		page.wait(`window.spoil === null`)
		page.shows(image.Pt(400, 350), colours[i], atRest)
	}
}

func TestBusyPageIsUpToDateInTheEnd(t *testing.T) {
	d := newDesk(t, setup{})
	w := d.window(image.Rect(200, 200, 840, 600), 0x40a060)
	text, err := xclient.NewText(w)
	d.check(err)
	page := d.open("?resize=off&transport=ws")
	d.check(page.Eval(d.ctx, `setInterval(() => { for (const end = performance.now() + 150; performance.now() < end;); }, 200)`, nil))
	for number := 1; number <= 120; number++ {
		_, err := text.Draw(number)
		d.check(err)
		if number%10 == 0 {
			page.wait("true") // no faster than the page can say so
		}
	}
	w.Fill(image.Rect(0, 0, 640, 400), 0xc04040)
	d.check(w.Sync())
	page.shows(image.Pt(500, 400), 0xc04040, atRest)
	page.by("ws")
}

func TestPageBoundToVNC(t *testing.T) {
	d := newDesk(t, setup{})
	page := d.load(d.browser, d.url("?transport=vnc"))
	page.wait(`location.pathname === "/vnc/"`)
}
