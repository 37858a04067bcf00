//go:build cgo && !nonvenc

package nvenc

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
)

// device is a GPU with an encoder; a slice has neither of the rates.
func device(name string, slice bool, parts ...nvml.Device) *mock.Device {
	rate := nvml.SUCCESS
	if slice {
		rate = nvml.ERROR_NOT_SUPPORTED
	}
	return &mock.Device{
		GetNameFunc: func() (string, nvml.Return) { return name, nvml.SUCCESS },
		GetUUIDFunc: func() (string, nvml.Return) { return "GPU-" + name, nvml.SUCCESS },
		GetMemoryInfoFunc: func() (nvml.Memory, nvml.Return) {
			return nvml.Memory{Used: 1 << 30, Total: 16 << 30}, nvml.SUCCESS
		},
		GetUtilizationRatesFunc:   func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{Gpu: 40}, rate },
		GetEncoderUtilizationFunc: func() (uint32, uint32, nvml.Return) { return 7, 1000, rate },
		GetEncoderSessionsFunc:    func() ([]nvml.EncoderSessionInfo, nvml.Return) { return make([]nvml.EncoderSessionInfo, 2), rate },
		GetCurrentClocksThrottleReasonsFunc: func() (uint64, nvml.Return) {
			return nvml.ClocksThrottleReasonSwThermalSlowdown | nvml.ClocksThrottleReasonSwPowerCap, rate
		},
		GetMigModeFunc: func() (int, int, nvml.Return) {
			if len(parts) == 0 {
				return 0, 0, nvml.ERROR_NOT_SUPPORTED
			}
			return nvml.DEVICE_MIG_ENABLE, nvml.DEVICE_MIG_ENABLE, nvml.SUCCESS
		},
		GetMaxMigDeviceCountFunc: func() (int, nvml.Return) { return 7, nvml.SUCCESS },
		GetMigDeviceHandleByIndexFunc: func(n int) (nvml.Device, nvml.Return) {
			if n >= len(parts) {
				return nil, nvml.ERROR_NOT_FOUND
			}
			return parts[n], nvml.SUCCESS
		},
	}
}

func TestGPUs(t *testing.T) { synctest.Test(t, testGPUs) }

func testGPUs(t *testing.T) {
	devices := []nvml.Device{device("T4", false), device("A100", false, device("A100 MIG 1g.5gb", true))}
	asked := 0
	g := &GPUs{library: &mock.Interface{
		InitFunc:     func() nvml.Return { return nvml.SUCCESS },
		ShutdownFunc: func() nvml.Return { return nvml.SUCCESS },
		DeviceGetCountFunc: func() (int, nvml.Return) {
			asked++
			return len(devices), nvml.SUCCESS
		},
		DeviceGetHandleByIndexFunc: func(n int) (nvml.Device, nvml.Return) { return devices[n], nvml.SUCCESS },
	}}
	defer g.Close()
	got, err := g.Read()
	whole := GPU{MemoryUsed: 1 << 30, MemoryTotal: 16 << 30, Busy: 40, Encoding: 7, Sessions: 2, Throttled: "heat"}
	want := []GPU{whole, whole, {MemoryUsed: 1 << 30, MemoryTotal: 16 << 30, Busy: -1, Encoding: -1, Sessions: -1}}
	for i, name := range []string{"T4", "A100", "A100 MIG 1g.5gb"} {
		want[i].Name, want[i].UUID = name, "GPU-"+name
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	for _, c := range []struct {
		pause time.Duration
		asked int
	}{{fresh - 1, 1}, {1, 2}} {
		time.Sleep(c.pause)
		if _, err := g.Read(); err != nil || asked != c.asked {
			t.Errorf("NVML was asked %d times, %v, want %d", asked, err, c.asked)
		}
	}
}

func TestWithoutNVML(t *testing.T) {
	for _, c := range []struct {
		code nvml.Return
		good bool
	}{{nvml.ERROR_LIBRARY_NOT_FOUND, true}, {nvml.ERROR_DRIVER_NOT_LOADED, true}, {nvml.ERROR_LIB_RM_VERSION_MISMATCH, false}} {
		inits := 0
		g := &GPUs{library: &mock.Interface{InitFunc: func() nvml.Return {
			inits++
			return c.code
		}}}
		for range 3 {
			if gpus, err := g.Read(); len(gpus) != 0 || (err == nil) != c.good {
				t.Errorf("%d: %v, %v", c.code, gpus, err)
			}
		}
		if err := g.Close(); err != nil || inits != 1 {
			t.Errorf("%d: opened %d times, %v, want once", c.code, inits, err)
		}
	}
}

// A library that lacks a function, or ends too soon, is not called.
func TestNVMLIsWhole(t *testing.T) {
	short := filepath.Join(t.TempDir(), "short.so")
	if err := os.WriteFile(short, []byte("\x7fELF"), 0o644); err != nil {
		t.Fatal(err)
	}
	for library, want := range map[string]nvml.Return{
		"/nowhere/libnvidia-ml.so.1": nvml.ERROR_LIBRARY_NOT_FOUND, "libc.so.6": nvml.ERROR_FUNCTION_NOT_FOUND, short: nvml.ERROR_FUNCTION_NOT_FOUND,
	} {
		inits := 0
		g := guarded{&mock.Interface{InitFunc: func() nvml.Return {
			inits++
			return nvml.SUCCESS
		}}, library}
		if got := g.Init(); got != want || inits != 0 {
			t.Errorf("%s: %d, called %d times, want %d and none", library, got, inits, want)
		}
	}
}

// The library itself, wherever this runs: no GPU is no error.
func TestNVMLOfThisMachine(t *testing.T) {
	g := NewGPUs(Config{})
	defer g.Close()
	gpus, err := g.Read()
	t.Logf("%+v, %v", gpus, err)
	for _, gpu := range gpus {
		if gpu.Name == "" || gpu.MemoryTotal == 0 {
			t.Errorf("%+v has no name or no memory", gpu)
		}
	}
}
