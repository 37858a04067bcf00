package xtest

import (
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"lucarne/capture/display"
)

func TestAutoRepeat(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		second := d.open()
		if err := second.SetAutoRepeat(false); err != nil {
			t.Fatal(err)
		}
		if err := second.Inject(down("KeyX", 'x')); err != nil {
			t.Fatal(err)
		}
		if got, want := describe(d.next()), "key 53 down"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		// The display's first repeat would come after 660 ms.
		select {
		case e := <-d.events:
			t.Errorf("while the key is held the program got %s", describe(e))
		case <-time.After(time.Second):
		}
		if got := d.autoRepeat(); got != xproto.AutoRepeatModeOff {
			t.Errorf("auto-repeat %d, want %d", got, xproto.AutoRepeatModeOff)
		}
		second.Close()
		if got := d.autoRepeat(); got != xproto.AutoRepeatModeOn {
			t.Errorf("auto-repeat %d after Close, want %d", got, xproto.AutoRepeatModeOn)
		}
		if got, want := describe(d.next()), "key 53 up"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// An injector that was killed could not restore the auto-repeat: the next one does.
func TestOpenRestoresAutoRepeat(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		for _, original := range []byte{xproto.AutoRepeatModeOn, xproto.AutoRepeatModeOff} {
			d.i.setRepeat(original)
			d.sync()
			var killed display.Conns
			first, err := Open(Config{Display: d.name, Connect: killed.Connect})
			if err != nil {
				t.Fatal(err)
			}
			for _, on := range []bool{true, false} {
				if err := first.SetAutoRepeat(on); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := await(first, xproto.GetInputFocus(first.conn).Reply); err != nil {
				t.Fatal(err)
			}
			killed.Close()
			first.hangUpAll()

			second := d.open()
			if got := d.autoRepeat(); got != original {
				t.Errorf("auto-repeat %d after Open, want %d", got, original)
			}
			if err := second.SetAutoRepeat(false); err != nil {
				t.Fatal(err)
			}
			second.Close()
			if got := d.autoRepeat(); got != original {
				t.Errorf("auto-repeat %d after Close, want %d", got, original)
			}
			mark, err := xproto.GetProperty(d.conn, false, d.root, second.mark, xproto.GetPropertyTypeAny, 0, 1).Reply()
			if err != nil || mark.Type != xproto.AtomNone {
				t.Errorf("the mark is still there: %+v, %v", mark, err)
			}
		}
	})
}
