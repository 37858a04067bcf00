package encodetest

import (
	"image"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lucarne/encode"
)

// threadCPU is the processor time that this thread has used.
func threadCPU(b *testing.B) time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		b.Fatal(err)
	}
	return time.Duration(now.Nano())
}

// Benchmark has a backend encode moving pictures at 1920×1080, 60 frames a second
// and 8 Mbit/s, one op a frame, after the picture has settled. It reports the
// processor time of the encoding thread, the bitrate, and the luma PSNR of the
// whole picture, and what it takes to settle afterwards.
func Benchmark(b *testing.B, backend encode.Backend, decoder func() (Decoder, error)) {
	for _, w := range Workloads(image.Pt(1920, 1080)) {
		b.Run(w.Name, func(b *testing.B) { benchmark(b, w, backend, decoder) })
	}
}

func benchmark(b *testing.B, w Workload, backend encode.Backend, open func() (Decoder, error)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	size := image.Pt(1920, 1080)
	encoder, err := backend.Open(encode.Config{Size: size})
	if err != nil {
		b.Fatal(err)
	}
	defer encoder.Close()
	decoder, err := open()
	if err != nil {
		b.Fatal(err)
	}
	defer decoder.Close()

	canvas, now := NewCanvas(size), time.Unix(1, 0)
	settle := func(interval time.Duration, damage ...image.Rectangle) (frames, bytes int) {
		for settled := false; !settled && frames < 500; frames++ {
			packet, err := encoder.Encode(canvas.Frame(now, damage...), encode.Op{Refine: len(damage) == 0})
			if err != nil {
				b.Fatal(err)
			}
			if len(packet.Data) > 0 {
				if _, err := decoder.Decode(packet.Data); err != nil {
					b.Fatal(err)
				}
			}
			settled, damage, bytes = packet.Settled, nil, bytes+len(packet.Data)
			now = now.Add(interval)
		}
		return frames, bytes
	}
	frames, bytes := settle(time.Second/30, w.Step(canvas, 0)...)
	b.ReportMetric(float64(frames), "frames-to-start")
	b.ReportMetric(float64(bytes), "B-to-start")
	now = now.Add(time.Second)

	var used []time.Duration
	var sent, largest int
	var quality float64
	samples, n := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		n++
		frame := canvas.Frame(now, w.Step(canvas, n)...)
		b.StartTimer()
		before := threadCPU(b)
		packet, err := encoder.Encode(frame, encode.Op{})
		used = append(used, threadCPU(b)-before)
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		now = now.Add(time.Second / 60)
		sent, largest = sent+len(packet.Data), max(largest, len(packet.Data))
		if len(packet.Data) > 0 {
			picture, err := decoder.Decode(packet.Data)
			if err != nil {
				b.Fatal(err)
			}
			if n%10 == 0 {
				quality, samples = quality+PSNR(picture, canvas, canvas.Bounds()), samples+1
			}
		}
		b.StartTimer()
	}
	b.StopTimer()
	slices.Sort(used)
	b.ReportMetric(used[len(used)/2].Seconds()*1e3, "cpu-ms/frame-p50")
	b.ReportMetric(used[len(used)*95/100].Seconds()*1e3, "cpu-ms/frame-p95")
	b.ReportMetric(float64(8*sent*60)/float64(n)/1e6, "Mbit/s")
	b.ReportMetric(float64(largest), "B-max")
	b.ReportMetric(math.Round(100*quality/float64(max(samples, 1)))/100, "dB")
	frames, bytes = settle(time.Second / 30)
	b.ReportMetric(float64(frames), "frames-to-settle")
	b.ReportMetric(float64(bytes), "B-to-settle")
}
