package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/capture/synth"
	"lucarne/cmd/internal/doctor"
	"lucarne/encode"
	"lucarne/encode/nvenc"
	"lucarne/encode/nvenc/fakedriver"
	"lucarne/encode/x264"
	"lucarne/signaling/session"
)

// holdEnv makes the test binary one that has started an encoder and stays.
const holdEnv = "TEST_HOLD_ENCODER"

func holdEncoder() {
	os.Setenv(mainEnv, "1") // for the encoder
	if _, err := (gpu{}).start("serve"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

// encoders returns the processes that a process has started to encode or to probe.
func encoders(t testing.TB, parent int) (pids []int) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range lines {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		line, errLine := os.ReadFile(path)
		if err == nil && errLine == nil && bytes.HasPrefix(line, []byte("lucarne\x00encoder\x00")) && slices.Contains(parents(pid), parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// parents is a process's parent, by its stat (proc(5)); none: it has ended.
func parents(pid int) []int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, found := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if err != nil || !found || len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
		return nil
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return nil
	}
	return []int{parent}
}

// An encoder ends with who has started it, however that ends, even one that hangs.
func TestEncoderEndsWithItsParent(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		parent := exec.Command(os.Args[0])
		parent.Env = append(os.Environ(), holdEnv+"=1")
		if err := parent.Start(); err != nil {
			t.Fatal(err)
		}
		var pids []int
		t.Cleanup(func() {
			_ = parent.Process.Kill()
			_ = parent.Wait()
		})
		await(t, "an encoder", func() bool { pids = encoders(t, parent.Process.Pid); return len(pids) > 0 })
		if hangs {
			if err := syscall.Kill(pids[0], syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
		if err := parent.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		await(t, "the end of the encoder", func() bool { return len(parents(pids[0])) == 0 })
	}
}

// fakeGPU is a GPU whose driver is the fake one, which fails as told.
func fakeGPU(t testing.TB, driver fakedriver.Driver, fail string) gpu {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "dev", "nvidiactl"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv(mainEnv, "1")
	t.Setenv("FAKEDRIVER_FAIL", fail)
	return gpu{
		driver:  nvenc.Config{CUDA: driver.CUDA(), Encode: driver.Encode(), NVML: driver.NVML(), Root: root},
		probing: time.Minute, opening: time.Minute, frame: time.Minute,
	}
}

// buildDriver skips the test where the fake driver cannot be had or used.
func buildDriver(t testing.TB) fakedriver.Driver {
	t.Helper()
	needEncoder(t)
	if !nvenc.Present {
		t.Skip("this build has no NVENC")
	}
	driver, err := fakedriver.Build(t.TempDir())
	if err != nil {
		t.Skipf("no fake driver: %v", err)
	}
	return driver
}

// audience is a sink that counts.
type audience struct {
	arrived       chan struct{} // capacity 1: a packet has
	mu            sync.Mutex
	packets, keys int
}

var openDoor = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (*audience) Ready() <-chan struct{} { return openDoor }

func (a *audience) WritePacket(p encode.Packet) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.packets++
	if p.Key {
		a.keys++
	}
	select {
	case a.arrived <- struct{}{}:
	default:
	}
	return true
}

func (a *audience) count() (packets, keys int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.packets, a.keys
}

// show runs a desktop that shows a moving picture to a viewer.
func show(t testing.TB, g gpu) (*desktop, *session.Viewer, *audience) {
	t.Helper()
	source := synth.New(synth.Config{Size: image.Pt(320, 240), FPS: 30})
	return showFrom(t, g, func(*desktop) (capture.Source, error) { return source, nil }, "--max-fps", "30")
}

// showFrom runs a desktop that shows what open opens to a viewer.
func showFrom(t testing.TB, g gpu, open func(*desktop) (capture.Source, error), flags ...string) (*desktop, *session.Viewer, *audience) {
	t.Helper()
	parsed, err := parse(t, nil, append([]string{"serve", "--wait", "--auth", "none", "--codec", "h264", "--threads", "1",
		"--listen", "unix:" + filepath.Join(t.TempDir(), "s")}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDesktop(&parsed.Serve.desktopFlags, g)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := d.run(ctx, io.Discard, func(context.Context) (capture.Source, error) { return open(d) }); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		d.close()
		await(t, "the end of all encoders", func() bool { return len(encoders(t, os.Getpid())) == 0 })
		if left := segments(t); left > 0 {
			t.Errorf("%d shared segments are left", left)
		}
	})
	viewer, err := d.session.Join(session.JoinConfig{})
	if err != nil {
		t.Fatal(err)
	}
	seen := &audience{arrived: make(chan struct{}, 1)}
	if _, err := viewer.Watch(seen, encode.H264, encode.VP8); err != nil {
		t.Fatal(err)
	}
	return d, viewer, seen
}

// segments counts the System V segments that this process has made and that there
// are still; who has is in the fifth column (proc(5)).
func segments(t testing.TB) (n int) {
	t.Helper()
	table, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == strconv.Itoa(os.Getpid()) {
			n++
		}
	}
	return n
}

// awaitEncoder waits until packets of an encoder come that is NVENC, or is not.
func awaitEncoder(t testing.TB, v *session.Viewer, seen *audience, byGPU bool) {
	t.Helper()
	await(t, fmt.Sprintf("another encoder (by GPU: %t)", byGPU), func() bool { return (v.Encoding().Encoder == "NVENC") == byGPU })
	if byGPU {
		await(t, "the encoder's process, and the probe's end", func() bool { return len(encoders(t, os.Getpid())) == 1 })
	}
	packets, _ := seen.count()
	await(t, "packets", func() bool {
		now, _ := seen.count()
		return now > packets+5
	})
}

// TestGPUFailsOver: the GPU encodes once it is known to work; however its encoder's
// process ends or hangs, another encoder takes over with a key frame, viewers are
// told, no process is left, and the GPU is tried again.
func TestGPUFailsOver(t *testing.T) {
	driver := buildDriver(t)
	for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "crashed": syscall.SIGSEGV, "hangs": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			g := fakeGPU(t, driver, "")
			if sig == syscall.SIGSTOP {
				g.frame = 5 * time.Second
			}
			d, viewer, seen := show(t, g)
			awaitEncoder(t, viewer, seen, true)
			if got := viewer.Encoding().GPU; got != (encode.GPU{Code: "encodes", Arg: "Fake T4"}) {
				t.Errorf("the viewer is told of the GPU: %+v", got)
			}
			if got := viewer.Notices(); len(got) > 0 {
				t.Errorf("notices %v before anything has failed", got)
			}
			if segments(t) == 0 {
				t.Error("the encoder's process has no picture")
			}
			_, keys := seen.count()
			pid := encoders(t, os.Getpid())[0]
			if err := syscall.Kill(pid, sig); err != nil {
				t.Fatal(err)
			}
			awaitEncoder(t, viewer, seen, false)
			if _, now := seen.count(); now <= keys {
				t.Error("another encoder has taken over without a key frame")
			}
			want := session.Notice{Code: session.EncoderReplaced, Codec: encode.H264}
			if !x264.Present {
				want = session.Notice{Code: session.EncoderFailed, Codec: encode.H264, Instead: encode.VP8}
			}
			if got := viewer.Notices(); !slices.Contains(got, want) {
				t.Errorf("notices %v, want %v", got, want)
			}
			await(t, "the end of the process", func() bool { return len(parents(pid)) == 0 })
			if err := d.byGPU[0].Try(); err != nil { // as the session does after a while
				t.Fatal(err)
			}
			awaitEncoder(t, viewer, seen, true)
		})
	}
}

