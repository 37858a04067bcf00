package x11_test

import (
	"errors"
	"fmt"
	"image"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/capture/x11"
)

// segments counts the SysV segments that this process has made.
func segments(t *testing.T) int {
	t.Helper()
	table, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Skip(err)
	}
	count := 0
	for line := range strings.Lines(string(table)) {
		// key shmid perms size cpid ...
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == strconv.Itoa(os.Getpid()) {
			count++
		}
	}
	return count
}

// files counts the descriptors that this process has open.
func files(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}

func TestNothingLeaks(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		beforeSegments, beforeFiles, beforeGoroutines := segments(t), files(t), runtime.NumGoroutine()
		var f capture.Frame
		for i := range 100 {
			source, err := x11.Open(x11.Config{Display: plan.Display})
			if err != nil {
				t.Fatalf("open %d: %v", i, err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				source.Run(t.Context())
			}()
			if err := source.Grab(&f); err != nil {
				t.Fatal(err)
			}
			if err := source.Close(); err != nil {
				t.Fatal(err)
			}
			<-done
		}
		// The server notices the end of a connection a moment later.
		deadline := time.Now().Add(patience)
		for segments(t) > beforeSegments || files(t) > beforeFiles || runtime.NumGoroutine() > beforeGoroutines {
			if time.Now().After(deadline) {
				t.Fatalf("after 100 sources: %d segments (%d before), %d files (%d), %d goroutines (%d)",
					segments(t), beforeSegments, files(t), beforeFiles, runtime.NumGoroutine(), beforeGoroutines)
			}
			runtime.Gosched()
		}
	})
}

func TestAllocations(t *testing.T) {
	const maxObjects, maxBytes = 32, 4 << 10
	for _, size := range []image.Point{{320, 200}, {1920, 1080}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: size})
			source := open(t, x11.Config{Display: plan.Display})
			p := newPainter(t, plan)
			var f capture.Frame
			settle(t, source, p, &f)
			draw := func() { p.fill(image.Rectangle{Max: size}, red) }
			grabbed := func() {
				if err := source.Grab(&f); err != nil {
					t.Fatal(err)
				}
			}
			const runs = 200
			// The process's other goroutines count as well: xgb's work for us.
			measure := func(f func()) (objects, bytes uint64) {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for range runs {
					f()
				}
				runtime.ReadMemStats(&after)
				return (after.Mallocs - before.Mallocs) / runs, (after.TotalAlloc - before.TotalAlloc) / runs
			}
			drawObjects, drawBytes := measure(draw)
			objects, bytes := measure(func() { draw(); grabbed() })
			objects, bytes = objects-drawObjects, bytes-drawBytes
			t.Logf("a grab of everything: %d objects, %d bytes", objects, bytes)
			if objects > maxObjects || bytes > maxBytes {
				t.Errorf("a grab allocates %d objects, %d bytes; want at most %d and %d", objects, bytes, maxObjects, maxBytes)
			}
		})
	}
}

func TestMissingExtensionIsNamed(t *testing.T) {
	for _, extension := range []string{"DAMAGE", "XFIXES", "RANDR"} {
		plan := displaytest.Start(t, display.Config{
			Server: display.Xvfb, Size: image.Pt(64, 64), Args: []string{"-extension", extension},
		})
		_, err := x11.Open(x11.Config{Display: plan.Display})
		missing := (*display.ExtensionError)(nil)
		if !errors.As(err, &missing) || missing.Extension != extension || !strings.Contains(err.Error(), "+extension "+extension) {
			t.Errorf("without %s: %v", extension, err)
		}
	}
}

func TestWrongPixels(t *testing.T) {
	plan := displaytest.Start(t, display.Config{
		Server: display.Xvfb, Size: image.Pt(64, 64), Args: []string{"-screen", "0", "64x64x16"},
	})
	if _, err := x11.Open(x11.Config{Display: plan.Display}); !errors.Is(err, x11.ErrPixelFormat) {
		t.Errorf("16 bits a pixel: %v", err)
	}
}

func TestWithoutSharedMemory(t *testing.T) {
	plan := displaytest.Start(t, display.Config{
		Server: display.Xvfb, Size: image.Pt(640, 480), Args: []string{"-extension", "MIT-SHM"},
	})
	source := open(t, x11.Config{Display: plan.Display})
	p := newPainter(t, plan)
	var f capture.Frame
	settle(t, source, p, &f)
	if f.Segment != (capture.Segment{}) {
		t.Errorf("segment %v without MIT-SHM", f.Segment)
	}
	for _, r := range []image.Rectangle{image.Rect(1, 2, 34, 56), image.Rect(0, 100, 640, 103)} {
		p.fill(r, red)
		grab(t, source, &f, func() bool { return covers(f.Damage, r) && shows(&f, r, red) })
		p.fill(r, teal)
		grab(t, source, &f, func() bool { return shows(&f, r, teal) })
	}
}

func BenchmarkGrab(b *testing.B) {
	size := image.Pt(1920, 1080)
	for _, server := range servers {
		for _, part := range []image.Point{{64, 64}, {256, 256}, {1280, 800}, size} {
			b.Run(fmt.Sprintf("%s/%dx%d", server, part.X, part.Y), func(b *testing.B) {
				plan := displaytest.Start(b, display.Config{Server: server, Size: size})
				source := open(b, x11.Config{Display: plan.Display})
				p := newPainter(b, plan)
				var f capture.Frame
				settle(b, source, p, &f)
				r := image.Rectangle{Max: part}
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					p.fill(r, red)
					b.StartTimer()
					if err := source.Grab(&f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
