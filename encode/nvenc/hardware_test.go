//go:build gpu

package nvenc_test

import (
	"image"
	"testing"

	"lucarne/encode"
	"lucarne/encode/encodetest"
	"lucarne/encode/encodetest/h264dec"
	"lucarne/encode/nvenc"
)

// What a machine with an NVIDIA GPU can show that the fake cannot: go test -tags gpu
// -run Hardware -v. What it has not, the skipped tests say.

func TestHardwareNVML(t *testing.T) {
	g := nvenc.NewGPUs(nvenc.Config{})
	defer g.Close()
	gpus, err := g.Read()
	if err != nil {
		t.Fatal(err)
	}
	if len(gpus) == 0 {
		t.Skip("no GPU by NVML")
	}
	for _, gpu := range gpus {
		t.Logf("%+v", gpu)
		if gpu.Name == "" || gpu.UUID == "" || gpu.MemoryTotal == 0 || gpu.MemoryUsed > gpu.MemoryTotal || gpu.Busy > 100 || gpu.Encoding > 100 {
			t.Errorf("%+v makes no sense", gpu)
		}
	}
}

func TestHardwareCopies(t *testing.T) {
	said, gone := copies(t, "libcuda.so.1")
	if gone {
		t.Skip(said)
	}
	t.Log(said)
}

func TestHardwareNVENC(t *testing.T) {
	result := nvenc.Probe(nvenc.Config{}, image.Pt(1920, 1080))
	if !result.OK() {
		t.Skipf("%s (%s)", result, result.Error)
	}
	t.Log(result, result.Note)
	for _, c := range []struct {
		backend encode.Backend
		decoder func() (encodetest.Decoder, error)
	}{{nvenc.Backend(nvenc.Config{}), h264dec.New}, {nvenc.Backend444(nvenc.Config{}), justLuma}} {
		t.Run(string(c.backend.Codec), func(t *testing.T) { encodetest.Run(t, c.backend, c.decoder) })
	}
}

func BenchmarkHardware(b *testing.B) {
	encodetest.Benchmark(b, nvenc.Backend(nvenc.Config{}), h264dec.New)
}
