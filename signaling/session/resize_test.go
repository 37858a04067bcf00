package session

import (
	"errors"
	"image"
	"math"
	"sync"
	"testing"
	"testing/synctest"

	"lucarne/input"
)

// monitor is a screen of a DPI that can be no larger than its most.
type monitor struct {
	most image.Point // zero: of any size
	err  error       // of what is asked of it

	mu   sync.Mutex
	size image.Point
	dpi  int
}

func (m *monitor) Resize(size image.Point) (image.Point, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return image.Point{}, m.err
	}
	if m.most != (image.Point{}) {
		size = image.Pt(min(size.X, m.most.X), min(size.Y, m.most.Y))
	}
	m.size = size
	return size, nil
}

func (m *monitor) SetDPI(dpi int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dpi = dpi
	return m.err
}

func (m *monitor) now() (image.Point, int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.size, m.dpi
}

// startOn starts a session on a monitor.
func startOn(t *testing.T, m *monitor, cfg Config) *Session {
	t.Helper()
	s, _ := start(t, cfg)
	s.cfg.Screen = m
	return s
}

func TestResize(t *testing.T) {
	m := new(monitor)
	v := join(t, startOn(t, m, Config{}), Owner)
	for _, c := range []struct {
		ask, most, want image.Point
		scale           float64
		dpi             int
		err             error
	}{
		{ask: image.Pt(1920, 1080), want: image.Pt(1920, 1080), dpi: 96},
		{ask: image.Pt(1001, 777), scale: 1, want: image.Pt(1001, 777), dpi: 96},
		{ask: image.Pt(1367, 771), scale: 1.25, want: image.Pt(1367, 771), dpi: 120},
		{ask: image.Pt(1367, 771), scale: 1.5, want: image.Pt(1367, 771), dpi: 144},
		{ask: image.Pt(1366, 770), scale: 2, want: image.Pt(1366, 770), dpi: 192},
		{ask: image.Pt(700, 500), scale: 0.5, want: image.Pt(700, 500), dpi: 48},
		{ask: image.Pt(3840, 2160), want: image.Pt(2022, 1137), dpi: 96},            // reduced, but not beyond reading
		{ask: image.Pt(3840, 2160), scale: 2, want: image.Pt(2022, 1137), dpi: 101}, // enlarged by the page to 192
		{ask: image.Pt(2000, 1000), most: image.Pt(1000, 800), scale: 2, want: image.Pt(1000, 800), dpi: 154},
		{ask: image.Pt(0, 0), err: ErrSize},
		{ask: image.Pt(100000, 1), err: ErrSize},
		{ask: image.Pt(-5, 600), err: ErrSize},
		{ask: image.Pt(math.MinInt, math.MaxInt), err: ErrSize},
		{ask: image.Pt(800, 600), scale: math.NaN(), err: ErrSize},
		{ask: image.Pt(800, 600), scale: math.Inf(1), err: ErrSize},
		{ask: image.Pt(800, 600), scale: -1, err: ErrSize},
		{ask: image.Pt(800, 600), scale: 4.01, err: ErrSize},
	} {
		m.size, m.dpi, m.most = image.Point{}, 0, c.most
		got, err := v.Resize(Wish{c.ask, c.scale})
		if got != c.want || m.size != c.want || m.dpi != c.dpi || !errors.Is(err, c.err) {
			t.Errorf("%v at %v: got %v, %v, the screen is %v at %d; want %v at %d, %v",
				c.ask, c.scale, got, err, m.size, m.dpi, c.want, c.dpi, c.err)
		}
	}
	m.err = errors.New("no")
	if _, err := v.Resize(Wish{Size: image.Pt(800, 600)}); !errors.Is(err, m.err) {
		t.Errorf("a screen that refuses: got %v, want %v", err, m.err)
	}
}

// The screen is as who leads would like it.
func TestOnlyTheLeaderResizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(monitor)
		s := startOn(t, m, Config{Policy: Policy{Refuse: map[Role][]Feature{Controller: {Resize}}}})
		first, second, watcher, without := join(t, s, Owner), join(t, s, Owner), join(t, s, Watcher), join(t, s, Controller)
		ask := func(v *Viewer, size image.Point, want error) {
			t.Helper()
			if _, err := v.Resize(Wish{size, 2}); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		}
		is := func(size image.Point) {
			t.Helper()
			if got, _ := m.now(); got != size {
				t.Errorf("the screen is %v, want %v", got, size)
			}
		}
		ask(first, image.Pt(800, 600), nil)
		ask(second, image.Pt(900, 700), ErrNotLeading)
		ask(watcher, image.Pt(500, 500), ErrRefused)
		ask(without, image.Pt(500, 500), ErrRefused)
		is(image.Pt(800, 600))
		(&page{v: second}).send(input.Motion{Pos: image.Pt(1, 1)})
		ask(second, image.Pt(900, 700), nil)
		ask(first, image.Pt(801, 601), ErrNotLeading)
		is(image.Pt(900, 700))
		second.Leave()
		ask(second, image.Pt(901, 701), ErrLeft)
		first.Leave()
		ask(without, image.Pt(500, 500), ErrRefused) // leads now
		is(image.Pt(900, 700))
	})
}
