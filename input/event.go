// Package input holds what a person at the browser does, as bytes, as events
// and as the state of a keyboard. It is pure Go and knows nothing of X.
//
// # The wire format
//
// A message holds one event. It is the same on a data channel and in a binary
// WebSocket message. Numbers are big endian.
//
//	offset  size
//	0       1     type
//	1       4     sequence, one count over all channels of a viewer, from 1, in the order of the events
//	5       4     the page's clock in ms, wrapping, for telling late repeats
//	9       ...   by type:
//
//	1 key      action u8 (0 up, 1 down, 2 repeat), keysym u32, code length u8 (≤ 32), code (ASCII, "KeyA")
//	2 motion   x u16, y u16
//	3 button   action u8 (0 up, 1 down), button u8 (1 left, 2 middle, 3 right, 8 back, 9 forward), x u16, y u16
//	4 wheel    dx i16, dy i16 in 1/120 of a notch, right and down positive; x u16, y u16
//	5 release  nothing: every key and button held is let go (blur, hidden tab)
//	6 renew    nothing: the keys and buttons held are still held; renews their lease
//	7 relative x i32, y i32 in 1/16 of a pixel, wrapping: how far the locked pointer has moved in all since the
//	           viewer's first event
//	8 text     length u16 (bytes, 1 to 1024), UTF-8 without control characters (Unicode Cc) other than \n and \t:
//	           text that no key stands for; it is typed, and leaves nothing held
//	9 locks    state u8 (bit 0 Caps Lock, bit 1 Num Lock): which locks are on in the browser
//
// Positions are pixels of the remote screen; 65535, 65535 in button and wheel means where the
// pointer is. Keys, buttons, wheel, release, text and locks travel in order on a reliable
// channel; motion, relative, repeats and renewals on an unreliable one. A sender keeps the
// reliable ones until they are acknowledged and sends them again when the channel changes; the
// receiver drops a reliable event whose sequence is not above the newest reliable one seen, and
// motion, relative or not, whose sequence is not above the newest motion seen. Relative motion
// may be lost, as its newest total says all of it; it goes by the reliable channel too right
// before a button or the wheel.
package input

import (
	"context"
	"errors"
	"image"
	"math"
	"time"
)

// Action is what happens to a key or button.
type Action uint8

// The actions. Repeat is for keys alone.
const (
	Up Action = iota
	Down
	Repeat
)

// Event is one of Key, Motion, Button, Wheel, Release, Renew, Relative, Text and
// Locks, which have a message each, and Shift, which has none.
type Event interface{ event() }

// Key is a key going up or down.
type Key struct {
	Action Action
	Code   string // KeyboardEvent.code (W3C UI Events code), the physical key; may be empty
	Keysym uint32 // X keysym of what the key means in the browser's layout; 0: unknown
}

// Motion is the pointer at a new position.
type Motion struct{ Pos image.Point }

// Here is the position of a Button or Wheel where the pointer is.
var Here = image.Pt(math.MaxUint16, math.MaxUint16)

// Button is a pointer button going up or down at a position, or Here.
type Button struct {
	Action Action // Up or Down
	Button uint8  // X button number
	Pos    image.Point
}

// Wheel is a turn of the wheel at a position, or Here, in 1/120 of a notch.
type Wheel struct {
	Delta image.Point // right and down positive
	Pos   image.Point
}

// Release lets go of every key and button.
type Release struct{}

// Renew says that the keys and buttons held are still held.
type Renew struct{}

// Relative is how far the pointer has moved in all since the viewer's first
// event, in 1/16 of a pixel, each way wrapping at 32 bits.
type Relative struct{ Total image.Point }

// Shift moves the pointer from where it is, by pixels. It is what a Keyboard
// makes of Relative for an Injector.
type Shift struct{ By image.Point }

// Text is text to be typed that no key stands for: 1 to MaxText bytes of UTF-8
// without control characters other than \n and \t.
type Text struct{ Text string }

// Locks says which lock keys are on.
type Locks struct{ Caps, Num bool }

func (Key) event()      {}
func (Motion) event()   {}
func (Button) event()   {}
func (Wheel) event()    {}
func (Release) event()  {}
func (Renew) event()    {}
func (Relative) event() {}
func (Shift) event()    {}
func (Text) event()     {}
func (Locks) event()    {}

// Reliable reports whether an event travels on the reliable channel.
func Reliable(e Event) bool {
	switch e := e.(type) {
	case Key:
		return e.Action != Repeat
	case Button, Wheel, Release, Text, Locks:
		return true
	}
	return false
}

var (
	// ErrInexpressible: the display has no such key or button.
	ErrInexpressible = errors.New("the display cannot express it")
	// ErrGone: there is no display any more, or the injector is closed.
	ErrGone = errors.New("the display has gone")
	// ErrTooLarge: a clipboard's content is larger than may be carried.
	ErrTooLarge = errors.New("too large")
)

// Injector performs events on a display. It is used by one goroutine at a time.
// It gets Key (Up and Down), Motion, Shift, Button, Wheel, Text and Locks: what
// is held is the business of Keyboard.
type Injector interface {
	// Inject performs one event, a position outside the screen at the nearest
	// one inside. An event that the display cannot express (a keysym that does
	// not exist, a button that there is not) is an ErrInexpressible and changes
	// nothing; a display that has gone is an ErrGone.
	Inject(Event) error
	// Close frees the injector and restores what it changed on the display. It
	// is idempotent.
	Close() error
}

// AutoRepeater is an Injector that can switch the display's own key repeat.
type AutoRepeater interface {
	SetAutoRepeat(on bool) error
}

// Preparer is an Injector that may have to wait before it types a text, and can be asked
// to make ready for it, so that others have their turn meanwhile.
type Preparer interface {
	// Prepare makes ready for the beginning of a text, at least 16 characters, and waits
	// for nothing but the display itself: it returns how long later to ask again, and 0
	// when Inject would not have to wait. What others do meanwhile may undo it.
	Prepare(text string) (wait time.Duration, err error)
}

// Selection names one of the display's clipboards.
type Selection string

// The selections, by their X names (ICCCM §2.6.1).
const (
	SelectionClipboard Selection = "CLIPBOARD"
	SelectionPrimary   Selection = "PRIMARY"
)

// Item is one representation of a clipboard's content.
type Item struct {
	MIME string // "text/plain;charset=utf-8"
	Data []byte
}

// Clipboard is the display's selections.
type Clipboard interface {
	// Changed says that another program has taken a selection. Its capacity is
	// small: only the newest change of each selection matters.
	Changed() <-chan Selection
	// Read returns the selection's content as the MIME type asked for, at most
	// max bytes; more is an ErrTooLarge.
	Read(ctx context.Context, s Selection, mime string, max int) ([]byte, error)
	// Offer takes the selection and answers requests for it with items until
	// another program takes it. It copies nothing: items must not change.
	Offer(s Selection, items []Item) error
}
