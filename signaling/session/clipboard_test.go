package session

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"lucarne/input"
)

func TestClipboard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{Policy: Policy{Refuse: map[Role][]Feature{Controller: {CopyOut}}}})
		giver, taker, refused := join(t, s, Owner), join(t, s, Owner), join(t, s, Controller)
		got := func() (texts [3]string) {
			synctest.Wait()
			for i, v := range []*Viewer{giver, taker, refused} {
				if text, ok := v.Clipboard(); ok {
					texts[i] = text
				}
			}
			return texts
		}
		for _, step := range []struct {
			name string
			act  func()
			want [3]string
		}{
			{"nothing yet", func() {}, [3]string{}},
			{"the desktop copies", func() { d.copy("a") }, [3]string{"a", "a", ""}},
			{"again, the same", func() { d.copy("a") }, [3]string{"a", "a", ""}},
			{"a viewer gives", func() { giver.SetClipboard("b") }, [3]string{"", "b", ""}},
			{"a clipboard manager takes it over", func() { d.copy("b") }, [3]string{}},
			{"the desktop copies anew", func() { d.copy("c") }, [3]string{"c", "c", ""}},
			{"another selection", func() { d.text = "d"; d.changed <- input.SelectionPrimary }, [3]string{}},
			{"too long", func() { d.copy(strings.Repeat("x", MaxClipboard+1)) }, [3]string{}},
			{"not text", func() { d.copy("\xff\xfe") }, [3]string{}},
		} {
			step.act()
			if got := got(); got != step.want {
				t.Errorf("%s: got %q, want %q", step.name, got, step.want)
			}
		}
		if len(d.offered) != 1 || string(d.offered[0][0].Data) != "b" || d.offered[0][0].MIME != textMIME {
			t.Errorf("offered %q, want b", d.offered)
		}
		late := join(t, s, Owner)
		if text, ok := late.Clipboard(); ok {
			t.Errorf("a joiner got %q, which was copied before", text)
		}
	})
}

func TestClipboardRefusals(t *testing.T) {
	s, d := start(t, Config{})
	v := join(t, s, Owner)
	if err := v.SetClipboard(strings.Repeat("x", MaxClipboard+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want %v", err, ErrTooLarge)
	}
	if err := v.SetClipboard("\xff"); err == nil {
		t.Error("took what is not UTF-8")
	}
	if err := v.SetClipboard(strings.Repeat("x", MaxClipboard)); err != nil {
		t.Error(err)
	}
	s.SetHands(nil, nil)
	if err := v.SetClipboard("x"); !errors.Is(err, ErrNoDisplay) {
		t.Errorf("got %v, want %v", err, ErrNoDisplay)
	}
	if len(d.offered) != 1 {
		t.Errorf("offered %d times, want once", len(d.offered))
	}
}

// TestClipboardCloses: a display whose clipboard has ended costs nothing until
// there is another.
func TestClipboardCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		v := join(t, s, Owner)
		close(d.changed)
		synctest.Wait() // would not return if the session span
		next := newDisplay()
		s.SetHands(next, next)
		next.copy("back")
		synctest.Wait()
		if text, _ := v.Clipboard(); text != "back" {
			t.Errorf("got %q, want back", text)
		}
	})
}
