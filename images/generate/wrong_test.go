package main

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFetch has a file downloaded as builds do: over HTTPS, and by its checksum or not at all.
func TestFetch(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	content := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if filepath.Base(r.URL.Path) == "gone.deb" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, "content")
	})
	secure, plain := httptest.NewTLSServer(content), httptest.NewServer(content)
	defer secure.Close()
	defer plain.Close()
	dir := t.TempDir()
	authority, sums := filepath.Join(dir, "authority.pem"), filepath.Join(dir, "CHECKSUMS")
	must(t, os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600))
	right, wrong := fmt.Sprintf("%x", sha256.Sum256([]byte("content"))), strings.Repeat("0", 64)
	must(t, os.WriteFile(sums, []byte("# sums\n"+
		right+"  good.deb  https://example.org/good.deb\n"+
		right+"  gone.deb  https://example.org/gone.deb\n"+
		wrong+"  bad.deb  https://example.org/bad.deb\n"+
		"unknown  new.deb  https://example.org/new.deb\n"), 0o600))

	for _, c := range []struct{ url, says string }{
		{secure.URL + "/good.deb", ""},
		{secure.URL + "/bad.deb", "fetch: " + secure.URL + "/bad.deb has the SHA-256 " + right + ", not " + wrong + " as in CHECKSUMS"},
		{secure.URL + "/new.deb", "fetch: the checksum of new.deb is not known: make checksums"},
		{secure.URL + "/other.deb", "fetch: other.deb is not in CHECKSUMS"},
		{secure.URL + "/gone.deb", "404"},
		{plain.URL + "/good.deb", `curl: (1) Protocol "http" not supported or disabled`},
	} {
		file := filepath.Join(dir, "file")
		cmd := exec.Command(filepath.Join(room, "rootfs/base/usr/local/sbin/fetch"), c.url, file)
		cmd.Env = append(os.Environ(), "CHECKSUMS="+sums, "CURL_CA_BUNDLE="+authority, "no_proxy=*", "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		if (err == nil) != (c.says == "") || !strings.Contains(string(out), c.says) || strings.Count(string(out), "\n") > 1 {
			t.Errorf("fetch %s: %v, says\n%s\nwant one line with %q", c.url, err, out, c.says)
		}
		if got, err := os.ReadFile(file); (err == nil) != (c.says == "") || err == nil && string(got) != "content" {
			t.Errorf("fetch %s: the file is %q, %v", c.url, got, err)
		}
		os.Remove(file)
	}
}

// TestBuildThatFails has a tool that fails as podman does, and wants to read why on one line.
func TestBuildThatFails(t *testing.T) {
	for name, c := range map[string]struct{ says, want string }{
		"a missing base": {
			says: "STEP 1/9: FROM localhost/none:1\nError: creating build container: localhost/none:1: image not known",
			want: "build/desktop: Error: creating build container: localhost/none:1: image not known\n",
		},
		"a failing piece": {
			says: "STEP 1/9: FROM x\nSTEP 2/9: ARG PIECE=1_base\n--> 5067b3da69e\nSTEP 5/9: ARG PIECE=2_desktop\n--> 6754b35994b\nSTEP 6/9: RUN apt-install nothing\nE: Unable to locate package nothing\n" +
				`Error: building at STEP "RUN apt-install nothing": while running runtime: exit status 100`,
			want: "build/desktop: piece 2_desktop: E: Unable to locate package nothing\n",
		},
		"a checksum that is not known": {
			says: "STEP 5/9: ARG PIECE=3_gpu\nSTEP 6/9: RUN fetch\nfetch: the checksum of a.deb is not known: make checksums\n" +
				`Error: building at STEP "RUN fetch": while running runtime: exit status 1`,
			want: "build/desktop: piece 3_gpu: fetch: the checksum of a.deb is not known: make checksums\n",
		},
		"a file that is not there": {
			says: "STEP 5/9: ARG PIECE=4_jupyterlab\n--> 5067b3da69e\nSTEP 6/9: COPY a /\n" + `Error: building at STEP "COPY a /": checking on sources: no such file or directory`,
			want: "build/desktop: piece 4_jupyterlab: COPY a /: checking on sources: no such file or directory\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tool := script(t, "cat <<'END'\n"+c.says+"\nEND\nexit 125")
			stderr, err := inRepository(t, "images/build", tool, "desktop", "localhost/x:1", "--build-arg", "A=b")
			if err == nil || stderr != c.want {
				t.Errorf("%v, says\n%swant\n%s", err, stderr, c.want)
			}
		})
	}
}

// TestBudget weighs an image that has grown.
func TestBudget(t *testing.T) {
	for added, want := range map[int]string{
		10_000_000: "",
		9000_000_000: "build/desktop: 9000 MB are added to some/base:1, its budget in images/IMAGES is BUDGET MB; " +
			"the largest layer, 8900 MB, is of piece 2_desktop\n",
	} {
		tool := script(t, fmt.Sprintf(`case "$*" in
*base.name*) echo some/base:1 ;;
*history*) echo '34 MB |1 PIECE=1_base /bin/sh -c a'; echo '8.9 GB |1 PIECE=2_desktop /bin/sh -c b'; echo '180 MB ADD file' ;;
*some/base:1) echo 180000000 ;;
*) echo %d ;;
esac`, 180_000_000+added))
		stderr, err := inRepository(t, "images/weigh", tool, "desktop", "localhost/x:1")
		text, readErr := os.ReadFile(room + "/IMAGES")
		must(t, readErr)
		all, readErr := parse(text)
		must(t, readErr)
		for _, img := range all {
			if img.name == "desktop" {
				want = strings.ReplaceAll(want, "BUDGET", fmt.Sprint(img.budget))
			}
		}
		if (err == nil) != (want == "") || stderr != want {
			t.Errorf("%d bytes: %v, says\n%swant\n%s", added, err, stderr, want)
		}
	}
}

// TestUnknownImage names an image that there is not.
func TestUnknownImage(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	for _, target := range []string{"dev/nothing", "push/nothing"} {
		stderr, err := inRepository(t, "make", "--dry-run", "--no-print-directory", target)
		if err == nil || !strings.Contains(stderr, `there is no image "nothing"; there are: base desktop`) {
			t.Errorf("make %s: %v, says %s", target, err, stderr)
		}
	}
}

// script writes a program of the shell.
func script(t *testing.T, text string) (name string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "tool")
	must(t, os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	return name
}

// inRepository runs a program at the root of the repository and returns what it says on stderr.
func inRepository(t *testing.T, name string, args ...string) (stderr string, err error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = "../.."
	var b strings.Builder
	cmd.Stderr = &b
	err = cmd.Run()
	return b.String(), err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
