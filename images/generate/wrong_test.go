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

// TestBuildThatFails has a tool that fails as podman does, and docker by either of its
// builders, and wants to read why on one line.
func TestBuildThatFails(t *testing.T) {
	for name, c := range map[string]struct{ says, want string }{
		"a missing base": {
			says: "STEP 1/9: FROM localhost/none:1\nError: creating build container: localhost/none:1: image not known",
			want: "piece 0_debian: Error: creating build container: localhost/none:1: image not known",
		},
		"a failing piece": {
			says: "STEP 1/9: FROM x\nSTEP 2/9: ARG PIECE=1_base\n--> 5067b3da69e\nSTEP 5/9: ARG PIECE=2_desktop\n--> 6754b35994b\nSTEP 6/9: RUN apt-install nothing\nE: Unable to locate package nothing\n" +
				`time="2030-01-02T03:04:05Z" level=error msg="exit status 100"` + "\n" +
				`Error: building at STEP "RUN apt-install nothing": while running runtime: exit status 100`,
			want: "piece 2_desktop: E: Unable to locate package nothing",
		},
		"an archive that cannot be reached": {
			says: "STEP 5/9: ARG PIECE=1_base\nSTEP 6/9: RUN apt-install less\nE: Failed to fetch http://m.example/InRelease  Could not connect to m.example:80\n" +
				"E: Some index files failed to download. They have been ignored, or old ones used instead.\n" +
				`Error: building at STEP "RUN apt-install less": while running runtime: exit status 100`,
			want: "piece 1_base: E: Failed to fetch http://m.example/InRelease  Could not connect to m.example:80",
		},
		"a checksum that is not known": {
			says: "STEP 5/9: ARG PIECE=3_gpu\nSTEP 6/9: RUN fetch\nfetch: the checksum of a.deb is not known: make checksums\n" +
				`Error: building at STEP "RUN fetch": while running runtime: exit status 1`,
			want: "piece 3_gpu: fetch: the checksum of a.deb is not known: make checksums",
		},
		"a file that is not there": {
			says: "STEP 5/9: ARG PIECE=4_jupyterlab\n--> 5067b3da69e\nSTEP 6/9: COPY a /\n" + `Error: building at STEP "COPY a /": checking on sources: no such file or directory`,
			want: "piece 4_jupyterlab: COPY a /: checking on sources: no such file or directory",
		},
		"no service": {
			says: "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
			want: "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
		},
		"a missing base, BuildKit": {
			says: "#0 building with \"default\" instance using docker driver\n\n#1 [internal] load build definition from Dockerfile\n#1 DONE 0.0s\n\n" +
				"#2 [internal] load metadata for localhost/none:1\n#2 ERROR: localhost/none:1: not found\n------\n > [internal] load metadata for localhost/none:1:\n------\n" +
				"Dockerfile:6\n--------------------\n   5 |     ARG BASE_IMAGE=x\n   6 | >>> FROM ${BASE_IMAGE}\n   7 |     \n--------------------\n" +
				"ERROR: failed to solve: localhost/none:1: failed to resolve source metadata for localhost/none:1: not found",
			want: "piece 0_debian: ERROR: failed to solve: localhost/none:1: failed to resolve source metadata for localhost/none:1: not found",
		},
		"a failing piece, BuildKit": {
			says: "#7 [1/3] FROM x\n#7 CACHED\n\n#8 [2/3] RUN apt-install nothing\n#8 0.512 Reading package lists...\n#8 1.234 E: Unable to locate package nothing\n" +
				"#8 ERROR: process \"/bin/sh -c apt-install nothing\" did not complete successfully: exit code: 100\n------\n > [2/3] RUN apt-install nothing:\n" +
				"0.512 Reading package lists...\n1.234 E: Unable to locate package nothing\n------\nDockerfile:11\n--------------------\n   9 |     \n  10 |     ARG PIECE=1_base\n" +
				"  11 | >>> RUN apt-install nothing\n  12 |     \n  13 |     ### 2_desktop\n  14 |     \n  15 |     ARG PIECE=2_desktop\n--------------------\n" +
				"ERROR: failed to build: failed to solve: process \"/bin/sh -c apt-install nothing\" did not complete successfully: exit code: 100\n\n" +
				"View build details: docker-desktop://dashboard/build/default/default/x",
			want: "piece 1_base: E: Unable to locate package nothing",
		},
		"a piece that says nothing, BuildKit": {
			says: "#8 [linux/amd64 3/3] RUN false\n#8 ERROR: process \"/bin/sh -c false\" did not complete successfully: exit code: 1\n------\n > [linux/amd64 3/3] RUN false:\n------\n" +
				"Dockerfile:16\n--------------------\n  16 | >>> RUN false\n--------------------\nERROR: failed to solve: process \"/bin/sh -c false\" did not complete successfully: exit code: 1",
			want: `piece 2_desktop: ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1`,
		},
		"a missing base, docker's own builder": {
			says: "Sending build context to Docker daemon  3.072kB\nStep 1/9 : ARG BASE_IMAGE=x\nStep 2/9 : FROM ${BASE_IMAGE}\nGet \"http://localhost/v2/\": dial tcp 127.0.0.1:80: connect: connection refused",
			want: `piece 0_debian: localhost/none:1: Get "http://localhost/v2/": dial tcp 127.0.0.1:80: connect: connection refused`,
		},
		"a base that its registry has not, docker's own builder": {
			says: "Step 1/9 : ARG BASE_IMAGE=x\nStep 2/9 : FROM ${BASE_IMAGE}\nmanifest for localhost/none:1 not found: manifest unknown",
			want: "piece 0_debian: manifest for localhost/none:1 not found: manifest unknown",
		},
		"a missing base, BuildKit of Docker 20": {
			says: "#3 [internal] load metadata for localhost/none:1\n#3 ERROR: failed to do request: connection refused\n------\n > [internal] load metadata for localhost/none:1:\n------\n" +
				"failed to solve with frontend dockerfile.v0: failed to create LLB definition: failed to do request: connection refused",
			want: "piece 0_debian: localhost/none:1: failed to solve with frontend dockerfile.v0: failed to create LLB definition: failed to do request: connection refused",
		},
		"a failing piece, BuildKit of Docker 20": {
			says: "#3 [internal] load metadata for localhost/none:1\n#3 sha256:01\n#3 DONE 0.0s\n\n#4 [ 1/10] FROM localhost/none:1\n#4 CACHED\n\n" +
				"#5 [ 2/10] RUN apt-install nothing\n#5 sha256:02\n#5 0.160 Reading package lists...\n#5 0.169 E: Unable to locate package nothing\n" +
				"#5 ERROR: executor failed running [/bin/sh -c apt-install nothing]: exit code: 100\n------\n > [ 2/10] RUN apt-install nothing:\n------\n" +
				"executor failed running [/bin/sh -c apt-install nothing]: exit code: 100",
			want: "piece 1_base: E: Unable to locate package nothing",
		},
		"no room for the image, BuildKit": {
			says: "#3 [internal] load metadata for localhost/none:1\n#3 DONE 0.0s\n\n#9 exporting to image\n#9 exporting layers\n#9 ERROR: no space left on device\n------\n > exporting to image:\n------\n" +
				"ERROR: failed to solve: no space left on device",
			want: "ERROR: failed to solve: no space left on device",
		},
		"a piece that says what BuildKit might, podman": {
			says: "STEP 5/9: ARG PIECE=2_desktop\nSTEP 6/9: RUN a\n# 1 of 2\nE: Unable to locate package nothing\n" + `Error: building at STEP "RUN a": while running runtime: exit status 100`,
			want: "piece 2_desktop: E: Unable to locate package nothing",
		},
		"a failing piece, docker's own builder": {
			says: "Step 2/9 : FROM ${BASE_IMAGE}\n ---> 0123456789ab\nStep 5/9 : ARG PIECE=2_desktop\n ---> Running in 0123456789ab\n ---> 123456789abc\nStep 6/9 : RUN apt-install nothing\n ---> Running in 23456789abcd\n" +
				"Reading package lists...\n\033[91mE: Unable to locate package nothing\n\033[0mThe command '/bin/sh -c apt-install nothing' returned a non-zero code: 100",
			want: "piece 2_desktop: E: Unable to locate package nothing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tool := script(t, "cat <<'END'\n"+c.says+"\nEND\nexit 125")
			stderr, err := in(checkout(t), "images/build", tool, "desktop", "localhost/x:1", "--build-arg", "A=b", "--build-arg", "BASE_IMAGE=localhost/none:1")
			if want := "build/desktop: " + c.want + "\n"; err == nil || stderr != want {
				t.Errorf("%v, says\n%swant\n%s", err, stderr, want)
			}
		})
	}
	empty := checkout(t)
	must(t, os.Remove(filepath.Join(empty, "bin/lucarne")))
	for name, want := range map[string]string{
		"nothing": "build/nothing: there is no images/output/nothing/Dockerfile\n",
		"desktop": "build/desktop: there is no bin/lucarne\n",
	} {
		if stderr, err := in(empty, "images/build", "true", name, "localhost/x:1"); err == nil || stderr != want {
			t.Errorf("%v, says\n%swant\n%s", err, stderr, want)
		}
	}
}

