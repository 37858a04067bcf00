package main

import (
	"context"
	"fmt"
	"image"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/cmd/internal/quota"
	"lucarne/encode/nvenc/fakedriver"
	"lucarne/perf/cost"
	"lucarne/perf/xclient"
)

// drawEnv makes the test binary a program that draws on DISPLAY 60 times a second.
const drawEnv = "TEST_DRAW"

// draw draws until it is told to end.
func draw(what string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	bounds := image.Rectangle{Max: image.Pt(1920, 1080)}
	if what == "scene" {
		bounds = image.Rect(320, 140, 320+1280, 140+800)
	}
	w, err := xclient.Open(os.Getenv("DISPLAY"), bounds, 0)
	var moving xclient.Animation
	switch {
	case err != nil:
	case what == "scene":
		moving, err = xclient.NewScene(w)
	default:
		moving, err = xclient.NewText(w)
	}
	if err == nil {
		_, err = xclient.Animate(ctx, moving, 60)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// drawing has a program draw until the benchmark's end.
func drawing(b *testing.B, on *display.Plan, what string) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), drawEnv+"="+what, "DISPLAY="+on.Display)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
}

// BenchmarkGPU is what a frame at 1080p costs in processor time: the agent and its
// encoder's process, with a viewer that only counts, less what the fake driver takes
// as the GPU. At 60 frames a second 6 % of a core are 1,000 µs a frame.
func BenchmarkGPU(b *testing.B) {
	driver := buildDriver(b)
	for _, c := range []struct{ name, server, draws string }{
		{"scene by Xvfb", "Xvfb", "scene"},
		{"scroll by Xvfb", "Xvfb", "scroll"},
		{"scroll by Xvnc", "Xvnc", "scroll"},
	} {
		b.Run(c.name, func(b *testing.B) {
			stats := filepath.Join(b.TempDir(), "stats")
			b.Setenv("FAKEDRIVER_STATS", stats)
			plan := displaytest.Start(b, display.Config{Server: c.server})
			drawing(b, plan, c.draws)
			_, viewer, seen := showFrom(b, fakeGPU(b, driver, ""), func(d *desktop) (capture.Source, error) {
				return d.attach(xDisplay{name: plan.Display})
			}, "--log-level", "error")
			awaitEncoder(b, viewer, seen, true)
			encoder := encoders(b, os.Getpid())[0]
			before := usageNow(b, seen, encoder, stats)
			for b.Loop() {
				<-seen.arrived
			}
			usageNow(b, seen, encoder, stats).since(before, b)
		})
	}
}

// usage is what has been used up to a moment.
type usage struct {
	at                  time.Time
	agent, encoder, gpu time.Duration // gpu: of what the encoder's process has used
	frames              int
}

func usageNow(b *testing.B, seen *audience, encoder int, stats string) usage {
	b.Helper()
	s, err := fakedriver.ReadStats(stats)
	if err != nil {
		b.Fatal(err)
	}
	used, err := cost.CPU(encoder)
	if err != nil {
		b.Fatal(err)
	}
	frames, _ := seen.count()
	return usage{at: time.Now(), agent: quota.Own(), encoder: used, gpu: time.Duration(s.EncodeNanos + s.UploadNanos), frames: frames}
}

func (u usage) since(before usage, b *testing.B) {
	frames, took := float64(u.frames-before.frames), u.at.Sub(before.at)
	agent, gpu := u.agent-before.agent, u.gpu-before.gpu
	encoder := u.encoder - before.encoder - gpu
	b.ReportMetric(float64(agent.Microseconds())/frames, "agent-µs/frame")
	b.ReportMetric(float64(encoder.Microseconds())/frames, "encoder-µs/frame")
	b.ReportMetric(float64(gpu.Microseconds())/frames, "gpu-µs/frame")
	b.ReportMetric(frames/took.Seconds(), "frames/s")
	b.ReportMetric(100*float64(agent+encoder)/float64(took), "%-of-a-core")
}
