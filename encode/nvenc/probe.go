package nvenc

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// Result is what Probe has found out, in words for people.
type Result struct {
	OK    bool   // test frames were encoded
	GPU   string // its name, as far as it is known
	Cause string // why it is not OK, without a full stop
	Fix   string // what to do about it; empty: nothing can be done, or nothing has to be
	Error string // what the driver said, for the log
	Note  string // what had to be worked round, for the log
}

// String is the result in a sentence.
func (r Result) String() string {
	switch {
	case r.OK:
		return r.GPU + " encodes H.264"
	case r.Fix != "":
		return r.Cause + ": " + r.Fix
	}
	return r.Cause + ": encoding in software"
}

// Expected says whether there is any sign of a driver. Nothing is loaded for it.
func Expected(cfg Config) bool {
	return Present && (exists(cfg.Root, "dev/nvidiactl") || exists(cfg.Root, "proc/driver/nvidia/version") || exists(cfg.Root, "dev/dxg"))
}

// testFrames is how many frames Probe encodes.
const testFrames = 3

// Probe finds out whether NVENC works, the way that it will be used: by encoding
// pictures of a size. It takes as long as the driver takes, which for one that
// hangs is for ever.
func Probe(cfg Config, size image.Point) Result {
	e, err := Backend(cfg).Open(encode.Config{Size: size})
	if err != nil {
		return explain(err, cfg.Root)
	}
	defer e.Close()
	result := Result{OK: true}
	if known, ok := e.(interface{ about() (string, int) }); ok {
		gpu, leftOut := known.about()
		result.GPU = gpu
		if leftOut > 0 {
			result.Note = fmt.Sprintf("the driver is kept from %d GPUs of the host that have no device file here, or NVENC would not open", leftOut)
		}
	}
	if err := tryFrames(e, size); err != nil {
		failed := explain(err, cfg.Root)
		failed.GPU = result.GPU
		return failed
	}
	return result
}

// tryFrames encodes a few frames, of which the first has to be a key frame with
// its parameter sets, and the others not.
func tryFrames(e encode.Encoder, size image.Point) error {
	pix := make([]byte, 4*size.X*size.Y)
	for n := range testFrames {
		for i := range pix {
			pix[i] = byte(i/7 + 31*n)
		}
		packet, err := e.Encode(&capture.Frame{
			Pix: pix, Stride: 4 * size.X, Size: size, Damage: []image.Rectangle{{Max: size}}, Grabbed: time.Now(),
		}, encode.Op{})
		if err != nil {
			return err
		}
		if key := n == 0; packet.Key != key || !looksRight(packet.Data, key) {
			return &Fault{Layer: Answer, Operation: "nvEncLockBitstream", Text: fmt.Sprintf("test frame %d is no picture in H.264", n+1)}
		}
	}
	return nil
}

// looksRight says that data is an access unit in Annex B whose NAL units are
// those of a key frame, or of another (H.264 §7.4.1).
func looksRight(data []byte, key bool) bool {
	const slice, idr, sps, pps = 1, 5, 7, 8
	var seen [32]bool
	for rest := data; ; {
		_, after, found := bytes.Cut(rest, []byte{0, 0, 1})
		if !found || len(after) == 0 {
			break
		}
		seen[after[0]&31] = true
		rest = after
	}
	if key {
		return seen[idr] && seen[sps] && seen[pps]
	}
	return seen[slice] && !seen[idr]
}

// What to do about a cause.
const (
	setCapabilities = "set NVIDIA_DRIVER_CAPABILITIES=all"
	hostLibraries   = "let the container runtime mount the host's driver libraries, and have none in the image"
	updateDriver    = "update the host's NVIDIA driver to 470.57 or later"
	giveGPU         = "give the container a GPU (--gpus, or a limit of nvidia.com/gpu)"
	freeMemory      = "free some of the GPU's memory"
	closeSessions   = "end other programs that encode on it"
)

// explain turns what was refused into a cause and a fix. root is where /dev and
// /proc are.
func explain(err error, root string) Result {
	var f *Fault
	if !errors.As(err, &f) {
		return Result{Cause: strings.TrimPrefix(err.Error(), "nvenc: open: "), Error: err.Error()}
	}
	r := Result{GPU: f.GPU, Error: err.Error()}
	switch f.Layer {
	case CUDALibrary, EncodeLibrary:
		r.Cause, r.Fix = explainLibrary(f, root)
	case Version:
		r.Cause = fmt.Sprintf("the NVIDIA driver is too old, its encoder has the API %d.%d and 11.1 is needed", f.Status>>4, f.Status&15)
		r.Fix = updateDriver
	case CUDA:
		r.Cause, r.Fix = explainCUDA(f, root)
	case NVENC:
		r.Cause, r.Fix = explainNVENC(f, root)
	case Codec:
		r.Cause = named(f) + " has no encoder for H.264"
	case Size:
		r.Cause = named(f) + " does not encode pictures of this size"
	case Colour:
		r.Cause = named(f) + " does not encode 4:4:4"
	default:
		r.Cause, r.Fix = "the NVIDIA driver answers nonsense ("+f.Error()+")", hostLibraries
	}
	return r
}

