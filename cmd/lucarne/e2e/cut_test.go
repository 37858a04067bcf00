package e2e

import (
	"testing"
	"time"

	"lucarne/perf/browser"
)

// TestCutYieldsOneLetter: a program gets one letter of a key that is held while the
// network stands still for 1.5 s, whichever way input goes.
func TestCutYieldsOneLetter(t *testing.T) {
	const cut = 1500 * time.Millisecond
	for _, transport := range []string{"webrtc", "ws"} {
		t.Run(transport, func(t *testing.T) {
			d := newDesk(t, setup{})
			term := d.terminal()
			network := newRelay(d)
			page := network.openBy(transport)
			term.focus(page)
			k := browser.Key{Code: "KeyK", Key: "k"}
			d.check(page.KeyDown(d.ctx, k))
			term.got("k")
			network.freeze()
			again := k
			again.Repeat = true
			tick := time.NewTicker(40 * time.Millisecond)
			defer tick.Stop()
			for end := time.Now().Add(cut); time.Now().Before(end); <-tick.C {
				d.check(page.KeyDown(d.ctx, again))
			}
			d.check(page.KeyUp(d.ctx, k))
			network.thaw()
			d.check(page.Press(d.ctx, browser.Key{Code: "KeyZ", Key: "z"})) // behind all that was held up
			term.got("kz")
		})
	}
}

// TestMixedTextInOrder: characters that keys have, that a keycode has to be lent
// for, and that only text can be, 200 in all, arrive in their order.
func TestMixedTextInOrder(t *testing.T) {
	for _, transport := range []string{"webrtc", "ws"} {
		t.Run(transport, func(t *testing.T) {
			d := newDesk(t, setup{})
			term := d.terminal()
			page := d.open("?resize=off&transport=" + transport)
			term.focus(page)
			want := ""
			for n := range rune(25) {
				typed, inserted := string([]rune{'a' + n, 'A' + n, 'à' + n, 'あ' + n, '€'}), string([]rune{'😀' + n, '一' + n, '.'})
				d.check(page.Type(d.ctx, typed), page.Call(d.ctx, "Input.insertText", map[string]any{"text": inserted}, nil))
				want += typed + inserted
			}
			term.got(want)
		})
	}
}
