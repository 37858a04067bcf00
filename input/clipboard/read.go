package clipboard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"

	"lucarne/input"
)

// maxTargets is the largest list of targets read, in bytes.
const maxTargets = 16 << 10

// Read implements input.Clipboard. Plain text and HTML are UTF-8 whatever their
// owner has them in; another type is read as the owner gives it. The limit is the
// smaller of max and Config.MaxBytes; the errors are input.ErrTooLarge, ErrRefused,
// ErrLost, ErrSelection, input.ErrGone and ctx's: an owner may well never answer.
func (c *Clipboard) Read(ctx context.Context, s input.Selection, mime string, max int) ([]byte, error) {
	data, err := c.read(ctx, s, mime, min(max, c.max))
	if err != nil {
		return nil, fmt.Errorf("clipboard: read %s as %q: %w", s, mime, err)
	}
	return data, nil
}

func (c *Clipboard) read(ctx context.Context, s input.Selection, mime string, limit int) ([]byte, error) {
	selection, err := c.selection(s)
	if err != nil {
		return nil, err
	}
	owner, err := c.ownerOf(ctx, selection)
	if err != nil {
		return nil, err
	}
	switch owner {
	case xproto.WindowNone:
		return nil, ErrRefused
	case c.window:
		return c.own(selection, mime, limit)
	}
	r, err := c.newReader(selection, owner)
	if err != nil {
		return nil, err
	}
	defer r.close()
	target, err := r.target(ctx, mime)
	if err != nil {
		return nil, err
	}
	data, typ, err := r.convert(ctx, target, limit)
	if err != nil {
		return nil, err
	}
	switch {
	case isText(mime):
		return c.known.utf8(data, typ, target, limit)
	case isHTML(mime):
		return fromHTML(data, limit)
	}
	return data, nil
}

// selection returns the atom of a selection that is served.
func (c *Clipboard) selection(s input.Selection) (xproto.Atom, error) {
	for atom, served := range c.selections {
		if served == s {
			return atom, nil
		}
	}
	return 0, ErrSelection
}

// ownerOf returns the window that owns a selection, WindowNone for nobody.
func (c *Clipboard) ownerOf(ctx context.Context, selection xproto.Atom) (xproto.Window, error) {
	reply, err := await(ctx, c, func() (*xproto.GetSelectionOwnerReply, error) {
		return xproto.GetSelectionOwner(c.conn, selection).Reply()
	})
	if err != nil {
		return 0, err
	}
	return reply.Owner, nil
}

// A reader reads a selection into a window of its own, so that a late answer to
// another reader cannot be taken for one to this.
type reader struct {
	c         *Clipboard
	selection xproto.Atom
	owner     xproto.Window
	window    xproto.Window
	events    chan xgb.Event
}

