package xtest

import (
	"errors"
	"slices"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

const (
	// settle is how long a spare keycode keeps its meaning after its last use, for a
	// program that cannot be asked. A program reads a change of the mapping when it
	// comes to it, and then as it is by that time: were the keycode lent anew before,
	// the program would read the new meaning.
	settle = 300 * time.Millisecond
	// spread is how long a change of the mapping takes to become known. Some programs
	// hear of it by another connection than of the keys: Chromium asks GTK.
	spread = 50 * time.Millisecond
	// pingPoll is how often it is looked whether a program has answered.
	pingPoll = time.Millisecond
	// pingPatience is how long a program may take to answer that can be asked.
	pingPatience = time.Second
	// maxDepth bounds how deep in a program's windows the one with the focus is.
	maxDepth = 8
)

// pings is how a program is asked whether it has dealt with the keys before
// (Extended Window Manager Hints, _NET_WM_PING): toolkits answer in the order of
// events.
type pings struct {
	protocols, ping xproto.Atom
	sent, answered  uint32        // serials
	asking          xproto.Window // that has been sent the newest, and not answered; 0: none
	asked           time.Time     // when
	changed         time.Time     // when a keycode was given another meaning
	settled         time.Time     // all keys before have been dealt with
	mute            xproto.Window // that has not answered
	patience        time.Duration // with a program
	settle          time.Duration // as above
}

// findPings makes ready for pings.
func (i *Injector) findPings() error {
	for name, atom := range map[string]*xproto.Atom{"WM_PROTOCOLS": &i.pings.protocols, "_NET_WM_PING": &i.pings.ping} {
		reply, err := await(i, xproto.InternAtom(i.conn, false, uint16(len(name)), name).Reply)
		if err != nil {
			return err
		}
		*atom = reply.Atom
	}
	return nil
}

// settleKeys returns when the program that has the keyboard has read what the keys
// meant that were pressed until used, or should have.
func (i *Injector) settleKeys(used time.Time) error {
	for {
		wait, err := i.settling(used)
		if wait == 0 || err != nil {
			return err
		}
		time.Sleep(wait)
	}
}

// settling is settleKeys for who comes back: it returns how long to wait before, 0 when
// they are settled.
func (i *Injector) settling(used time.Time) (wait time.Duration, err error) {
	p := &i.pings
	if p.asking != 0 {
		if err := i.takeEvents(); err != nil {
			return 0, err
		}
		switch {
		case p.answered == p.sent:
			p.settled = p.asked
		case time.Since(p.asked) < p.patience:
			return pingPoll, nil
		default:
			p.mute = p.asking
		}
		p.asking = 0
		i.listen(xproto.EventMaskStructureNotify)
	}
	if !used.After(p.settled) || time.Since(used) >= p.settle {
		return 0, nil
	}
	w, err := i.pingable()
	if err != nil {
		return 0, err
	}
	if w == 0 || w == p.mute {
		return max(0, p.settle-time.Since(used)), nil
	}
	i.pingWindow(w)
	return pingPoll, nil
}

// pingable returns the window to ask of the program that has the keyboard; 0: it
// has none.
func (i *Injector) pingable() (xproto.Window, error) {
	focus, err := await(i, xproto.GetInputFocus(i.conn).Reply)
	if err != nil {
		return 0, err
	}
	w := focus.Focus
	for range maxDepth {
		if w <= xproto.InputFocusPointerRoot || w == i.root {
			return 0, nil
		}
		protocols, err := await(i, orNone(xproto.GetProperty(i.conn, false, w, i.pings.protocols, xproto.AtomAtom, 0, 32).Reply))
		if err != nil {
			return 0, err
		}
		if protocols != nil && slices.Contains(atoms(protocols.Value), i.pings.ping) {
			return w, nil
		}
		tree, err := await(i, orNone(xproto.QueryTree(i.conn, w).Reply))
		if err != nil || tree == nil {
			return 0, err
		}
		w = tree.Parent
	}
	return 0, nil
}

// pingWindow asks a program.
func (i *Injector) pingWindow(w xproto.Window) {
	i.listen(xproto.EventMaskStructureNotify | xproto.EventMaskSubstructureNotify) // answers go to the root window
	i.pings.sent++
	i.pings.asking, i.pings.asked = w, time.Now()
	event := xproto.ClientMessageEvent{Format: 32, Window: w, Type: i.pings.protocols,
		Data: xproto.ClientMessageDataUnionData32New([]uint32{uint32(i.pings.ping), i.pings.sent, uint32(w), 0, 0})}
	xproto.SendEvent(i.conn, false, w, xproto.EventMaskNoEvent, string(event.Bytes()))
}

// orNone makes nil of what the server refuses: the window has gone.
func orNone[T any](reply func() (*T, error)) func() (*T, error) {
	return func() (*T, error) {
		value, err := reply()
		var refused xgb.Error
		if errors.As(err, &refused) {
			return nil, nil
		}
		return value, err
	}
}

func atoms(value []byte) (list []xproto.Atom) {
	for ; len(value) >= 4; value = value[4:] {
		list = append(list, xproto.Atom(xgb.Get32(value)))
	}
	return list
}

// pong takes a client message, which may be an answer.
func (i *Injector) pong(e xproto.ClientMessageEvent) {
	if e.Type != i.pings.protocols || e.Format != 32 {
		return
	}
	if data := e.Data.Data32; len(data) > 1 && xproto.Atom(data[0]) == i.pings.ping {
		i.pings.answered = data[1]
	}
}

func (i *Injector) listen(mask uint32) {
	xproto.ChangeWindowAttributes(i.conn, i.root, xproto.CwEventMask, []uint32{mask})
}
