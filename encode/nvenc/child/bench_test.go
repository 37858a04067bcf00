package child_test

import (
	"image"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/encode/encodetest"
	"lucarne/encode/nvenc/child"
	"lucarne/encode/nvenc/fakedriver"
)

// nothing is an encoder that takes no time and makes packets of 8 KB.
type nothing struct{ data []byte }

func (n nothing) Encode(f *capture.Frame, _ encode.Op) (encode.Packet, error) {
	f.Release()
	return encode.Packet{Data: n.data, Size: f.Size}, nil
}
func (nothing) SetBitrate(int) error { return nil }
func (nothing) Close() error         { return nil }

// BenchmarkWay is the way to another thread and back, both sides of it: what it
// takes, and the processor time of both.
func BenchmarkWay(b *testing.B) {
	backend := encode.Backend{Name: "nothing", Codec: encode.H264, Open: func(encode.Config) (encode.Encoder, error) {
		return nothing{make([]byte, 8<<10)}, nil
	}}
	e, err := child.Backend("NVENC", encode.H264, beside(b, []encode.Backend{backend})).Open(encode.Config{Size: image.Pt(1920, 1080)})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	canvas, segment := page(b, image.Pt(1920, 1080), 1)
	frame := canvas.Frame(time.Now(), canvas.Bounds())
	var took []time.Duration
	before := processorTime(b)
	b.ReportAllocs()
	for b.Loop() {
		frame.Pix, frame.Segment = canvas.Pix, segment
		began := time.Now()
		if _, err := e.Encode(frame, encode.Op{}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	b.ReportMetric(float64(processorTime(b)-before)/float64(len(took))/1e3, "cpu-µs/frame")
	report(b, took, "way")
}

// BenchmarkFrame is a frame of which 1280×800 change, in a process with the fake
// driver: the whole, and our side of it, which is without what the driver does as
// the GPU.
func BenchmarkFrame(b *testing.B) {
	size, stats := image.Pt(1920, 1080), filepath.Join(b.TempDir(), "stats")
	e, err := child.Backend("NVENC", encode.H264, process(b, "FAKEDRIVER_STATS="+stats)).Open(encode.Config{Size: size})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	canvas, segment := page(b, size, 1)
	scene := encodetest.Scene(size)
	gpu := func() time.Duration {
		s, err := fakedriver.ReadStats(stats)
		if err != nil {
			b.Fatal(err)
		}
		return time.Duration(s.WallNanos)
	}
	var ours, all []time.Duration
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		frame := canvas.Frame(time.Now(), scene.Step(canvas, n)...)
		frame.Segment = segment
		before := gpu()
		began := time.Now()
		b.StartTimer()
		if _, err := e.Encode(frame, encode.Op{}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		took := time.Since(began)
		all, ours = append(all, took), append(ours, took-(gpu()-before))
		b.StartTimer()
	}
	report(b, all, "frame")
	report(b, ours, "ours")
}

func report(b *testing.B, took []time.Duration, what string) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e3, what+"-p50-µs")
	b.ReportMetric(float64(took[len(took)*95/100])/1e3, what+"-p95-µs")
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &now); err != nil {
		b.Fatal(err)
	}
	return time.Duration(now.Nano())
}
