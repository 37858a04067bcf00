// Package fakedriver builds an NVIDIA driver without a GPU, for tests: libcuda,
// libnvidia-encode and libnvidia-ml in one library. It is as strict about its client as the
// API allows (struct versions, the order of calls, what is mapped, locked,
// current and left behind), encodes by x264, and fails or hangs where it is told
// to. What it is told by is listed in src/fake.h.
package fakedriver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Driver is a built driver: a folder with its libraries in it.
type Driver struct{ Dir string }

// Build compiles the driver into a folder that exists. It needs a C compiler
// and x264's header and library.
func Build(dir string) (Driver, error) {
	where, err := exec.Command("go", "list", "-f", "{{.Dir}}", "lucarne/encode/nvenc/fakedriver").Output()
	if err != nil {
		return Driver{}, fmt.Errorf("fakedriver: build: find the sources: %w", err)
	}
	sources, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(where)), "src", "*.c"))
	if err != nil || len(sources) == 0 {
		return Driver{}, errors.Join(errors.New("fakedriver: build: no sources"), err)
	}
	d := Driver{Dir: dir}
	args := append([]string{"-O3", "-Wall", "-Werror", "-fPIC", "-shared", "-Wl,-soname,libcuda.so.1", "-o", d.CUDA()}, sources...)
	if out, err := exec.Command("gcc", append(args, "-lx264", "-lpthread")...).CombinedOutput(); err != nil {
		return Driver{}, fmt.Errorf("fakedriver: build: gcc with x264: %w\n%s", err, out)
	}
	for _, other := range []string{d.Encode(), d.NVML()} {
		if err := os.Symlink(filepath.Base(d.CUDA()), other); err != nil {
			return Driver{}, fmt.Errorf("fakedriver: build: %w", err)
		}
	}
	return d, nil
}

// CUDA is the path of libcuda.so.1.
func (d Driver) CUDA() string { return filepath.Join(d.Dir, "libcuda.so.1") }

// Encode is the path of libnvidia-encode.so.1.
func (d Driver) Encode() string { return filepath.Join(d.Dir, "libnvidia-encode.so.1") }

// NVML is the path of libnvidia-ml.so.1.
func (d Driver) NVML() string { return filepath.Join(d.Dir, "libnvidia-ml.so.1") }

// Stats are what the driver has done as the GPU, and what there is of each kind.
type Stats struct {
	EncodeNanos, UploadNanos                               uint64 // processor time
	Encoded, Uploaded                                      uint64 // calls
	UploadedBytes                                          uint64
	WallNanos                                              uint64 // by the clock, for encoding and uploading
	Sessions, Contexts, Memory, Pinned, Inputs, Bitstreams int64
}

// ReadStats reads the file that FAKEDRIVER_STATS names.
func ReadStats(path string) (Stats, error) {
	var s Stats
	f, err := os.Open(path)
	if err != nil {
		return s, fmt.Errorf("fakedriver: stats: %w", err)
	}
	defer f.Close()
	if err := binary.Read(f, binary.NativeEndian, &s); err != nil {
		return s, fmt.Errorf("fakedriver: stats %s: %w", path, err)
	}
	return s, nil
}

// Broken reads the file that FAKEDRIVER_LOG names: a line for each rule that
// was broken. No file: none was.
func Broken(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("fakedriver: log: %w", err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n"), nil
}
