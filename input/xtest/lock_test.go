package xtest

import (
	"testing"

	"github.com/jezek/xgb/xproto"

	"lucarne/input"
)

func TestLocks(t *testing.T) {
	onEach(t, func(t *testing.T, d *desktop) {
		check := func(want input.Locks) {
			t.Helper()
			d.sync()
			pointer, err := xproto.QueryPointer(d.conn, d.root).Reply()
			if err != nil {
				t.Fatal(err)
			}
			got := input.Locks{Caps: pointer.Mask&xproto.ModMaskLock != 0, Num: pointer.Mask&xproto.ModMask2 != 0}
			if got != want {
				t.Errorf("locks are %+v, want %+v", got, want)
			}
		}
		for _, layout := range []string{"us", "fr", "de"} {
			d.setLayout(input.Layout{Name: layout})
			for _, want := range []input.Locks{{}, {Caps: true}, {Caps: true, Num: true}, {Num: true}, {Caps: true}, {}} {
				for range 2 {
					d.inject(want)
					check(want)
				}
			}
		}
		// Somebody else's lock, as that of a program on the desktop.
		d.inject(input.Locks{Caps: true})
		d.setLayout(input.Layout{Name: "us"})
		check(input.Locks{Caps: true})
		d.inject(input.Locks{})
		check(input.Locks{})

		// The key itself is held: what it does comes of itself.
		d.inject(down("CapsLock", 0xffe5), input.Locks{Caps: false})
		check(input.Locks{Caps: true})
		d.inject(up("CapsLock", 0xffe5))
		check(input.Locks{Caps: true})
		d.inject(input.Locks{})
		d.sync()
		d.nothingDown()
	})
}
