package session

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/input"
)

// piano is a display whose keyboard can have another layout.
type piano struct {
	*display
	mu     sync.Mutex
	layout Layout
	asked  []Layout
	broken bool
	late   bool // it does not answer the first time
}

func (p *piano) SetLayout(l Layout) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, l)
	if p.broken {
		return input.ErrInexpressible
	}
	if p.late {
		p.late = false
		return errors.New("no answer")
	}
	p.layout = l
	return nil
}

func (p *piano) Layout() Layout {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.layout
}

// retune is somebody at the desktop who changes the layout.
func (p *piano) retune(l Layout) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.layout = l
}

func (p *piano) history() []Layout {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

func newPiano() *piano { return &piano{display: newDisplay(), layout: us} }

var us, fr, de = Layout{Name: "us"}, Layout{Name: "fr"}, Layout{Name: "de"}

// The layout is that of who leads: at once, when the lead passes, and on another display.
func TestLayoutFollowsTheLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		p := newPiano()
		s.SetHands(p, d)
		check := func(when string, want ...Layout) {
			t.Helper()
			synctest.Wait()
			if got := p.history(); !slices.Equal(got, want) {
				t.Errorf("%s: the display was asked for %v, want %v", when, got, want)
			}
		}
		a := join(t, s, Controller)
		if got := a.Layout(); got != us {
			t.Errorf("the layout in force is %v, want %v", got, us)
		}
		check("before anybody has said", nil...)
		a.SetLayout(fr)
		check("the leader has said", fr)
		if got := a.Layout(); got != fr {
			t.Errorf("the layout in force is %v, want %v", got, fr)
		}

		b := join(t, s, Controller)
		b.SetLayout(de)
		time.Sleep(2 * layoutPause)
		check("another has said", fr)
		b.Input(input.Append(nil, 1, 0, input.Motion{}))
		check("the lead has passed", fr, de)
		if got := a.Layout(); got != de {
			t.Errorf("the other is told that %v is in force, want %v", got, de)
		}
		b.SetLayout(Layout{})
		time.Sleep(2 * layoutPause)
		check("who leads does not know", fr, de)
		b.Leave()
		check("who led has left", fr, de, fr)

		p = newPiano()
		s.SetHands(p, d)
		check("another display", fr)
		s.SetHands(nil, nil)
		if got := a.Layout(); got != (Layout{}) {
			t.Errorf("without a display the layout is %v, want none", got)
		}
	})
}

// The first key of who takes the lead is typed in its layout, and what the other
// held is let go before.
func TestLayoutComesBeforeTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		p := newPiano()
		s.SetHands(p, d)
		a, b := join(t, s, Controller), join(t, s, Controller)
		a.SetLayout(fr)
		b.SetLayout(de)
		a.Input(input.Append(nil, 1, 0, key("ShiftLeft", input.Down)))
		time.Sleep(leadIdle + layoutPause/4) // less than the lease
		b.Input(input.Append(nil, 1, 0, key("KeyA", input.Down)))
		if got := p.Layout(); got != de {
			t.Errorf("the key was typed in %v, want %v", got, de)
		}
		if got := p.held(); got != 1 {
			t.Errorf("%d keys are held, want 1", got)
		}
		b.Input(input.Append(nil, 2, 0, key("KeyA", input.Up)))
		if got := p.held(); got != 0 {
			t.Errorf("%d keys are held, want none", got)
		}
	})
}

// The display is asked once a second at most, once for each wish, and never again
// for what somebody has changed on the desktop.
func TestLayoutIsNotFoughtFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		p := newPiano()
		s.SetHands(p, d)
		v := join(t, s, Controller)
		begin := time.Now()
		for n := range 1000 {
			v.SetLayout([]Layout{fr, de}[n%2])
			synctest.Wait()
		}
		time.Sleep(2 * layoutPause)
		if got, want := p.history(), []Layout{fr, de}; !slices.Equal(got, want) {
			t.Errorf("the display was asked for %v within %v, want %v", got, time.Since(begin), want)
		}
		p.retune(us)
		v.Input(input.Append(nil, 1, 0, key("KeyA", input.Down)))
		v.Input(input.Append(nil, 2, 0, key("KeyA", input.Up)))
		if got := v.Layout(); got != us {
			t.Errorf("the viewer is told that %v is in force, want %v", got, us)
		}
		if got := len(p.history()); got != 2 {
			t.Errorf("the display was asked %d times, want 2", got)
		}
	})
}

// A display that does not answer is asked again when it does.
func TestLayoutOfASilentDisplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		p := newPiano()
		p.late = true
		s.SetHands(p, d)
		join(t, s, Controller).SetLayout(fr)
		time.Sleep(silentPause + layoutPause + time.Millisecond)
		if got, want := p.history(), []Layout{fr, fr}; !slices.Equal(got, want) || p.Layout() != fr {
			t.Errorf("the display was asked for %v, want %v", got, want)
		}
	})
}

func TestLayoutRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{Policy: Policy{Refuse: map[Role][]Feature{Controller: {Keyboard}}}})
		p := newPiano()
		s.SetHands(p, d)
		v := join(t, s, Controller)
		for _, l := range []Layout{{Name: "xx"}, {Name: "fr", Variant: "xx"}, {Variant: "fr"}, {Name: "us+fr:2"}} {
			if err := v.SetLayout(l); !errors.Is(err, input.ErrInexpressible) {
				t.Errorf("SetLayout(%v) = %v, want %v", l, err, input.ErrInexpressible)
			}
		}
		if got := v.Counts().Failed; got != 4 {
			t.Errorf("%d failures counted, want 4", got)
		}
		v.SetLayout(fr) // it leads, by its pointer, and may not type
		o := join(t, s, Watcher)
		o.SetLayout(de)
		o.Input(input.Append(nil, 1, 0, key("KeyA", input.Down)))
		synctest.Wait()
		if got := p.history(); got != nil {
			t.Errorf("the display was asked for %v by who may not type", got)
		}
		broken := newPiano()
		broken.broken = true
		s.SetHands(broken, d)
		w := join(t, s, Owner)
		w.SetLayout(fr)
		time.Sleep(leadIdle + time.Millisecond)
		for seq := range uint32(10) {
			w.Input(input.Append(nil, seq+1, 0, key("KeyA", input.Action(1-seq%2))))
		}
		if got := broken.history(); len(got) != 1 {
			t.Errorf("a display that has no such layout was asked %d times, want once", len(got))
		}
		if got := p.events(); got != 0 {
			t.Errorf("%d events", got)
		}
		if got := broken.display.events(); got != 10 {
			t.Errorf("%d events were typed, want 10", got)
		}
	})
}
