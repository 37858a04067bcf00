package watermark

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Text is what is written, with fields in braces for what is not known beforehand:
//
//	{session}  the desktop's name
//	{user}     whose desktop it is
//	{host}     the machine's name
//	{time}     date, time to the minute and time zone
type Text struct{ template string }

// Fields are what the fields of a text stand for, but for the time.
type Fields struct{ Session, User, Host string }

const (
	maxTemplate = 200 // characters
	maxLetters  = 250 // of what is written; the rest is cut off
	timeLayout  = "2006-01-02 15:04 MST"
	timeField   = "{time}"
)

// ParseText returns the text of a template. A field that there is not, a brace
// without its other, an empty text and one of more than 200 characters are errors.
func ParseText(template string) (Text, error) {
	switch {
	case strings.TrimSpace(template) == "":
		return Text{}, errors.New("watermark: text: it is empty")
	case utf8.RuneCountInString(template) > maxTemplate:
		return Text{}, fmt.Errorf("watermark: text: more than %d characters", maxTemplate)
	}
	rest := template
	for {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			return Text{template}, nil
		}
		end := strings.IndexByte(rest[open:], '}')
		if rest[open] == '}' || end < 0 {
			return Text{}, fmt.Errorf("watermark: text %q: a brace without its other", template)
		}
		switch field := rest[open : open+end+1]; field {
		case "{session}", "{user}", "{host}", timeField:
		default:
			return Text{}, fmt.Errorf("watermark: text %q: there is no field %s, but {session}, {user}, {host} and {time}", template, field)
		}
		rest = rest[open+end+1:]
	}
}

// timed says whether what is written changes with time.
func (t Text) timed() bool { return strings.Contains(t.template, timeField) }

// expand returns what is written: one line.
func (t Text) expand(fields Fields, now time.Time) string {
	expanded := strings.NewReplacer(
		"{session}", fields.Session, "{user}", fields.User, "{host}", fields.Host, timeField, now.Format(timeLayout),
	).Replace(t.template)
	line := []rune(strings.Join(strings.FieldsFunc(expanded, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	}), " "))
	return string(line[:min(len(line), maxLetters)])
}
