package nvenc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Images carry empty files in place of libraries: one of them is no reason not to
// load another.
func TestWholeLibrary(t *testing.T) {
	whole, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	good, bad, none := t.TempDir(), t.TempDir(), t.TempDir()
	if err := os.Symlink(whole, filepath.Join(good, "libtest.so.1")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bad, "libtest.so.1"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		folders []string
		want    bool
	}{{[]string{good}, true}, {[]string{none}, true}, {[]string{bad}, false}, {[]string{bad, good}, true}, {[]string{good, bad}, true}, {[]string{none, bad}, false}} {
		t.Setenv("LD_LIBRARY_PATH", strings.Join(c.folders, ":"))
		if err := wholeLibrary("libtest.so.1"); (err == nil) != c.want {
			t.Errorf("%q: %v, want it to be good: %t", c.folders, err, c.want)
		}
	}
}