func (c *Clipboard) newReader(selection xproto.Atom, owner xproto.Window) (*reader, error) {
	window, err := c.newWindow(xproto.EventMaskPropertyChange)
	if err != nil {
		return nil, err
	}
	// What an owner does to the window comes in turns with what we do. One that
	// does more than that loses events, and its reader waits in vain.
	r := &reader{c: c, selection: selection, owner: owner, window: window, events: make(chan xgb.Event, 8)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readers[window] = r
	return r, nil
}

func (r *reader) close() {
	r.c.mu.Lock()
	delete(r.c.readers, r.window)
	r.c.mu.Unlock()
	xproto.DestroyWindow(r.c.conn, r.window)
}

// answered gives an event to the reader that a window belongs to.
func (c *Clipboard) answered(w xproto.Window, event xgb.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.readers[w]; r != nil {
		r.wake(event)
	}
}

func (r *reader) wake(event xgb.Event) {
	select {
	case r.events <- event:
	default:
	}
}

// target asks the owner what it has, and chooses.
func (r *reader) target(ctx context.Context, mime string) (xproto.Atom, error) {
	a := &r.c.known
	var want []xproto.Atom
	if isText(mime) {
		want = a.textTargets()
	} else {
		atom, err := r.c.atom(ctx, mime)
		if err != nil {
			return 0, err
		}
		want = []xproto.Atom{atom}
	}
	list, _, err := r.convert(ctx, a.targets, maxTargets)
	if errors.Is(err, ErrRefused) && isText(mime) {
		return xproto.AtomString, nil // a program that knows no other
	}
	if err != nil {
		return 0, err
	}
	var has []xproto.Atom
	for b := range slices.Chunk(list, 4) {
		if len(b) == 4 {
			has = append(has, xproto.Atom(xgb.Get32(b)))
		}
	}
	for _, atom := range want {
		if slices.Contains(has, atom) {
			return atom, nil
		}
	}
	return 0, ErrRefused
}

// convert has the owner convert the selection to a target and returns the
// result with its type.
func (r *reader) convert(ctx context.Context, target xproto.Atom, limit int) ([]byte, xproto.Atom, error) {
	c := r.c
	xproto.ConvertSelection(c.conn, r.window, r.selection, target, c.known.content, xproto.TimeCurrentTime)
	for {
		event, err := r.next(ctx)
		if err != nil {
			return nil, 0, err
		}
		if e, ok := event.(xproto.SelectionNotifyEvent); ok && e.Selection == r.selection && e.Target == target {
			if e.Property != c.known.content {
				return nil, 0, ErrRefused
			}
			break
		}
	}
	data, typ, err := r.take(ctx, limit)
	switch {
	case err != nil:
		return nil, 0, err
	case typ == xproto.AtomNone: // there is nothing where there should be
		return nil, 0, ErrRefused
	case typ == c.known.incr:
		return r.collect(ctx, data, limit)
	}
	return data, typ, nil
}

// collect receives an incremental transfer (ICCCM section 2.7.2), of which size
// is the least that it will be.
func (r *reader) collect(ctx context.Context, size []byte, limit int) (data []byte, typ xproto.Atom, err error) {
	if len(size) >= 4 && int64(xgb.Get32(size)) > int64(limit) {
		return nil, 0, input.ErrTooLarge
	}
	for {
		event, err := r.next(ctx)
		if err != nil {
			return nil, 0, err
		}
		if e, ok := event.(xproto.PropertyNotifyEvent); !ok || e.Atom != r.c.known.content {
			continue
		}
		part, partType, err := r.take(ctx, limit-len(data))
		switch {
		case err != nil:
			return nil, 0, err
		case partType == xproto.AtomNone: // the report of what has been taken since
			continue
		case len(part) == 0:
			return data, typ, nil
		}
		data, typ = append(data, part...), partType
	}
}

// take reads and deletes our property; its type is AtomNone if it is not there.
func (r *reader) take(ctx context.Context, limit int) ([]byte, xproto.Atom, error) {
	words := uint32(limit/4 + 1)
	reply, err := await(ctx, r.c, func() (*xproto.GetPropertyReply, error) {
		return xproto.GetProperty(r.c.conn, true, r.window, r.c.known.content, xproto.GetPropertyTypeAny, 0, words).Reply()
	})
	switch {
	case err != nil:
		return nil, 0, err
	case reply.BytesAfter > 0 || len(reply.Value) > limit && reply.Type != r.c.known.incr:
		return nil, 0, input.ErrTooLarge
	}
	return reply.Value, reply.Type, nil
}

// next returns the next event about this reader.
func (r *reader) next(ctx context.Context) (xgb.Event, error) {
	select {
	case event := <-r.events:
		if _, changed := event.(xfixes.SelectionNotifyEvent); changed {
			return event, r.check(ctx) // it may be of an owner before this one
		}
		return event, nil
	case <-r.c.gone:
		return nil, input.ErrGone
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// check returns ErrLost if the selection is somebody else's by now, or nobody's.
func (r *reader) check(ctx context.Context) error {
	owner, err := r.c.ownerOf(ctx, r.selection)
	if err == nil && owner != r.owner {
		err = ErrLost
	}
	return err
}
