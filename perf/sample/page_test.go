package sample

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// layered returns a page with canvases of one colour each: an element's style,
// size and colour at a time.
func layered(canvases string) string {
	return `<!doctype html><body style="margin:0"><script>
	for (const [style, width, height, colour] of ` + canvases + `) {
		const canvas = document.createElement("canvas");
		canvas.style.cssText = "position:absolute;left:0;top:0;" + style;
		canvas.width = width;
		canvas.height = height;
		const c = canvas.getContext("2d");
		c.fillStyle = colour;
		c.fillRect(0, 0, width, height);
		document.body.append(canvas);
	}
	</script>`
}

// TestPictureIsWhatIsSeen: of several canvases the one that a person sees counts.
func TestPictureIsWhatIsSeen(t *testing.T) {
	ctx, b := launch(t)
	for _, c := range []struct {
		name, canvases string
		want           int
	}{
		{"the larger", `[["", 400, 300, "#00f"], ["", 32, 32, "#f00"]]`, 0x0000ff},
		{"the larger on the page", `[["width:400px", 100, 75, "#00f"], ["width:40px", 800, 600, "#f00"]]`, 0x0000ff},
		{"the upper, by order", `[["", 400, 300, "#f00"], ["", 400, 300, "#00f"]]`, 0x0000ff},
		{"the upper, by z-index", `[["z-index:2", 400, 300, "#00f"], ["z-index:1", 400, 300, "#f00"]]`, 0x0000ff},
		{"not display:none", `[["", 400, 300, "#00f"], ["display:none", 800, 600, "#f00"]]`, 0x0000ff},
		{"not visibility:hidden", `[["", 400, 300, "#00f"], ["visibility:hidden", 800, 600, "#f00"]]`, 0x0000ff},
		{"not opacity:0", `[["", 400, 300, "#00f"], ["opacity:0", 800, 600, "#f00"]]`, 0x0000ff},
		{"without pointer events, by order", `[["pointer-events:none", 400, 300, "#f00"], ["pointer-events:none", 400, 300, "#00f"]]`, 0x0000ff},
		{"none", `[]`, -1},
	} {
		s, page, err := Open(ctx, b, serve(t, layered(c.canvases)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Colours(ctx, image.Pt(16, 16)); err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %06x, %v; want %06x", c.name, got, err, c.want)
		}
		page.Close()
	}
}

// worker is a page with a canvas that a worker draws on: it is blue but for a red
// corner, and the worker gives it its size.
const worker = `<!doctype html><body style="margin:0"><canvas width=10 height=10></canvas><script>
const source = ` + "`onmessage = ({ data: { canvas } }) => {" + `
	canvas.width = 640;
	canvas.height = 480;
	const c = canvas.getContext("2d");
	const draw = () => {
		c.fillStyle = "#00f";
		c.fillRect(0, 0, 640, 480);
		c.fillStyle = "#f00";
		c.fillRect(0, 0, 100, 50);
		requestAnimationFrame(draw);
	};
	draw();
}` + "`" + `;
const canvas = document.querySelector("canvas").transferControlToOffscreen();
new Worker(URL.createObjectURL(new Blob([source]))).postMessage({ canvas }, [canvas]);
</script>`

func TestCanvasOfAWorker(t *testing.T) {
	ctx, b := launch(t)
	s, page, err := Open(ctx, b, serve(t, worker))
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Wait(ctx, "lucarneSampler.colours([[300, 200]])[0] === 0x0000ff"); err != nil {
		t.Fatal(err)
	}
	picture, err := s.Picture(ctx, image.Rectangle{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := picture.Rect, image.Rect(0, 0, 640, 480); got != want {
		t.Errorf("picture of %v, want %v", got, want)
	}
	red, blue := color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}
	for at, want := range map[image.Point]color.RGBA{{}: red, {99, 49}: red, {100, 49}: blue, {99, 50}: blue, {639, 479}: blue} {
		if got := picture.RGBAAt(at.X, at.Y); got != want {
			t.Errorf("%v is %v, want %v", at, got, want)
		}
	}
	part, err := s.Picture(ctx, image.Rect(90, 40, 110, 60))
	if err != nil || part.Rect != image.Rect(0, 0, 20, 20) || part.RGBAAt(9, 9) != red || part.RGBAAt(10, 9) != blue {
		t.Errorf("part: %v, %v", part, err)
	}
}

func TestPictureOfAPageWithoutOne(t *testing.T) {
	ctx, b := launch(t)
	s, _, err := Open(ctx, b, serve(t, "<!doctype html>"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Picture(ctx, image.Rectangle{}); !errors.Is(err, ErrNoPicture) {
		t.Errorf("Picture: %v, want %v", err, ErrNoPicture)
	}
}

// call is a page that shows a canvas by a WebRTC connection to itself.
const call = `<!doctype html><body style="margin:0"><video muted autoplay></video><script>
const canvas = document.createElement("canvas");
canvas.width = 640;
canvas.height = 480;
const c = canvas.getContext("2d");
let n = 0;
window.draw = () => {
	n++;
	const sum = ((n >> 12) + (n >> 8) + (n >> 4) + n + 5) & 15;
	const bits = (1 << 23) | (n << 6) | (sum << 2) | 1;
	c.fillStyle = "#808080";
	c.fillRect(0, 0, 640, 480);
	for (let i = 0; i < 24; i++) {
		c.fillStyle = (bits >> (23 - i)) & 1 ? "#fff" : "#000";
		c.fillRect(32 + 16 * i, 48, 16, 16);
	}
	requestAnimationFrame(draw);
};
draw();
const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
from.onicecandidate = ({ candidate }) => to.addIceCandidate(candidate);
to.onicecandidate = ({ candidate }) => from.addIceCandidate(candidate);
to.ontrack = ({ track }) => { document.querySelector("video").srcObject = new MediaStream([track]); };
(async () => {
	from.addTrack(canvas.captureStream().getVideoTracks()[0]);
	await from.setLocalDescription();
	await to.setRemoteDescription(from.localDescription);
	await to.setLocalDescription();
	await from.setRemoteDescription(to.localDescription);
})();
</script>`

// TestVideo: the frames of a video are read, dated, and counted as presented.
func TestVideo(t *testing.T) {
	ctx, b := launch(t)
	s, page, err := Open(ctx, b, serve(t, call))
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Wait(ctx, "lucarneSampler.colours([[10, 400]])[0] > 0"); err != nil {
		t.Fatal(err)
	}
	if err := s.StartFrames(ctx, image.Pt(32, 48)); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	const presented = 20
	video := `new Promise(done => {
		const video = document.querySelector("video");
		let left = 20;
		const each = () => --left ? video.requestVideoFrameCallback(each) : done();
		video.requestVideoFrameCallback(each);
	})`
	if err := page.Eval(ctx, video, nil); err != nil {
		t.Fatal(err)
	}
	r, err := s.Stop(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if r.Presented < presented-1 {
		t.Errorf("%d frames presented, want %d or one less", r.Presented, presented)
	}
	newest, dated := 0, 0
	for _, v := range r.Samples {
		if v.Value > newest {
			newest = v.Value
		}
		if v.Presented.IsZero() {
			continue
		}
		dated++
		if slack := 100 * time.Millisecond; v.Presented.Before(before.Add(-slack)) || v.Presented.After(v.At.Add(slack)) {
			t.Errorf("frame %d presented at %v, seen at %v", v.Value, v.Presented, v.At)
		}
	}
	if newest == 0 || dated == 0 {
		t.Errorf("%d of %d samples say when they were presented; newest frame %d", dated, len(r.Samples), newest)
	}
	t.Logf("%d samples, %d dated, %d presented, cost %v of %v", len(r.Samples), dated, r.Presented, r.Cost, r.Time)
}

// counting is a page with a picture that counts its animation frames.
const counting = `<!doctype html><canvas width=100 height=100></canvas><script>
window.counted = 0;
const count = () => { counted++; requestAnimationFrame(count); };
requestAnimationFrame(count);
window.wait = frames => new Promise(done => {
	const each = () => frames-- ? requestAnimationFrame(each) : done();
	each();
});
</script>`

// TestFramesAreCountedOnce: also where one recording follows another at once, so
// that a starved browser is not taken for a fast one.
func TestFramesAreCountedOnce(t *testing.T) {
	ctx, b := launch(t)
	s, page, err := Open(ctx, b, serve(t, counting))
	if err != nil {
		t.Fatal(err)
	}
	counted := func() (n int) {
		if err := page.Eval(ctx, "counted", &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	var r Recording
	var most int
	for range 6 {
		before := counted()
		if err := s.StartColour(ctx, image.Pt(8, 8)); err != nil {
			t.Fatal(err)
		}
		if err := page.Eval(ctx, "wait(3)", nil); err != nil {
			t.Fatal(err)
		}
		if r, err = s.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		most = counted() - before
	}
	if r.Frames < 2 || r.Frames > most {
		t.Errorf("%d animation frames, want 2 to %d", r.Frames, most)
	}
}

// TestStarvedPage: a page that gets no animation frames any more has a low rate.
func TestStarvedPage(t *testing.T) {
	ctx, b := launch(t)
	s, page, err := Open(ctx, b, serve(t, counting))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.StartColour(ctx, image.Pt(8, 8)); err != nil {
		t.Fatal(err)
	}
	const starve = `wait(3).then(() => {
		window.requestAnimationFrame = () => 0;
		return new Promise(done => setTimeout(done, 500));
	})`
	if err := page.Eval(ctx, starve, nil); err != nil {
		t.Fatal(err)
	}
	r, err := s.Stop(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if r.Time < 450*time.Millisecond {
		t.Errorf("%d frames in %v, want half a second at least", r.Frames, r.Time)
	}
}

// TestUnreadablePicture: one that cannot be read for a moment is missed for that
// moment; one that cannot be read at the end is an error, not a standstill.
func TestUnreadablePicture(t *testing.T) {
	ctx, b := launch(t)
	s, page, err := Open(ctx, b, serve(t, counting))
	if err != nil {
		t.Fatal(err)
	}
	const tear = `(() => {
		const read = CanvasRenderingContext2D.prototype.getImageData;
		window.mend = () => { CanvasRenderingContext2D.prototype.getImageData = read; };
		CanvasRenderingContext2D.prototype.getImageData = () => { throw new Error("torn"); };
		return wait(3);
	})()`
	run := func(expressions ...string) (Recording, error) {
		if err := s.StartColour(ctx, image.Pt(8, 8)); err != nil {
			t.Fatal(err)
		}
		for _, expression := range expressions {
			if err := page.Eval(ctx, expression, nil); err != nil {
				t.Fatal(err)
			}
		}
		return s.Stop(ctx)
	}
	r, err := run("wait(3)", tear, "mend(), wait(3)")
	var values []int
	for _, v := range r.Samples {
		values = append(values, v.Value)
	}
	if want := []int{0, -1, 0}; err != nil || !slices.Equal(values, want) {
		t.Errorf("unreadable for a moment: %v, %v; want %v", values, err, want)
	}
	if _, err := run("wait(3)", tear); err == nil || !strings.Contains(err.Error(), "torn") {
		t.Errorf("unreadable: %v, want an error that says why", err)
	}
}

// TestReloadedPage: what was recorded before a page was loaded anew is lost, and
// that is said.
func TestReloadedPage(t *testing.T) {
	ctx, b := launch(t)
	url := serve(t, counting)
	s, page, err := Open(ctx, b, url)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.StartColour(ctx, image.Pt(8, 8)); err != nil {
		t.Fatal(err)
	}
	if err := page.Navigate(ctx, url); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stop(ctx); err == nil || !strings.Contains(err.Error(), "loaded anew") {
		t.Errorf("Stop: %v, want an error that says why", err)
	}
}

// late is a page with a script that is cached, and whose canvas is black at first.
const late = `<!doctype html><body><script src="app.js"></script>`

const lateScript = `
const canvas = document.createElement("canvas");
document.body.append(canvas);
const c = canvas.getContext("2d");
c.fillRect(0, 0, 300, 150);
let frames = 0;
const next = () => {
	if (++frames < 5) return requestAnimationFrame(next);
	c.fillStyle = "#fff";
	c.fillRect(0, 0, 300, 150);
};
next();`

func TestFirstPixel(t *testing.T) {
	ctx, b := launch(t)
	var loads atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path != "/app.js" {
			w.Write([]byte(late))
			return
		}
		loads.Add(1)
		w.Header().Set("Content-Type", "text/javascript")
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Write([]byte(lateScript))
	}))
	defer server.Close()
	for _, c := range []struct {
		name  string
		cold  bool
		loads int32 // of the script, all together
	}{{"the first", false, 1}, {"warm", false, 1}, {"cold", true, 2}, {"cold again", true, 3}, {"warm after that", false, 3}} {
		took, err := FirstPixel(ctx, b, server.URL, c.cold)
		if err != nil || took <= 0 {
			t.Errorf("%s: %v, %v", c.name, took, err)
		}
		if got := loads.Load(); got != c.loads {
			t.Errorf("%s: the script was loaded %d times, want %d", c.name, got, c.loads)
		}
	}
}

func TestFirstPixelOfAPageWithoutOne(t *testing.T) {
	_, b := launch(t)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := FirstPixel(ctx, b, serve(t, layered(`[["", 400, 300, "#000"]]`)), true); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("FirstPixel of a black page: %v, want %v", err, context.DeadlineExceeded)
	}
}

// illustrated is a page with images: a small one that is there at once, and one that
// fills the page and comes late.
const illustrated = `<!doctype html><body style="margin:0"><script>
const image = (width, height) => {
	const canvas = document.createElement("canvas");
	canvas.width = width;
	canvas.height = height;
	const c = canvas.getContext("2d");
	c.fillStyle = "#0f0";
	c.fillRect(0, 0, width, height);
	const img = new Image(width, height);
	img.src = canvas.toDataURL();
	document.body.append(img);
};
image(32, 32);
window.late = () => image(innerWidth, innerHeight);
</script>`

// TestPictureIsAnImage: one that fills the page, not what decorates it.
func TestPictureIsAnImage(t *testing.T) {
	ctx, b := launch(t)
	s, page, err := Open(ctx, b, serve(t, illustrated))
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	if err := page.Wait(ctx, "document.images[0]?.complete"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Colours(ctx, image.Pt(16, 16)); err != nil || got[0] != -1 {
		t.Errorf("a small image: %06x, %v; want no picture", got, err)
	}
	if err := page.Eval(ctx, "late()", nil); err != nil {
		t.Fatal(err)
	}
	if err := page.Wait(ctx, "lucarneSampler.colours([[16, 16]])[0] === 0x00ff00"); err != nil {
		t.Errorf("an image that fills the page: %v", err)
	}
	picture, err := s.Picture(ctx, image.Rect(0, 0, 8, 8))
	if err != nil || picture.RGBAAt(4, 4) != (color.RGBA{0, 255, 0, 255}) {
		t.Errorf("picture of it: %v, %v", picture, err)
	}
}

// TestInboundBySocket: binary messages count, and a page finds a socket to be one.
func TestInboundBySocket(t *testing.T) {
	ctx, b := launch(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws" {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte(`<!doctype html><script>
			const socket = new WebSocket("ws://" + location.host + "/ws");
			socket.binaryType = "arraybuffer";
			socket.onclose = () => window.ended = true;
			window.real = Object.getOwnPropertyNames(Object.getPrototypeOf(socket)).includes("send");
			</script>`))
			return
		}
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for kind, size := range map[int]int{websocket.BinaryMessage: 1000, websocket.TextMessage: 300} {
			if err := conn.WriteMessage(kind, bytes.Repeat([]byte("a"), size)); err != nil {
				t.Error(err)
			}
		}
	}))
	defer server.Close()
	s, page, err := Open(ctx, b, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	if err := page.Wait(ctx, "window.ended && window.real"); err != nil {
		t.Fatal(err)
	}
	if in, err := s.Inbound(ctx); err != nil || in != (Inbound{Bytes: 1000}) {
		t.Errorf("%+v, %v; want 1000 bytes", in, err)
	}
}