// TestGPULost: a GPU that fails in mid-stream, or has no memory left, is given up at
// once.
func TestGPULost(t *testing.T) {
	driver := buildDriver(t)
	for _, fail := range []string{"nvEncEncodePicture=20@40", "cuMemcpy2D_v2=2@40", "nvEncLockBitstream=garbage@40", "nvEncMapInputResource=crash@40"} {
		t.Run(fail, func(t *testing.T) {
			_, viewer, seen := show(t, fakeGPU(t, driver, fail))
			var told []session.Notice
			await(t, "a notice that another has taken over", func() bool {
				told = append(told, viewer.Notices()...)
				return len(told) > 0
			})
			awaitEncoder(t, viewer, seen, false)
			if told = append(told, viewer.Notices()...); len(told) != 1 {
				t.Errorf("notices %v, want one", told)
			}
		})
	}
}

// TestGPUUnusable: the desktop is shown all the same, and viewer and doctor say why.
func TestGPUUnusable(t *testing.T) {
	driver := buildDriver(t)
	for _, c := range []struct {
		name, fail string
		code       nvenc.Code
		want       string
		state      doctor.State
	}{
		{"no NVENC", "nvEncOpenEncodeSessionEx=2", nvenc.NoEncoder, "Fake T4 has no NVENC: encoding in software", doctor.OK},
		{"crashes", "cuInit=crash", nvenc.Hangs, "the NVIDIA driver crashes or hangs when it is tried: ", doctor.Warn},
		{"answers nothing", "cuInit=hang", nvenc.Hangs, "the NVIDIA driver crashes or hangs when it is tried: ", doctor.Warn},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := fakeGPU(t, driver, c.fail)
			if strings.HasSuffix(c.fail, "=hang") {
				g.probing = time.Second
			}
			_, viewer, seen := show(t, g)
			awaitEncoder(t, viewer, seen, false)
			await(t, "a word on the GPU", func() bool { return viewer.Encoding().GPU.Code != "" })
			if got := viewer.Encoding(); got.GPU.Code != string(c.code) || got.Encoder == "NVENC" {
				t.Errorf("encoding %+v, want %q", got, c.code)
			}
			if got := g.checkGPU(t.Context()); got.State != c.state || !strings.HasPrefix(got.Found, c.want) || (got.Admin == "") != (c.state == doctor.OK) {
				t.Errorf("doctor: %+v, want %s, %q", got, c.state, c.want)
			}
		})
	}
}

