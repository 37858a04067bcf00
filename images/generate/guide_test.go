package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGuideCommands has make say what it would do at each command of the guide for those who make images.
func TestGuideCommands(t *testing.T) {
	program, err := exec.LookPath("make")
	if err != nil {
		t.Skip("make is not installed")
	}
	bin := t.TempDir()
	must(t, os.WriteFile(filepath.Join(bin, "make"), []byte("#!/bin/sh\nexec "+program+" --dry-run --no-print-directory \"$@\"\n"), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	ran := 0
	for _, match := range regexp.MustCompile("(?ms)^```sh [^\n]*\n(.*?)^```$").FindAllStringSubmatch(guide(t, "docs/image-maintainer.md"), -1) {
		if !strings.Contains(match[1], "make ") {
			continue
		}
		ran++
		commands := exec.CommandContext(t.Context(), "sh", "-euc", match[1])
		commands.Dir = "../.."
		if out, err := commands.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\n%s", err, match[1], out)
		}
	}
	if ran == 0 {
		t.Error("the guide has no commands of make")
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
	for _, ours := range []string{"PIECE", "IMAGE", "VERSION", "REVISION"} { // given by the pieces and by make
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

// TestLines: what the page about images of others leads to is there.
func TestLines(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(guide(t, "add-to-your-image.md"), -1)
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
