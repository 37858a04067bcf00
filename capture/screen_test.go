package capture_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"log/slog"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/capture"
	"lucarne/capture/synth"
)

// fakeSource is a display whose damage the test decides.
type fakeSource struct {
	bell   chan struct{}
	cursor chan struct{}

	mu      sync.Mutex
	size    image.Point
	damage  []image.Rectangle
	grabs   int
	cursors int
	failing error
	closed  int
}

func newFake(size image.Point) *fakeSource {
	return &fakeSource{
		bell: make(chan struct{}, 1), cursor: make(chan struct{}, 1),
		size: size, damage: []image.Rectangle{{Max: size}},
	}
}

func (f *fakeSource) Damaged() <-chan struct{}       { return f.bell }
func (f *fakeSource) CursorChanged() <-chan struct{} { return f.cursor }

func (f *fakeSource) Cursor() (capture.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cursors++
	return capture.Cursor{Serial: uint32(f.cursors)}, nil
}

func (f *fakeSource) Grab(frame *capture.Frame) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failing != nil {
		return f.failing
	}
	f.grabs++
	*frame = capture.Frame{
		Pix: make([]byte, 4*f.size.X*f.size.Y), Stride: 4 * f.size.X, Size: f.size,
		Damage: append(frame.Damage[:0], f.damage...), Seq: uint64(f.grabs), Damaged: time.Now(), Grabbed: time.Now(),
	}
	f.damage = nil
	return nil
}

func (f *fakeSource) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}

func (f *fakeSource) change(rects ...image.Rectangle) {
	f.mu.Lock()
	f.damage = append(f.damage, rects...)
	f.mu.Unlock()
	f.bell <- struct{}{}
}

func (f *fakeSource) counts() (grabs, closed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.grabs, f.closed
}

// run starts a screen on the sources given, in turn; after the last there is none.
func run(t *testing.T, sources ...capture.Source) *capture.Screen {
	screen := capture.NewScreen(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		screen.Run(ctx, func(context.Context) (capture.Source, error) {
			if len(sources) == 0 {
				return nil, errors.New("no display")
			}
			source := sources[0]
			sources = sources[1:]
			return source, nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return screen
}

func grab(t *testing.T, r *capture.Reader) []image.Rectangle {
	t.Helper()
	var f capture.Frame
	if err := r.Grab(&f); err != nil {
		t.Fatal(err)
	}
	defer f.Release()
	return append([]image.Rectangle(nil), f.Damage...)
}

func TestReadersHaveDamageOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFake(image.Pt(100, 80))
		screen := run(t, source)
		synctest.Wait()
		first, second := screen.NewReader(), screen.NewReader()
		whole := []image.Rectangle{image.Rect(0, 0, 100, 80)}
		for _, r := range []*capture.Reader{first, second} {
			if got := grab(t, r); !reflect.DeepEqual(got, whole) {
				t.Errorf("first grab: damage %v, want %v", got, whole)
			}
		}
		a, b := image.Rect(1, 1, 5, 5), image.Rect(20, 20, 30, 30)
		source.change(a)
		synctest.Wait()
		if got := grab(t, first); !reflect.DeepEqual(got, []image.Rectangle{a}) {
			t.Errorf("damage %v, want %v", got, a)
		}
		source.change(b)
		synctest.Wait()
		if got, want := grab(t, second), []image.Rectangle{a, b}; !reflect.DeepEqual(got, want) {
			t.Errorf("damage of the reader that looked later: %v, want %v", got, want)
		}
		before, _ := source.counts()
		if got := grab(t, first); !reflect.DeepEqual(got, []image.Rectangle{b}) {
			t.Errorf("damage %v, want %v", got, b)
		}
		if after, _ := source.counts(); after != before {
			t.Errorf("a picture that a reader has had grabbed was grabbed again for the other")
		}
		if got := grab(t, first); len(got) != 0 {
			t.Errorf("damage %v though nothing changed", got)
		}
	})
}

