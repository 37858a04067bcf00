package nvenc_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lucarne/encode/nvenc/fakedriver"
)

// The fake catches a client that breaks a rule: each of these does one thing wrong.
func TestMisuseIsCaught(t *testing.T) {
	cfg := fake(t)
	program := filepath.Join(t.TempDir(), "misuse")
	if out, err := exec.Command("gcc", "-O1", "-Wall", "-Werror", "-o", program, "fakedriver/misuse/misuse.c", cfg.CUDA).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct{ mistake, caught string }{
		{"nothing", ""},
		{"version", "nvEncGetEncodePresetConfigEx: version"},
		{"api", "nvEncOpenEncodeSessionEx: API version"},
		{"reserved", "nvEncInitializeEncoder: p->reserved is not empty"},
		{"async", "nvEncInitializeEncoder: asynchronous"},
		{"order", "nvEncRegisterResource: the encoder is not initialized"},
		{"pitch", "nvEncRegisterResource: 64×48 at pitch 256"},
		{"bounds", "cuMemcpy2D_v2: 256×49 bytes"},
		{"unmapped", "nvEncEncodePicture: the input is not mapped"},
		{"size", "nvEncEncodePicture: a picture of 32×48"},
		{"nothing encoded", "nvEncLockBitstream: nothing has been encoded"},
		{"early", "nvEncUnmapInputResource: the packet has not been waited for"},
		{"twice", "nvEncLockBitstream: the bitstream is locked already"},
		{"locked", "nvEncEncodePicture: the bitstream is locked"},
		{"mapped", "nvEncMapInputResource: the resource is mapped already"},
		{"context", "nvEncEncodePicture: the session's context is not current"},
		{"pushed", "cuCtxDestroy_v2: the context is still current 2 times"},
		{"pinned", "cuCtxDestroy_v2: 1 page-locked ranges are left"},
		{"bitstream", "nvEncDestroyEncoder: 1 bitstreams are left"},
		{"registered", "nvEncDestroyEncoder: 1 inputs are left"},
		{"freed", "cuMemFree_v2: the memory is registered"},
		{"memory", "cuCtxDestroy_v2: 1 buffers are left"},
		{"used after", "nvEncDestroyEncoder: no such session"},
	} {
		t.Run(c.mistake, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			client := exec.Command(program, c.mistake)
			client.Env = append(os.Environ(), "FAKEDRIVER_LOG="+log, "FAKEDRIVER_STATS="+log+".stats", "LD_LIBRARY_PATH="+filepath.Dir(cfg.CUDA))
			if out, err := client.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			broken, err := fakedriver.Broken(log)
			if got := strings.Join(broken, "\n"); err != nil || !strings.Contains(got, c.caught) || (c.caught == "") != (got == "") {
				t.Errorf("caught %q, %v, want %q", got, err, c.caught)
			}
		})
	}
}
