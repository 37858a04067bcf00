package nvenc_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/encode/encodetest"
	"lucarne/encode/encodetest/h264dec"
	"lucarne/encode/nvenc"
	"lucarne/encode/nvenc/child"
	"lucarne/encode/nvenc/fakedriver"
)

// The fake is not only ours against ours: Debian's ffmpeg encodes by it as well.
func TestFFmpegTakesTheFake(t *testing.T) {
	cfg := fake(t)
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	out := filepath.Join(t.TempDir(), "out.h264")
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=30:d=1",
		"-c:v", "h264_nvenc", "-preset", "p3", "-tune", "ull", "-bf", "0", "-b:v", "1M", out)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Dir(cfg.CUDA))
	if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
		t.Fatalf("%v\n%s", err, said)
	}
	frames, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", out).CombinedOutput()
	if got := strings.TrimSpace(string(frames)); err != nil || got != "30" {
		t.Errorf("decoded %s frames, %v, want 30", got, err)
	}
}

// The stream says how its colours are meant, and that no decoder has to wait.
func TestSignalled(t *testing.T) {
	cfg := fake(t)
	if _, err := exec.LookPath("ffprobe"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	for _, c := range []struct {
		backend encode.Backend
		want    string
	}{
		{nvenc.Backend(cfg), "High,0,yuv420p,52,tv,smpte170m,bt709,bt709"},
		{nvenc.Backend444(cfg), "High 4:4:4 Predictive,0,yuv444p,52,tv,smpte170m,bt709,bt709"},
	} {
		o := open(t, c.backend, image.Pt(64, 48))
		file := filepath.Join(t.TempDir(), "out.h264")
		if err := os.WriteFile(file, append(o.step(t, encode.Op{Key: true}).Data, o.draw(t, 1).Data...), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries",
			"stream=profile,has_b_frames,pix_fmt,level,color_range,color_space,color_transfer,color_primaries", file).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.backend.Codec, got, err, c.want)
		}
	}
}

// opened is an encoder of a small page, with its first packet made.
type opened struct {
	encode.Encoder
	canvas *encodetest.Canvas
	now    time.Time
}

func open(t *testing.T, backend encode.Backend, size image.Point) *opened {
	t.Helper()
	e, err := backend.Open(encode.Config{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	o := &opened{Encoder: e, canvas: encodetest.Page(size, 1), now: time.Unix(1, 0)}
	o.step(t, encode.Op{}, o.canvas.Bounds())
	return o
}

func (o *opened) step(t *testing.T, op encode.Op, damage ...image.Rectangle) encode.Packet {
	t.Helper()
	o.now = o.now.Add(time.Second / 60)
	packet, err := o.Encode(o.canvas.Frame(o.now, damage...), op)
	if err != nil {
		t.Fatal(err)
	}
	packet.Data = bytes.Clone(packet.Data)
	return packet
}

// draw changes a part of the canvas and encodes it.
func (o *opened) draw(t *testing.T, n int) encode.Packet {
	t.Helper()
	r := image.Rect(20, 20, 60, 60).Add(image.Pt(7*n, 3*n))
	o.canvas.Fill(r, color.RGBA{R: byte(40 * n), G: 90, B: 200, A: 255})
	return o.step(t, encode.Op{}, r)
}

func TestOnlyDamageIsUploaded(t *testing.T) {
	o := open(t, nvenc.Backend(fake(t)), image.Pt(640, 480))
	before, err := fakedriver.ReadStats(os.Getenv("FAKEDRIVER_STATS"))
	if err != nil {
		t.Fatal(err)
	}
	o.draw(t, 1)
	after, err := fakedriver.ReadStats(os.Getenv("FAKEDRIVER_STATS"))
	if got := after.UploadedBytes - before.UploadedBytes; err != nil || got != 40*40*4 {
		t.Errorf("%d bytes were uploaded, %v, want %d", got, err, 40*40*4)
	}
}

// A session is resized as it is where there is room, and opened anew beyond that.
func TestResizeKeepsTheSession(t *testing.T) {
	needsFake(t)
	for _, c := range []struct {
		name, caps string
		size       image.Point
	}{
		{"in place", "", image.Pt(800, 600)},
		{"beyond the largest", "", image.Pt(4096, 2400)},
		{"where the GPU cannot", "resize=0", image.Pt(800, 600)},
		{"where memory is short", "memory=1000", image.Pt(800, 600)},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := fake(t)
			t.Setenv("FAKEDRIVER_CAPS", c.caps)
			o := open(t, nvenc.Backend(cfg), image.Pt(320, 200))
			if err := o.Encoder.(encode.Resizer).Resize(c.size); err != nil {
				t.Fatal(err)
			}
			o.canvas = encodetest.NewCanvas(c.size)
			if packet := o.step(t, encode.Op{}, o.canvas.Bounds()); !packet.Key || packet.Size != c.size {
				t.Errorf("key %t, size %v, want a key frame of %v", packet.Key, packet.Size, c.size)
			}
		})
	}
}

