package nvenc_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// copies runs the program that brings pictures to a GPU and back, and returns what
// it says. gone: it found no GPU.
func copies(t *testing.T, cuda string) (said string, gone bool) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "copies")
	if out, err := exec.Command("gcc", "-O2", "-Wall", "-o", program, "copies/copies.c", "-ldl").CombinedOutput(); err != nil {
		t.Skipf("no C compiler: %v\n%s", err, out)
	}
	out, err := exec.Command(program, cuda).CombinedOutput()
	var exit *exec.ExitError
	switch said = strings.TrimSpace(string(out)); {
	case errors.As(err, &exit) && exit.ExitCode() == 77:
		return said, true
	case err != nil:
		t.Fatalf("%v\n%s", err, said)
	}
	return said, false
}

// The program itself works where the fake is the GPU.
func TestCopies(t *testing.T) {
	said, gone := copies(t, fake(t).CUDA)
	for _, want := range []string{"Fake T4", "copied by the driver, 1920x1080: ", "page-locked in ", "page-locked, 16x16: "} {
		if gone || !strings.Contains(said, want) {
			t.Errorf("%q, without a GPU %t, want it to have %q", said, gone, want)
		}
	}
	if said, gone := copies(t, "/nowhere/libcuda.so.1"); !gone || !strings.HasPrefix(said, "no CUDA driver: dlopen: ") {
		t.Errorf("%q, without a GPU %t", said, gone)
	}
}
