package nvenc_test

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"testing"

	"lucarne/encode"
	"lucarne/encode/nvenc"
	"lucarne/encode/nvenc/fakedriver"
)

// built is the fake driver, for all tests; absent says why there is none.
var (
	built  fakedriver.Driver
	absent error
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "fakedriver")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built, absent = fakedriver.Build(dir)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// needsFake skips the test where the fake driver cannot be used.
func needsFake(t testing.TB) {
	t.Helper()
	if _, err := nvenc.Backend(nvenc.Config{CUDA: "/", Encode: "/"}).Open(encode.Config{Size: image.Pt(16, 16)}); errors.Is(err, nvenc.ErrAbsent) {
		t.Skip("this build has no NVENC")
	}
	if absent != nil {
		t.Skipf("no fake driver: %v", absent)
	}
}

// fake returns a configuration for the fake driver, which must not have been
// misused when the test ends, nor have anything left over.
func fake(t testing.TB) nvenc.Config {
	t.Helper()
	needsFake(t)
	log, stats := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "stats")
	t.Setenv("FAKEDRIVER_LOG", log)
	t.Setenv("FAKEDRIVER_STATS", stats)
	t.Cleanup(func() {
		broken, err := fakedriver.Broken(log)
		if err != nil || len(broken) > 0 {
			t.Errorf("rules of the API are broken: %q, %v", broken, err)
		}
		got, err := fakedriver.ReadStats(stats)
		if err != nil {
			return // no encoder was opened
		}
		left := fakedriver.Stats{EncodeNanos: got.EncodeNanos, UploadNanos: got.UploadNanos, Encoded: got.Encoded,
			Uploaded: got.Uploaded, UploadedBytes: got.UploadedBytes, WallNanos: got.WallNanos}
		if got != left {
			t.Errorf("left behind: %+v", got)
		}
	})
	return nvenc.Config{CUDA: built.CUDA(), Encode: built.Encode()}
}
