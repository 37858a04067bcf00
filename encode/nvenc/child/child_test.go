package child_test

import (
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/encode/encodetest"
	"lucarne/encode/encodetest/h264dec"
	"lucarne/encode/nvenc/child"
	"lucarne/encode/nvenc/fakedriver"
)

func TestConformance(t *testing.T) {
	encodetest.Run(t, child.Backend("NVENC", encode.H264, process(t)), h264dec.New)
}

// Neither side of the way allocates for a frame.
func TestNoAllocation(t *testing.T) {
	size := image.Pt(64, 48)
	backend := encode.Backend{Name: "nothing", Codec: encode.H264, Open: func(encode.Config) (encode.Encoder, error) {
		return nothing{make([]byte, 8<<10)}, nil
	}}
	e, err := child.Backend("NVENC", encode.H264, beside(t, []encode.Backend{backend})).Open(encode.Config{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	canvas := encodetest.NewCanvas(size)
	frame := canvas.Frame(time.Unix(1, 0), canvas.Bounds())
	allocations := testing.AllocsPerRun(100, func() {
		frame.Pix = canvas.Pix
		if _, failed := e.Encode(frame, encode.Op{}); failed != nil {
			err = failed
		}
	})
	if err != nil || allocations != 0 {
		t.Errorf("%v allocations a frame, %v, want 0", allocations, err)
	}
}

// page is a picture in shared memory, as the screen's is.
func page(t testing.TB, size image.Point, generation uint64) (*encodetest.Canvas, capture.Segment) {
	t.Helper()
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4*size.X*size.Y, unix.IPC_CREAT|0o600)
	if err != nil {
		t.Fatal(err)
	}
	mem, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.SysvShmDetach(mem) })
	c := &encodetest.Canvas{Pix: mem, Stride: 4 * size.X, Size: size}
	c.Copy(c.Bounds(), encodetest.Page(size, generation), image.Point{})
	return c, capture.Segment{ID: id, Generation: generation}
}

