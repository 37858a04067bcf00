package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const room = ".."

func TestCommittedDockerfilesAreUpToDate(t *testing.T) {
	want, err := dockerfiles(os.DirFS(room))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range want {
		got, err := os.ReadFile(room + "/" + name)
		if err != nil || string(got) != string(text) {
			t.Errorf("images/%s is not what its pieces make (%v): make generate-dockerfiles", name, err)
		}
	}
	there, err := os.ReadDir(room + "/output")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range there {
		if _, known := want["output/"+dir.Name()+"/Dockerfile"]; !known {
			t.Errorf("images/output/%s is of no image in the table: remove it", dir.Name())
		}
	}
}

func TestEachPieceIsNamed(t *testing.T) {
	files, err := dockerfiles(fstest.MapFS{
		"IMAGES":                     {Data: []byte("# all\nthing 10 0_first 3_second\n")},
		"pieces/0_first.Dockerfile":  {Data: []byte("FROM x\n")},
		"pieces/3_second.Dockerfile": {Data: []byte("\nUSER 1\n\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := string(files["output/thing/Dockerfile"])
	want := "# thing: generated from images/IMAGES and images/pieces by `make generate-dockerfiles`. Change those.\n\n### 0_first\n\nFROM x\n\n### 3_second\n\nARG PIECE=3_second\nUSER 1\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWrongTables(t *testing.T) {
	for _, c := range []struct{ table, want string }{
		{"Base 1 0_a", `IMAGES:1: "Base" is not a name that an image can have`},
		{"a/b 1 0_a", `IMAGES:1: "a/b" is not a name`},
		{"ok 1 0_a\nb- 1 0_a", `IMAGES:2: "b-" is not a name`},
		{"base many 0_a", `IMAGES:1: image base: budget "many"`},
		{"base 0 0_a", `IMAGES:1: image base: budget "0"`},
		{"base 1", "IMAGES:1: want a name, a budget in MB and pieces"},
		{"base 1 0_a 0_missing", "IMAGES: image base: there is no piece 0_missing"},
		{"base 1 2_b 0_a", "IMAGES:1: image base: piece 0_a comes after one of level 2"},
		{"base 1 first", `IMAGES:1: image base: piece "first"`},
		{"base 1 0_../a", `IMAGES:1: image base: piece "0_../a"`},
		{"base 1 0_a\nbase 1 0_a", "IMAGES:2: image base is there twice"},
		{"base 1 0_a", "IMAGES: no image has the piece 2_b.Dockerfile"},
	} {
		_, err := dockerfiles(fstest.MapFS{
			"IMAGES":                {Data: []byte(c.table)},
			"pieces/0_a.Dockerfile": {Data: []byte("FROM x")},
			"pieces/2_b.Dockerfile": {Data: []byte("RUN y")},
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.table, err, c.want)
		}
	}
}

// TestDockerfiles holds what every image has to keep to.
func TestDockerfiles(t *testing.T) {
	files, err := dockerfiles(os.DirFS(room))
	if err != nil {
		t.Fatal(err)
	}
	forbidden := map[string]*regexp.Regexp{
		"root by another way":                         regexp.MustCompile(`\bsudo\b|chmod\s+u\+s|chmod\s+4\d{3}`),
		"a download without a checksum":               regexp.MustCompile(`(?m)^ADD\s|\bcurl\b|\bwget\b|\bgit clone\b`),
		"a package manager, which apt-install is for": regexp.MustCompile(`\bapt(-get)?\s+(-\S+\s+)*install\b`),
		"a secret": regexp.MustCompile(`(?i)password\s*=|token\s*=`),
	}
	for name, text := range files {
		for what, pattern := range forbidden {
			if found := pattern.Find(text); found != nil {
				t.Errorf("%s: %s: %q", name, what, found)
			}
		}
		// NVIDIA's images ask for every GPU: that is taken back. Nothing else is said of them.
		var gpus []string
		if strings.HasSuffix(name, "-cuda/Dockerfile") {
			gpus = []string{"ENV NVIDIA_VISIBLE_DEVICES=void"}
		}
		if got := regexp.MustCompile(`.*NVIDIA_VISIBLE_DEVICES.*`).FindAllString(string(text), -1); !slices.Equal(got, gpus) {
			t.Errorf("%s says of GPUs %q, want %q", name, got, gpus)
		}
		users := regexp.MustCompile(`(?m)^USER (.*)$`).FindAllSubmatch(text, -1)
		if len(users) < 2 || string(users[0][1]) != "root" || string(users[len(users)-1][1]) != "1000:0" {
			t.Errorf("%s: begins as root and ends as 1000:0, not as %q", name, users)
		}
		for _, run := range regexp.MustCompile(`(?m)^RUN (?:.*\\\n)*.*$`).FindAll(text, -1) {
			if clean := regexp.MustCompile(`clean-layer(; \\\n\s*fi)?$`); !clean.Match(run) {
				t.Errorf("%s: a layer that is not cleaned:\n%s", name, run)
			}
		}
	}
}

// TestInstructions reads the Dockerfiles as a builder does, those that are not built
// here too: each instruction is one, what is copied is there, what is run is shell.
func TestInstructions(t *testing.T) {
	files, err := dockerfiles(os.DirFS(room))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		seen := map[string]int{}
		for _, line := range instructions(string(text)) {
			word, rest, _ := strings.Cut(line, " ")
			seen[word]++
			switch word {
			case "RUN":
				if out, err := exec.Command("sh", "-n", "-c", rest).CombinedOutput(); err != nil {
					t.Errorf("%s: %s: %s", name, line, out)
				}
			case "COPY":
				sources := strings.Fields(rest)
				for _, source := range sources[:len(sources)-1] {
					if _, err := os.Stat("../../" + source); err != nil && source != "bin/lucarne" {
						t.Errorf("%s: %s: %v", name, line, err)
					}
				}
			case "ENTRYPOINT", "CMD":
				var command []string
				if err := json.Unmarshal([]byte(rest), &command); err != nil {
					t.Errorf("%s: %s: %v", name, line, err)
				}
			case "FROM", "ARG", "ENV", "USER", "LABEL", "WORKDIR", "EXPOSE":
			default:
				t.Errorf("%s: %q is no instruction", name, line)
			}
		}
		if seen["FROM"] != 1 || seen["ENTRYPOINT"] != 1 || seen["CMD"] == 0 || seen["RUN"] == 0 || seen["COPY"] == 0 {
			t.Errorf("%s has of each instruction %v", name, seen)
		}
	}
}

// instructions returns those of a Dockerfile, each as one line.
func instructions(dockerfile string) (all []string) {
	whole := ""
	for line := range strings.Lines(dockerfile) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		part, more := strings.CutSuffix(line, "\\")
		whole += part
		if !more {
			all, whole = append(all, whole), ""
		}
	}
	return all
}