// TestGPUTriedAgain: what keeps the GPU from encoding may end.
func TestGPUTriedAgain(t *testing.T) {
	g := fakeGPU(t, buildDriver(t), "nvEncOpenEncodeSessionEx=10")
	g.again = time.Millisecond
	_, viewer, seen := show(t, g)
	await(t, "a word on the GPU", func() bool { return viewer.Encoding().GPU == encode.GPU{Code: string(nvenc.NoSession), Arg: "Fake T4"} })
	awaitEncoder(t, viewer, seen, false)
	t.Setenv("FAKEDRIVER_FAIL", "")
	awaitEncoder(t, viewer, seen, true)
	if got := viewer.Encoding().GPU.Code; got != string(nvenc.Encodes) {
		t.Errorf("the viewer is told of the GPU: %s", got)
	}
}

// Where there is no sign of a GPU nothing is made or started for one.
func TestNoGPU(t *testing.T) {
	needEncoder(t)
	g := gpu{driver: nvenc.Config{Root: t.TempDir()}}
	d, viewer, seen := show(t, g)
	awaitEncoder(t, viewer, seen, false)
	if len(d.byGPU) > 0 || viewer.Encoding().GPU.Code != "" {
		t.Errorf("%d fan-outs for a GPU, %+v", len(d.byGPU), viewer.Encoding().GPU)
	}
	if got := g.checkGPU(t.Context()); got.State != doctor.Skip {
		t.Errorf("doctor: %+v, want it skipped", got)
	}
}