// TestModes builds in checkouts that were made with one umask and another: what goes
// into an image is for all to read, and for none but root to write.
func TestModes(t *testing.T) {
	for _, umask := range []os.FileMode{0o077, 0o022, 0o002} {
		dir := checkout(t)
		must(t, filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			mode := os.FileMode(0o666)
			if info.Mode()&0o100 != 0 {
				mode = 0o777
			}
			return os.Chmod(name, mode&^umask)
		}))
		if stderr, err := in(dir, "images/build", "false", "desktop", "localhost/x:1"); err == nil || stderr != "build/desktop: false says nothing\n" {
			t.Errorf("%v, says %q", err, stderr)
		}
		must(t, filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
			if err != nil || name == dir || filepath.Base(name) == "bin" {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			if mode := info.Mode().Perm(); mode != 0o755 && (entry.IsDir() || mode != 0o644) {
				t.Errorf("umask %#o: %s has the mode %#o", umask, name, mode)
			}
			return nil
		}))
	}
}

// TestBudget weighs an image that has grown.
func TestBudget(t *testing.T) {
	for _, c := range []struct {
		image string
		added int
		want  string
	}{
		{"desktop", 10_000_000, ""},
		{"desktop", 850_000_000, ""},
		{"desktop", 850_000_001, "build/desktop: 851 MB are added to some/base:1, its budget in images/IMAGES is 850 MB; " +
			"the largest layer, 8900 MB, is of piece 2_desktop\n"},
		{"nothing", 10_000_000, "build/nothing: images/IMAGES has no budget for it\n"},
	} {
		tool := script(t, fmt.Sprintf(`case "$*" in
*base.name*) echo some/base:1 ;;
*history*) echo '34 MB |1 PIECE=1_base /bin/sh -c a'; echo '8.9 GB |1 PIECE=2_desktop /bin/sh -c b'; echo '180 MB ADD file' ;;
*some/base:1) echo 180000000 ;;
*) echo %d ;;
esac`, 180_000_000+c.added))
		stderr, err := in(checkout(t), "images/weigh", tool, c.image, "localhost/x:1")
		if (err == nil) != (c.want == "") || stderr != c.want {
			t.Errorf("%+v: %v, says\n%s", c, err, stderr)
		}
	}
}

