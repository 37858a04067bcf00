package xclient

import (
	"context"
	"image"
	"io"
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
func look(t *testing.T, w *Window) *image.RGBA {
	t.Helper()
	picture, err := w.Look()
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

func colour(picture *image.RGBA, at image.Point) RGB {
	c := picture.RGBAAt(at.X, at.Y)
	return RGB(c.R)<<16 | RGB(c.G)<<8 | RGB(c.B)
}

// TestAnimations: each frame shows its number, differs from the one before, and
// is on the screen what Picture says it is.
func TestAnimations(t *testing.T) {
	w, name := open(t, image.Rect(16, 32, 16+704, 32+448))
	for _, c := range []struct {
		name string
		open func(*Window) (Animation, error)
	}{
		{"text", func(w *Window) (Animation, error) { return NewText(w) }},
		{"scene", func(w *Window) (Animation, error) { return NewScene(w) }},
		{"video", func(w *Window) (Animation, error) { return NewVideo(w) }},
		{"drag", func(w *Window) (Animation, error) { return NewDrag(w) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := Open(name, w.Bounds, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			a, err := c.open(w)
			if err != nil {
				t.Fatal(err)
			}
			if c, ok := a.(io.Closer); ok {
				defer c.Close()
			}
			var before []byte
			for _, number := range []int{1, 2, 1000} {
				if _, err := a.Draw(number); err != nil {
					t.Fatal(err)
				}
				if err := w.Sync(); err != nil {
					t.Fatal(err)
				}
				shown := look(t, w)
				if got, ok := ReadNumber(shown); got != number || !ok {
					t.Errorf("frame %d shows %d, %t", number, got, ok)
				}
				if !slices.Equal(shown.Pix, a.Picture(number).Pix) {
					t.Errorf("frame %d is not what Picture returns", number)
				}
				below := shown.Pix[shown.PixOffset(0, Cell):]
				if slices.Equal(below, before) {
					t.Errorf("frame %d looks like the one before", number)
				}
				before = below
			}
		})
	}
}

// TestPictureWhileDrawing: a page's picture is compared while the next frames
// are being drawn.
func TestPictureWhileDrawing(t *testing.T) {
	w, _ := open(t, image.Rect(0, 0, 400, 40))
	scene, err := NewScene(w)
	if err != nil {
		t.Fatal(err)
	}
	defer scene.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := Animate(ctx, scene, 500)
		ended <- err
	}()
	first := scene.Picture(5)
	for range 20 {
		if !slices.Equal(scene.Picture(5).Pix, first.Pix) {
			t.Error("frame 5 has changed")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestPictureIsDeterministic: the same numbers are the same pictures
// in every window.
func TestPictureIsDeterministic(t *testing.T) {
	w, name := open(t, image.Rect(0, 0, 400, 300))
	again, err := Open(name, w.Bounds, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	var pictures [2]*image.RGBA
	for i, w := range []*Window{w, again} {
		v, err := NewVideo(w)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		pictures[i] = v.Picture(7)
	}
	if !slices.Equal(pictures[0].Pix, pictures[1].Pix) {
		t.Error("two videos differ")
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
func (f drawFunc) Picture(int) *image.RGBA            { return nil }

func TestChart(t *testing.T) {
	w, _ := open(t, image.Rect(100, 50, 900, 400))
	if err := w.DrawChart(); err != nil {
		t.Fatal(err)
	}
	shown := look(t, w)
	for _, p := range Chart() {
		middle := p.Bounds.Min.Add(p.Bounds.Size().Div(2))
		if got := colour(shown, middle); got != p.Colour {
			t.Errorf("%s is %06x, want %06x", p.Name, got, p.Colour)
		}
	}
}

// faker returns what plays input devices.
func faker(t *testing.T, display string) func(kind, detail byte, x, y int16) {
	t.Helper()
	conn, err := xgb.NewConnDisplay(display)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if err := xtest.Init(conn); err != nil {
		t.Fatal(err)
	}
	return func(kind, detail byte, x, y int16) {
		t.Helper()
		if err := xtest.FakeInputChecked(conn, kind, detail, 0, 0, x, y, 0).Check(); err != nil {
			t.Fatal(err)
		}
	}
}

// observe returns what looks at a part of the screen while another goroutine has
// the window there.
func observe(t *testing.T, display string, bounds image.Rectangle) *Window {
	t.Helper()
	w, err := Open(display, image.Rect(0, 0, 1, 1), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	w.Bounds = bounds
	return w
}

// await looks at the window until ok, which has to be soon.
func await(t *testing.T, w *Window, what string, ok func(*image.RGBA) bool) *image.RGBA {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		shown := look(t, w)
		if ok(shown) {
			return shown
		}
		if time.Now().After(deadline) {
			t.Fatalf("the window does not show %s", what)
		}
	}
}

func TestTyping(t *testing.T) {
	w, name := open(t, image.Rect(100, 100, 500, 300))
	if err := w.Focus(); err != nil {
		t.Fatal(err)
	}
	typing, err := NewTyping(w)
	if err != nil {
		t.Fatal(err)
	}
	fake := faker(t, name)
	observer := observe(t, name, w.Bounds)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var drawn []time.Time
	ended := make(chan error, 1)
	go func() {
		var err error
		drawn, err = typing.Run(ctx)
		ended <- err
	}()
	const a = 38
	const presses = 500 // more than the page has room for
	var before *image.RGBA
	for n := range 3 {
		before = await(t, observer, "its number", func(p *image.RGBA) bool {
			got, ok := ReadNumber(p)
			return ok && got == n && (before == nil || !slices.Equal(p.Pix[p.PixOffset(0, Cell):], before.Pix[p.PixOffset(0, Cell):]))
		})
		fake(xproto.KeyPress, a, 0, 0)
		fake(xproto.KeyRelease, a, 0, 0)
	}
	for range presses - 3 {
		fake(xproto.KeyPress, a, 0, 0)
		fake(xproto.KeyRelease, a, 0, 0)
	}
	await(t, observer, "the last number", func(p *image.RGBA) bool {
		got, ok := ReadNumber(p)
		return ok && got == presses
	})
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if len(drawn) != presses+1 || !drawn[0].IsZero() || !slices.IsSortedFunc(drawn, time.Time.Compare) {
		t.Errorf("%d times from %v, want %d in order", len(drawn), drawn[0], presses+1)
	}
}

// TestTurn: no two of the colours are near each other, even when blurred.
func TestTurn(t *testing.T) {
	for i := range 8 {
		for k := range i {
			apart := 0
			for shift := 0; shift <= 16; shift += 8 {
				d := int(Turn(i)>>shift&255) - int(Turn(k)>>shift&255)
				apart = max(apart, d, -d)
			}
			if apart < 100 {
				t.Errorf("%06x and %06x are %d apart in each channel at most, want 100", Turn(i), Turn(k), apart)
			}
		}
	}
	if Turn(8) != Turn(0) {
		t.Errorf("the ninth colour is %06x, want %06x again", Turn(8), Turn(0))
	}
}

func TestEchoAnswersKeysAndButtons(t *testing.T) {
	bounds := image.Rect(100, 100, 200, 200)
	w, name := open(t, bounds)
	if err := w.Focus(); err != nil {
		t.Fatal(err)
	}
	fake := faker(t, name)
	observer := observe(t, name, bounds)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- w.Echo(ctx) }()
	shows := func(want RGB) {
		t.Helper()
		await(t, observer, "its colour", func(p *image.RGBA) bool { return colour(p, image.Pt(50, 50)) == want })
	}
	shows(Turn(0))
	fake(xproto.KeyPress, 38, 0, 0)
	fake(xproto.KeyRelease, 38, 0, 0)
	shows(Turn(1))
	fake(xproto.MotionNotify, 0, 150, 150)
	fake(xproto.ButtonPress, 1, 0, 0)
	fake(xproto.ButtonRelease, 1, 0, 0)
	shows(Turn(2))
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestListen(t *testing.T) {
	w, name := open(t, image.Rect(100, 100, 400, 400))
	if err := w.Focus(); err != nil {
		t.Fatal(err)
	}
	fake := faker(t, name)
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
	err := w.Listen(ctx, func(e Event) {
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
