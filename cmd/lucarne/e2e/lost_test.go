package e2e

import (
	"image"
	"testing"

	"lucarne/perf/browser"
)

// A WebSocket that leads nowhere is replaced by a fresh one, although its server
// has not heard of its end. What the person held is let go.
func TestHeldButtonOverALostSocket(t *testing.T) {
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	way := newRelay(d)
	page := way.open()
	at := image.Pt(400, 300)
	d.check(page.MouseMove(d.ctx, at, browser.NoButton), page.MouseDown(d.ctx, at, browser.Left))
	poll(t, "button", func() bool { return len(r.got(isButton)) == 1 })
	d.check(page.Eval(d.ctx, `window.states = [], new MutationObserver(() => states.push(document.documentElement.dataset.state))
		.observe(document.documentElement, {attributeFilter: ["data-state"]}), 1`, nil))
	way.lose()
	page.wait(`states.at(-1) === "connected"`)
	poll(t, "release", func() bool { return len(r.got(isButton)) == 2 })
	d.check(page.MouseUp(d.ctx, at, browser.Left)) // of a button that is not held any more
	r.reset()
	d.check(page.Click(d.ctx, at, browser.Left))
	poll(t, "click", func() bool { return len(r.got(isButton)) == 2 })
}
