package clipboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"lucarne/input"
)

// maxPairs is how many conversions one MULTIPLE request may ask for.
const maxPairs = 32

// An offer is what this clipboard owns a selection with.
type offer struct {
	items   []input.Item
	targets []xproto.Atom // all that items can be had as
	types   []xproto.Atom // of each item, its MIME type
	since   xproto.Timestamp
}

// Offer implements input.Clipboard. Plain text is offered as UTF8_STRING,
// text/plain, STRING and TEXT as well. HTML that is not ASCII and does not say that
// it is UTF-8 is given a word that does. The errors are input.ErrTooLarge, ErrSelection
// and input.ErrGone. A transfer of an earlier offer that is under way goes on
// with what it began with.
func (c *Clipboard) Offer(s input.Selection, items []input.Item) error {
	if err := c.offer(s, items); err != nil {
		return fmt.Errorf("clipboard: offer %s: %w", s, err)
	}
	return nil
}

func (c *Clipboard) offer(s input.Selection, items []input.Item) error {
	ctx := context.Background()
	selection, err := c.selection(s)
	if err != nil {
		return err
	}
	o := &offer{items: slices.Clone(items)}
	size := 0
	for i, item := range o.items {
		if size += len(item.Data); size > c.max {
			return input.ErrTooLarge
		}
		if isHTML(item.MIME) {
			o.items[i].Data = toHTML(item.Data)
		}
		atom, err := c.atom(ctx, item.MIME)
		if err != nil {
			return err
		}
		o.types = append(o.types, atom)
		o.targets = append(o.targets, atom)
		if isText(item.MIME) {
			o.targets = append(o.targets, c.known.textTargets()...)
		}
	}
	if len(items) == 0 {
		return errors.New("nothing")
	}
	slices.Sort(o.targets)
	o.targets = slices.Compact(o.targets)

	// From here on requests may come, and another program may take over.
	c.mu.Lock()
	c.offers[selection] = o
	c.takings[selection]++
	c.mu.Unlock()
	_, err = await(ctx, c, func() (*xproto.GetInputFocusReply, error) {
		xproto.SetSelectionOwner(c.conn, c.window, selection, xproto.TimeCurrentTime)
		return xproto.GetInputFocus(c.conn).Reply()
	})
	return err
}

// own returns the content of a selection that is offered here.
func (c *Clipboard) own(selection xproto.Atom, mime string, limit int) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.offers[selection]
	if o == nil {
		return nil, ErrRefused
	}
	for _, item := range o.items {
		switch {
		case item.MIME != mime && !(isText(item.MIME) && isText(mime)):
		case len(item.Data) > limit:
			return nil, input.ErrTooLarge
		default:
			return bytes.Clone(item.Data), nil
		}
	}
	return nil, ErrRefused
}

// before compares two times of the server, which wrap.
func before(a, b xproto.Timestamp) bool { return int32(a-b) < 0 }

// serve answers a program that asks for what is offered.
func (c *Clipboard) serve(e xproto.SelectionRequestEvent) {
	c.mu.Lock()
	o := c.offers[e.Selection]
	refuse := o == nil || e.Time != xproto.TimeCurrentTime && o.since != 0 && before(e.Time, o.since)
	c.mu.Unlock()

	to := place{e.Requestor, e.Property}
	if e.Property == xproto.AtomNone { // a program from before the ICCCM
		to.property = e.Target
	}
	switch {
	case refuse:
		to.property = xproto.AtomNone
	case e.Target == c.known.multiple && e.Property != xproto.AtomNone:
		if !c.putMultiple(o, to) {
			to.property = xproto.AtomNone
		}
	case !c.put(o, e.Target, to):
		to.property = xproto.AtomNone
	}
	answer := xproto.SelectionNotifyEvent{
		Time: e.Time, Requestor: e.Requestor, Selection: e.Selection, Target: e.Target, Property: to.property,
	}
	xproto.SendEvent(c.conn, false, e.Requestor, xproto.EventMaskNoEvent, string(answer.Bytes()))
}

// putMultiple serves the pairs of target and property that a requestor has
// listed in a property, and notes there which could not be.
func (c *Clipboard) putMultiple(o *offer, to place) bool {
	reply, err := await(context.Background(), c, func() (*xproto.GetPropertyReply, error) {
		return xproto.GetProperty(c.conn, false, to.window, to.property, xproto.GetPropertyTypeAny, 0, 2*maxPairs).Reply()
	})
	if err != nil || reply.Format != 32 || reply.BytesAfter > 0 || len(reply.Value)%8 != 0 {
		return false
	}
	pairs := bytes.Clone(reply.Value)
	for pair := range slices.Chunk(pairs, 8) {
		target, property := xproto.Atom(xgb.Get32(pair)), xproto.Atom(xgb.Get32(pair[4:]))
		if property == xproto.AtomNone || target == c.known.multiple || !c.put(o, target, place{to.window, property}) {
			xgb.Put32(pair[4:], xproto.AtomNone)
		}
	}
	c.set(to, c.known.atomPair, 32, pairs)
	return true
}

// put writes what is offered as a target where it was asked for, at once or in
// parts, and reports whether it could.
func (c *Clipboard) put(o *offer, target xproto.Atom, to place) bool {
	switch target {
	case c.known.targets:
		list := appendAtoms(nil, c.known.targets, c.known.multiple, c.known.timestamp)
		c.set(to, xproto.AtomAtom, 32, appendAtoms(list, o.targets...))
		return true
	case c.known.timestamp:
		c.mu.Lock()
		since := o.since
		c.mu.Unlock()
		c.set(to, xproto.AtomInteger, 32, appendAtoms(nil, xproto.Atom(since)))
		return true
	}
	data, typ, ok := c.content(o, target)
	if !ok {
		return false
	}
	if len(data) > c.chunk {
		return c.send(to, typ, data)
	}
	c.set(to, typ, 8, data)
	return true
}

// content returns what is offered as a target, and its type.
func (c *Clipboard) content(o *offer, target xproto.Atom) (data []byte, typ xproto.Atom, ok bool) {
	if i := slices.Index(o.types, target); i >= 0 {
		return o.items[i].Data, target, true
	}
	if !slices.Contains(c.known.textTargets(), target) {
		return nil, 0, false
	}
	i := slices.IndexFunc(o.items, func(item input.Item) bool { return isText(item.MIME) })
	if i < 0 {
		return nil, 0, false
	}
	switch target {
	case xproto.AtomString:
		return toLatin1(o.items[i].Data), target, true
	case c.known.text: // the owner chooses the encoding
		return o.items[i].Data, c.known.utf8String, true
	}
	return o.items[i].Data, target, true
}

func (c *Clipboard) set(to place, typ xproto.Atom, format byte, data []byte) {
	xproto.ChangeProperty(c.conn, xproto.PropModeReplace, to.window, to.property, typ, format,
		uint32(len(data)/(int(format)/8)), data)
}

func appendAtoms(b []byte, atoms ...xproto.Atom) []byte {
	for _, atom := range atoms {
		b = append(b, 0, 0, 0, 0)
		xgb.Put32(b[len(b)-4:], uint32(atom))
	}
	return b
}