// Frames that a decoder has lost are left out: what comes later decodes without them.
func TestInvalidateRefs(t *testing.T) {
	needsFake(t)
	for _, c := range []struct {
		name        string
		caps        string
		first, last uint64 // lost, of 8 packets
		key         bool   // that a key frame has to come
	}{
		{"the last two", "", 7, 8, false},
		{"more than are kept", "", 3, 4, true},
		{"the key frame", "", 1, 1, true},
		{"where the GPU cannot", "invalidation=0", 8, 8, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := fake(t)
			t.Setenv("FAKEDRIVER_CAPS", c.caps)
			e, err := nvenc.Backend(cfg).Open(encode.Config{Size: image.Pt(320, 200)})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			d, err := h264dec.New()
			if err != nil {
				t.Skip(err)
			}
			defer d.Close()
			o := &opened{Encoder: e, canvas: encodetest.Page(image.Pt(320, 200), 1), now: time.Unix(1, 0)}
			packet := o.step(t, encode.Op{}, o.canvas.Bounds())
			for n := uint64(1); ; n++ {
				if n < c.first || n > c.last || c.key {
					if _, err := d.Decode(packet.Data); err != nil {
						t.Fatal(err)
					}
				}
				if n == 8 {
					break
				}
				packet = o.draw(t, int(n))
			}
			if err := e.(child.Invalidator).InvalidateRefs(c.first, c.last); err != nil {
				t.Fatal(err)
			}
			packet = o.draw(t, 8)
			if packet.Key != c.key {
				t.Fatalf("key frame %t, want %t", packet.Key, c.key)
			}
			picture, err := d.Decode(packet.Data)
			if err != nil {
				t.Fatal(err)
			}
			if got := encodetest.PSNR(picture, o.canvas, o.canvas.Bounds()); got < 24 {
				t.Errorf("%.1f dB after the loss, want 24", got)
			}
		})
	}
}

