package clipboard

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"lucarne/capture/display"
	"lucarne/input"
)

// A program is another X client, which does as it is told.
type program struct {
	t         *testing.T
	conn      *xgb.Conn
	window    xproto.Window
	selection xproto.Atom
	property  xproto.Atom
}

func newProgram(t *testing.T, name string) *program {
	conn, err := display.Connect(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		for {
			if event, xerr := conn.WaitForEvent(); event == nil && xerr == nil {
				return
			}
		}
	})
	p := &program{t: t, conn: conn}
	if p.window, err = xproto.NewWindowId(conn); err != nil {
		t.Fatal(err)
	}
	root := xproto.Setup(conn).DefaultScreen(conn).Root
	xproto.CreateWindow(conn, 0, p.window, root, 0, 0, 1, 1, 0, xproto.WindowClassInputOnly, 0,
		xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange})
	p.selection, p.property = p.atom("CLIPBOARD"), p.atom("PROPERTY")
	return p
}

func (p *program) atom(name string) xproto.Atom {
	reply, err := xproto.InternAtom(p.conn, false, uint16(len(name)), name).Reply()
	if err != nil {
		p.t.Fatal(err)
	}
	return reply.Atom
}

// ask asks the selection's owner for a target.
func (p *program) ask(target xproto.Atom) {
	xproto.ConvertSelection(p.conn, p.window, p.selection, target, p.property, xproto.TimeCurrentTime)
}

// wait returns the next event that test accepts.
func (p *program) wait(test func(xgb.Event) bool) {
	p.t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(time.Millisecond) {
		event, _ := p.conn.PollForEvent()
		if event != nil && test(event) {
			return
		}
		if time.Now().After(end) {
			p.t.Fatal("the program waited in vain")
		}
	}
}

// awaitReader waits until a reader of a clipboard has asked. (Xvnc asks each new
// owner, too.)
func (p *program) awaitReader(c *Clipboard) {
	p.t.Helper()
	p.wait(func(event xgb.Event) bool {
		e, ok := event.(xproto.SelectionRequestEvent)
		c.mu.Lock()
		defer c.mu.Unlock()
		return ok && c.readers[e.Requestor] != nil
	})
}

func (p *program) answer() (answer xproto.SelectionNotifyEvent) {
	p.t.Helper()
	p.wait(func(event xgb.Event) (ok bool) {
		answer, ok = event.(xproto.SelectionNotifyEvent)
		return ok
	})
	return answer
}

// read returns and deletes the property.
func (p *program) read() ([]byte, xproto.Atom) {
	p.t.Helper()
	reply, err := xproto.GetProperty(p.conn, true, p.window, p.property, xproto.GetPropertyTypeAny, 0, 1<<20).Reply()
	if err != nil {
		p.t.Fatal(err)
	}
	return reply.Value, reply.Type
}

// take waits for the answer and reads it.
func (p *program) take() ([]byte, xproto.Atom) {
	p.t.Helper()
	if p.answer().Property == 0 {
		p.t.Fatal("the owner has refused")
	}
	return p.read()
}

// takePart waits for the next part of an incremental transfer and reads it.
func (p *program) takePart() ([]byte, xproto.Atom) {
	p.t.Helper()
	p.wait(func(event xgb.Event) bool {
		e, ok := event.(xproto.PropertyNotifyEvent)
		return ok && e.Atom == p.property && e.State == xproto.PropertyNewValue
	})
	return p.read()
}

func (p *program) own() {
	xproto.SetSelectionOwner(p.conn, p.window, p.selection, xproto.TimeCurrentTime)
	if _, err := xproto.GetInputFocus(p.conn).Reply(); err != nil {
		p.t.Fatal(err)
	}
}

// serve answers requests as a hostile owner would, until its connection ends.
func (p *program) serve(answer func(xproto.SelectionRequestEvent)) {
	p.own()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			event, xerr := p.conn.WaitForEvent()
			if event == nil && xerr == nil {
				return
			}
			if e, ok := event.(xproto.SelectionRequestEvent); ok {
				answer(e)
			}
		}
	}()
	p.t.Cleanup(func() {
		p.conn.Close()
		<-ended
	})
}

func (p *program) put(e xproto.SelectionRequestEvent, typ xproto.Atom, format byte, data []byte) {
	xproto.ChangeProperty(p.conn, xproto.PropModeReplace, e.Requestor, e.Property, typ, format,
		uint32(len(data)/int(format/8)), data)
}

func (p *program) notify(e xproto.SelectionRequestEvent) {
	notify := xproto.SelectionNotifyEvent{Time: e.Time, Requestor: e.Requestor, Selection: e.Selection,
		Target: e.Target, Property: e.Property}
	xproto.SendEvent(p.conn, false, e.Requestor, 0, string(notify.Bytes()))
}

// Owners that a reader must come back from, whatever it reads.
func TestHostileOwners(t *testing.T) {
	onEach(t, func(t *testing.T, name string, c *Clipboard) {
		for mime, target := range map[string]string{utf8MIME: "UTF8_STRING", "text/html": "text/html", "image/png": "image/png"} {
			t.Run(target, func(t *testing.T) { readHostile(t, name, c, mime, target) })
		}
	})
}

