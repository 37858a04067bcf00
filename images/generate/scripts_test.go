package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestScripts has the scripts that go into images, and those that make them, read by shellcheck.
func TestScripts(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed")
	}
	scripts, err := filepath.Glob(room + "/rootfs/*/usr/local/*bin/*")
	if err != nil || len(scripts) < 6 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, name := range append(scripts, room+"/build", room+"/weigh", room+"/make-base", room+"/dev", room+"/compute-checksums", room+"/gpu-run") {
		if out, err := exec.Command("shellcheck", "--shell=sh", name).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestMirrors has packages come from mirrors, whatever form the list of archives has.
func TestMirrors(t *testing.T) {
	programs(t, map[string]string{"apt-get": ""})
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "sources.list.d"), 0o755))
	t.Setenv("APT_SOURCES", dir)
	install, err := filepath.Abs(filepath.Join(room, "rootfs/base/usr/local/sbin/apt-install"))
	must(t, err)
	for name, c := range map[string]struct{ before, after string }{
		"sources.list.d/debian.sources": {
			"Types: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm\n\nTypes: deb\nURIs: http://deb.debian.org/debian-security\n",
			"Types: deb\nURIs: https://m.example/d\nSuites: bookworm\n\nTypes: deb\nURIs: https://m.example/s\n",
		},
		"sources.list": {
			"deb http://deb.debian.org/debian bookworm main\ndeb http://security.debian.org/debian-security bookworm-security main\n" +
				"deb http://archive.ubuntu.com/ubuntu/ jammy main\ndeb http://security.ubuntu.com/ubuntu/ jammy-security main\ndeb http://ports.ubuntu.com/ubuntu-ports/ jammy main\n",
			"deb https://m.example/d bookworm main\ndeb https://m.example/s bookworm-security main\n" +
				"deb https://m.example/d jammy main\ndeb https://m.example/s jammy-security main\ndeb https://m.example/d jammy main\n",
		},
	} {
		for _, mirrors := range []struct{ packages, security, want string }{
			{"", "", c.before},
			{"https://m.example/d", "https://m.example/s", c.after},
		} {
			must(t, os.WriteFile(filepath.Join(dir, name), []byte(c.before), 0o644))
			t.Setenv("APT_MIRROR", mirrors.packages)
			t.Setenv("APT_SECURITY_MIRROR", mirrors.security)
			if stderr, err := in(dir, install, "less"); err != nil {
				t.Fatalf("%v: %s", err, stderr)
			}
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != mirrors.want {
				t.Errorf("%s by %+v (%v):\n%s", name, mirrors, err, got)
			}
		}
	}
}

// TestUser makes the image's user on bases of several kinds.
func TestUser(t *testing.T) {
	setup, err := filepath.Abs(filepath.Join(room, "rootfs/base/usr/local/sbin/image-setup"))
	must(t, err)
	for name, c := range map[string]struct{ passwd, want string }{
		"nobody": {"", "useradd --create-home -u 1000 -g 0 -G users -d /home/jovyan -s /bin/bash jovyan\n"},
		"somebody else": {
			"ubuntu:x:1000:1000::/home/ubuntu:/bin/bash",
			"userdel --remove ubuntu\nuseradd --create-home -u 1000 -g 0 -G users -d /home/jovyan -s /bin/bash jovyan\n",
		},
		"the same, in another group": {
			"jovyan:x:1000:100::/home/jovyan:/bin/bash",
			"usermod -u 1000 -g 0 -G users -d /home/jovyan -s /bin/bash jovyan\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			done := filepath.Join(t.TempDir(), "done")
			note := `echo "${0##*/} $*" >> '` + done + `'`
			programs(t, map[string]string{
				"getent": `[ "$1" = group ] || echo '` + c.passwd + `' | grep -w "$2"`, "useradd": note, "usermod": note, "userdel": note, "passwd": "",
			})
			for name, value := range map[string]string{"NB_USER": "jovyan", "NB_UID": "1000", "NB_GID": "0", "HOME": "/home/jovyan"} {
				t.Setenv(name, value)
			}
			if stderr, err := in(".", setup, "user"); err != nil {
				t.Fatalf("%v: %s", err, stderr)
			}
			if got, err := os.ReadFile(done); err != nil || string(got) != c.want {
				t.Errorf("done (%v):\n%swant\n%s", err, got, c.want)
			}
		})
	}
}