func named(f *Fault) string {
	if f.GPU == "" {
		return "the GPU"
	}
	return f.GPU
}

func explainLibrary(f *Fault, root string) (cause, fix string) {
	library, capability := "libcuda.so.1", "compute"
	if f.Layer == EncodeLibrary {
		library, capability = "libnvidia-encode.so.1", "video"
	}
	missing := strings.Contains(f.Text, "cannot open shared object file: No such file")
	switch {
	case !missing:
		return fmt.Sprintf("%s is not usable (%s)", library, f.Text), hostLibraries
	case f.Layer == CUDALibrary && !exists(root, "dev/nvidiactl") && !exists(root, "proc/driver/nvidia/version"):
		return "there is no NVIDIA driver here", ""
	}
	return fmt.Sprintf("the container lacks the `%s` driver capability", capability), setCapabilities
}

// Statuses of CUDA that have causes of their own.
const (
	cudaOutOfMemory     = 2
	cudaNoDevice        = 100
	cudaInvalidDevice   = 101
	cudaOperatingSystem = 304
	cudaDriverMismatch  = 803
	cudaCompat          = 804
	cudaUnknown         = 999
)

func explainCUDA(f *Fault, root string) (cause, fix string) {
	switch f.Status {
	case cudaOutOfMemory:
		return named(f) + " has no memory left", freeMemory
	case cudaDriverMismatch, cudaCompat:
		return "libcuda.so.1 is of another version than the host's driver", hostLibraries
	case cudaNoDevice, cudaInvalidDevice, cudaOperatingSystem, cudaUnknown:
		for _, file := range []string{"dev/nvidiactl", "dev/nvidia-uvm"} {
			if !exists(root, file) {
				return "the device file /" + file + " is missing", giveGPU
			}
		}
		if len(glob(root, "dev/nvidia[0-9]*")) == 0 {
			return "there is no device file of a GPU (/dev/nvidia0)", giveGPU
		}
	}
	if f.Status == cudaNoDevice {
		return "the NVIDIA driver sees no GPU", giveGPU
	}
	return "CUDA does not work (" + f.Error() + ")", ""
}

// Statuses of NVENC that have causes of their own.
const (
	nvencNoEncodeDevice = 1
	nvencUnsupported    = 2
	nvencOutOfMemory    = 10
	nvencVersion        = 15
)

func explainNVENC(f *Fault, root string) (cause, fix string) {
	switch f.Status {
	case nvencNoEncodeDevice, nvencUnsupported:
		if len(elsewhere(root)) > 0 {
			return "NVENC of drivers from 570 on does not open in a container with some of the host's GPUs only",
				"give the container all GPUs of the host, or the one with /dev/nvidia0, or use a driver before 570"
		}
		return named(f) + " has no NVENC", ""
	case nvencOutOfMemory:
		if strings.HasPrefix(f.Operation, "nvEncOpenEncodeSession") {
			return named(f) + " has no encoder session left", closeSessions
		}
		return named(f) + " has no memory left", freeMemory
	case nvencVersion:
		return "libnvidia-encode.so.1 is of another version than the driver", hostLibraries
	}
	return "NVENC does not work (" + f.Error() + ")", ""
}

// elsewhere returns the GPUs that the driver knows and that have no device file
// here: the container has some of its host's only. They are named as the driver
// names them to itself: PCI domain, bus and device. root is where /dev and /proc are.
func elsewhere(root string) (ids []uint32) {
	for _, folder := range glob(root, "proc/driver/nvidia/gpus/*") {
		var domain, bus, device, function uint32
		if n, err := fmt.Sscanf(filepath.Base(folder), "%x:%x:%x.%x", &domain, &bus, &device, &function); err != nil || n != 4 {
			continue
		}
		information, err := os.ReadFile(filepath.Join(folder, "information"))
		if err != nil {
			continue
		}
		_, after, _ := strings.Cut(string(information), "Device Minor:")
		line, _, _ := strings.Cut(after, "\n")
		minor, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil || exists(root, fmt.Sprintf("dev/nvidia%d", minor)) || len(ids) == mostElsewhere {
			continue
		}
		ids = append(ids, domain<<16|bus<<8|device)
	}
	return ids
}

// mostElsewhere is the most GPUs that a driver has.
const mostElsewhere = 32

func exists(root, path string) bool {
	_, err := os.Stat(filepath.Join("/", root, path))
	return err == nil
}

func glob(root, pattern string) []string {
	found, _ := filepath.Glob(filepath.Join("/", root, pattern)) // the pattern is well formed
	return found
}
