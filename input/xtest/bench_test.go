package xtest

import (
	"image"
	"testing"

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
