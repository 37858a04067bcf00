package xtest

import (
	"fmt"

	"github.com/jezek/xgb/xproto"

	"lucarne/input"
)

// markName is a property of the root window: the AutoRepeatMode to restore, a
// CARDINAL of 8 bits, for as long as an injector has it changed. It outlives an
// injector that is killed.
const markName = "_LUCARNE_AUTO_REPEAT"

// SetAutoRepeat implements input.AutoRepeater, for all programs on the display.
// Close restores what was set before the first call; where there is no Close, the
// next Open does.
func (i *Injector) SetAutoRepeat(on bool) error {
	if err := i.changeRepeat(on); err != nil {
		return fmt.Errorf("xtest: set auto-repeat: %w", err)
	}
	return nil
}

func (i *Injector) changeRepeat(on bool) error {
	if i.closed {
		return input.ErrGone
	}
	if err := i.ready(); err != nil {
		return err
	}
	if i.repeat == nil {
		control, err := await(i, xproto.GetKeyboardControl(i.conn).Reply)
		if err != nil {
			return err
		}
		i.repeat = &control.GlobalAutoRepeat
		xproto.ChangeProperty(i.conn, xproto.PropModeReplace, i.root, i.mark, xproto.AtomCardinal, 8, 1, []byte{*i.repeat})
	}
	mode := byte(xproto.AutoRepeatModeOff)
	if on {
		mode = xproto.AutoRepeatModeOn
	}
	i.setRepeat(mode)
	return nil
}

func (i *Injector) setRepeat(mode byte) {
	xproto.ChangeKeyboardControl(i.conn, xproto.KbAutoRepeatMode, []uint32{uint32(mode)})
}

func (i *Injector) restoreRepeat(mode byte) {
	i.setRepeat(mode)
	xproto.DeleteProperty(i.conn, i.root, i.mark)
}

// restoreForgotten restores the auto-repeat as an injector that was killed would
// have. Otherwise its change would be taken for the display's own from now on.
func (i *Injector) restoreForgotten() error {
	atom, err := await(i, xproto.InternAtom(i.conn, false, uint16(len(markName)), markName).Reply)
	if err != nil {
		return err
	}
	i.mark = atom.Atom
	mark, err := await(i, xproto.GetProperty(i.conn, false, i.root, i.mark, xproto.AtomCardinal, 0, 1).Reply)
	if err != nil {
		return err
	}
	if mark.Format == 8 && len(mark.Value) == 1 && mark.Value[0] <= xproto.AutoRepeatModeOn {
		i.restoreRepeat(mark.Value[0])
	}
	return nil
}
