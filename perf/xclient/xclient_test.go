package xclient

import (
	"context"
	"image"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
)

func TestBarcode(t *testing.T) {
	for _, n := range []int{0, 1, 2, 255, 4711, 65535} {
		cells := barcode(n)
		if got, ok := DecodeBarcode(cells); got != n || !ok {
			t.Errorf("DecodeBarcode(barcode(%d)) = %d, %t", n, got, ok)
		}
		for i := range cells {
			cells[i] = !cells[i]
			if got, ok := DecodeBarcode(cells); ok {
				t.Errorf("cell %d of %d flipped reads as %d", i, n, got)
			}
			cells[i] = !cells[i]
		}
	}
}

func open(t *testing.T, bounds image.Rectangle) (*Window, string) {
	t.Helper()
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(1280, 800)})
	w, err := Open(plan.Display, bounds, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, plan.Display
}

// look returns the window's pixels.
func look(t *testing.T, w *Window) func(x, y int) RGB {
	t.Helper()
	size := w.Bounds.Size()
	reply, err := xproto.GetImage(w.conn, xproto.ImageFormatZPixmap, xproto.Drawable(w.id), 0, 0,
		uint16(size.X), uint16(size.Y), ^uint32(0)).Reply()
	if err != nil {
		t.Fatal(err)
	}
	return func(x, y int) RGB {
		p := reply.Data[(y*size.X+x)*4:]
		return RGB(p[2])<<16 | RGB(p[1])<<8 | RGB(p[0])
	}
}

func TestAnimationsShowTheirNumber(t *testing.T) {
	w, _ := open(t, image.Rect(0, 0, 640, 400))
	text, err := NewText(w)
	if err != nil {
		t.Fatal(err)
	}
	scene, err := NewScene(w)
	if err != nil {
		t.Fatal(err)
	}
	defer scene.Close()
	for name, a := range map[string]Animation{"text": text, "scene": scene} {
		var before []RGB
		for _, number := range []int{1, 2, 1000} {
			if _, err := a.Draw(number); err != nil {
				t.Fatal(err)
			}
			pixel := look(t, w)
			var cells [BarcodeCells]bool
			for i := range cells {
				cells[i] = pixel(i*Cell+Cell/2, Cell/2) == 0xffffff
			}
			if got, ok := DecodeBarcode(cells); got != number || !ok {
				t.Errorf("%s: frame %d shows %d, %t", name, number, got, ok)
			}
			var now []RGB
			for x := range 640 {
				now = append(now, pixel(x, 200))
			}
			if slices.Equal(now, before) {
				t.Errorf("%s: frame %d looks like the one before", name, number)
			}
			before = now
		}
	}
}

func TestAnimateLeavesOutLateFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var drawn []int
		times, err := Animate(ctx, drawFunc(func(number int) (time.Time, error) {
			if drawn = append(drawn, number); len(drawn) == 4 {
				cancel()
			}
			time.Sleep(25 * time.Millisecond) // a frame and a half at 60 frames/s
			return time.Now(), nil
		}), 60)
		if err != nil {
			t.Fatal(err)
		}
		if want := []int{1, 2, 4, 5}; !slices.Equal(drawn, want) {
			t.Errorf("drew %v, want %v", drawn, want)
		}
		for number, at := range times {
			if at.IsZero() == slices.Contains(drawn, number) {
				t.Errorf("frame %d: time %v", number, at)
			}
		}
	})
}

type drawFunc func(int) (time.Time, error)

func (f drawFunc) Draw(number int) (time.Time, error) { return f(number) }

func TestChart(t *testing.T) {
	w, _ := open(t, image.Rect(100, 50, 900, 400))
	if err := w.DrawChart(); err != nil {
		t.Fatal(err)
	}
	pixel := look(t, w)
	for _, p := range Chart() {
		middle := p.Bounds.Min.Add(p.Bounds.Size().Div(2))
		if got := pixel(middle.X, middle.Y); got != p.Colour {
			t.Errorf("%s is %06x, want %06x", p.Name, got, p.Colour)
		}
	}
}

func TestListen(t *testing.T) {
	w, name := open(t, image.Rect(100, 100, 400, 400))
	if err := w.Focus(); err != nil {
		t.Fatal(err)
	}
	conn, err := xgb.NewConnDisplay(name)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := xtest.Init(conn); err != nil {
		t.Fatal(err)
	}
	fake := func(kind, detail byte, x, y int16) {
		if err := xtest.FakeInputChecked(conn, kind, detail, 0, 0, x, y, 0).Check(); err != nil {
			t.Fatal(err)
		}
	}
	const shift, a = 50, 38 // keycodes of the evdev layout
	fake(xproto.MotionNotify, 0, 150, 160)
	fake(xproto.ButtonPress, 1, 0, 0)
	fake(xproto.ButtonRelease, 1, 0, 0)
	fake(xproto.KeyPress, shift, 0, 0)
	fake(xproto.KeyPress, a, 0, 0)
	fake(xproto.KeyRelease, a, 0, 0)
	fake(xproto.KeyRelease, shift, 0, 0)

	var got []Event
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = w.Listen(ctx, func(e Event) {
		if k, ok := e.(Key); ok {
			k.Time = 0
			e = k
		}
		if got = append(got, e); len(got) == 7 {
			cancel()
		}
	})
	pos := image.Pt(150, 160)
	want := []Event{
		Motion{Pos: pos}, Button{Down: true, Button: 1, Pos: pos}, Button{Button: 1, Pos: pos},
		Key{Down: true, Code: shift, Keysym: 0xffe1}, Key{Down: true, Code: a, Keysym: 'A'},
		Key{Code: a, Keysym: 'A'}, Key{Code: shift, Keysym: 0xffe1},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Listen: %v\n got %v\nwant %v", err, got, want)
	}
}
