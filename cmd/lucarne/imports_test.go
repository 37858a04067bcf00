package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// room is a part of the house and what its packages may import of ours.
type room struct {
	path string // a package, or with /... it and all below it
	may  []string
	why  string
}

// rooms are looked through in order: the first that a package lies in counts.
var rooms = []room{
	{"scripts/...", nil, "it serves the build and nothing else"},
	{"cmd/internal/...", nil, "it knows nothing of X or video"},
	{"cmd/...", []string{"..."}, ""},
	{"perf/...", []string{"capture/...", "encode/...", "input/...", "signaling/...", "web", "perf/..."}, "it measures what cmd runs, from outside"},
	{"capture", nil, "it holds the contracts that all others stand on"},
	{"input", nil, "it holds the contracts that all others stand on"},
	{"web", nil, "it is the page and nothing else"},
	{"capture/display/...", []string{"capture", "capture/display"}, "a child may import its parent, never the reverse"},
	{"capture/x11", []string{"capture", "capture/display"}, "a child may import its parent; all connections to X are made by display.Connect"},
	{"capture/...", []string{"capture"}, "a child may import its parent, never the reverse"},
	{"input/...", []string{"input"}, "a child may import its parent, never the reverse; cmd hands it display.Connect"},
	{"encode", []string{"capture"}, "it does not know the libraries: cmd hands it the backends"},
	{"encode/yuv", []string{"encode", "capture"}, "a child may import its parent, never the reverse"},
	{"encode/rate", []string{"encode"}, "it decides, and knows no library"},
	{"encode/mediadev", []string{"encode", "capture"}, "cmd hands it the backends"},
	{"encode/...", []string{"encode", "encode/yuv", "encode/rate", "capture"}, "one library each, sharing only the colour conversion and the rate control"},
	{"signaling/session", []string{"capture", "encode", "input"}, "it decides, and knows no transport"},
	{"signaling/peer/bwe", nil, "it computes, and knows no transport"},
	{"signaling/iceserver/...", nil, "it finds servers, and knows no transport"},
	{"signaling/activity", nil, "it measures, and knows no transport"},
	{"signaling/access", nil, "it lets people in, and knows no transport"},
	{"signaling/files", nil, "it keeps files, and knows no transport"},
	{"signaling/policy", []string{"signaling/session"}, "it reads what the session enforces"},
	{"signaling/audit", []string{"signaling/session"}, "it writes what the session tells it"},
	{"signaling/peer", []string{"signaling/session", "signaling/iceserver", "signaling/peer/bwe", "capture", "encode"}, "a transport gets at the desktop by its session.Viewer alone"},
	{"signaling/wsmedia", []string{"signaling/session", "capture", "encode"}, "a transport gets at the desktop by its session.Viewer alone"},
	{"signaling/rfb", []string{"signaling/session", "capture", "encode"}, "a transport gets at the desktop by its session.Viewer alone"},
	{"signaling", []string{"capture", "encode", "signaling/session", "signaling/iceserver", "signaling/peer", "signaling/wsmedia", "signaling/rfb", "signaling/activity", "signaling/files", "signaling/access", "web"}, "it joins page, session and transports, which never import it"},
}

// guarded are the packages of others that only some rooms may import.
var guarded = []struct {
	path string // itself and all below it
	in   []string
	why  string
}{
	{"C", []string{"encode/yuv", "encode/vpx", "encode/x264", "encode/aom", "encode/nvenc", "encode/jpeg"}, "cgo stays where the libraries are, so that CGO_ENABLED=0 builds the rest"},
	{"github.com/jezek/xgb", []string{"capture/x11", "capture/display", "input/xtest", "input/clipboard", "perf/..."}, "X stays behind the contracts"},
	{"github.com/pion", []string{"signaling/peer", "encode/mediadev", "encode/opus", "capture/mediadev", "perf/..."}, "WebRTC is one transport among others"},
	{"github.com/prometheus", []string{"cmd/lucarne"}, "the parts count, and cmd alone knows for whom"},
	{"github.com/NVIDIA/go-nvml", []string{"encode/nvenc"}, "the driver is one library's business"},
}

// excepted packages are test support and may import what they like.
var excepted = []string{"encode/encodetest/..."}

// offence returns why the package at importer, a path inside the module, may not
// import imported, a full import path; empty if it may.
func offence(importer, imported string) string {
	if within(importer, excepted) {
		return ""
	}
	for _, g := range guarded {
		if (imported == g.path || strings.HasPrefix(imported, g.path+"/")) && !within(importer, g.in) {
			return fmt.Sprintf("%s belongs only in %s: %s", g.path, strings.Join(g.in, ", "), g.why)
		}
	}
	ours, ok := strings.CutPrefix(imported, "lucarne/")
	if !ok {
		return ""
	}
	for _, r := range rooms {
		if within(importer, []string{r.path}) {
			if within(ours, r.may) {
				return ""
			}
			may := strings.Join(r.may, ", ")
			if may == "" {
				may = "nothing of ours"
			}
			return fmt.Sprintf("%s may import %s: %s", r.path, may, r.why)
		}
	}
	return "the package is in no room of the house: add one to the design and to this test"
}

