package xtest

import (
	"errors"
	"fmt"

	"github.com/jezek/xgb/xproto"

	"lucarne/input"
)

// locks presses the lock keys whose state on the display is another. One that is
// held down is about to change anyway, and is left to who holds it.
func (i *Injector) locks(want input.Locks) error {
	state, err := i.state()
	if err != nil {
		return err
	}
	return errors.Join(
		i.lock(symCapsLock, state&xproto.ModMaskLock != 0, want.Caps),
		i.lock(symNumLock, state&i.keymap.numMask != 0, want.Num),
	)
}

func (i *Injector) lock(sym keysym, now, want bool) error {
	if now == want {
		return nil
	}
	keycodes := i.keymap.index[sym]
	if len(keycodes) == 0 {
		return fmt.Errorf("xtest: lock %#x: %w", uint32(sym), input.ErrInexpressible)
	}
	if kc := keycodes[0]; !i.keys.down(kc) {
		i.fake(xproto.KeyPress, kc)
		i.fake(xproto.KeyRelease, kc)
	}
	return nil
}
