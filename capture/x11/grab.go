package x11

import (
	"errors"
	"fmt"
	"image"
	"time"

	"github.com/jezek/xgb/damage"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"

	"lucarne/capture"
)

const (
	// maxDamage is how many rectangles a Frame gets at most. Lines of text make
	// many that touch; telling them apart is not worth an encoder's while.
	maxDamage = 16
	// maxParts is how many requests one Grab asks for pixels with at most. Each
	// costs some 15 µs and six small objects.
	maxParts = 3
)

// Grab implements capture.Source. Only what changed is fetched; nothing is
// fetched when nothing did. f.Pix is a SysV segment that the X server writes
// into during the next Grab.
//
// display.ErrNoDisplay, wrapped: the display has gone.
func (s *Source) Grab(f *capture.Frame) error {
	s.grabbing.Lock()
	defer s.grabbing.Unlock()
	if s.closed {
		return fmt.Errorf("x11: grab: %w", errClosed)
	}
	s.discardEvents()
	// Before the damage is fetched: a ring for what is drawn from now on stays.
	damaged := s.damaged.answer()
	started := time.Now()
	err := s.grab(f)
	if match := (xproto.MatchError{}); errors.As(err, &match) {
		err = s.grabAlone(f)
	}
	if err != nil {
		s.whole = true // the damage fetched so far is lost
		s.damaged.ring(damaged)
		return fmt.Errorf("x11: grab: %w", err)
	}
	if len(f.Damage) > 0 {
		s.seq++
		if damaged.IsZero() {
			damaged = started // fetched before its event was read
		}
	} else {
		damaged = time.Time{}
	}
	f.Pix, f.Stride, f.Size = s.picture.pix, s.picture.stride(), s.picture.size
	f.Seq, f.Segment = s.seq, s.picture.segment()
	f.Damaged, f.Grabbed = damaged, time.Now()
	return nil
}

// discardEvents empties the queue of the connection for pixels, which asks for
// no events but gets MappingNotify like every client. A full queue (5000) would
// block the replies behind it.
func (s *Source) discardEvents() {
	for {
		if event, fault := s.pixels.PollForEvent(); event == nil && fault == nil {
			return
		}
	}
}

// grab brings the picture up to date and fills f.Damage.
func (s *Source) grab(f *capture.Frame) error {
	if s.resized.Swap(false) {
		if err := s.fit(); err != nil {
			return err
		}
	}
	if s.renewed.Swap(false) {
		s.whole = true
	}
	bounds := image.Rectangle{Max: s.picture.size}
	f.Damage, s.parts = f.Damage[:0], s.parts[:0]
	if s.whole {
		// Before the pixels are fetched: what is drawn in between is seen twice
		// rather than never.
		damage.Subtract(s.pixels, s.damage, 0, 0)
		f.Damage = append(f.Damage, bounds)
	} else {
		damage.Subtract(s.pixels, s.damage, 0, s.region)
		changed, err := xfixes.FetchRegion(s.pixels, s.region).Reply()
		if err != nil {
			return lost(err)
		}
		f.Damage = appendMerged(f.Damage, changed.Rectangles, bounds)
	}
	if len(f.Damage) == 0 {
		return nil
	}
	s.parts = s.picture.plan(append(s.parts, f.Damage...))
	if err := s.picture.fetch(s.parts); err != nil {
		return err
	}
	s.whole = false
	return nil
}

// grabAlone grabs anew after the screen has shrunk under a request, all other
// clients being held up so that it cannot happen again.
func (s *Source) grabAlone(f *capture.Frame) error {
	xproto.GrabServer(s.pixels)
	defer xproto.UngrabServer(s.pixels)
	s.resized.Store(true)
	return s.grab(f)
}

// fit gives the picture the screen's size, and has the next grab fetch all of
// it: what the screen shows after a change of size is known to the server only.
func (s *Source) fit() error {
	s.whole = true
	geometry, err := xproto.GetGeometry(s.pixels, xproto.Drawable(s.root)).Reply()
	if err != nil {
		return lost(err)
	}
	size := image.Pt(int(geometry.Width), int(geometry.Height))
	if size == s.picture.size {
		return nil
	}
	return s.picture.resize(size)
}

// appendMerged appends an X region's rectangles (which come from top to bottom
// and, within a band, from left to right) to damage, neighbours united so that
// there are at most maxDamage.
func appendMerged(damage []image.Rectangle, region []xproto.Rectangle, bounds image.Rectangle) []image.Rectangle {
	group := (len(region) + maxDamage - 1) / maxDamage
	for len(region) > 0 {
		n := min(group, len(region))
		var union image.Rectangle
		for _, r := range region[:n] {
			x, y := int(r.X), int(r.Y)
			union = union.Union(image.Rect(x, y, x+int(r.Width), y+int(r.Height)))
		}
		if union = union.Intersect(bounds); !union.Empty() {
			damage = append(damage, union)
		}
		region = region[n:]
	}
	return damage
}

// plan unites rectangles, in place, until fetching more of them together is
// not cheaper and there are at most maxParts.
func (p *picture) plan(parts []image.Rectangle) []image.Rectangle {
	for len(parts) > 1 {
		var a, b int
		best := int(^uint(0) >> 1)
		for i := range parts {
			for j := range i {
				if extra := p.cost(parts[i].Union(parts[j])) - p.cost(parts[i]) - p.cost(parts[j]); extra < best {
					a, b, best = j, i, extra
				}
			}
		}
		if best > 0 && len(parts) <= maxParts {
			break
		}
		parts[a] = parts[a].Union(parts[b])
		parts[b] = parts[len(parts)-1]
		parts = parts[:len(parts)-1]
	}
	return parts
}
