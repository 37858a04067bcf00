package perf

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestArrived: an upload has arrived when its file alone is there, whole and unchanged.
func TestArrived(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, size int64) string {
		t.Helper()
		name = filepath.Join(dir, name)
		file, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := file.Truncate(size); err != nil {
			t.Fatal(err)
		}
		hash := sha256.New()
		if _, err := io.Copy(hash, file); err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(hash.Sum(nil))
	}
	check := func(what, sum string, want bool) {
		t.Helper()
		if err := arrived(dir, sum); (err == nil) != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("nothing", "", false)
	short := put("upload.bin", 1000)
	check("a part", short, false)
	sum := put("upload.bin", uploaded)
	check("others' bytes", short, false)
	put("upload.bin", uploaded)
	put(".rest", 1)
	check("something beside it", sum, false)
	if err := os.Remove(filepath.Join(dir, ".rest")); err != nil {
		t.Fatal(err)
	}
	check("it", sum, true)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left are %v, %v", entries, err)
	}
}
