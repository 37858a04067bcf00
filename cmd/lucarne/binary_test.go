package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// allowedLibraries are all that the binary may need to be there.
var allowedLibraries = []string{"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}

// newestGLIBC is the newest symbol version that the binary may need: 2.MINOR.
const newestGLIBC = 34

// built returns the path of the binary that make build wrote.
func built(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/lucarne")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("bin/lucarne is not built: make build")
	}
	return path
}

func TestBinaryNeedsOnlyTheCLibrary(t *testing.T) {
	file, err := elf.Open(built(t))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	for _, lib := range libraries {
		if !slices.Contains(allowedLibraries, lib) {
			t.Errorf("needs %s", lib)
		}
	}
	symbols, err := file.ImportedSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		t.Fatal(err)
	}
	for _, sym := range symbols {
		if tooNew(sym.Version) {
			t.Errorf("needs %s of %s", sym.Name, sym.Version)
		}
	}
}

// Who puts the binary into an image is told which C library it needs there.
func TestPagesNameTheCLibrary(t *testing.T) {
	for _, name := range []string{"README.md", "images/add-to-your-image.md", "images/docs/image-maintainer.md"} {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("glibc 2.%d", newestGLIBC); !strings.Contains(string(text), want) {
			t.Errorf("%s does not say %q", name, want)
		}
	}
}

// tooNew reports whether a symbol version such as "GLIBC_2.34" is above the limit.
func tooNew(version string) bool {
	minor, ok := strings.CutPrefix(version, "GLIBC_2.")
	if !ok {
		return false
	}
	minor, _, _ = strings.Cut(minor, ".")
	n, err := strconv.Atoi(minor)
	return err != nil || n > newestGLIBC
}

func TestTooNew(t *testing.T) {
	for version, want := range map[string]bool{
		"GLIBC_2.2.5": false, "GLIBC_2.34": false, "GLIBC_2.35": true, "GLIBC_2.100": true, "": false, "GLIBC_PRIVATE": false,
	} {
		if got := tooNew(version); got != want {
			t.Errorf("tooNew(%q) = %t", version, got)
		}
	}
}

// The binary starts in a root file system that holds nothing but the C library.
func TestBinaryRunsInABareRoot(t *testing.T) {
	binary := built(t)
	root := t.TempDir()
	copyFile(t, binary, filepath.Join(root, "lucarne"))
	file, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, prog := range file.Progs {
		if prog.Type != elf.PT_INTERP {
			continue
		}
		interp := make([]byte, prog.Filesz)
		if _, err := prog.ReadAt(interp, 0); err != nil {
			t.Fatal(err)
		}
		path := string(bytes.TrimRight(interp, "\x00"))
		copyFile(t, path, filepath.Join(root, path))
	}
	for _, lib := range []string{"libc.so.6", "libm.so.6"} {
		found, err := filepath.Glob("/lib/*-linux-gnu/" + lib)
		if err != nil || len(found) == 0 {
			t.Skipf("%s is not where Debian has it", lib)
		}
		copyFile(t, found[0], filepath.Join(root, "lib", lib))
	}

	cmd := exec.Command("/lucarne", "--version")
	cmd.Dir = "/"
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) {
		t.Skip("chroot needs root or user namespaces")
	}
	if err != nil || !strings.Contains(string(out), "VP8") {
		t.Errorf("lucarne --version: %v:\n%s", err, out)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
}
