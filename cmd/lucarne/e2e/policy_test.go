package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the policy refuses stays in its place on the page, says why to who points at it and
// to who listens, and does nothing.
func TestPolicyOnThePage(t *testing.T) {
	dir := t.TempDir()
	policy := filepath.Join(dir, "policy.yaml")
	text := "preset: upload-only\nroles: {owner: {refuse: [keyboard, copy-in]}}\naudit: {file: " + filepath.Join(dir, "audit.jsonl") + "}\n"
	if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--files", filepath.Join(dir, "files"), "--policy", policy}})
	page := d.load(d.browser, d.url("?resize=off&transport=ws&lang=fr"), "")
	page.picture()
	const keys = `document.querySelector("button[data-tool=keys]")`
	page.wait(keys + `?.getAttribute("aria-disabled") === "true"`)
	page.wait(keys + `.getAttribute("aria-description") === "Refusé par les règles de ce bureau\u00a0: le clavier."`)
	page.act("button[data-tool=keys]")
	page.says("Refusé par les règles de ce bureau\u00a0: le clavier.")
	page.act("button[data-tool=files]")
	page.says("enregistrer des fichiers du bureau")
	page.act("button[data-tool=files]")
	page.act("button[data-tool=clipboard]")
	page.says("copier vers le bureau, copier depuis le bureau")
	page.keep("policy")
	poll(t, "the join in the audit", func() bool {
		log, err := os.ReadFile(filepath.Join(dir, "audit.jsonl"))
		return err == nil && strings.Contains(string(log), `"event":"join"`)
	})
}
