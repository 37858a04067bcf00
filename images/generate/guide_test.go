package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGuideCommands has make say what it would do for all that the guide for those who make images asks of it.
func TestGuideCommands(t *testing.T) {
	program, err := exec.LookPath("make")
	if err != nil {
		t.Skip("make is not installed")
	}
	// What the shell makes of the commands, an argument a line.
	bin := t.TempDir()
	must(t, os.WriteFile(filepath.Join(bin, "make"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\n"), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	var blocks strings.Builder
	for _, match := range regexp.MustCompile("(?ms)^```sh [^\n]*\n(.*?)^```$").FindAllStringSubmatch(guide(t, "docs/image-maintainer.md"), -1) {
		if strings.Contains(match[1], "make ") {
			blocks.WriteString(match[1])
		}
	}
	said, err := exec.CommandContext(t.Context(), "sh", "-euc", blocks.String()).Output()
	must(t, err)
	var goals []string
	files := guide(t, "../Makefile") + guide(t, "images.mk")
	for argument := range strings.Lines(string(said)) {
		argument = strings.TrimSpace(argument)
		variable, _, assigns := strings.Cut(argument, "=")
		switch {
		case !assigns:
			goals = append(goals, argument)
		case !strings.Contains(files, "$("+variable+")") && !strings.Contains(files, "$("+variable+":"):
			t.Errorf("make knows no variable %s", variable)
		}
	}
	if len(goals) == 0 {
		t.Fatal("the guide has no commands of make")
	}
	dry := exec.CommandContext(t.Context(), program, append([]string{"--dry-run", "--no-print-directory"}, goals...)...)
	dry.Dir = "../.."
	if out, err := dry.CombinedOutput(); err != nil {
		t.Errorf("%q: %v\n%s", dry.Args, err, out)
	}
}

// TestGuideArguments compares the guide's table of build arguments with what the Dockerfiles take.
func TestGuideArguments(t *testing.T) {
	files, err := dockerfiles(os.DirFS(room))
	must(t, err)
	text := guide(t, "docs/image-maintainer.md")
	told := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|").FindAllStringSubmatch(text, -1) {
		for _, name := range regexp.MustCompile("[A-Z_]+").FindAllString(row[1], -1) {
			told[name] = true
		}
	}
	taken := map[string]bool{}
	for _, file := range files {
		for _, match := range regexp.MustCompile(`(?m)^ARG ([A-Z_]+)`).FindAllSubmatch(file, -1) {
			taken[string(match[1])] = true
		}
	}
	for _, ours := range []string{"PIECE", "IMAGE", "VERSION", "REVISION", "LICENSES"} { // given by the pieces and by make
		delete(taken, ours)
	}
	for name := range taken {
		if !told[name] {
			t.Errorf("the guide does not tell of the build argument %s", name)
		}
	}
	for name := range told {
		if !taken[name] {
			t.Errorf("no image takes %s, of which the guide tells", name)
		}
	}
}

// TestHelp: what make says by itself names each target for images.
func TestHelp(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	help := exec.CommandContext(t.Context(), "make", "--no-print-directory", "help")
	help.Dir = "../.."
	out, err := help.Output()
	must(t, err)
	rules, err := os.ReadFile(room + "/images.mk")
	must(t, err)
	for _, match := range regexp.MustCompile(`(?m)^([a-z-]+)(/%)?:(?:[^:=].*)?$`).FindAllStringSubmatch(string(rules), -1) {
		if target := strings.Replace(match[1]+match[2], "%", "IMAGE", 1); !strings.Contains(string(out), "make "+target+" ") {
			t.Errorf("make help does not tell of %s", target)
		}
	}
}

// TestLines: the lines for images of others install of our own desktop what lucarne up itself
// starts or loads, and what the page about them leads to is there.
func TestLines(t *testing.T) {
	text, desktop := guide(t, "add-to-your-image.md"), strings.Fields(guide(t, "pieces/2_desktop.Dockerfile"))
	install := strings.Fields(regexp.MustCompile(`(?m)^RUN apt-get .*$`).FindString(text))
	for _, program := range []string{"tigervnc-standalone-server", "xauth", "xkb-data", "x11-xkb-utils", "dbus", "libnss-wrapper"} {
		if !slices.Contains(install, program) || !slices.Contains(desktop, program) {
			t.Errorf("%s is not both in the desktop's piece and in the lines %q", program, install)
		}
	}
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(text, -1)
	if len(links) == 0 {
		t.Error("there are no links")
	}
	for _, link := range links {
		if _, err := os.Stat(filepath.Join(room, link[1])); err != nil {
			t.Error(err)
		}
	}
}

func guide(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(room, name))
	must(t, err)
	return string(text)
}
