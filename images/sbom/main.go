// Sbom prints what is in an image, as SPDX 2.3 in JSON: the packages of Debian or
// Ubuntu as dpkg lists them, and what Lucarne's binary was built of, as it says of
// its Go modules itself and THIRD_PARTY.md says of the rest.
//
//	sbom PODMAN|DOCKER REFERENCE
//
// What pip has installed is not in it: images/jupyterlab.lock names that.
package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom PODMAN|DOCKER REFERENCE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(tool, reference string) error {
	content, err := look(tool, reference)
	if err != nil {
		return err
	}
	doc, err := content.document()
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(doc)
}

// content is what an image says of itself.
type content struct {
	reference  string
	id         string // its digest, in hexadecimal digits
	created    time.Time
	system     string // its /etc/os-release
	packages   string // of dpkg: state, name, version and architecture, one a line
	binary     []byte // /usr/local/bin/lucarne
	thirdParty string // THIRD_PARTY.md
}

func look(tool, reference string) (content, error) {
	c := content{reference: reference}
	says := func(into *string, args ...string) error {
		out, err := exec.Command(tool, args...).Output()
		*into = string(out)
		if exit, ok := err.(*exec.ExitError); ok {
			return fmt.Errorf("%s %s: %w: %s", tool, args[0], err, bytes.TrimSpace(exit.Stderr))
		}
		return err
	}
	within := func(program string, args ...string) []string {
		return append([]string{"run", "--rm", "--network", "none", "--entrypoint", program, reference}, args...)
	}
	var created, binary string
	for _, q := range []struct {
		into *string
		args []string
	}{
		{&c.id, []string{"image", "inspect", "--format", "{{.Id}}", reference}},
		{&created, []string{"image", "inspect", "--format", "{{json .Created}}", reference}},
		{&c.system, within("cat", "/etc/os-release")},
		{&c.packages, within("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version} ${Architecture}\n")},
		{&binary, within("cat", "/usr/local/bin/lucarne")},
		{&c.thirdParty, within("cat", "/usr/share/doc/lucarne/THIRD_PARTY.md")},
	} {
		if err := says(q.into, q.args...); err != nil {
			return c, err
		}
	}
	c.id = strings.TrimPrefix(strings.TrimSpace(c.id), "sha256:")
	c.binary = []byte(binary)
	return c, json.Unmarshal([]byte(created), &c.created)
}

// document makes the SPDX document (https://spdx.github.io/spdx-spec/v2.3/).
func (c content) document() (*document, error) {
	info, err := buildinfo.Read(bytes.NewReader(c.binary))
	if err != nil {
		return nil, fmt.Errorf("lucarne's binary: %w", err)
	}
	title := c.reference[strings.LastIndex(c.reference, "/")+1:]
	d := &document{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: title,
		Namespace: "https://spdx.org/spdxdocs/" + regexp.MustCompile(`[^A-Za-z0-9.-]`).ReplaceAllString(title, "-") + "-" + c.id,
		Creation:  creation{Created: c.created.UTC().Format("2006-01-02T15:04:05Z"), Creators: []string{"Tool: lucarne-sbom"}},
	}
	image := d.add("", pkg{Name: c.reference, Version: "sha256:" + c.id})
	distribution := value(c.system, "ID")
	for line := range strings.Lines(c.packages) {
		f := strings.Fields(line)
		if len(f) != 4 {
			return nil, fmt.Errorf("dpkg says %q: want a state, a name, a version and an architecture", line)
		}
		if f[0] != "installed" { // but removed, and its configuration left
			continue
		}
		d.add(image, pkg{Name: f[1], Version: f[2]}.at("pkg:deb/%s/%s@%s?arch=%s&distro=%s",
			distribution, f[1], escape(f[2]), f[3], distribution+"-"+value(c.system, "VERSION_ID")))
	}
	licence, x264 := licence(info)
	lucarne := d.add(image, pkg{Name: "lucarne", Version: info.Main.Version, Declared: licence})
	d.add(lucarne, pkg{Name: "go", Version: strings.TrimPrefix(info.GoVersion, "go")}.at("pkg:golang/stdlib@%s", strings.TrimPrefix(info.GoVersion, "go")))
	licences := licences(c.thirdParty)
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		d.add(lucarne, pkg{Name: m.Path, Version: m.Version, Declared: licences[m.Path]}.at("pkg:golang/%s@%s", m.Path, m.Version))
		delete(licences, m.Path)
	}
	for _, name := range bundled(c.thirdParty) {
		if name != "x264" || x264 {
			d.add(lucarne, pkg{Name: name, Declared: licences[name]})
		}
	}
	return d, nil
}

// licence returns the licence of the binary as a whole, and whether x264 is in it, which decides that.
func licence(info *debug.BuildInfo) (licence string, x264 bool) {
	for _, s := range info.Settings {
		if s.Key == "-tags" && slices.Contains(strings.Split(s.Value, ","), "nox264") {
			return "MIT", false
		}
	}
	return "GPL-3.0-or-later", true
}

// row is a line of a table of THIRD_PARTY.md: a name, where it is, its licence.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]*\\bbinary\\b[^|]* \\| ([^|]+) \\|")

// licences returns the licence of each thing in the binary, where SPDX has one word for it.
func licences(thirdParty string) map[string]string {
	all := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(thirdParty, -1) {
		all[m[1]] = strings.ReplaceAll(strings.TrimSpace(m[2]), ", ", " AND ")
	}
	return all
}

// bundled returns what is in the binary and no Go module: C libraries, source, npm packages.
func bundled(thirdParty string) (names []string) {
	for section := range strings.SplitSeq(thirdParty, "\n## ") {
		if strings.HasPrefix(section, "Go modules") {
			continue
		}
		for _, m := range row.FindAllStringSubmatch(section, -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// value returns a variable of os-release(5).
func value(text, name string) string {
	m := regexp.MustCompile(`(?m)^` + name + `="?([^"\n]*)`).FindStringSubmatch(text)
	if m == nil {
		return "unknown"
	}
	return m[1]
}

// escape writes a version as a package URL wants it (RFC 3986, §2.1).
func escape(version string) string {
	return strings.NewReplacer("%", "%25", "+", "%2B", ":", "%3A").Replace(version)
}
