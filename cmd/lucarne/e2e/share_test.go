package e2e

import (
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"

	"lucarne/perf/browser"
)

// guest opens a page as a browser does that knows nothing of the others' cookies.
func (d *desk) guest(url string) *tab {
	d.t.Helper()
	page, err := d.browser.NewPrivatePage(d.ctx)
	d.check(err)
	d.check(page.Init(d.ctx, errorsScript), page.Navigate(d.ctx, url))
	t := &tab{Page: page, d: d}
	d.t.Cleanup(t.report)
	return t
}

// act clicks on an element of the page.
func (t *tab) act(selector string) {
	t.d.t.Helper()
	found := fmt.Sprintf("document.querySelector(%q)", selector)
	t.wait(found + "?.offsetParent != null")
	t.d.check(t.Eval(t.d.ctx, found+".click(), 1", nil))
}

// says waits until a text is in the page.
func (t *tab) says(text string) {
	t.d.t.Helper()
	t.wait(fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

// share has the page make a link of a role and returns it.
func (t *tab) share(role, name string) string {
	t.d.t.Helper()
	t.wait(`document.querySelector(".panel.people")`)
	t.act("button[data-tool=people]")
	fill := `(document.querySelector("#share-name").value = %q, document.querySelector("#share-role").value = %q, 1)`
	t.d.check(t.Eval(t.d.ctx, fmt.Sprintf(fill, name, role), nil))
	t.act(".sharing form button")
	t.wait(`document.querySelector(".made .link")?.value`)
	var link string
	t.d.check(t.Eval(t.d.ctx, `document.querySelector(".made .link").value`, &link))
	if !strings.HasPrefix(link, t.d.url("")+"#view=") {
		t.d.t.Errorf("the link is %q", link)
	}
	return link
}

func TestShareLink(t *testing.T) {
	d := newDesk(t, setup{agent: []string{"--auth", "token"}})
	r := d.record(image.Rect(0, 0, 1280, 720))
	owner := d.load(d.browser, strings.Replace(d.link(), "/#", "/?resize=off&transport=ws#", 1))
	owner.picture()
	link := owner.share("viewer", "Zoé")
	secret := link[strings.Index(link, "=")+1:]

	guest := d.guest(strings.Replace(link, "/#", "/?resize=off&transport=ws#", 1))
	guest.picture()
	var hash string
	d.check(guest.Eval(d.ctx, "location.hash", &hash))
	if hash != "" {
		t.Errorf("the secret stays in the address: %q", hash)
	}
	guest.says("You are only watching. In control: Owner")
	owner.says("Now watching: Zoé")
	types := func(page *tab, key string) {
		t.Helper()
		beside := image.Pt(100, 600) // the panel
		d.check(page.Click(d.ctx, beside, browser.Left), page.Press(d.ctx, browser.Key{Code: "Key" + strings.ToUpper(key), Key: key}))
	}
	types(guest, "x")
	types(owner, "o")
	poll(t, "the owner's key", func() bool { return slices.Contains(r.pressed(), 'o') })

	guest.act("button[data-tool=ask]")
	owner.says("Asking for control: Zoé")
	owner.act(".toast button")
	guest.says("You have control of the desktop.")
	types(guest, "g")
	poll(t, "the guest's key", func() bool { return slices.Contains(r.pressed(), 'g') && r.held() == 0 })

	// Control is taken while the guest holds a key.
	d.check(guest.KeyDown(d.ctx, browser.Key{Code: "KeyH", Key: "h"}))
	poll(t, "a held key", func() bool { return r.held() == 1 })
	owner.act("button[data-act=take]")
	guest.says("You no longer have control of the desktop.")
	poll(t, "its release", func() bool { return r.held() == 0 })
	d.check(guest.KeyUp(d.ctx, browser.Key{Code: "KeyH", Key: "h"}))
	types(guest, "y")
	types(owner, "p")
	poll(t, "the owner's last key", func() bool { return slices.Contains(r.pressed(), 'p') })
	if got, want := r.pressed(), []uint32{'o', 'g', 'h', 'p'}; !slices.Equal(got, want) {
		t.Errorf("pressed %x, want %x", got, want)
	}

	d.check(guest.Eval(d.ctx, "location.reload(), 1", nil))
	guest.says("You are only watching. In control: Owner")
	// In a browser that has the owner's cookie the link counts, for its tab alone.
	other := d.load(d.browser, strings.Replace(link, "/#", "/?resize=off&transport=ws#", 1))
	other.says("You are only watching. In control: Owner")

	owner.act("button[data-act^=revoke]")
	guest.says("This link has been withdrawn.")
	other.says("This link has been withdrawn.")
	d.check(guest.Eval(d.ctx, "location.reload(), 1", nil))
	guest.says("This link is not valid, or no longer is.")
	if strings.Contains(d.agent.log.String(), secret) {
		t.Error("the log holds the secret")
	}
}

// TestShareLinkByVNC: who came by a link only looks there too, until control is given.
func TestShareLinkByVNC(t *testing.T) {
	needX11vnc(t)
	d := newDesk(t, setup{})
	r := d.record(image.Rect(0, 0, 1280, 720))
	owner := d.open("?resize=off&transport=ws")
	link := owner.share("viewer", "")
	guest := d.guest(strings.Replace(link, "/#", "/vnc/?resize=off#", 1))
	guest.wait(`document.documentElement.dataset.state === "connected"`)
	guest.paints(image.Pt(300, 300), 0x303030)
	press := func(page *tab, key string) {
		t.Helper()
		d.check(page.Click(d.ctx, image.Pt(300, 300), browser.Left), page.Press(d.ctx, browser.Key{Code: "Key" + strings.ToUpper(key), Key: key}))
	}
	press(guest, "x")
	owner.act(`li:not([data-viewer="1"]) button[data-act^=give]`)
	guest.wait(`document.querySelector("#stage canvas") && document.body.innerText.includes("VNC")`)
	poll(t, "a key of the guest's", func() bool {
		press(guest, "g")
		return slices.Contains(r.pressed(), 'g')
	})
	owner.act("button[data-act=take]")
	poll(t, "release", func() bool { return r.held() == 0 })
	if slices.Contains(r.pressed(), 'x') {
		t.Errorf("pressed %x", r.pressed())
	}
	owner.act("button[data-act^=revoke]")
	guest.says("This link has been withdrawn.")
}
