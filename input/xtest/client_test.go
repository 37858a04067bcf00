package xtest

import (
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"go.uber.org/goleak"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/input"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const deadline = 20 * time.Second

// onEach runs a test on each kind of X server.
func onEach(t *testing.T, test func(t *testing.T, d *desktop)) {
	for _, server := range []string{display.Xvfb, display.Xvnc} {
		t.Run(server, func(t *testing.T) { test(t, newDesktop(t, server)) })
	}
}

// A desktop is a display with an injector and a program that has the keyboard
// and the whole screen.
type desktop struct {
	t      *testing.T
	name   string
	i      *Injector
	conn   *xgb.Conn
	root   xproto.Window
	window xproto.Window
	events chan xgb.Event
	editor *os.Process // of startEditor
}

func newDesktop(t *testing.T, server string) *desktop {
	plan := displaytest.Start(t, display.Config{Server: server, Size: image.Pt(640, 480)})
	d := &desktop{t: t, name: plan.Display, events: make(chan xgb.Event, 10_000)}
	conn, err := display.Connect(plan.Display)
	if err != nil {
		t.Fatal(err)
	}
	d.conn = conn
	d.openWindow()
	d.i = d.open()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			event, err := conn.WaitForEvent()
			if event == nil && err == nil {
				return
			}
			if event != nil {
				d.events <- event
			}
		}
	}()
	t.Cleanup(func() {
		d.i.Close()
		conn.Close()
		<-ended
	})
	return d
}

func (d *desktop) open() *Injector {
	i, err := Open(Config{Display: d.name, Connect: display.Connect})
	if err != nil {
		d.t.Fatal(err)
	}
	return i
}

// autoRepeat returns the display's AutoRepeatMode.
func (d *desktop) autoRepeat() byte {
	d.t.Helper()
	control, err := xproto.GetKeyboardControl(d.conn).Reply()
	if err != nil {
		d.t.Fatal(err)
	}
	return control.GlobalAutoRepeat
}

