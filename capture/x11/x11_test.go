package x11_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"go.uber.org/goleak"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/capture/x11"
)

var (
	_ capture.Source  = (*x11.Source)(nil)
	_ capture.Resizer = (*x11.Source)(nil)
	_ capture.Pointed = (*x11.Source)(nil)
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to happen.
const patience = 10 * time.Second

var servers = []string{display.Xvfb, display.Xvnc}

// onServers runs a test against each X server, of 640×480 unless max is larger.
func onServers(t *testing.T, test func(t *testing.T, plan *display.Plan)) {
	for _, server := range servers {
		t.Run(server, func(t *testing.T) {
			test(t, displaytest.Start(t, display.Config{Server: server, Size: image.Pt(640, 480)}))
		})
	}
}

// open returns a source whose events are handled until the test's end.
func open(t testing.TB, cfg x11.Config) *x11.Source {
	t.Helper()
	source, err := x11.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- source.Run(context.Background()) }()
	t.Cleanup(func() {
		if err := source.Close(); err != nil {
			t.Error(err)
		}
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("Run goes on after Close")
		}
	})
	return source
}

// grab grabs until check accepts the frame, each time the source rings.
func grab(t testing.TB, source *x11.Source, f *capture.Frame, check func() bool) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case _, open := <-source.Damaged():
			if !open {
				t.Fatal("the source is finished")
			}
			if err := source.Grab(f); err != nil {
				t.Fatal(err)
			}
			if check() {
				return
			}
		case <-timeout:
			t.Fatalf("no such frame; the last: size %v, damage %v", f.Size, f.Damage)
		}
	}
}

// settle grabs until the source is silent for a round trip.
func settle(t testing.TB, source *x11.Source, p *painter, f *capture.Frame) {
	t.Helper()
	for quiet := 0; quiet < 2; quiet++ {
		p.sync()
		if err := source.Grab(f); err != nil {
			t.Fatal(err)
		}
		if len(f.Damage) > 0 {
			quiet = 0
		}
	}
}

// painter draws on a display's root window, or on a window of its own.
type painter struct {
	t    testing.TB
	conn *xgb.Conn
	root xproto.Window
	gc   xproto.Gcontext
}

func newPainter(t testing.TB, plan *display.Plan) *painter {
	t.Helper()
	conn, err := display.Connect(plan.Display)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	p := &painter{t: t, conn: conn, root: xproto.Setup(conn).DefaultScreen(conn).Root}
	if p.gc, err = xproto.NewGcontextId(conn); err != nil {
		t.Fatal(err)
	}
	// Without IncludeInferiors drawing on the root would spare its windows.
	err = xproto.CreateGCChecked(conn, p.gc, xproto.Drawable(p.root),
		xproto.GcSubwindowMode, []uint32{xproto.SubwindowModeIncludeInferiors}).Check()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *painter) sync() { p.conn.Sync() }

// fill paints a rectangle and returns when the server has done so.
func (p *painter) fill(r image.Rectangle, c color.RGBA) {
	p.t.Helper()
	pixel := uint32(c.R)<<16 | uint32(c.G)<<8 | uint32(c.B)
	xproto.ChangeGC(p.conn, p.gc, xproto.GcForeground, []uint32{pixel})
	err := xproto.PolyFillRectangleChecked(p.conn, xproto.Drawable(p.root), p.gc, []xproto.Rectangle{{
		X: int16(r.Min.X), Y: int16(r.Min.Y), Width: uint16(r.Dx()), Height: uint16(r.Dy()),
	}}).Check()
	if err != nil {
		p.t.Fatal(err)
	}
}

func pixelAt(f *capture.Frame, x, y int) color.RGBA {
	b := f.Pix[y*f.Stride+4*x:]
	return color.RGBA{R: b[2], G: b[1], B: b[0], A: 255}
}

// shows reports whether r, and nothing around it, has this colour.
func shows(f *capture.Frame, r image.Rectangle, c color.RGBA) bool {
	for y := max(r.Min.Y-1, 0); y < min(r.Max.Y+1, f.Size.Y); y++ {
		for x := max(r.Min.X-1, 0); x < min(r.Max.X+1, f.Size.X); x++ {
			if (pixelAt(f, x, y) == c) != image.Pt(x, y).In(r) {
				return false
			}
		}
	}
	return true
}

func covers(damage []image.Rectangle, r image.Rectangle) bool {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			inside := false
			for _, d := range damage {
				inside = inside || image.Pt(x, y).In(d)
			}
			if !inside {
				return false
			}
		}
	}
	return true
}

func area(damage []image.Rectangle) int {
	sum := 0
	for _, d := range damage {
		sum += d.Dx() * d.Dy()
	}
	return sum
}

var (
	red    = color.RGBA{R: 255, A: 255}
	teal   = color.RGBA{R: 1, G: 128, B: 127, A: 255}
	orange = color.RGBA{R: 254, G: 127, B: 3, A: 255}
)

func TestFirstGrabIsTheWholePicture(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		p := newPainter(t, plan)
		p.fill(image.Rect(0, 0, 640, 480), teal)
		source := open(t, x11.Config{Display: plan.Display})
		var f capture.Frame
		grab(t, source, &f, func() bool { return true })
		if whole := image.Rect(0, 0, 640, 480); f.Size != whole.Max || len(f.Damage) != 1 || f.Damage[0] != whole {
			t.Errorf("size %v, damage %v; want all of %v", f.Size, f.Damage, whole)
		}
		if !shows(&f, image.Rect(0, 0, 640, 480), teal) {
			t.Error("not the picture on the screen")
		}
		if f.Seq != 1 || f.Damaged.IsZero() || f.Grabbed.Before(f.Damaged) {
			t.Errorf("seq %d, damaged %v, grabbed %v", f.Seq, f.Damaged, f.Grabbed)
		}
		if f.Segment.ID == 0 && f.Segment.Generation == 0 {
			t.Error("no shared memory")
		}
	})
}