func readHostile(t *testing.T, name string, c *Clipboard, mime, target string) {
	p := newProgram(t, name)
	targets, wanted, incr := p.atom("TARGETS"), p.atom(target), p.atom("INCR")
	type answer func(e xproto.SelectionRequestEvent)
	withTarget := func(target xproto.Atom, then answer) answer {
		return func(e xproto.SelectionRequestEvent) {
			if e.Target == targets {
				p.put(e, xproto.AtomAtom, 32, appendAtoms(nil, target))
				p.notify(e)
				return
			}
			then(e)
		}
	}
	with := func(then answer) answer { return withTarget(wanted, then) }
	part := make([]byte, 100_000)
	tests := []struct {
		name   string
		answer answer
		want   error
	}{
		{"never answers", func(xproto.SelectionRequestEvent) {}, context.DeadlineExceeded},
		{"never answers for the type", with(func(xproto.SelectionRequestEvent) {}), context.DeadlineExceeded},
		{"announces 1 GiB", with(func(e xproto.SelectionRequestEvent) {
			p.put(e, incr, 32, appendAtoms(nil, 1<<30))
			p.notify(e)
		}), input.ErrTooLarge},
		{"announces 4 GiB less one", with(func(e xproto.SelectionRequestEvent) {
			p.put(e, incr, 32, appendAtoms(nil, 1<<32-1))
			p.notify(e)
		}), input.ErrTooLarge},
		{"announces and sends nothing", with(func(e xproto.SelectionRequestEvent) {
			p.put(e, incr, 32, appendAtoms(nil, 100))
			p.notify(e)
		}), context.DeadlineExceeded},
		{"sends more than it may at once", with(func(e xproto.SelectionRequestEvent) {
			for range 11 {
				xproto.ChangeProperty(p.conn, xproto.PropModeAppend, e.Requestor, e.Property, wanted, 8, uint32(len(part)), part)
			}
			p.notify(e)
		}), input.ErrTooLarge},
		{"answers without an answer", with(func(e xproto.SelectionRequestEvent) { p.notify(e) }), ErrRefused},
		{"has another type than it said", withTarget(p.atom("TEXT"), func(e xproto.SelectionRequestEvent) {
			p.put(e, p.atom("COMPOUND_TEXT"), 8, []byte("x"))
			p.notify(e)
		}), ErrRefused},
		{"has a property of no type", with(func(e xproto.SelectionRequestEvent) {
			p.put(e, incr, 32, nil)
			xproto.DeleteProperty(p.conn, e.Requestor, e.Property)
			p.notify(e)
		}), ErrRefused},
		{"has an odd list", func(e xproto.SelectionRequestEvent) {
			p.put(e, xproto.AtomAtom, 8, []byte("abcde"))
			p.notify(e)
		}, ErrRefused},
	}
	answers := make(chan answer, 1)
	now := tests[0].answer // Xvnc asks each new owner for its targets
	p.serve(func(e xproto.SelectionRequestEvent) {
		select {
		case now = <-answers:
		default:
		}
		now(e)
	})
	for _, test := range tests {
		answers <- test.answer
		patience := deadline
		if errors.Is(test.want, context.DeadlineExceeded) {
			patience = 200 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if _, err := c.Read(ctx, board, mime, 1<<20); !errors.Is(err, test.want) {
			t.Errorf("an owner that %s: %v, want %v", test.name, err, test.want)
		}
		cancel()
	}
}

// An owner that sends part after part without an end is left at the limit.
func TestEndlessOwner(t *testing.T) {
	onEach(t, func(t *testing.T, name string, c *Clipboard) {
		p := newProgram(t, name)
		targets, utf8, incr := p.atom("TARGETS"), p.atom("UTF8_STRING"), p.atom("INCR")
		part := bytes.Repeat([]byte("x"), 100_000)
		p.own()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			var asked xproto.SelectionRequestEvent
			for {
				event, xerr := p.conn.WaitForEvent()
				switch e := event.(type) {
				case nil:
					if xerr == nil {
						return
					}
				case xproto.SelectionRequestEvent:
					if e.Target == targets {
						p.put(e, xproto.AtomAtom, 32, appendAtoms(nil, utf8))
					} else {
						asked = e
						xproto.ChangeWindowAttributes(p.conn, e.Requestor, xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange})
						p.put(e, incr, 32, appendAtoms(nil, 0))
					}
					p.notify(e)
				case xproto.PropertyNotifyEvent:
					if e.Window == asked.Requestor && e.State == xproto.PropertyDelete {
						p.put(asked, utf8, 8, part)
					}
				}
			}
		}()
		defer func() {
			p.conn.Close()
			<-ended
		}()
		if got, err := c.Read(within(t), board, utf8MIME, 1<<20); !errors.Is(err, input.ErrTooLarge) {
			t.Errorf("read %d bytes, %v; want %v", len(got), err, input.ErrTooLarge)
		}
	})
}
