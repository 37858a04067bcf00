package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// update rewrites the tables of the README from the code:
// go test ./cmd/lucarne -run README -update
var update = flag.Bool("update", false, "rewrite the tables of README.md")

const readme = "../../README.md"

func TestREADME(t *testing.T) {
	b, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for name, table := range map[string]string{"configuration": configurationTable(t), "exit codes": exitCodeTable()} {
		begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		got, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Errorf("no place for the %s table", name)
			continue
		}
		if *update {
			text = before + begin + table + end + after
			continue
		}
		if got != table {
			t.Errorf("the %s table is not that of the code: run go test ./cmd/lucarne -run README -update\ngot:\n%s\nwant:\n%s", name, got, table)
		}
	}
	if *update {
		if err := os.WriteFile(readme, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// configurationTable is every flag of every subcommand as kong knows it.
func configurationTable(t *testing.T) string {
	t.Helper()
	parser, err := newParser(&cli{}, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		flag     *kong.Flag
		commands []string
	}
	var lines []*line
	for _, command := range parser.Model.Leaves(true) {
		for _, f := range command.Flags {
			i := slices.IndexFunc(lines, func(l *line) bool { return l.flag.Name == f.Name })
			if i < 0 {
				lines = append(lines, &line{flag: f})
				i = len(lines) - 1
			}
			lines[i].commands = append(lines[i].commands, strings.TrimPrefix(command.FullPath(), "lucarne "))
		}
	}
	var b strings.Builder
	b.WriteString("| flag | variable | default | of | meaning |\n| --- | --- | --- | --- | --- |\n")
	for _, l := range lines {
		value := l.flag.Default
		if l.flag.IsBool() {
			value = "off"
		}
		if value != "" {
			value = "`" + value + "`"
		}
		help := strings.ReplaceAll(l.flag.Help, "|", "\\|")
		fmt.Fprintf(&b, "| `--%s` | `%s` | %s | %s | %s |\n", l.flag.Name, strings.Join(l.flag.Envs, "`, else `"), value, strings.Join(l.commands, ", "), help)
	}
	return b.String()
}

func exitCodeTable() string {
	var b strings.Builder
	b.WriteString("| code | meaning |\n| --- | --- |\n")
	for _, c := range exitCodes {
		fmt.Fprintf(&b, "| %d | %s |\n", c.Code, c.Meaning)
	}
	return b.String()
}

// What is in the binary, what the packages import and what THIRD_PARTY.md says
// have to be the same.
func TestThirdParty(t *testing.T) {
	b, err := os.ReadFile("../../THIRD_PARTY.md")
	if err != nil {
		t.Fatal(err)
	}
	licences := map[string]string{}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(line, "|")
		if len(cells) >= 5 && strings.Contains(cells[1], "`") {
			licences[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[3])
		}
	}
	for _, c := range components {
		if licences[c.name] != c.licence {
			t.Errorf("%s: THIRD_PARTY.md says %q, lucarne --version %q", c.name, licences[c.name], c.licence)
		}
	}
	direct, binary := directModules(t), linkedModules(t)
	for module := range direct {
		if licences[module] == "" {
			t.Errorf("%s is imported, but not in THIRD_PARTY.md", module)
		}
		known := slices.ContainsFunc(components, func(c component) bool { return c.name == module })
		if binary[module] && !known {
			t.Errorf("%s is in the binary, but lucarne --version does not say so", module)
		}
	}
	for module := range binary {
		if licences[module] == "" {
			t.Errorf("%s is in the binary, but not in THIRD_PARTY.md", module)
		}
	}
	page := pagePackages(t)
	for name := range licences {
		known := slices.ContainsFunc(components, func(c component) bool { return c.name == name })
		if !known && !direct[name] && !binary[name] && !page[name] {
			t.Errorf("%s is in THIRD_PARTY.md, but nothing uses it", name)
		}
	}
	for name := range page {
		if licences[name] == "" {
			t.Errorf("%s is in web/package.json, but not in THIRD_PARTY.md", name)
		}
	}
}

// pagePackages are the npm packages that the page is made of or with.
func pagePackages(t *testing.T) map[string]bool {
	t.Helper()
	b, err := os.ReadFile("../../web/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal(b, &manifest); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, deps := range []map[string]string{manifest.Dependencies, manifest.DevDependencies} {
		for name := range deps {
			names[name] = true
		}
	}
	return names
}

// directModules are the modules whose packages ours import, tests included, and
// the tools.
func directModules(t *testing.T) map[string]bool {
	t.Helper()
	imported := map[string]bool{}
	for line := range strings.Lines(golist(t, "-f", `{{join .Imports "\n"}}{{"\n"}}{{join .TestImports "\n"}}{{"\n"}}{{join .XTestImports "\n"}}`, "lucarne/...")) {
		if path := strings.TrimSpace(line); strings.Contains(path, ".") {
			imported[path] = true
		}
	}
	args := []string{"-f", "{{with .Module}}{{.Path}}{{end}}", "tool"}
	for path := range imported {
		args = append(args, path)
	}
	modules := map[string]bool{}
	for line := range strings.Lines(golist(t, args...)) {
		if module := strings.TrimSpace(line); module != "" {
			modules[module] = true
		}
	}
	return modules
}

// linkedModules are the modules of all packages that are in the binary.
func linkedModules(t *testing.T) map[string]bool {
	t.Helper()
	type pkg struct {
		Module *struct{ Path string }
	}
	modules := map[string]bool{}
	for dec := json.NewDecoder(strings.NewReader(golist(t, "-deps", "-json=Module", "lucarne/cmd/lucarne"))); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if p.Module != nil && p.Module.Path != "lucarne" {
			modules[p.Module.Path] = true
		}
	}
	return modules
}

func golist(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-e"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return string(out)
}
