package e2e

import "testing"

// TestPartsThatCannotBeHad: where what is around the picture cannot be fetched, the page loads
// itself anew, once, and then says so with a button that is of use; a language that cannot be
// fetched leaves it in the one that it has.
func TestPartsThatCannotBeHad(t *testing.T) {
	d := newDesk(t, setup{})
	page := d.open("?transport=ws&lang=en")
	block := func(pattern string) {
		t.Helper()
		d.check(page.Call(d.ctx, "Network.setBlockedURLs", map[string]any{"urls": []string{pattern}}, nil))
	}
	d.check(page.Call(d.ctx, "Network.enable", nil, nil), page.Call(d.ctx, "Network.setCacheDisabled", map[string]any{"cacheDisabled": true}, nil))

	page.wait(`document.querySelector("[data-tool=settings]")`)
	block("*/assets/fr-*")
	page.use("settings")
	page.choose("language", "fr")
	page.wait(`document.querySelector(".toast")?.textContent.includes("could not be loaded")`)
	page.wait(`document.documentElement.lang === "en"`)
	page.choose("language", "")
	block("nothing")
	page.choose("language", "fr")
	page.wait(`document.documentElement.lang === "fr"`)

	block("*/assets/face-*")
	d.check(page.Navigate(d.ctx, d.url("?transport=ws")))
	page.wait(`document.querySelector(".toasts[role=alert] button")`)
	page.wait(`performance.getEntriesByType("navigation")[0].type === "reload"`)
	page.wait(`document.documentElement.hasAttribute("data-pictured")`)
	block("nothing")
	d.check(page.Eval(d.ctx, `document.querySelector(".toasts[role=alert] button").click()`, nil))
	page.wait(`document.querySelector("[data-tool=settings]") && !document.querySelector(".toasts[role=alert]")`)
}
