//go:build cgo && !nonvenc

package nvenc

import (
	"fmt"
	"sync"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/dl"
	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// How long an answer of NVML's is used again, and how soon one that is not there
// is looked for again.
const (
	fresh   = time.Second
	another = 30 * time.Second
)

// GPUs says how the GPUs are that this process sees, by NVML. It asks only when
// it is asked, at most once a second. It is for any number of goroutines.
type GPUs struct {
	library nvml.Interface

	mu     sync.Mutex
	opened bool
	until  time.Time // when to ask again
	last   []GPU
	err    error
}

// NewGPUs returns a GPUs that loads NVML when it is first asked.
func NewGPUs(cfg Config) *GPUs {
	return &GPUs{library: guarded{nvml.New(nvml.WithLibraryPath(cfg.nvml())), cfg.nvml()}}
}

// guarded is go-nvml with a look at the library first: calling a function that the
// library lacks ends the process, and so does reading past the end of its file.
type guarded struct {
	nvml.Interface
	path string // of the library, as dlopen(3) takes it
}

// called are the functions that are called here.
var called = []string{"nvmlInit_v2", "nvmlShutdown", "nvmlErrorString", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2",
	"nvmlDeviceGetName", "nvmlDeviceGetUUID", "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetUtilizationRates",
	"nvmlDeviceGetEncoderUtilization", "nvmlDeviceGetEncoderSessions", "nvmlDeviceGetCurrentClocksThrottleReasons",
	"nvmlDeviceGetMigMode", "nvmlDeviceGetMaxMigDeviceCount", "nvmlDeviceGetMigDeviceHandleByIndex"}

// Init is nvmlInit; a library that is not whole has no functions.
func (g guarded) Init() nvml.Return {
	if wholeLibrary(g.path) != nil {
		return nvml.ERROR_FUNCTION_NOT_FOUND
	}
	library := dl.New(g.path, dl.RTLD_LAZY)
	if library.Open() != nil {
		return nvml.ERROR_LIBRARY_NOT_FOUND
	}
	defer library.Close()
	for _, function := range called {
		if library.Lookup(function) != nil {
			return nvml.ERROR_FUNCTION_NOT_FOUND
		}
	}
	return g.Interface.Init()
}

// Read returns all GPUs and slices. Without NVML there are none, which is no
// error. What it returns is not changed afterwards.
func (g *GPUs) Read() ([]GPU, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if now.Before(g.until) {
		return g.last, g.err
	}
	if !g.opened {
		switch code := g.library.Init(); code {
		case nvml.SUCCESS:
			g.opened = true
		case nvml.ERROR_LIBRARY_NOT_FOUND, nvml.ERROR_DRIVER_NOT_LOADED:
			g.until, g.last, g.err = now.Add(another), nil, nil
			return nil, nil
		default:
			g.until, g.last, g.err = now.Add(another), nil, fmt.Errorf("nvenc: open NVML: %s", nvml.ErrorString(code))
			return nil, g.err
		}
	}
	g.last, g.err = g.read()
	g.until = now.Add(fresh)
	return g.last, g.err
}

// Close lets NVML go. It is idempotent; Read opens it again.
func (g *GPUs) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.opened {
		return nil
	}
	g.opened, g.until = false, time.Time{}
	if code := g.library.Shutdown(); code != nvml.SUCCESS {
		return fmt.Errorf("nvenc: close NVML: %s", nvml.ErrorString(code))
	}
	return nil
}

// mostGPUs bounds what a library may say there is.
const mostGPUs = 64

func (g *GPUs) read() ([]GPU, error) {
	count, code := g.library.DeviceGetCount()
	if code != nvml.SUCCESS {
		return nil, fmt.Errorf("nvenc: count GPUs: %s", nvml.ErrorString(code))
	}
	var all []GPU
	for n := range min(count, mostGPUs) {
		device, code := g.library.DeviceGetHandleByIndex(n)
		if code != nvml.SUCCESS {
			return all, fmt.Errorf("nvenc: read GPU %d: %s", n, nvml.ErrorString(code))
		}
		all = append(all, describe(device))
		all = append(all, partsOf(device)...)
	}
	return all, nil
}

// partsOf returns the parts that a GPU has been divided into.
func partsOf(device nvml.Device) (parts []GPU) {
	if mode, _, code := device.GetMigMode(); code != nvml.SUCCESS || mode != nvml.DEVICE_MIG_ENABLE {
		return nil
	}
	most, code := device.GetMaxMigDeviceCount()
	if code != nvml.SUCCESS {
		return nil
	}
	for n := range min(most, mostGPUs) {
		if part, code := device.GetMigDeviceHandleByIndex(n); code == nvml.SUCCESS {
			parts = append(parts, describe(part))
		}
	}
	return parts
}

// describe reads one GPU; what it does not tell stays unknown.
func describe(device nvml.Device) GPU {
	gpu := GPU{Busy: -1, Encoding: -1, Sessions: -1}
	if name, code := device.GetName(); code == nvml.SUCCESS {
		gpu.Name = printable([]byte(name))
	}
	if uuid, code := device.GetUUID(); code == nvml.SUCCESS {
		gpu.UUID = printable([]byte(uuid))
	}
	if memory, code := device.GetMemoryInfo(); code == nvml.SUCCESS {
		gpu.MemoryUsed, gpu.MemoryTotal = memory.Used, memory.Total
	}
	if rates, code := device.GetUtilizationRates(); code == nvml.SUCCESS {
		gpu.Busy = int(rates.Gpu)
	}
	if percent, _, code := device.GetEncoderUtilization(); code == nvml.SUCCESS {
		gpu.Encoding = int(percent)
	}
	if sessions, code := device.GetEncoderSessions(); code == nvml.SUCCESS {
		gpu.Sessions = len(sessions)
	}
	if reasons, code := device.GetCurrentClocksThrottleReasons(); code == nvml.SUCCESS {
		gpu.Throttled = throttled(reasons)
	}
	return gpu
}

// throttled says in a word why a GPU is slow; the older names of the reasons are
// those that all drivers have.
func throttled(reasons uint64) string {
	const heat = nvml.ClocksThrottleReasonSwThermalSlowdown | nvml.ClocksThrottleReasonHwThermalSlowdown
	const power = nvml.ClocksThrottleReasonSwPowerCap | nvml.ClocksThrottleReasonHwPowerBrakeSlowdown | nvml.ClocksThrottleReasonHwSlowdown
	switch {
	case reasons&heat != 0:
		return "heat"
	case reasons&power != 0:
		return "power"
	}
	return ""
}