// The screen's own segment is read where it is, and let go for the next one.
func TestSegments(t *testing.T) {
	size := image.Pt(320, 200)
	stats := filepath.Join(t.TempDir(), "stats")
	e, err := child.Backend("NVENC", encode.H264, process(t, "FAKEDRIVER_STATS="+stats)).Open(encode.Config{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	d, err := h264dec.New()
	if err != nil {
		t.Skip(err)
	}
	defer d.Close()
	for n := uint64(1); n <= 3; n++ {
		canvas, segment := page(t, size, n)
		frame := canvas.Frame(time.Unix(int64(n), 0), canvas.Bounds())
		frame.Segment = segment
		packet, err := e.Encode(frame, encode.Op{Key: true})
		if err != nil {
			t.Fatal(err)
		}
		picture, err := d.Decode(packet.Data)
		if err != nil {
			t.Fatal(err)
		}
		if got := encodetest.PSNR(picture, canvas, canvas.Bounds()); got < 20 {
			t.Errorf("segment %d: %.1f dB, want 20", n, got)
		}
		if got, err := fakedriver.ReadStats(stats); err != nil || got.Pinned != 1 {
			t.Errorf("segment %d: %d ranges are page-locked, %v, want 1", n, got.Pinned, err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := fakedriver.ReadStats(stats)
	if err != nil || got.Sessions != 0 || got.Contexts != 0 || got.Pinned != 0 || got.Memory != 0 {
		t.Errorf("left behind: %+v, %v", got, err)
	}
}

// A driver that hangs is killed, one that crashes takes nobody along: both at
// open and at any frame. No process and no segment is left.
func TestDriverHangsAndCrashes(t *testing.T) {
	driver(t)
	size := image.Pt(64, 48)
	for _, c := range []struct{ fail, want string }{
		{"cuInit=hang", "hangs"},
		{"nvEncOpenEncodeSessionEx=hang", "hangs"},
		{"cuCtxCreate_v2=crash", "has ended"},
		{"cuMemcpy2D_v2=hang@3", "hangs"},
		{"nvEncEncodePicture=crash@3", "has ended"},
		{"nvEncEncodePicture=hang@3", "hangs"},
		{"nvEncLockBitstream=hang@3", "hangs"},
		{"nvEncLockBitstream=crash@3", "has ended"},
		{"nvEncReconfigureEncoder=hang", "hangs"},
	} {
		t.Run(c.fail, func(t *testing.T) {
			before := segments(t)
			cfg := process(t, "FAKEDRIVER_FAIL="+c.fail, "FAKEDRIVER_LOG="+filepath.Join(t.TempDir(), "log"))
			if strings.Contains(c.fail, "hang") {
				cfg.Open, cfg.Frame = time.Second, time.Second
			}
			err := use(child.Backend("NVENC", encode.H264, cfg), size)
			if err == nil || !strings.HasPrefix(err.Error(), "nvenc: ") || !strings.Contains(err.Error(), "process "+c.want) {
				t.Errorf("error %v, want one of a process that %s", err, c.want)
			}
			if after := segments(t); after > before {
				t.Errorf("%d segments, before %d", after, before)
			}
			for deadline := time.Now().Add(20 * time.Second); childLeft(); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("a process is left")
				}
			}
		})
	}
}

// childLeft says whether this process has another one below it. It may take the
// kernel a moment to end one.
func childLeft() bool {
	return unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) != unix.ECHILD
}

// use opens an encoder, and encodes until that fails.
func use(backend encode.Backend, size image.Point) error {
	e, err := backend.Open(encode.Config{Size: size})
	if err != nil {
		return err
	}
	defer e.Close()
	canvas := encodetest.Page(size, 1)
	for n := range 6 {
		canvas.Fill(image.Rect(n, n, 2*n+9, 2*n+9), color.RGBA{R: byte(50 * n), A: 255})
		if _, err := e.Encode(canvas.Frame(time.Unix(int64(n), 0), canvas.Bounds()), encode.Op{Key: true}); err != nil {
			return err
		}
	}
	return e.SetBitrate(1_000_000)
}

// segments counts the System V segments of this machine that are ours.
func segments(t *testing.T) (n int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(b), "/SYSV")
}

// A GPU that has no memory for more than the size wanted is made do with.
func TestMemoryForJustThisSize(t *testing.T) {
	for _, fail := range []string{"nvEncInitializeEncoder=10@1", "cuMemAllocPitch_v2=2@1"} {
		log := filepath.Join(t.TempDir(), "log")
		cfg := process(t, "FAKEDRIVER_FAIL="+fail, "FAKEDRIVER_LOG="+log)
		e, err := child.Backend("NVENC", encode.H264, cfg).Open(encode.Config{Size: image.Pt(64, 48)})
		if err != nil {
			t.Errorf("%s: %v", fail, err)
			continue
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if broken, err := fakedriver.Broken(log); err != nil || len(broken) > 0 {
			t.Errorf("%s: rules of the API are broken: %q, %v", fail, broken, err)
		}
	}
}

// What a process has used is known while it runs and afterwards.
func TestUsed(t *testing.T) {
	cfg := process(t)
	var started *child.Process
	start := cfg.Start
	cfg.Start = func() (p *child.Process, err error) {
		started, err = start()
		return started, err
	}
	e, err := child.Backend("NVENC", encode.H264, cfg).Open(encode.Config{Size: image.Pt(64, 48)})
	if err != nil {
		t.Fatal(err)
	}
	running, ended := started.Used()
	if running <= 0 || ended {
		t.Errorf("%v, ended: %t, want some of a process that runs", running, ended)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if all, ended := started.Used(); all < running-time.Millisecond || !ended { // by another clock
		t.Errorf("%v, ended: %t, want %v at least of one that has ended", all, ended, running)
	}
}

// What the driver says goes through, and the encoder works on where it can.
func TestErrorsGoThrough(t *testing.T) {
	size := image.Pt(64, 48)
	cfg := process(t, "FAKEDRIVER_FAIL=nvEncEncodePicture=20@2", "FAKEDRIVER_LOG="+filepath.Join(t.TempDir(), "log"))
	e, err := child.Backend("NVENC", encode.H264, cfg).Open(encode.Config{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	canvas := encodetest.Page(size, 1)
	for n, want := range []string{"", "nvenc: encode 64x48: nvEncEncodePicture: NV_ENC_ERR_GENERIC (20): it was told to fail", ""} {
		_, err := e.Encode(canvas.Frame(time.Unix(int64(n), 0), canvas.Bounds()), encode.Op{Key: true})
		if got := text(err); got != want {
			t.Errorf("frame %d: %q, want %q", n, got, want)
		}
	}
	if _, err := child.Backend("NVENC", encode.VP8, cfg).Open(encode.Config{Size: size}); text(err) != `nvenc: open: no encoder of "VP8" here` {
		t.Errorf("another codec: %v", err)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