// A shared segment is page-locked once, and let go when another takes its place.
func TestSegmentIsPageLocked(t *testing.T) {
	cfg := fake(t)
	e, err := nvenc.Backend(cfg).Open(encode.Config{Size: image.Pt(64, 48)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	canvas := encodetest.NewCanvas(image.Pt(64, 48))
	for n, c := range []struct {
		segment capture.Segment
		refused bool
		pinned  int64
	}{
		{capture.Segment{ID: 1, Generation: 1}, false, 1},
		{capture.Segment{ID: 1, Generation: 1}, false, 1},
		{capture.Segment{ID: 2, Generation: 2}, false, 1},
		{capture.Segment{}, false, 0},
		{capture.Segment{ID: 3, Generation: 3}, true, 0},
	} {
		t.Setenv("FAKEDRIVER_FAIL", "")
		if c.refused {
			t.Setenv("FAKEDRIVER_FAIL", "cuMemHostRegister_v2=800")
		}
		frame := canvas.Frame(time.Unix(int64(n), 0), canvas.Bounds())
		canvas.Fill(canvas.Bounds(), color.RGBA{R: byte(40 * n), A: 255})
		frame.Segment = c.segment
		if _, err := e.Encode(frame, encode.Op{}); err != nil {
			t.Fatal(err)
		}
		if got, err := fakedriver.ReadStats(os.Getenv("FAKEDRIVER_STATS")); err != nil || got.Pinned != c.pinned {
			t.Errorf("%d: %d ranges are page-locked, %v, want %d", n, got.Pinned, err, c.pinned)
		}
	}
}

// Memory is let go with the frame that is not in it any more, also when that frame
// is dropped.
func TestDroppedFrameLetsMemoryGo(t *testing.T) {
	e, err := nvenc.Backend(fake(t)).Open(encode.Config{Size: image.Pt(320, 200), BitrateBps: 50_000})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	canvas := encodetest.Page(image.Pt(320, 200), 1)
	for n := 0; ; n++ {
		frame := canvas.Frame(time.Unix(1, 0), canvas.Bounds())
		frame.Segment = capture.Segment{ID: 1, Generation: 1}
		packet, err := e.Encode(frame, encode.Op{Key: true})
		if err != nil || n > 100 {
			t.Fatalf("frame %d: %v, and none has been dropped", n, err)
		}
		if len(packet.Data) == 0 {
			break
		}
	}
	if packet, err := e.Encode(canvas.Frame(time.Unix(1, 0), canvas.Bounds()), encode.Op{Key: true}); err != nil || len(packet.Data) > 0 {
		t.Fatalf("%d bytes, %v, want a dropped frame", len(packet.Data), err)
	}
	if got, err := fakedriver.ReadStats(os.Getenv("FAKEDRIVER_STATS")); err != nil || got.Pinned != 0 {
		t.Errorf("%d ranges are page-locked, %v, want 0", got.Pinned, err)
	}
}

// What a decoder has lost before the encoder was opened anew is of no interest.
func TestInvalidateBeforeResize(t *testing.T) {
	cfg := fake(t)
	t.Setenv("FAKEDRIVER_CAPS", "resize=0")
	o := open(t, nvenc.Backend(cfg), image.Pt(320, 200))
	o.draw(t, 1)
	if err := o.Encoder.(encode.Resizer).Resize(image.Pt(640, 400)); err != nil {
		t.Fatal(err)
	}
	if err := o.Encoder.(child.Invalidator).InvalidateRefs(2, 2); err != nil {
		t.Error(err)
	}
	o.canvas = encodetest.NewCanvas(image.Pt(640, 400))
	if packet := o.step(t, encode.Op{}, o.canvas.Bounds()); !packet.Key {
		t.Error("no key frame")
	}
}

// Each call may fail, at open and in mid-stream: it is an error that names
// package, operation and status, and nothing is left behind.
func TestEachCallFails(t *testing.T) {
	needsFake(t)
	for _, fail := range []string{
		"cuInit=999", "cuDeviceGetCount=100", "cuDeviceGet=101", "cuDeviceGetName=101", "cuCtxCreate_v2=2",
		"cuCtxPushCurrent_v2=201", "nvEncOpenEncodeSessionEx=2", "nvEncGetEncodeGUIDCount=20", "nvEncGetEncodeGUIDs=20",
		"nvEncGetEncodePresetConfigEx=12", "nvEncInitializeEncoder=8", "cuMemAllocPitch_v2=2", "nvEncRegisterResource=23",
		"nvEncCreateBitstreamBuffer=10", "cuMemcpy2D_v2=700", "nvEncMapInputResource=16", "nvEncEncodePicture=20",
		"nvEncEncodePicture=17", "nvEncLockBitstream=13", "NvEncodeAPICreateInstance=15", "NvEncodeAPIGetMaxSupportedVersion=6",
	} {
		t.Run(fail, func(t *testing.T) {
			cfg := fake(t)
			t.Setenv("FAKEDRIVER_FAIL", fail)
			e, err := nvenc.Backend(cfg).Open(encode.Config{Size: image.Pt(64, 48)})
			if err == nil {
				defer e.Close()
				canvas := encodetest.NewCanvas(image.Pt(64, 48))
				_, err = e.Encode(canvas.Frame(time.Unix(1, 0), canvas.Bounds()), encode.Op{})
			}
			var fault *nvenc.Fault
			if err == nil || !errors.As(err, &fault) || !strings.HasPrefix(err.Error(), "nvenc: ") {
				t.Fatalf("error %v", err)
			}
			call, status, _ := strings.Cut(fail, "=")
			if !strings.HasPrefix(strings.TrimSuffix(call, "_v2"), fault.Operation) || !strings.Contains(err.Error(), status) {
				t.Errorf("error %q, want one that names %s and %s", err, call, status)
			}
			t.Setenv("FAKEDRIVER_FAIL", "")
		})
	}
}

// A driver that says that all is well and answers nonsense.
func TestGarbage(t *testing.T) {
	needsFake(t)
	for _, call := range []string{"NvEncodeAPICreateInstance", "cuDeviceGetCount", "cuDeviceGetName", "cuMemAllocPitch_v2",
		"nvEncOpenEncodeSessionEx", "nvEncGetEncodeGUIDCount", "nvEncGetEncodeGUIDs", "nvEncGetEncodeCaps", "nvEncLockBitstream"} {
		t.Run(call, func(t *testing.T) {
			cfg := fake(t)
			t.Setenv("FAKEDRIVER_FAIL", call+"=garbage")
			e, err := nvenc.Backend(cfg).Open(encode.Config{Size: image.Pt(64, 48)})
			if err == nil {
				defer e.Close()
				canvas := encodetest.NewCanvas(image.Pt(64, 48))
				_, err = e.Encode(canvas.Frame(time.Unix(1, 0), canvas.Bounds()), encode.Op{})
			}
			harmless := call == "cuDeviceGetName" || call == "nvEncGetEncodeGUIDs"
			if err == nil && !harmless {
				t.Error("no error")
			}
			t.Setenv("FAKEDRIVER_FAIL", "")
		})
	}
}
