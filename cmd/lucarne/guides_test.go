package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	blockPattern = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	linkPattern  = regexp.MustCompile(`\]\(([^)#:]+)\)`)
)

// TestGuides: what the guides link to is there, and their commands work, but for those that
// need what they say.
func TestGuides(t *testing.T) {
	need(t, "bash")
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "lucarne")); err != nil {
		t.Fatal(err)
	}
	guides := deployed(t, docsDir)
	if len(guides) != 4 {
		t.Errorf("%d guides", len(guides))
	}
	for path, text := range guides {
		for _, match := range linkPattern.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), match[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		if strings.Count(text, "\n```") != 2*len(blockPattern.FindAllString(text, -1)) {
			t.Errorf("%s: a block begins or ends oddly", path)
		}
		dir := t.TempDir()
		for _, match := range blockPattern.FindAllStringSubmatch(text, -1) {
			kind, block := match[1], match[2]
			if need, said := strings.CutPrefix(kind, "sh needs: "); said && need != "" {
				continue
			}
			if kind != "sh run" {
				t.Errorf("%s: a block is %q: want sh run, or sh needs: WHAT", path, kind)
				continue
			}
			cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", block)
			cmd.Dir, cmd.Env = dir, []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir, mainEnv + "=1"}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s\n%s", path, err, block, out)
			}
		}
	}
}
