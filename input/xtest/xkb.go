package xtest

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"lucarne/input"
)

// Requests of the X Keyboard Extension that package xgb has not
// (https://www.x.org/releases/current/doc/kbproto/xkbproto.html, appendix D).
const (
	xkbUseExtension = 0
	xkbGetNames     = 17
	xkbGetByName    = 23

	xkbCoreKeyboard = 0x100 // a device spec
)

// Components of a keymap that XkbGetKbdByName is asked for.
const (
	xkbTypes = 1 << iota
	xkbCompat
	xkbClientSymbols
	xkbServerSymbols
	xkbIndicators
	xkbKeyNames

	xkbComponents = xkbTypes | xkbCompat | xkbClientSymbols | xkbServerSymbols | xkbIndicators | xkbKeyNames
)

var errNoXKB = errors.New("the display has no XKEYBOARD extension")

// components are the expressions that a keymap is compiled from, as in XkbGetNames
// and XkbGetKbdByName: "evdev+aliases(qwerty)", "complete", "complete", "pc+us+inet(evdev)".
type components struct{ keycodes, types, compat, symbols string }

// xkb is a connection for the requests of the extension. It is not the one that
// events are injected by: to a client that uses the extension the server reports
// changes of the keyboard by events that package xgb cannot read.
type xkb struct {
	conn   *xgb.Conn
	opcode byte // the extension's major one
}

// openXKB connects to the display, and is errNoXKB where that has no such extension.
func (i *Injector) openXKB(connect func() (*xgb.Conn, error)) (*xkb, error) {
	conn, err := connect()
	if err != nil {
		return nil, err
	}
	x := &xkb{conn: conn}
	if err := i.useXKB(x); err != nil {
		i.hangUp(conn)
		return nil, err
	}
	return x, nil
}

func (i *Injector) useXKB(x *xkb) error {
	const name = "XKEYBOARD"
	ext, err := await(i, xproto.QueryExtension(x.conn, uint16(len(name)), name).Reply)
	if err != nil {
		return err
	}
	if !ext.Present {
		return errNoXKB
	}
	x.opcode = ext.MajorOpcode
	const major, minor = 1, 0
	body := binary.LittleEndian.AppendUint16(nil, major)
	body = binary.LittleEndian.AppendUint16(body, minor)
	reply, err := i.ask(x, xkbUseExtension, body)
	if err == nil && reply[1] == 0 { // not supported
		return errNoXKB
	}
	return err
}

// names returns what the display's keymap was compiled from.
func (i *Injector) names(x *xkb) (components, error) {
	// The atoms come in the order of the bits: keycodes, symbols, types, compat.
	const keycodes, symbols, types, compat = 1 << 0, 1 << 2, 1 << 4, 1 << 5
	body := binary.LittleEndian.AppendUint16(nil, xkbCoreKeyboard)
	body = append(body, 0, 0)
	body = binary.LittleEndian.AppendUint32(body, keycodes|symbols|types|compat)
	reply, err := i.ask(x, xkbGetNames, body)
	if err != nil {
		return components{}, err
	}
	const head = 32
	if len(reply) < head+4*4 {
		return components{}, errors.New("XKB: a short reply")
	}
	var c components
	for n, name := range [...]*string{&c.keycodes, &c.symbols, &c.types, &c.compat} {
		atom := xproto.Atom(xgb.Get32(reply[head+4*n:]))
		if atom == xproto.AtomNone {
			continue
		}
		answer, err := await(i, xproto.GetAtomName(x.conn, atom).Reply)
		if err != nil {
			return components{}, err
		}
		*name = answer.Name
	}
	return c, nil
}

// load has the server compile a keymap and put it in force, for all programs, which
// are told of it. The server's compiler and data are those that it has started
// with. false: it does not have them all.
func (i *Injector) load(x *xkb, c components) (bool, error) {
	body := binary.LittleEndian.AppendUint16(nil, xkbCoreKeyboard)
	body = binary.LittleEndian.AppendUint16(body, xkbComponents) // needed
	body = binary.LittleEndian.AppendUint16(body, xkbComponents) // wanted
	body = append(body, 1, 0)                                    // load it
	for _, part := range [...]string{"", c.keycodes, c.types, c.compat, c.symbols, ""} {
		if len(part) > 0xff {
			return false, fmt.Errorf("%w: a long name", input.ErrInexpressible)
		}
		body = append(append(body, byte(len(part))), part...)
	}
	reply, err := i.ask(x, xkbGetByName, body)
	if err != nil {
		return false, err
	}
	const loaded = 10
	return reply[loaded] != 0, nil
}

// ask sends a request of an extension and returns the reply, at least 32 bytes.
func (i *Injector) ask(x *xkb, minor byte, body []byte) ([]byte, error) {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	request := append([]byte{x.opcode, minor}, 0, 0)
	xgb.Put16(request[2:], uint16(1+len(body)/4))
	cookie := x.conn.NewCookie(true, true)
	x.conn.NewRequest(append(request, body...), cookie)
	return await(i, cookie.Reply)
}
