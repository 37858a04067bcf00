package nvenc

import (
	"bytes"
	"cmp"
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
	result := Result{Code: Encodes}
	if known, ok := e.(interface{ about() (string, int) }); ok {
		gpu, leftOut := known.about()
		result.Arg = gpu
		if leftOut > 0 {
			result.Note = fmt.Sprintf("the driver is kept from %d GPUs of the host that have no device file here, or NVENC would not open", leftOut)
		}
	}
	if err := tryFrames(e, size); err != nil {
		if fault := (*Fault)(nil); errors.As(err, &fault) {
			fault.GPU = result.Arg
		}
		return explain(err, cfg.Root)
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

// explain turns what was refused into a cause. root is where /dev and /proc are.
func explain(err error, root string) Result {
	var f *Fault
	if !errors.As(err, &f) {
		return Result{Code: Failed, Arg: strings.TrimPrefix(err.Error(), "nvenc: open: "), Error: err.Error()}
	}
	code, arg := cause(f, root)
	return Result{Code: code, Arg: arg, Error: err.Error()}
}

func cause(f *Fault, root string) (code Code, arg string) {
	switch f.Layer {
	case CUDALibrary, EncodeLibrary:
		return libraryCause(f, root)
	case Version:
		return OldDriver, fmt.Sprintf("%d.%d", f.Status>>4, f.Status&15)
	case CUDA:
		return cudaCause(f, root)
	case NVENC:
		return nvencCause(f, root)
	case Codec:
		return NoH264, named(f)
	case Size:
		return TooLarge, named(f)
	case Colour:
		return No444, named(f)
	}
	return Nonsense, f.Error()
}

func named(f *Fault) string { return cmp.Or(f.GPU, "GPU") }

func libraryCause(f *Fault, root string) (code Code, arg string) {
	library, capability := "libcuda.so.1", "compute"
	if f.Layer == EncodeLibrary {
		library, capability = "libnvidia-encode.so.1", "video"
	}
	missing := strings.Contains(f.Text, "cannot open shared object file: No such file")
	switch {
	case !missing:
		return Library, library + ": " + f.Text
	case f.Layer == CUDALibrary && !exists(root, "dev/nvidiactl") && !exists(root, "proc/driver/nvidia/version"):
		return NoDriver, ""
	}
	return NoCapability, capability
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

func cudaCause(f *Fault, root string) (code Code, arg string) {
	switch f.Status {
	case cudaOutOfMemory:
		return NoMemory, named(f)
	case cudaDriverMismatch, cudaCompat:
		return LibraryVersion, "libcuda.so.1"
	case cudaNoDevice, cudaInvalidDevice, cudaOperatingSystem, cudaUnknown:
		for _, file := range []string{"dev/nvidiactl", "dev/nvidia-uvm"} {
			if !exists(root, file) {
				return DeviceFile, "/" + file
			}
		}
		if len(glob(root, "dev/nvidia[0-9]*")) == 0 {
			return DeviceFile, "/dev/nvidia0"
		}
	}
	if f.Status == cudaNoDevice {
		return NoGPU, ""
	}
	return NoCUDA, f.Error()
}

// Statuses of NVENC that have causes of their own.
const (
	nvencNoEncodeDevice = 1
	nvencUnsupported    = 2
	nvencOutOfMemory    = 10
	nvencVersion        = 15
)

func nvencCause(f *Fault, root string) (code Code, arg string) {
	switch f.Status {
	case nvencNoEncodeDevice, nvencUnsupported:
		if len(elsewhere(root)) > 0 {
			return PartOfHost, ""
		}
		return NoEncoder, named(f)
	case nvencOutOfMemory:
		if strings.HasPrefix(f.Operation, "nvEncOpenEncodeSession") {
			return NoSession, named(f)
		}
		return NoMemory, named(f)
	case nvencVersion:
		return LibraryVersion, "libnvidia-encode.so.1"
	}
	return Failed, f.Error()
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
