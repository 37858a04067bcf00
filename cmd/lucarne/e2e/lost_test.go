package e2e

import (
	"image"
	"testing"

	"lucarne/perf/browser"
)

// A WebSocket that leads nowhere is given up after 5 s without an answer; its
// server may not hear of it for long. What the person held then is let go.
func TestHeldButtonOverALostSocket(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	way := newRelay(d)
	page := way.open()
	at := image.Pt(400, 300)
	d.check(page.MouseMove(d.ctx, at, browser.NoButton), page.MouseDown(d.ctx, at, browser.Left))
	poll(t, "button", func() bool { return len(r.got(isButton)) == 1 })
	way.lose()
	page.wait(`document.body.textContent.includes("Reconnecting")`)
	d.check(page.MouseUp(d.ctx, at, browser.Left)) // nobody hears it
	page.wait(`!document.body.textContent.includes("Reconnecting")`)
	page.picture()
	poll(t, "release", func() bool { return len(r.got(isButton)) == 2 })
	r.reset()
	d.check(page.Click(d.ctx, at, browser.Left))
	poll(t, "click", func() bool { return len(r.got(isButton)) == 2 })
}
