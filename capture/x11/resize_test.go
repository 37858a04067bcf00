package x11_test

import (
	"errors"
	"image"
	"strings"
	"testing"

	"github.com/jezek/xgb/randr"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/capture/x11"
)

func TestResize(t *testing.T) {
	for _, c := range []struct {
		server    string
		ask, want []image.Point
	}{
		{display.Xvfb,
			[]image.Point{{641, 479}, {333, 77}, {1280, 1024}, {800, 4000}, {1, 1}, {1024, 768}},
			[]image.Point{{641, 479}, {333, 77}, {1280, 1024}, {800, 1024}, {1, 1}, {1024, 768}}},
		{display.Xvnc,
			[]image.Point{{641, 479}, {333, 77}, {1921, 1081}, {800, 4000}, {1, 1}, {1024, 768}},
			[]image.Point{{641, 479}, {333, 77}, {1921, 1081}, {800, 4000}, {32, 32}, {1024, 768}}},
	} {
		t.Run(c.server, func(t *testing.T) {
			plan := displaytest.Start(t, display.Config{Server: c.server, Size: image.Pt(640, 480), Max: image.Pt(1280, 1024)})
			source := open(t, x11.Config{Display: plan.Display, Size: plan.Size})
			p := newPainter(t, plan)
			var f capture.Frame
			grab(t, source, &f, func() bool { return true })
			if f.Size != plan.Size {
				t.Errorf("opened at %v, want %v", f.Size, plan.Size)
			}
			for i, ask := range c.ask {
				got, err := source.Resize(ask)
				if err != nil || got != c.want[i] {
					t.Fatalf("resize to %v: %v (%v), want %v", ask, got, err, c.want[i])
				}
				want := image.Rectangle{Max: got}
				grab(t, source, &f, func() bool { return f.Size == got })
				if len(f.Damage) != 1 || f.Damage[0] != want || f.Stride < 4*got.X || len(f.Pix) < f.Stride*got.Y {
					t.Errorf("%v: damage %v, stride %d, %d bytes", got, f.Damage, f.Stride, len(f.Pix))
				}
				settle(t, source, p, &f)
				// The far corner is where damage of the old size would end.
				corner := image.Rectangle{Min: image.Pt(max(got.X-9, 0), max(got.Y-7, 0)), Max: got}
				p.fill(image.Rectangle{Max: got}, teal)
				p.fill(corner, red)
				grab(t, source, &f, func() bool { return shows(&f, corner, red) })
			}
		})
	}
}

func TestResizeRefusesTheAbsurd(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		source := open(t, x11.Config{Display: plan.Display})
		for _, size := range []image.Point{{}, {0, 480}, {640, 0}, {-1, 480}, {640, -480}, {100000, 1}, {1, 65537}} {
			if got, err := source.Resize(size); err == nil {
				t.Errorf("%v: became %v, want an error", size, got)
			}
		}
		var f capture.Frame
		if err := source.Grab(&f); err != nil || f.Size != image.Pt(640, 480) {
			t.Errorf("size %v afterwards (%v)", f.Size, err)
		}
	})
}

func TestResizeByAnother(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		source := open(t, x11.Config{Display: plan.Display})
		other := open(t, x11.Config{Display: plan.Display})
		var f capture.Frame
		grab(t, source, &f, func() bool { return true })
		before := f.Segment
		want := image.Pt(333, 221)
		if _, err := other.Resize(want); err != nil {
			t.Fatal(err)
		}
		grab(t, source, &f, func() bool {
			return f.Size == want && len(f.Damage) == 1 && f.Damage[0] == image.Rectangle{Max: want}
		})
		if f.Segment != before {
			t.Errorf("segment %v after shrinking, want %v", f.Segment, before)
		}
	})
}

// A screen that changes between the fetch of the damage and that of the pixels
// must not fail a grab.
func TestGrabWhileResizing(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		source := open(t, x11.Config{Display: plan.Display})
		other := open(t, x11.Config{Display: plan.Display})
		done := make(chan error, 1)
		go func() {
			var errs []error
			for i := range 20 {
				_, err := other.Resize(image.Pt(640-17*(i%7), 480-13*(i%5)))
				errs = append(errs, err)
			}
			done <- errors.Join(errs...)
		}()
		var f capture.Frame
		for {
			if err := source.Grab(&f); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				return
			default:
			}
		}
	})
}

func TestSegmentIsReplacedWhenTheScreenGrows(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvnc, Size: image.Pt(320, 200)})
	source := open(t, x11.Config{Display: plan.Display})
	var f capture.Frame
	grab(t, source, &f, func() bool { return true })
	before := f.Segment
	if _, err := source.Resize(image.Pt(1600, 1200)); err != nil {
		t.Fatal(err)
	}
	grab(t, source, &f, func() bool { return f.Size == image.Pt(1600, 1200) })
	if f.Segment.Generation == before.Generation || f.Segment.ID == before.ID {
		t.Errorf("segment %v after growing from %v", f.Segment, before)
	}
}

func TestResizeLeavesNoModes(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		source := open(t, x11.Config{Display: plan.Display})
		p := newPainter(t, plan)
		for i := range 100 {
			want := image.Pt(300+i*3, 200+i*2)
			if got, err := source.Resize(want); err != nil || got != want {
				t.Fatalf("%v: %v (%v)", want, got, err)
			}
		}
		resources, err := randr.GetScreenResourcesCurrent(p.conn, p.root).Reply()
		if err != nil {
			t.Fatal(err)
		}
		if ours := strings.Count(string(resources.Names), "lucarne-"); ours > 1 {
			t.Errorf("%d modes of ours are left, want one: %q", ours, resources.Names)
		}
	})
}
