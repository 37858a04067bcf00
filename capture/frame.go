// Package capture holds the contracts by which pictures of a screen reach the
// encoders, and Screen, which shares one source among any number of readers.
//
// It is pure Go and knows nothing of X: the sources live in its children.
package capture

import (
	"errors"
	"image"
	"time"
)

// ErrNoScreen is returned by Reader.Grab while there is no source: the display
// has not started yet, or it has gone.
var ErrNoScreen = errors.New("capture: no screen")

// Frame is one picture of the screen.
type Frame struct {
	// Pix is the whole picture, not just the damage: 4 bytes a pixel in the
	// order B, G, R, X (X11 depth 24, ZPixmap, little endian), Stride bytes a
	// row. It belongs to the source and is valid until Release, or until the
	// next Grab of the same source or reader, whichever comes first.
	Pix    []byte
	Stride int         // bytes from one row to the next, at least 4*Size.X
	Size   image.Point // pixels

	// Damage is what changed since the previous Grab of whoever grabs: since
	// the source's last Grab for a Source, since the reader's own for a Reader.
	// The rectangles lie inside the picture and may overlap. Empty: nothing
	// changed. Its memory is reused by the next Grab into the same Frame.
	Damage []image.Rectangle

	Seq     uint64    // counts the source's grabs; the same Seq is the same picture
	Damaged time.Time // when the first change in Damage was noticed; zero without damage
	Grabbed time.Time // when the picture was complete in Pix, or last known to be the screen's

	// Segment names the shared memory behind Pix, for an encoder in another
	// process. The zero value: Pix is ordinary memory.
	Segment Segment

	release func()
}

// Segment is a SysV shared memory segment (shmget(2)).
type Segment struct {
	ID         int    // as shmget returned it
	Generation uint64 // changes whenever the segment behind a Source is replaced; 0 means no segment
}

// Release says that Pix is not needed any more, so that the next grab need not
// wait for a slow encode. An encoder calls it as soon as it has converted the
// picture. It may be called more than once and on a Frame that nobody holds.
func (f *Frame) Release() {
	if release := f.release; release != nil {
		f.release = nil
		f.Pix = nil
		release()
	}
}

// OnRelease has f call release at its Release, once. It is for those who lend a
// Frame that they made.
func (f *Frame) OnRelease(release func()) { f.release = release }

// Source is where pictures come from: an X display, a test pattern, or a
// Reader on a Screen.
//
// Damaged and Grab may be used from different goroutines; two Grabs may not
// run at once.
type Source interface {
	// Damaged returns the doorbell: a channel of capacity 1 that holds a value
	// when something has changed since the last Grab. It is closed when the
	// source is finished (its display has gone); a Grab then tells why.
	Damaged() <-chan struct{}
	// Grab fills f with the picture as it is now and what changed since the
	// last Grab. The first Grab's damage is the whole picture, and so is that of
	// a Grab after a change of size. f's slices are reused.
	Grab(f *Frame) error
	// Close ends the source and frees what it holds. It is idempotent.
	Close() error
}

// Resizer is a Source whose screen can be given another size.
type Resizer interface {
	// Resize asks for a size in pixels and returns the size that the screen
	// has now, which may differ: a server that cannot grow returns the largest
	// that it can be.
	Resize(size image.Point) (image.Point, error)
}

// DPISetter is a Source whose screen can be said to have another number of dots
// per inch, which toolkits take for the size of text and controls.
type DPISetter interface {
	// SetDPI says how many they are, 96 at a scale of 1, best before a Resize: what
	// goes with the size is said with it. Programs that are running follow where
	// they can.
	SetDPI(dpi int) error
}

// Cursor is the pointer's picture, carried beside the video and never in it.
type Cursor struct {
	Serial uint32       // names the picture: equal serials are equal pictures
	Image  *image.NRGBA // nil or empty: the cursor is hidden
	Hot    image.Point  // the hot spot, in Image's pixels
	Pos    image.Point  // the hot spot, in screen pixels
}

// Pointed is a Source that knows the cursor.
type Pointed interface {
	// CursorChanged is a doorbell like Source.Damaged, for the cursor's picture.
	CursorChanged() <-chan struct{}
	// Cursor returns the cursor as it is now. The image is not changed
	// afterwards and may be kept.
	Cursor() (Cursor, error)
}
