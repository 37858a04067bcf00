package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lucarne/encode/nvenc/fakedriver"
	"lucarne/signaling"
)

var fakeT4 = signaling.GPU{Name: "Fake T4", MemoryUsed: 1 << 30, MemoryTotal: 16 << 30, Busy: 40, Encoding: 7, Throttled: "power"}

// reader runs a reader of the fake driver's GPU, which fails as told.
func reader(t *testing.T, driver fakedriver.Driver, fail string) *gpuReader {
	t.Helper()
	r := newGPUReader(fakeGPU(t, driver, fail), slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
		await(t, "the end of NVML's process", func() bool { return len(encoders(t, os.Getpid())) == 0 })
	})
	return r
}

// TestGPUReader: the GPUs are read in a process that is there only when asked for.
func TestGPUReader(t *testing.T) {
	r := reader(t, buildDriver(t), "")
	if got := encoders(t, os.Getpid()); len(got) > 0 {
		t.Errorf("processes %d before anybody has asked", got)
	}
	for range 2 {
		if got := r.read(t.Context()); !slices.Equal(got, []signaling.GPU{fakeT4}) {
			t.Errorf("%+v, want %+v", got, fakeT4)
		}
	}
	if got := encoders(t, os.Getpid()); len(got) != 1 {
		t.Errorf("processes %d, want one", got)
	}
	for _, c := range []struct {
		percent int
		want    bool
	}{{fakeT4.Busy, true}, {fakeT4.Busy + 1, false}} {
		rule := keepAwake{kind: "gpu", percent: c.percent}.rule(nil, "", r)
		if got, err := rule.Holds(t.Context(), time.Now()); got != c.want || err != nil {
			t.Errorf("%d %%: %v, %v, want %v", c.percent, got, err, c.want)
		}
	}
}

// TestGPUReaderFails: an NVML that fails, hangs or crashes harms nobody.
func TestGPUReaderFails(t *testing.T) {
	driver := buildDriver(t)
	for _, fail := range []string{"nvmlInit_v2=999", "nvmlInit_v2=crash", "nvmlDeviceGetName=crash", "nvmlDeviceGetCount_v2=hang"} {
		t.Run(fail, func(t *testing.T) {
			r := reader(t, driver, fail)
			ctx, cancel := context.WithCancel(t.Context())
			if strings.HasSuffix(fail, "=hang") {
				time.AfterFunc(100*time.Millisecond, cancel) // who asks need not wait
			}
			if got := r.read(ctx); len(got) > 0 {
				t.Errorf("%+v, want none", got)
			}
			if _, err := r.busy(ctx); err == nil {
				t.Error("no error where nobody knows how busy it is")
			}
			cancel()
		})
	}
}

// TestGPUDescribed: by doctor with how they are, where that can be known.
func TestGPUDescribed(t *testing.T) {
	driver := buildDriver(t)
	const described = "Fake T4, 1.0 of 16.0 GiB used, 40 % busy, encoder 7 %, encoder sessions: 0, slowed down by power"
	for fail, want := range map[string]string{
		"":                               "Fake T4 encodes H.264; " + described,
		"nvEncOpenEncodeSessionEx=2":     "Fake T4 has no NVENC: encoding in software; " + described,
		"nvmlInit_v2=9":                  "Fake T4 encodes H.264",
		"nvmlDeviceGetMemoryInfo=3":      "Fake T4 encodes H.264; " + strings.Replace(described, ", 1.0 of 16.0 GiB used", "", 1),
		"nvmlDeviceGetEncoderSessions=3": "Fake T4 encodes H.264; " + strings.Replace(described, ", encoder sessions: 0", "", 1),
	} {
		if got := fakeGPU(t, driver, fail).checkGPU(t.Context()); got.Found != want {
			t.Errorf("%s: %q, want %q", fail, got.Found, want)
		}
	}
}

func TestMeter(t *testing.T) {
	var m meter
	own := m.used()
	used, ended := time.Hour, false
	m.add(func() (time.Duration, bool) { return used, ended })
	m.add(func() (time.Duration, bool) { return time.Minute, false })
	for _, c := range []struct {
		used  time.Duration
		ended bool
	}{{time.Hour, false}, {2 * time.Hour, false}, {3 * time.Hour, true}} {
		used, ended = c.used, c.ended
		for range 2 {
			if got := m.used() - own; got < c.used+time.Minute || got > c.used+2*time.Minute {
				t.Errorf("%v, want %v and a minute", got, c.used)
			}
		}
	}
}
