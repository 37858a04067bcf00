package e2e

import (
	"image"
	"strings"
	"testing"

	"lucarne/signaling/session"
)

// TestDoctorInThePage: the owner, and nobody else, has the desktop looked at, in their
// language, and gets it as text.
func TestDoctorInThePage(t *testing.T) {
	d := newDesk(t, setup{agent: []string{"--auth", "token"}, tab: image.Pt(800, 600)})
	owner := d.load(d.browser, strings.Replace(d.link(), "/#", "/?transport=ws&lang=fr#", 1))
	owner.picture()
	link := owner.share(string(session.Watcher), "Zoé")
	owner.act("button[data-tool=route]")
	owner.act(".panel.route footer button")
	owner.wait(`document.querySelector(".panel.doctor .findings [data-state]")`)
	var rows []struct{ State, Check, Text string }
	d.check(owner.Eval(d.ctx, `[...document.querySelectorAll(".findings li")].map((li) =>
		({State: li.dataset.state, Check: li.querySelector("strong").textContent, Text: li.querySelector("p").textContent}))`, &rows))
	found := map[string]string{}
	for _, r := range rows {
		found[r.Check] = r.State + " " + r.Text
	}
	for check, want := range map[string]string{
		"Affichage": "ok ", "Image par le WebSocket": "ok cette page l’a", "Chemin de base": "ok /", "Connexion": "ok token",
		"Hub de Jupyter": "skip aucun JupyterHub", "Horloge": "ok comme celle", "Règles": "skip aucune",
	} {
		if !strings.HasPrefix(found[check], want) {
			t.Errorf("%s: %q, want %q…", check, found[check], want)
		}
	}
	// As text, where the browser takes it and where it does not.
	d.check(owner.Eval(d.ctx, `navigator.clipboard.writeText = async (text) => { window.copied = text; }, 1`, nil))
	owner.act(".panel.doctor footer button:not(.primary)")
	owner.says("Copié")
	var text string
	d.check(owner.Eval(d.ctx, `window.copied ?? document.querySelector(".panel.doctor textarea").value`, &text))
	for _, r := range rows {
		if !strings.Contains(text, r.Check+" (") {
			t.Errorf("%s is not in the text:\n%s", r.Check, text)
		}
	}
	owner.act(".panel.doctor footer button.primary")
	owner.wait(`document.querySelector(".panel.doctor .said").textContent !== "Vérification en cours…"`)

	guest := d.guest(strings.Replace(link, "/#", "/?transport=ws&lang=en#", 1))
	guest.picture()
	guest.act("button[data-tool=route]")
	var hidden bool
	d.check(guest.Eval(d.ctx, `document.querySelector(".panel.route footer button").hidden`, &hidden))
	if !hidden {
		t.Error("a guest is offered to look at the desktop")
	}
}