// TestUnknownImage names an image that there is not.
func TestUnknownImage(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	for _, target := range []string{"build", "dev", "test", "post-build"} {
		stderr, err := in("../..", "make", "--dry-run", "--no-print-directory", target+"/Desktop")
		if err == nil || !strings.Contains(stderr, `there is no image "Desktop"; there are: base desktop`) {
			t.Errorf("make %s/Desktop: %v, says %s", target, err, stderr)
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

// in runs a program in a directory and returns what it says on stderr.
func in(dir, name string, args ...string) (stderr string, err error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var b strings.Builder
	cmd.Stderr = &b
	err = cmd.Run()
	return b.String(), err
}

// checkout makes a directory with what images/build and images/weigh want, for one image.
func checkout(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "a checkout")
	for name, text := range map[string]string{
		"images/IMAGES":  "base 80 0_debian 1_base\ndesktop 850 0_debian 1_base 2_desktop # all\n",
		"bin/lucarne":    "",
		"LICENSE":        "",
		"THIRD_PARTY.md": "",
		"images/output/desktop/Dockerfile": "# desktop\n\n### 0_debian\n\nARG BASE_IMAGE=x\nFROM ${BASE_IMAGE}\n\n### 1_base\n\nARG PIECE=1_base\nRUN a\n\n" +
			"### 2_desktop\n\nARG PIECE=2_desktop\nRUN b \\\n    c\n",
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	for _, name := range []string{"build", "weigh", "compute-checksums"} {
		text, err := os.ReadFile(filepath.Join(room, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "images", name), text, 0o755))
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
