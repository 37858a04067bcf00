package xtest

import (
	"image"
	"syscall"
	"testing"
	"time"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/input"
)

// What an event allocates is xgb's: the request, its cookie and a channel.
func TestInjectAllocates(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(640, 480)})
	i, err := Open(Config{Display: plan.Display, Connect: display.Connect})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	for name, events := range map[string][2]input.Event{
		"motion": {input.Motion{Pos: image.Pt(1, 2)}, input.Motion{Pos: image.Pt(3, 4)}},
		"key":    {down("KeyA", 'a'), up("KeyA", 'a')},
	} {
		got := testing.AllocsPerRun(500, func() {
			for _, e := range events {
				if err := i.Inject(e); err != nil {
					t.Fatal(err)
				}
			}
		})
		if want := 12.0; got > want {
			t.Errorf("%s: %v objects for two events, want at most %v", name, got, want)
		}
	}
}

func BenchmarkInject(b *testing.B) {
	plan := displaytest.Start(b, display.Config{Server: display.Xvfb, Size: image.Pt(640, 480)})
	i, err := Open(Config{Display: plan.Display, Connect: display.Connect})
	if err != nil {
		b.Fatal(err)
	}
	defer i.Close()
	for name, events := range map[string][2]input.Event{
		"motion": {input.Motion{Pos: image.Pt(1, 2)}, input.Motion{Pos: image.Pt(3, 4)}},
		"key":    {down("KeyA", 'a'), up("KeyA", 'a')},
		"chord":  {down("KeyA", '@'), up("KeyA", '@')},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if err := i.Inject(events[n%2]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A message of motion from its bytes to the display, as at 1000 a second. What it
// costs is the process's CPU time: xgb writes in a goroutine of its own.
func BenchmarkMotionMessage(b *testing.B) {
	plan := displaytest.Start(b, display.Config{Server: display.Xvfb, Size: image.Pt(1920, 1080)})
	i, err := Open(Config{Display: plan.Display, Connect: display.Connect})
	if err != nil {
		b.Fatal(err)
	}
	defer i.Close()
	for name, event := range map[string]func(n int) input.Event{
		"absolute": func(n int) input.Event { return input.Motion{Pos: image.Pt(n%1920, n%1080)} },
		"relative": func(n int) input.Event { return input.Relative{Total: image.Pt(16*n, 16*n)} },
	} {
		b.Run(name, func(b *testing.B) {
			k, now := input.NewKeyboard(new(input.Held)), time.Now()
			var msg []byte
			var events []input.Event
			before := cpuTime(b)
			for n := 1; b.Loop(); n++ {
				msg = input.Append(msg[:0], uint32(n), uint32(n), event(n))
				seq, at, e, err := input.Decode(msg)
				if err != nil {
					b.Fatal(err)
				}
				events = k.Handle(events[:0], now.Add(time.Duration(n)*time.Millisecond), seq, at, e)
				for _, e := range events {
					if err := i.Inject(e); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
