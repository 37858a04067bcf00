// Package e2e tests the program as a person meets it: a real X server, the
// binary, a real Chromium. It runs the binary named by LUCARNE_BIN, else
// bin/lucarne of the repository, else one that it builds.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaryVariable names the binary under test.
const binaryVariable = "LUCARNE_BIN"

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv(binaryVariable) == "" {
		path, cleanup, err := binary()
		if err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			return 1
		}
		defer cleanup()
		os.Setenv(binaryVariable, path)
	}
	return m.Run()
}

// binary returns the repository's binary, or builds one that cleanup removes.
func binary() (path string, cleanup func(), err error) {
	path, err = filepath.Abs("../../../bin/lucarne")
	if err != nil {
		return "", nil, err
	}
	if _, err := os.Stat(path); err == nil {
		return path, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "lucarne-e2e-")
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, "lucarne")
	build := exec.Command("go", "build", "-o", path, "lucarne/cmd/lucarne")
	if out, err := build.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("%v: %w\n%s", build.Args, err, out)
	}
	return path, func() { os.RemoveAll(dir) }, nil
}
