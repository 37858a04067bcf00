// Package nvenc encodes H.264 on NVIDIA GPUs, by the NVENC API 11.1, which every
// driver from 470.57 on has.
//
// Nothing of NVIDIA's is needed to build it or to start: the driver's libraries
// are loaded when an encoder is opened. The picture lies in the GPU's memory;
// only what has changed is brought there, straight from the screen's shared
// memory where that can be page-locked.
package nvenc

import (
	"cmp"
	"errors"
	"strings"
)

// name is what the backends are called.
const name = "NVENC"

// ErrAbsent is what every use of NVENC comes to in a build without it.
var ErrAbsent = errors.New("nvenc: open: this build has no NVENC (it needs cgo)")

// Config says which driver and which GPU. The zero value is the machine's own
// driver and its first GPU.
type Config struct {
	CUDA   string // the CUDA driver's library, as dlopen(3) takes it; empty: libcuda.so.1
	Encode string // the encoder's; empty: libnvidia-encode.so.1
	NVML   string // the one that says how GPUs are; empty: libnvidia-ml.so.1
	Device int    // the GPU's index, as CUDA counts those that it sees
	Preset int    // 1, the fastest, to 4, the best; 0: 3
	Root   string // where /dev and /proc are, for Probe to look at; empty: /
}

func (c Config) cuda() string { return cmp.Or(c.CUDA, "libcuda.so.1") }

func (c Config) encode() string { return cmp.Or(c.Encode, "libnvidia-encode.so.1") }

func (c Config) nvml() string { return cmp.Or(c.NVML, "libnvidia-ml.so.1") }

// whole looks at both libraries before they are loaded.
func (c Config) whole() *Fault {
	if err := wholeLibrary(c.cuda()); err != nil {
		return &Fault{Layer: CUDALibrary, Operation: "dlopen", Text: err.Error()}
	}
	if err := wholeLibrary(c.encode()); err != nil {
		return &Fault{Layer: EncodeLibrary, Operation: "dlopen", Text: err.Error()}
	}
	return nil
}

// printable is text that comes from a driver, fit for a log.
func printable(b []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b), "")))
}
