package clipboard

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/jezek/xgb/xproto"

	"lucarne/input"
)

// utf8MIME is what text is asked for and offered as.
const utf8MIME = "text/plain;charset=utf-8"

// atoms are the names that the protocol needs all the time.
type atoms struct {
	targets, multiple, timestamp, atomPair, incr xproto.Atom
	utf8String, text                             xproto.Atom
	mimeUTF8, mimePlain                          xproto.Atom
	content                                      xproto.Atom // our property
}

func (a *atoms) intern(ctx context.Context, c *Clipboard) error {
	for name, atom := range map[string]*xproto.Atom{
		"TARGETS": &a.targets, "MULTIPLE": &a.multiple, "TIMESTAMP": &a.timestamp,
		"ATOM_PAIR": &a.atomPair, "INCR": &a.incr, "UTF8_STRING": &a.utf8String, "TEXT": &a.text,
		utf8MIME: &a.mimeUTF8, "text/plain": &a.mimePlain, "LUCARNE_CONTENT": &a.content,
	} {
		var err error
		if *atom, err = c.atom(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// atom returns the atom of a name.
func (c *Clipboard) atom(ctx context.Context, name string) (xproto.Atom, error) {
	c.mu.Lock()
	atom := c.names[name]
	c.mu.Unlock()
	if atom != 0 {
		return atom, nil
	}
	reply, err := await(ctx, c, func() (*xproto.InternAtomReply, error) {
		return xproto.InternAtom(c.conn, false, uint16(len(name)), name).Reply()
	})
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names[name] = reply.Atom
	return reply.Atom, nil
}

// isText reports whether a MIME type is plain text, whose charset is settled by
// the target that it is transferred as.
func isText(mime string) bool {
	return mime == "text/plain" || strings.HasPrefix(mime, "text/plain;")
}

// textTargets are the targets that plain text is transferred as, the best first.
func (a *atoms) textTargets() []xproto.Atom {
	return []xproto.Atom{a.utf8String, a.mimeUTF8, a.mimePlain, xproto.AtomString, a.text}
}

// utf8 turns text of a type that its owner chose for a target into UTF-8.
func (a *atoms) utf8(data []byte, typ, target xproto.Atom, limit int) ([]byte, error) {
	if target != xproto.AtomString && target != a.text || typ == a.utf8String {
		return data, nil // the target says that it is UTF-8
	}
	if typ != xproto.AtomString { // COMPOUND_TEXT
		return nil, ErrRefused
	}
	if data = fromLatin1(data); len(data) > limit {
		return nil, input.ErrTooLarge
	}
	return data, nil
}

// fromLatin1 turns the content of a STRING (ICCCM section 2.7.1) into UTF-8.
func fromLatin1(b []byte) []byte {
	text := make([]byte, 0, len(b))
	for _, c := range b {
		text = utf8.AppendRune(text, rune(c))
	}
	return text
}

// toLatin1 turns UTF-8 into the content of a STRING; a character that it cannot
// hold becomes a question mark.
func toLatin1(text []byte) []byte {
	b := make([]byte, 0, len(text))
	for _, r := range string(text) {
		if r > 0xff {
			r = '?'
		}
		b = append(b, byte(r))
	}
	return b
}
