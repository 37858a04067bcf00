package nvenc_test

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lucarne/encode/nvenc"
)

// machine makes a folder with files as a machine has them; what is in one comes
// after an equals sign.
func machine(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, file := range files {
		file, content, _ := strings.Cut(file, "=")
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestProbe(t *testing.T) {
	needsFake(t)
	good := []string{"dev/nvidiactl", "dev/nvidia-uvm", "dev/nvidia0", "proc/driver/nvidia/version"}
	two := append(good[:len(good):len(good)], "proc/driver/nvidia/gpus/0000:01:00.0/information=Device Minor: \t 0\n",
		"proc/driver/nvidia/gpus/0000:02:00.0/information=Device Minor: \t 1\n")
	thirtyTwo := two
	for n := 2; n < 32; n++ {
		thirtyTwo = append(thirtyTwo, fmt.Sprintf("proc/driver/nvidia/gpus/0000:%02x:00.0/information=Device Minor: \t %d\n", n+1, n))
	}
	for _, c := range []struct {
		name  string
		files []string
		env   [2]string // of the fake
		cuda  string    // what stands in for the library; empty: the fake
		video string
		want  string
	}{
		{"works", good, [2]string{}, "", "", "Fake T4 encodes H.264"},
		{"no driver", nil, [2]string{}, "/nowhere/libcuda.so.1", "", "there is no NVIDIA driver here: encoding in software"},
		{"no compute capability", good, [2]string{}, "/nowhere/libcuda.so.1", "", "the container lacks the `compute` driver capability: set NVIDIA_DRIVER_CAPABILITIES=all"},
		{"no video capability", good, [2]string{}, "", "/nowhere/libnvidia-encode.so.1", "the container lacks the `video` driver capability: set NVIDIA_DRIVER_CAPABILITIES=all"},
		{"truncated", good, [2]string{}, "", "truncated", "a library of the NVIDIA driver is not usable (libnvidia-encode.so.1: *: let the container runtime mount the host's driver libraries, and have none in the image"},
		{"empty", good, [2]string{}, "", "empty", "a library of the NVIDIA driver is not usable (libnvidia-encode.so.1: *"},
		{"no library", good, [2]string{}, "text", "", "a library of the NVIDIA driver is not usable (libcuda.so.1: *"},
		{"another library", good, [2]string{}, "libc.so.6", "", "a library of the NVIDIA driver is not usable (libcuda.so.1: the library lacks it)*"},
		{"hostile", good, [2]string{"FAKEDRIVER_FAIL", "NvEncodeAPICreateInstance=garbage"}, "", "", "the NVIDIA driver answers nonsense (*"},
		{"too old", good, [2]string{"FAKEDRIVER_API", "a0"}, "", "", "the NVIDIA driver is too old, its encoder has the API 10.0 and 11.1 is needed: update the host's NVIDIA driver to 470.57 or later"},
		{"newer", good, [2]string{"FAKEDRIVER_API", "d0"}, "", "", "Fake T4 encodes H.264"},
		{"another version", good, [2]string{"FAKEDRIVER_FAIL", "nvEncOpenEncodeSessionEx=15"}, "", "", "libnvidia-encode.so.1 is of another version than the host's driver: *"},
		{"another version of CUDA", good, [2]string{"FAKEDRIVER_FAIL", "cuInit=803"}, "", "", "libcuda.so.1 is of another version than the host's driver: *"},
		{"no GPU", good, [2]string{"FAKEDRIVER_FAIL", "cuInit=100"}, "", "", "the NVIDIA driver sees no GPU: give the container a GPU*"},
		{"no device file", good[:2], [2]string{"FAKEDRIVER_FAIL", "cuInit=100"}, "", "", "the device file /dev/nvidia0 is missing: give the container a GPU*"},
		{"no control file", nil, [2]string{"FAKEDRIVER_FAIL", "cuInit=999"}, "", "", "the device file /dev/nvidiactl is missing: give the container a GPU*"},
		{"no memory file", good[:1], [2]string{"FAKEDRIVER_FAIL", "cuInit=999"}, "", "", "the device file /dev/nvidia-uvm is missing: *"},
		{"CUDA is ill", good, [2]string{"FAKEDRIVER_FAIL", "cuInit=999"}, "", "", "CUDA does not work (cuInit: CUDA_ERROR_UNKNOWN (999)): encoding in software"},
		{"no NVENC", good, [2]string{"FAKEDRIVER_FAIL", "nvEncOpenEncodeSessionEx=2"}, "", "", "Fake T4 has no NVENC: encoding in software"},
		{"part of the machine", two, [2]string{"FAKEDRIVER_FAIL", "nvEncOpenEncodeSessionEx=2"}, "", "", "NVENC of drivers from 570 on does not open in a container with some of the host's GPUs only: *"},
		{"part of the machine, worked round", two, [2]string{"FAKEDRIVER_HOST", "2"}, "", "", "Fake T4 encodes H.264"},
		{"as much as can be of the machine", thirtyTwo, [2]string{"FAKEDRIVER_HOST", "32"}, "", "", "Fake T4 encodes H.264"},
		{"no H.264", good, [2]string{"FAKEDRIVER_CAPS", "h264=0"}, "", "", "Fake T4 has no encoder for H.264: encoding in software"},
		{"session limit", good, [2]string{"FAKEDRIVER_SESSIONS", "0"}, "", "", "Fake T4 has no encoder session left: end other programs that encode on it"},
		{"memory of the encoder", good, [2]string{"FAKEDRIVER_FAIL", "nvEncInitializeEncoder=10"}, "", "", "Fake T4 has no memory left: free some of the GPU's memory"},
		{"memory of CUDA", good, [2]string{"FAKEDRIVER_FAIL", "cuMemAllocPitch_v2=2"}, "", "", "Fake T4 has no memory left: *"},
		{"too large", good, [2]string{"FAKEDRIVER_CAPS", "width-max=100"}, "", "", "Fake T4 does not encode pictures of this size: encoding in software"},
		{"garbage sizes", good, [2]string{"FAKEDRIVER_FAIL", "nvEncLockBitstream=garbage"}, "", "", "the NVIDIA driver answers nonsense (nvEncLockBitstream: *"},
		{"lost in mid-stream", good, [2]string{"FAKEDRIVER_FAIL", "nvEncEncodePicture=20"}, "", "", "NVENC does not work (nvEncEncodePicture: NV_ENC_ERR_GENERIC (20): it was told to fail): encoding in software"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := fake(t)
			cfg.Root = machine(t, c.files...)
			if c.env[0] != "" {
				t.Setenv(c.env[0], c.env[1])
			}
			cfg.CUDA, cfg.Encode = library(t, c.cuda, cfg.CUDA), library(t, c.video, cfg.Encode)
			got := nvenc.Probe(cfg, image.Pt(320, 200))
			t.Setenv("FAKEDRIVER_FAIL", "")
			if worked := c.env[0] == "FAKEDRIVER_HOST"; worked != (got.Note != "") {
				t.Errorf("note %q", got.Note)
			}
			start, rest, open := strings.Cut(c.want, "*")
			if s := got.String(); !strings.HasPrefix(s, start) || !strings.HasSuffix(s, rest) || (!open && s != c.want) {
				t.Errorf("%q, want %q (%s)", s, c.want, got.Error)
			}
		})
	}
}

// library returns the path of what stands in for a library.
func library(t *testing.T, what, good string) string {
	t.Helper()
	content := map[string][]byte{"empty": {}, "text": []byte("this is no library\n")}
	if what == "truncated" {
		whole, err := os.ReadFile(good)
		if err != nil {
			t.Fatal(err)
		}
		content[what] = whole[:len(whole)/2]
	}
	b, made := content[what]
	if !made {
		if what == "" {
			return good
		}
		return what
	}
	path := filepath.Join(t.TempDir(), what+".so.1")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
