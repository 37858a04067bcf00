package e2e

import (
	"image"
	"testing"

	"lucarne/perf/browser"
)

// tool clicks a button of the toolbar, as a person does who comes to it by the keyboard.
func (t *tab) tool(id string) {
	t.d.t.Helper()
	t.d.check(t.Eval(t.d.ctx, `document.querySelector("button[data-tool=`+id+`]").focus(), 0`, nil),
		t.Press(t.d.ctx, browser.Key{Code: "Enter", Key: "\r"}))
}

// The page fills the whole screen, the desktop has the keyboard there, and the person is told how an
// Escape gets to it where the browser keeps that key.
func TestFullScreen(t *testing.T) {
	d := newDesk(t, setup{size: image.Pt(800, 600)})
	for _, locks := range []string{"true", "false"} {
		page := d.load(d.browser, d.url("?resize=scale&lang=en"), `localStorage["lucarne.settings"] = '{"lock":`+locks+`}'`)
		page.picture()
		page.wait(`document.querySelector("button[data-tool=fullscreen]")?.ariaLabel === "Full screen"`)
		page.tool("fullscreen")
		page.wait(`document.fullscreenElement && document.querySelector("button[data-tool=fullscreen]").ariaLabel === "Leave full screen" &&
			document.activeElement.id === "sink"`)
		page.wait(locks + ` !== document.querySelector(".toasts").textContent.includes("Esc leaves full screen")`)
		page.tool("fullscreen")
		page.wait(`!document.fullscreenElement && document.querySelector("button[data-tool=fullscreen]").ariaLabel === "Full screen"`)
	}
}

// A page within another that does not let it has no such button.
func TestFullScreenThatIsNotAllowed(t *testing.T) {
	d := newDesk(t, setup{size: image.Pt(800, 600)})
	page := d.load(d.browser, d.url("?resize=scale"), `Object.defineProperty(Document.prototype, "fullscreenEnabled", {get: () => false})`)
	page.picture()
	page.wait(`document.querySelector("button[data-tool=fullscreen]")?.hidden`)
}

// A browser that refuses it says so, and the page says what to do.
func TestFullScreenThatIsRefused(t *testing.T) {
	d := newDesk(t, setup{size: image.Pt(800, 600)})
	page := d.load(d.browser, d.url("?resize=scale&lang=en"), `Element.prototype.requestFullscreen = () => Promise.reject(new TypeError("no"))`)
	page.picture()
	page.wait(`document.querySelector("button[data-tool=fullscreen]") !== null`)
	page.tool("fullscreen")
	page.wait(`document.querySelector(".toasts").textContent.includes("did not give the page the whole screen")`)
}
