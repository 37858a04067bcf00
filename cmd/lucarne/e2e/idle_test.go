package e2e

import "testing"

// TestWarnedOfTheEnd: a desktop that nobody uses says when it will be stopped, and who is there
// can prevent it.
func TestWarnedOfTheEnd(t *testing.T) {
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--busy-for", "1s", "--idle-limit", "5m"}})
	page := d.load(d.browser, d.url("?resize=off&transport=ws"))
	page.wait(`document.querySelector(".ending:not([hidden]) strong")?.textContent.includes("stopped at")`)
	page.wait(`/^[45]:\d\d$/.test(document.querySelector(".ending span").textContent)`)
	page.keep("idle")
	page.act(".ending button:last-child")
	page.wait(`document.querySelector(".ending").hidden`)
}

// TestPausedPage: a page at which nobody is lets its socket go, and comes back for who is.
func TestPausedPage(t *testing.T) {
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--pause-after", "2s"}})
	page := d.load(d.browser, d.url("?resize=off&transport=ws"))
	const paused = `document.documentElement.dataset.state === "ended" && document.body.innerText.includes("switched off")`
	page.wait(paused)
	page.wait(`document.querySelector(".card button")?.checkVisibility({opacityProperty: true})`)
	page.keep("paused")
	d.check(page.Eval(d.ctx, `window.came = 0, new MutationObserver(() => {
		if (document.documentElement.dataset.state === "connected") came++;
	}).observe(document.documentElement, {attributes: true}), 1`, nil))
	page.act(".card button")
	page.wait(`came > 0`)
	page.wait(paused)
}