// within reports whether the path is one of the rooms.
func within(path string, rooms []string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool {
		tree, all := strings.CutSuffix(room, "...")
		if !all {
			return path == room
		}
		return path == strings.TrimSuffix(tree, "/") || strings.HasPrefix(path, tree)
	})
}

// listed is a package as go list prints it.
type listed struct {
	ImportPath string
	Doc        string
	Imports    []string
	GoFiles    []string // without those that use cgo and without tests
	CgoFiles   []string
}

// offences returns a line for each import that breaks the rule, and for each
// package without a comment of its own.
func offences(packages []listed) []string {
	var lines []string
	for _, p := range packages {
		path := strings.TrimPrefix(p.ImportPath, "lucarne/")
		if p.Doc == "" && len(p.GoFiles)+len(p.CgoFiles) > 0 {
			lines = append(lines, fmt.Sprintf("%s: no package comment", path))
		}
		imports := p.Imports
		if len(p.CgoFiles) > 0 && !slices.Contains(imports, "C") {
			imports = append(slices.Clone(imports), "C")
		}
		for _, imported := range imports {
			if why := offence(path, imported); why != "" {
				lines = append(lines, fmt.Sprintf("%s imports %s: %s", path, imported, why))
			}
		}
	}
	return lines
}

// packages lists the module's packages as a build with or without cgo sees them.
func packages(t *testing.T, cgo string) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Doc,Imports,GoFiles,CgoFiles", "lucarne/...")
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportRule(t *testing.T) {
	for _, cgo := range []string{"1", "0"} {
		all := packages(t, cgo)
		if len(all) < 5 {
			t.Fatalf("CGO_ENABLED=%s: go list found only %d packages", cgo, len(all))
		}
		for _, line := range offences(all) {
			t.Errorf("CGO_ENABLED=%s: %s", cgo, line)
		}
	}
}

func TestImportRuleCanFail(t *testing.T) {
	for _, c := range []struct {
		importer, imported string
		allowed            bool
	}{
		{"capture", "lucarne/encode", false},
		{"capture", "lucarne/capture/x11", false},
		{"capture", "image", true},
		{"capture/x11", "lucarne/capture", true},
		{"capture/x11", "lucarne/encode", false},
		{"capture/x11", "lucarne/capture/display", true},
		{"capture/x11", "github.com/jezek/xgb/shm", true},
		{"capture/display/displaytest", "lucarne/capture/display", true},
		{"encode", "lucarne/capture", true},
		{"encode", "lucarne/encode/vpx", false},
		{"encode", "C", false},
		{"encode/vpx", "C", true},
		{"encode/vpx", "lucarne/encode/yuv", true},
		{"encode/vpx", "lucarne/encode/rate", true},
		{"encode/vpx", "lucarne/encode/x264", false},
		{"encode/rate", "C", false},
		{"encode/mediadev", "github.com/pion/mediadevices/pkg/codec", true},
		{"encode/mediadev", "C", false},
		{"encode/encodetest", "lucarne/encode/vpx", true},
		{"input", "lucarne/capture", false},
		{"input/xtest", "lucarne/input", true},
		{"input/xtest", "lucarne/capture", false},
		{"signaling", "lucarne/web", true},
		{"signaling", "lucarne/signaling/peer", true},
		{"signaling", "github.com/pion/webrtc/v4", false},
		{"signaling/peer", "lucarne/signaling", false},
		{"signaling/peer", "lucarne/input", false},
		{"signaling/peer", "github.com/pion/webrtc/v4", true},
		{"signaling/peer/bwe", "lucarne/capture", false},
		{"signaling/session", "lucarne/signaling/peer", false},
		{"signaling/session", "github.com/jezek/xgb", false},
		{"web", "lucarne/signaling", false},
		{"perf", "lucarne/signaling", true},
		{"perf", "lucarne/cmd/lucarne", false},
		{"perf/browser", "lucarne/perf", true},
		{"cmd/lucarne", "lucarne/signaling/session", true},
		{"cmd/lucarne", "github.com/pion/webrtc/v4", false},
		{"cmd/lucarne", "github.com/jezek/xgb", false},
		{"cmd/internal/supervise", "lucarne/capture", false},
		{"encode/vpx", "github.com/NVIDIA/go-nvml/pkg/nvml", false},
		{"attic", "lucarne/capture", false},
	} {
		why := offence(c.importer, c.imported)
		if (why == "") != c.allowed {
			t.Errorf("%s imports %s: offence %q, want allowed = %t", c.importer, c.imported, why, c.allowed)
		}
	}
	got := offences([]listed{
		{ImportPath: "lucarne/web", GoFiles: []string{"x.go"}, Imports: []string{"lucarne/capture"}},
		{ImportPath: "lucarne/encode", Doc: "Package encode", CgoFiles: []string{"x.go"}},
	})
	if len(got) != 3 {
		t.Errorf("offences %q, want a missing comment, an import and cgo", got)
	}
}
