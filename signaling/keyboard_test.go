package signaling

import (
	"testing"

	"lucarne/input"
	"lucarne/signaling/session"
)

// piano is a display whose keyboard can have another layout.
type piano struct {
	*display
	layout session.Layout
}

func (p *piano) SetLayout(l session.Layout) error {
	p.layout = l
	return nil
}

func (p *piano) Layout() session.Layout { return p.layout }

// A page says which layout it has, and is told which one the display has.
func TestKeyboardLayout(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	layout := func() [2]string {
		t.Helper()
		m := c.await("keyboard")
		return [2]string{m.Layout, m.Variant}
	}
	c.send(`{"type":"keyboard","layout":"fr","variant":"","mode":"text"}`)
	s.session.SetHands(&piano{s.display, session.Layout{Name: "us"}}, s.display)
	for got := layout(); got != [2]string{"fr", ""}; got = layout() {
		if got != [2]string{"us", ""} { // for a moment
			t.Fatalf("the display has %v, want fr", got)
		}
	}
	c.send(`{"type":"keyboard","layout":"xx","variant":"","mode":"text"}`)
	c.send(`{"type":"keyboard","layout":"de","variant":"","mode":"sideways"}`)
	c.send(`{"type":"keyboard","layout":"ch","variant":"fr","mode":"physical"}`)
	if got, want := layout(), [2]string{"ch", "fr"}; got != want {
		t.Errorf("the display has %v, want %v", got, want)
	}
	s.session.SetHands(nil, nil)
	if got := layout(); got != [2]string{} {
		t.Errorf("no display has %v", got)
	}
}

// The longest text of package input arrives by the socket.
func TestLongestText(t *testing.T) {
	s := serve(t, nil)
	c, _ := s.join(t)
	text := make([]byte, input.MaxText)
	for n := range text {
		text[n] = 'a'
	}
	c.sendInput(1, input.Text{Text: string(text)})
	if m := c.await("input"); m.Seq != 1 {
		t.Errorf("sequence %d is acknowledged, want 1", m.Seq)
	}
}