func TestOnlyDamageIsReported(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		p := newPainter(t, plan)
		source := open(t, x11.Config{Display: plan.Display})
		var f capture.Frame
		settle(t, source, p, &f)
		for _, c := range []struct {
			name string
			r    image.Rectangle
			c    color.RGBA
		}{
			{"narrow", image.Rect(17, 23, 17+31, 23+45), red},
			{"one pixel", image.Rect(639, 479, 640, 480), teal},
			{"wide", image.Rect(40, 301, 601, 333), orange},
			{"all", image.Rect(0, 0, 640, 480), teal},
		} {
			seq := f.Seq
			p.fill(c.r, c.c)
			grab(t, source, &f, func() bool { return len(f.Damage) > 0 })
			if len(f.Damage) != 1 || f.Damage[0] != c.r {
				t.Errorf("%s: damage %v, want %v", c.name, f.Damage, c.r)
			}
			if !shows(&f, c.r, c.c) {
				t.Errorf("%s: not the picture on the screen", c.name)
			}
			if f.Seq != seq+1 {
				t.Errorf("%s: seq %d after %d", c.name, f.Seq, seq)
			}
		}
		seq := f.Seq
		if err := source.Grab(&f); err != nil || len(f.Damage) > 0 || !f.Damaged.IsZero() || f.Seq != seq {
			t.Errorf("nothing drawn: damage %v at %v, seq %d after %d (%v)", f.Damage, f.Damaged, f.Seq, seq, err)
		}
	})
}

func TestMuchDamageIsMerged(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		p := newPainter(t, plan)
		source := open(t, x11.Config{Display: plan.Display})
		var f capture.Frame
		settle(t, source, p, &f)
		var drawn []image.Rectangle
		for y := range 10 {
			for x := range 10 {
				r := image.Rect(x*60, y*40, x*60+7, y*40+5)
				drawn = append(drawn, r)
				p.fill(r, red)
			}
		}
		var seen []image.Rectangle
		grab(t, source, &f, func() bool {
			if len(f.Damage) > 16 {
				t.Errorf("%d rectangles, want at most 16", len(f.Damage))
			}
			seen = append(seen, f.Damage...)
			for _, r := range drawn {
				if !covers(seen, r) {
					return false
				}
			}
			return true
		})
		for _, r := range drawn {
			if !shows(&f, r, red) {
				t.Errorf("%v is not on the picture", r)
			}
		}
		if whole := 640 * 480; area(seen) >= whole {
			t.Errorf("damage of %d pixels, no less than the whole %d", area(seen), whole)
		}
	})
}

func TestTwoSources(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		p := newPainter(t, plan)
		var sources [2]*x11.Source
		var frames [2]capture.Frame
		for i := range sources {
			sources[i] = open(t, x11.Config{Display: plan.Display})
		}
		for i := range sources {
			settle(t, sources[i], p, &frames[i])
		}
		r := image.Rect(100, 100, 150, 150)
		p.fill(r, red)
		for i, source := range sources {
			f := &frames[i]
			grab(t, source, f, func() bool { return covers(f.Damage, r) && shows(f, r, red) })
		}
	})
}

func TestDisplayLost(t *testing.T) {
	for _, server := range servers {
		t.Run(server, func(t *testing.T) {
			plan, kill := displaytest.StartProcess(t, display.Config{Server: server, Size: image.Pt(320, 200)})
			source, err := x11.Open(x11.Config{Display: plan.Display})
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			done := make(chan error, 1)
			go func() { done <- source.Run(t.Context()) }()
			var f capture.Frame
			if err := source.Grab(&f); err != nil {
				t.Fatal(err)
			}
			kill()
			timeout := time.After(patience)
			for open := true; open; {
				select {
				case _, open = <-source.Damaged():
				case <-timeout:
					t.Fatal("Damaged is not closed")
				}
			}
			for open := true; open; {
				_, open = <-source.CursorChanged()
			}
			if err := <-done; !errors.Is(err, display.ErrNoDisplay) {
				t.Errorf("Run: %v, want %v", err, display.ErrNoDisplay)
			}
			if err := source.Grab(&f); !errors.Is(err, display.ErrNoDisplay) {
				t.Errorf("Grab: %v, want %v", err, display.ErrNoDisplay)
			}
			if _, err := source.Cursor(); !errors.Is(err, display.ErrNoDisplay) {
				t.Errorf("Cursor: %v, want %v", err, display.ErrNoDisplay)
			}
			if _, err := source.Resize(image.Pt(100, 100)); !errors.Is(err, display.ErrNoDisplay) {
				t.Errorf("Resize: %v, want %v", err, display.ErrNoDisplay)
			}
			if _, err := x11.Open(x11.Config{Display: plan.Display}); !errors.Is(err, display.ErrNoDisplay) {
				t.Errorf("Open: %v, want %v", err, display.ErrNoDisplay)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 64)})
	source, err := x11.Open(x11.Config{Display: plan.Display})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := source.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	for range 2 {
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := source.Grab(new(capture.Frame)); err == nil {
		t.Error("Grab after Close: no error")
	}
}

func TestCloseWithoutRun(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 64)})
	source, err := x11.Open(x11.Config{Display: plan.Display})
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Close(); err != nil {
		t.Fatal(err)
	}
	for open := true; open; { // one ring from before, then closed
		_, open = <-source.Damaged()
	}
	if err := source.Run(t.Context()); err == nil {
		t.Error("Run after Close: no error")
	}
}
