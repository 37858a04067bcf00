package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	blockPattern   = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	strangePattern = regexp.MustCompile("(?m)```|~~~|^(?:    |\t).*") // code of another form, which would not be seen
	linkPattern    = regexp.MustCompile(`\]\(([^)#:]+)\)`)
	commandPattern = regexp.MustCompile(`(?m)(?:^|-- )lucarne (.*)$`)
	pathPattern    = regexp.MustCompile(`(?m)\bimages/[\w./-]+`)
	inlinePattern  = regexp.MustCompile("`(lucarne [^`]+)`")
)

// TestGuides: what the guides link to is there, and their commands work, but for those that
// need what they say. Of these Lucarne's own can be parsed, and the files they name are there.
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
	if len(guides) != 5 { // of four readers, one in two languages
		t.Errorf("%d guides", len(guides))
	}
	ran := 0
	for path, text := range guides {
		for _, match := range linkPattern.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), match[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		for _, strange := range strangePattern.FindAllString(blockPattern.ReplaceAllString(text, ""), -1) {
			t.Errorf("%s: a block begins or ends oddly: %q", path, strange)
		}
		for _, match := range inlinePattern.FindAllStringSubmatch(text, -1) {
			parsable(t, path, match[1])
		}
		dir := t.TempDir()
		for _, match := range blockPattern.FindAllStringSubmatch(text, -1) {
			kind, block := match[1], match[2]
			parsable(t, path, block)
			if need, said := strings.CutPrefix(kind, "sh needs: "); said && need != "" {
				continue
			}
			if kind != "sh run" {
				t.Errorf("%s: a block is %q: want sh run, or sh needs: WHAT", path, kind)
				continue
			}
			ran++
			cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", block)
			cmd.Dir, cmd.Env = dir, []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir, mainEnv + "=1"}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s\n%s", path, err, block, out)
			}
		}
	}
	if ran == 0 {
		t.Error("no block has been run")
	}
}

// parsable checks the command lines of Lucarne's in a text, and that there are the files of
// this repository that it names.
func parsable(t *testing.T, path, text string) {
	t.Helper()
	for _, match := range commandPattern.FindAllStringSubmatch(text, -1) {
		args := strings.Fields(strings.NewReplacer("'", "", `"`, "").Replace(match[1]))
		if slices.Contains(args, "--help") || slices.Contains(args, "--version") {
			continue // kong would end the process
		}
		if _, err := parse(t, nil, args...); err != nil {
			t.Errorf("%s: lucarne %q: %v", path, args, err)
		}
	}
	for _, name := range pathPattern.FindAllString(text, -1) {
		if _, err := os.Stat(filepath.Join("../..", name)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

var (
	boldPattern = regexp.MustCompile(`(?s)\*\*(.+?)\*\*`)
	wordPattern = regexp.MustCompile(`(?s)(?:"([\w. -]+)"|\b([\w-]+)):\s*"([^"\n]*)"`) // of a catalogue
	gapPattern  = regexp.MustCompile(`\\\{\d\\\}`)

	tellingPattern = regexp.MustCompile(`\pL{4}`)
)

// TestGuideForUsers: what is bold in the users' guide are words of the page, those of its other
// language where the guide's other language has them.
func TestGuideForUsers(t *testing.T) {
	guides := deployed(t, docsDir)
	of := func(language, guide string) (words []string, keys []map[string]bool) {
		catalogue := pageWords(t, language)
		for _, match := range boldPattern.FindAllStringSubmatch(guides[filepath.Join(docsDir, guide)], -1) {
			word := strings.Join(strings.Fields(match[1]), " ")
			meant := map[string]bool{}
			for key, pattern := range catalogue {
				if pattern.MatchString(word) {
					meant[key] = true
				}
			}
			if len(meant) == 0 {
				t.Errorf("%s: the page does not say %q", guide, word)
			}
			words, keys = append(words, word), append(keys, meant)
		}
		return words, keys
	}
	english, meant := of("en", "user.md")
	french, alsoMeant := of("fr", "user.fr.md")
	if len(english) == 0 || len(english) != len(french) {
		t.Fatalf("%d words of the page, in French %d", len(english), len(french))
	}
	for i := range english {
		maps.DeleteFunc(meant[i], func(key string, _ bool) bool { return !alsoMeant[i][key] })
		if len(meant[i]) == 0 {
			t.Errorf("word %d is %q and %q, which are not the same", i+1, english[i], french[i])
		}
	}
}

// pageWords returns what the pages say, by file and key, as patterns with any text for what is put in.
func pageWords(t *testing.T, language string) map[string]*regexp.Regexp {
	t.Helper()
	words := map[string]*regexp.Regexp{}
	add := func(name, text string) {
		for _, match := range wordPattern.FindAllStringSubmatch(text, -1) {
			said := strings.Join(strings.Fields(strings.ReplaceAll(match[3], `\u00a0`, " ")), " ")
			pattern := regexp.QuoteMeta(said)
			if gapPattern.MatchString(pattern) && !tellingPattern.MatchString(gapPattern.ReplaceAllString(pattern, "")) {
				continue // it would be any sentence
			}
			words[name+" "+match[1]+match[2]] = regexp.MustCompile("^" + gapPattern.ReplaceAllString(pattern, ".+") + "$")
		}
	}
	for _, name := range []string{"src/%.ts", "src/%/codes.ts", "src/%/doctor.ts", "check/%.ts"} {
		text, err := os.ReadFile(filepath.Join("../../web", strings.ReplaceAll(name, "%", language)))
		if err != nil {
			t.Fatal(err)
		}
		add(name, string(text))
	}
	text, err := os.ReadFile("../../web/vnc/words.ts")
	if err != nil {
		t.Fatal(err)
	}
	english, french, found := strings.Cut(string(text), "const fr:")
	if !found {
		t.Fatal("web/vnc/words.ts has no French")
	}
	add("vnc", map[string]string{"en": english, "fr": french}[language])
	return words
}