// A picture moves for whoever has it: for two seconds after its last change, and for as long as
// a change waits to be looked at.
func TestMoving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFake(image.Pt(64, 64))
		screen := run(t, source)
		synctest.Wait()
		check := func(when string, want bool) {
			t.Helper()
			if got := screen.Moving(); got != want {
				t.Errorf("%s: moving %t, want %t", when, got, want)
			}
		}
		change := func() {
			source.change(image.Rect(1, 1, 2, 2))
			synctest.Wait()
		}
		check("without a reader", false)
		change()
		check("changed without a reader", false)
		r := screen.NewReader()
		grab(t, r)
		check("grabbed", true)
		time.Sleep(2*time.Second + time.Millisecond)
		check("at rest for two seconds", false)
		grab(t, r)
		check("grabbed, unchanged", false)
		change()
		check("changed", true)
		time.Sleep(time.Minute)
		check("changed, not looked at for a minute", true)
		grab(t, r)
		time.Sleep(2*time.Second + time.Millisecond)
		check("at rest again", false)
		change()
		r.Close()
		check("nobody looks any more", false)
	})
}

func TestSizeChangeIsDamageEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFake(image.Pt(100, 80))
		screen := run(t, source)
		synctest.Wait()
		reader := screen.NewReader()
		grab(t, reader)
		bell, cancel := screen.Subscribe()
		defer cancel()
		<-bell
		source.mu.Lock()
		source.size = image.Pt(33, 21)
		source.mu.Unlock()
		source.change()
		synctest.Wait()
		if got, want := grab(t, reader), []image.Rectangle{image.Rect(0, 0, 33, 21)}; !reflect.DeepEqual(got, want) {
			t.Errorf("damage %v, want %v", got, want)
		}
		select {
		case <-bell:
		default:
			t.Error("subscribers were not told of the new size")
		}
		if got, want := screen.Status().Size, image.Pt(33, 21); got != want {
			t.Errorf("size %v, want %v", got, want)
		}
	})
}

func TestDisplayGoesAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newFake(image.Pt(100, 80)), newFake(image.Pt(50, 40))
		screen := run(t, first, second)
		synctest.Wait()
		reader := screen.NewReader()
		grab(t, reader)
		<-reader.Damaged()

		first.mu.Lock()
		first.failing = errors.New("connection lost")
		first.mu.Unlock()
		first.bell <- struct{}{}
		synctest.Wait()
		var f capture.Frame
		if err := reader.Grab(&f); !errors.Is(err, capture.ErrNoScreen) {
			t.Errorf("grab from a lost display: %v, want ErrNoScreen", err)
		}
		synctest.Wait()
		if got := screen.Status(); got.State != capture.Gone || got.Err == nil {
			t.Errorf("status %+v, want gone with a reason", got)
		}
		if _, closed := first.counts(); closed != 1 {
			t.Errorf("the lost source was closed %d times, want once", closed)
		}
		for len(reader.Damaged()) > 0 {
			<-reader.Damaged()
		}
		<-reader.Damaged() // rings when the next display is there
		if got, want := grab(t, reader), []image.Rectangle{image.Rect(0, 0, 50, 40)}; !reflect.DeepEqual(got, want) {
			t.Errorf("damage %v, want %v", got, want)
		}
	})
}

func TestNoDisplayIsAState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := capture.NewScreen(slog.New(slog.DiscardHandler)).Status().State; got != capture.Starting {
			t.Errorf("state %v before anything runs, want starting", got)
		}
		screen := run(t)
		synctest.Wait()
		if got := screen.Status().State; got != capture.Failed {
			t.Errorf("state %v, want failed", got)
		}
		if _, err := screen.Resize(image.Pt(10, 10)); !errors.Is(err, capture.ErrNoScreen) {
			t.Errorf("resize: %v, want ErrNoScreen", err)
		}
	})
}

func TestSourceThatEndsIsClosedAndReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := synth.New(synth.Config{Size: image.Pt(64, 64), Frames: 2})
		stays := newFake(image.Pt(10, 10))
		screen := run(t, ends, stays)
		reader := screen.NewReader()
		deadline := time.Now().Add(time.Minute)
		for screen.Status().Size != stays.size && time.Now().Before(deadline) {
			<-reader.Damaged()
			var f capture.Frame
			if reader.Grab(&f) == nil {
				f.Release()
			}
		}
		if got := screen.Status(); got.State != capture.Up || got.Size != stays.size {
			t.Errorf("status %+v, want the second source up", got)
		}
	})
}

// ending is a source with a loop that ends with a reason, right after it has
// closed its bell.
type ending struct {
	*fakeSource
	end    chan struct{}
	reason error
}

func (e ending) Run(ctx context.Context) error {
	select {
	case <-e.end:
	case <-ctx.Done():
	}
	close(e.bell)
	return e.reason
}

func TestReasonOfALossIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := ending{newFake(image.Pt(10, 10)), make(chan struct{}), errors.New("the server was killed")}
		screen := run(t, source)
		synctest.Wait()
		close(source.end)
		synctest.Wait()
		if got := screen.Status(); got.State != capture.Gone || !errors.Is(got.Err, source.reason) {
			t.Errorf("status %+v, want gone because %v", got, source.reason)
		}
	})
}

// A display that opens and goes at once is not tried faster and faster.
func TestShortLivedDisplaysAreTriedEverMoreRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := capture.NewScreen(slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		opened, done := 0, make(chan struct{})
		go func() {
			defer close(done)
			screen.Run(ctx, func(context.Context) (capture.Source, error) {
				opened++
				source := ending{newFake(image.Pt(10, 10)), make(chan struct{}), errors.New("gone at once")}
				close(source.end)
				return source, nil
			})
		}()
		time.Sleep(time.Minute)
		cancel()
		<-done
		if opened > 20 {
			t.Errorf("opened %d times in a minute, want at most 20", opened)
		}
	})
}

func TestGrabWaitsForThoseWhoRead(t *testing.T) {
	source := synth.New(synth.Config{Size: image.Pt(64, 64)})
	screen := run(t, source)
	slow, fast := screen.NewReader(), screen.NewReader()
	for screen.Status().State != capture.Up {
		<-slow.Damaged()
	}
	var held capture.Frame
	if err := slow.Grab(&held); err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(held.Pix)
	source.Ring()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for len(grab(t, fast)) != 3 { // the square before, the square now, the number
			<-fast.Damaged()
		}
	}()
	for range 1000 {
		runtime.Gosched()
		if !bytes.Equal(held.Pix, before) {
			t.Fatal("the picture was grabbed anew while a frame of it was in use")
		}
	}
	held.Release()
	held.Release()
	<-done
}

func TestReaderGrabAllocatesNothing(t *testing.T) {
	source := synth.New(synth.Config{Size: image.Pt(64, 64)})
	screen := run(t, source)
	reader := screen.NewReader()
	for screen.Status().State != capture.Up {
		<-reader.Damaged()
	}
	var f capture.Frame
	if got := testing.AllocsPerRun(100, func() {
		if err := reader.Grab(&f); err != nil {
			t.Fatal(err)
		}
		f.Release()
	}); got > 1 { // the synthetic source's closure
		t.Errorf("%v allocations a grab, want at most 1", got)
	}
}

func TestMerge(t *testing.T) {
	r := image.Rect
	for _, test := range []struct {
		name string
		list []image.Rectangle
		rect image.Rectangle
		n    int
		want []image.Rectangle
	}{
		{"first", nil, r(0, 0, 2, 2), 2, []image.Rectangle{r(0, 0, 2, 2)}},
		{"empty", nil, r(3, 3, 3, 9), 2, nil},
		{"covered", []image.Rectangle{r(0, 0, 9, 9)}, r(1, 1, 2, 2), 2, []image.Rectangle{r(0, 0, 9, 9)}},
		{"covers", []image.Rectangle{r(1, 1, 2, 2), r(20, 20, 21, 21)}, r(0, 0, 9, 9), 4, []image.Rectangle{r(20, 20, 21, 21), r(0, 0, 9, 9)}},
		{"full", []image.Rectangle{r(0, 0, 2, 2), r(90, 90, 92, 92)}, r(88, 88, 90, 90), 2, []image.Rectangle{r(0, 0, 2, 2), r(88, 88, 92, 92)}},
	} {
		if got := capture.Merge(test.list, test.rect, test.n); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

// sized is a display that can be told its DPI.
type sized struct {
	*fakeSource
	dpi int
}

func (s *sized) SetDPI(dpi int) error {
	s.dpi = dpi
	return nil
}

func TestSetDPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if err := run(t).SetDPI(144); !errors.Is(err, capture.ErrNoScreen) {
			t.Errorf("without a display: %v, want %v", err, capture.ErrNoScreen)
		}
		source := &sized{fakeSource: newFake(image.Pt(640, 480))}
		screen := run(t, source)
		plain := run(t, newFake(image.Pt(640, 480)))
		synctest.Wait()
		if err := screen.SetDPI(144); err != nil || source.dpi != 144 {
			t.Errorf("it is %d (%v), want 144", source.dpi, err)
		}
		if err := plain.SetDPI(144); err != nil {
			t.Errorf("a display without a DPI: %v", err)
		}
	})
}