// server returns the X server's process, which this test has started.
func (d *desktop) server() *os.Process {
	d.t.Helper()
	conn, err := net.Dial("unix", "/tmp/.X11-unix/X"+strings.TrimPrefix(d.name, ":"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		d.t.Fatal(err)
	}
	var peer *syscall.Ucred
	var peerErr error
	err = raw.Control(func(fd uintptr) {
		peer, peerErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err := errors.Join(err, peerErr); err != nil {
		d.t.Fatal(err)
	}
	server, err := os.FindProcess(int(peer.Pid))
	if err != nil {
		d.t.Fatal(err)
	}
	return server
}

func (d *desktop) openWindow() {
	screen := xproto.Setup(d.conn).DefaultScreen(d.conn)
	d.root = screen.Root
	id, err := xproto.NewWindowId(d.conn)
	if err != nil {
		d.t.Fatal(err)
	}
	d.window = id
	mask := uint32(xproto.EventMaskKeyPress | xproto.EventMaskKeyRelease | xproto.EventMaskButtonPress |
		xproto.EventMaskButtonRelease | xproto.EventMaskPointerMotion)
	for _, err := range []error{
		xproto.CreateWindowChecked(d.conn, screen.RootDepth, id, screen.Root, 0, 0, 4096, 4096, 0,
			xproto.WindowClassInputOutput, screen.RootVisual, xproto.CwOverrideRedirect|xproto.CwEventMask,
			[]uint32{1, mask}).Check(),
		xproto.MapWindowChecked(d.conn, id).Check(),
		xproto.SetInputFocusChecked(d.conn, xproto.InputFocusNone, id, xproto.TimeCurrentTime).Check(),
	} {
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d *desktop) inject(events ...input.Event) {
	d.t.Helper()
	for _, e := range events {
		if err := d.i.Inject(e); err != nil {
			d.t.Fatalf("Inject(%#v): %v", e, err)
		}
	}
}

// next returns the next event that the program gets.
func (d *desktop) next() xgb.Event {
	d.t.Helper()
	for {
		select {
		case e := <-d.events:
			if _, ok := e.(xproto.MappingNotifyEvent); !ok {
				return e
			}
		case <-time.After(deadline):
			d.t.Fatal("the program got no event")
		}
	}
}

// quiet checks that the program has got all there was.
func (d *desktop) quiet() {
	d.t.Helper()
	d.sync()
	for {
		select {
		case e := <-d.events:
			if _, ok := e.(xproto.MappingNotifyEvent); !ok {
				d.t.Errorf("the program got %v besides", e)
			}
		default:
			return
		}
	}
}

// sync waits until the server has handled what was injected and the program has
// got it: a reply on a connection comes after the events before it.
func (d *desktop) sync() {
	d.t.Helper()
	if _, err := await(d.i, xproto.GetInputFocus(d.i.conn).Reply); err != nil {
		d.t.Fatal(err)
	}
	// What the reader of events has not passed on yet is behind this one.
	marker := xproto.ClientMessageEvent{Format: 32, Window: d.window, Type: xproto.AtomInteger,
		Data: xproto.ClientMessageDataUnionData32New(make([]uint32, 5))}
	xproto.SendEvent(d.conn, false, d.window, 0, string(marker.Bytes()))
	var kept []xgb.Event
	for {
		select {
		case e := <-d.events:
			if _, ok := e.(xproto.ClientMessageEvent); ok {
				for _, e := range kept {
					d.events <- e
				}
				return
			}
			kept = append(kept, e)
		case <-time.After(deadline):
			d.t.Fatal("the program got no answer")
		}
	}
}

// meaning is what a program makes of a key event: the keysym in the mapping as
// it is now, under the modifiers in the event.
func (d *desktop) meaning(kc xproto.Keycode, state uint16) uint32 {
	d.t.Helper()
	reply, err := xproto.GetKeyboardMapping(d.conn, kc, 1).Reply()
	if err != nil {
		d.t.Fatal(err)
	}
	at := func(column int) uint32 {
		if column < len(reply.Keysyms) {
			return uint32(reply.Keysyms[column])
		}
		return 0
	}
	column := 0
	if state&xproto.ModMask5 != 0 && at(4) != 0 {
		column = 4
	}
	plain, shifted := at(column), at(column+1)
	shift := state&xproto.ModMaskShift != 0
	if state&xproto.ModMaskLock != 0 && plain >= 'a' && plain <= 'z' {
		shift = !shift
	}
	if shift && shifted != 0 {
		return shifted
	}
	return plain
}

// isModifier reports whether a keycode is in the modifier map.
func (d *desktop) isModifier(kc xproto.Keycode) bool {
	return d.i.keymap.mods[kc] != 0
}

// pressed returns what the next press but those of modifiers means, and which
// modifiers it has.
func (d *desktop) pressed() (sym uint32, state uint16) {
	d.t.Helper()
	for {
		if e, ok := d.next().(xproto.KeyPressEvent); ok && !d.isModifier(e.Detail) {
			return d.meaning(e.Detail, e.State), e.State
		}
	}
}

// nothingDown checks that the display has no key, modifier or button down.
func (d *desktop) nothingDown() {
	d.t.Helper()
	keys, err := xproto.QueryKeymap(d.conn).Reply()
	if err != nil {
		d.t.Fatal(err)
	}
	for i, b := range keys.Keys {
		if b != 0 {
			d.t.Errorf("keys down in byte %d of the keymap: %#x", i, b)
		}
	}
	pointer, err := xproto.QueryPointer(d.conn, d.root).Reply()
	if err != nil {
		d.t.Fatal(err)
	}
	if locks := uint16(xproto.ModMaskLock | xproto.ModMask2); pointer.Mask&^locks != 0 {
		d.t.Errorf("modifiers and buttons %#x are down", pointer.Mask)
	}
}

// describe names the kind, the detail and the place of an event.
func describe(e xgb.Event) string {
	switch e := e.(type) {
	case xproto.KeyPressEvent:
		return fmt.Sprintf("key %d down", e.Detail)
	case xproto.KeyReleaseEvent:
		return fmt.Sprintf("key %d up", e.Detail)
	case xproto.ButtonPressEvent:
		return fmt.Sprintf("button %d down at %d,%d", e.Detail, e.EventX, e.EventY)
	case xproto.ButtonReleaseEvent:
		return fmt.Sprintf("button %d up at %d,%d", e.Detail, e.EventX, e.EventY)
	case xproto.MotionNotifyEvent:
		return fmt.Sprintf("motion to %d,%d", e.EventX, e.EventY)
	}
	return fmt.Sprintf("%T", e)
}