// TestComputeChecksums downloads what has no checksum yet.
func TestComputeChecksums(t *testing.T) {
	room := filepath.Join(checkout(t), "images")
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte("content")))
	must(t, os.WriteFile(filepath.Join(room, "CHECKSUMS"), []byte("# all\nunknown  new.deb  https://example.org/new.deb\n0123  old.deb  https://example.org/old.deb\n"), 0o644))
	programs(t, map[string]string{
		"curl": `for last; do :; done; [ "$last" = https://example.org/new.deb ] || exit 22; while [ "$1" != --output ]; do shift; done; printf content > "$2"`,
		"python3": `mkdir -p "$3/bin"; printf '#!/bin/sh\n' > "$3/bin/pip"; chmod +x "$3/bin/pip"; cp "$3/bin/pip" "$3/bin/uv"` +
			`; echo 'while [ "$1" != --output-file ]; do shift; done; echo of "$3" > "$2"' >> "$3/bin/uv"`,
	})
	if stderr, err := in(t.TempDir(), filepath.Join(room, "compute-checksums")); err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	for name, want := range map[string]string{
		"CHECKSUMS":       "# all\n" + sum + "  new.deb  https://example.org/new.deb\n0123  old.deb  https://example.org/old.deb\n",
		"jupyterlab.lock": "of jupyterlab.txt\n",
	} {
		if got, err := os.ReadFile(filepath.Join(room, name)); err != nil || string(got) != want {
			t.Errorf("%s (%v):\n%swant\n%s", name, err, got, want)
		}
	}
}

// TestTags tags and pushes what was built, from branches of any name.
func TestTags(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	for _, name := range []string{"MAKEFLAGS", "TAG", "SOURCE_FULL_IMAGE_NAME"} { // of a make that runs this
		t.Setenv(name, "")
		must(t, os.Unsetenv(name))
	}
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for branch, tag := range map[string]string{"main": "main", "feature/#1": "feature--1", "#1": "1", "": "unknown"} {
		done := filepath.Join(t.TempDir(), "done")
		tool := script(t, `echo "$*" >> '`+done+`'`)
		programs(t, map[string]string{"git": `case "$*" in *abbrev-ref*) echo '` + branch + `' ;; *rev-parse*) echo ` + commit + ` ;; *) echo v1.2 ;; esac`})
		if stderr, err := in("../..", "make", "post-build/desktop", "push/desktop", "CONTAINER="+tool, "REPO=example.org/a"); err != nil {
			t.Fatalf("%v: %s", err, stderr)
		}
		tags := []string{commit, commit[:7], tag, "latest", "v1"}
		var want strings.Builder
		for _, to := range tags {
			fmt.Fprintf(&want, "tag example.org/a/desktop:%s example.org/a/desktop:%s\n", tag, to)
		}
		for _, to := range tags {
			fmt.Fprintf(&want, "push example.org/a/desktop:%s\n", to)
		}
		if got, err := os.ReadFile(done); err != nil || string(got) != want.String() {
			t.Errorf("on branch %q (%v):\n%swant\n%s", branch, err, got, want.String())
		}
	}
}

// TestDev starts images that show their link in their own way, until somebody presses Ctrl+C.
func TestDev(t *testing.T) {
	// Who is started in the background may have been told to ignore it, and so all that it starts.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	for name, c := range map[string]struct{ exec, logs, want string }{
		"Lucarne":    {"echo http://0123:8888/notebook/a/#token=b", "starting", "http://localhost:9999/notebook/a/#token=b"},
		"JupyterLab": {"exit 1", "  http://0123:8888/lab?token=c\n  http://127.0.0.1:8888/lab?token=c", "http://localhost:9999/lab?token=c"},
	} {
		t.Run(name, func(t *testing.T) {
			done := filepath.Join(t.TempDir(), "done")
			tool := script(t, `echo "$*" >> '`+done+`'
case "$1 $2" in
exec*) `+c.exec+` ;;
'logs --follow') echo the log; exec sleep 1000 ;;
logs*) cat <<'END'
`+c.logs+`
END
esac`)
			cmd := exec.Command(filepath.Join(room, "dev"), tool, "localhost/x:1")
			cmd.Env = append(os.Environ(), "PORT=9999", "NB_PREFIX=/notebook/a")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			out, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			lines := bufio.NewReader(out)
			for _, want := range []string{c.want, "the log"} {
				if line, err := lines.ReadString('\n'); err != nil || line != want+"\n" {
					t.Errorf("says %q, %v, want %s", line, err, want)
				}
			}
			must(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGINT))
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
				t.Errorf("ends with %v, want 130", err)
			}
			calls, err := os.ReadFile(done)
			must(t, err)
			container := fmt.Sprintf("lucarne-dev-%d\n", cmd.Process.Pid)
			if got := strings.TrimPrefix(string(calls), "run --detach --name lucarne-dev-"); got == string(calls) || !strings.HasSuffix(got, "\nrm --force "+container) {
				t.Errorf("has done\n%s", calls)
			}
		})
	}
}

// programs puts scripts before the system's own programs.
func programs(t *testing.T, all map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range all {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}
