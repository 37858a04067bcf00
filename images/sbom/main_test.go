package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// TestDocument lists an image whose binary is this test's own.
func TestDocument(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	thirdParty, err := os.ReadFile("../../THIRD_PARTY.md")
	if err != nil {
		t.Fatal(err)
	}
	c := content{
		reference: "localhost/lucarne/desktop:v1", id: strings.Repeat("0a", 32),
		created: time.Date(2030, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)),
		system:  "PRETTY_NAME=\"Debian GNU/Linux 12\"\nVERSION_ID=\"12\"\nID=debian\n", binary: binary, thirdParty: string(thirdParty),
		packages: "installed libc6 2.36-9+deb12u14 amd64\ninstalled less 590-2.1~deb12u2 amd64\ninstalled passwd 1:4.13 amd64\nconfig-files curl 7.88 amd64\n",
	}
	d, err := c.document()
	if err != nil {
		t.Fatal(err)
	}
	valid(t, d)
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"created":"2030-01-02T02:04:05Z"`,
		`"documentNamespace":"https://spdx.org/spdxdocs/desktop-v1-0a0a`,
		`"name":"libc6"`, `pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64\u0026distro=debian-12`,
		`pkg:deb/debian/less@590-2.1~deb12u2?`, `pkg:deb/debian/passwd@1%3A4.13?`,
		`"name":"@novnc/novnc"`, `"licenseDeclared":"IJG AND BSD-3-Clause AND Zlib"`,
		`pkg:golang/stdlib@1.`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	info, err := buildinfo.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	all, x264 := licence(info)
	for what, there := range map[string]bool{
		`"name":"x264"`: x264, `"licenseDeclared":"GPL-2.0-or-later"`: x264, `"licenseDeclared":"` + all + `"`: true,
	} {
		if strings.Contains(string(text), what) != there {
			t.Errorf("%s is in the list: %t, want %t", what, !there, there)
		}
	}
	for name, why := range map[string]string{"esbuild": "builds the page but is not in it", "curl": "has been removed"} {
		if strings.Contains(string(text), `"name":"`+name+`"`) {
			t.Errorf("%s is in the list, and %s", name, why)
		}
	}
}

// valid holds the document to the rules of SPDX 2.3 that concern it.
func valid(t *testing.T, d *document) {
	t.Helper()
	id := regexp.MustCompile(`^SPDXRef-[A-Za-z0-9.-]+$`)
	known := map[string]bool{d.ID: true}
	for _, p := range d.Packages {
		if !id.MatchString(p.ID) || known[p.ID] || p.Name == "" || p.Location == "" || p.Concluded == "" || p.Declared == "" || p.Copyright == "" {
			t.Errorf("%+v is no package of SPDX", p)
		}
		known[p.ID] = true
	}
	described := 0
	for _, r := range d.Relationships {
		if !known[r.Element] || !known[r.Related] {
			t.Errorf("%+v relates what there is not", r)
		}
		if r.Type == "DESCRIBES" {
			described++
		}
	}
	if described != 1 || len(d.Relationships) != len(d.Packages) {
		t.Errorf("%d described, %d relationships of %d packages", described, len(d.Relationships), len(d.Packages))
	}
}

// TestLicence: what the list says of x264 is what the binary was built with.
func TestLicence(t *testing.T) {
	for tags, want := range map[string]struct {
		licence string
		x264    bool
	}{
		"netgo,osusergo":        {"GPL-3.0-or-later", true},
		"":                      {"GPL-3.0-or-later", true},
		"netgo,osusergo,nox264": {"MIT", false},
	} {
		info := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "-trimpath", Value: "true"}, {Key: "-tags", Value: tags}}}
		if licence, x264 := licence(info); licence != want.licence || x264 != want.x264 {
			t.Errorf("built with %q: %s, %t; want %+v", tags, licence, x264, want)
		}
	}
}

func TestNoBinary(t *testing.T) {
	if _, err := (content{binary: []byte("#!/bin/sh\n")}).document(); err == nil || !strings.Contains(err.Error(), "lucarne's binary") {
		t.Errorf("got %v", err)
	}
	self, _ := os.Executable()
	binary, _ := os.ReadFile(self)
	if _, err := (content{binary: binary, packages: "installed less"}).document(); err == nil || !strings.Contains(err.Error(), `dpkg says "installed less"`) {
		t.Errorf("got %v", err)
	}
}
