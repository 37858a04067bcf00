// Package policy reads the file that says who may do what on a desktop: one
// YAML document, read strictly. What it does not understand it refuses, with the
// line, the column and the key, for a rule that is not applied as it was meant is
// worse than a desktop that does not start.
package policy

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"lucarne/signaling/session"
)

// maxFile is the size of the largest policy file, in bytes.
const maxFile = 64 << 10

// Policy is what a file says.
type Policy struct {
	Preset  string         // that it begins with
	Session session.Policy // who may use what, and what clipboards carry
	// MaxViewers is how many there may be at once; 0: as many as without a policy.
	MaxViewers int
	Watermark  *Watermark // over the picture; nil: none
	Audit      Audit
	SHA256     [sha256.Size]byte // of the file's bytes
}

// Watermark is a text over the picture.
type Watermark struct {
	// Text is printable, of 1 to MaxWatermark characters; "{session}", "{user}", "{host}"
	// and "{time}" stand for what they name.
	Text    string
	Opacity float64 // 0.02, hardly visible, to 1
}

// MaxWatermark is the length of the longest watermark, in characters.
const MaxWatermark = 200

// Audit says what is recorded where.
type Audit struct {
	File string // absolute; "": nothing is recorded
	// Required has what must be recorded refused while it cannot be.
	Required  bool
	Addresses bool // the network addresses of viewers are recorded
}

// Error says what is wrong with a file, and where.
type Error struct {
	File         string
	Line, Column int    // from 1; 0: the file as a whole
	Key          string // from the outermost, as in "clipboard.in.max"; "": none
	Problem      string // and what is allowed instead
}

// Error is one line: FILE:LINE:COLUMN: KEY: what is wrong, and what is allowed.
func (e *Error) Error() string {
	text := e.File + ": "
	if e.Line > 0 {
		text = fmt.Sprintf("%s:%d:%d: ", e.File, e.Line, e.Column)
	}
	if e.Key != "" {
		text += e.Key + ": "
	}
	return text + e.Problem
}

// Load reads a policy file. Errors of its content are *Error.
func Load(path string) (Policy, error) {
	file, err := os.Open(path)
	if err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	return Parse(path, text)
}

// Parse reads the text of a policy file, which errors name by file. They are *Error.
func Parse(file string, text []byte) (Policy, error) {
	p := Policy{Audit: Audit{Addresses: true}, SHA256: sha256.Sum256(text)}
	if len(text) > maxFile {
		return Policy{}, &Error{File: file, Problem: fmt.Sprintf("too large: at most %d bytes", maxFile)}
	}
	if err := read(text, &p); err != nil {
		if at := (*Error)(nil); errors.As(err, &at) {
			at.File = file
		}
		return Policy{}, err
	}
	return p, nil
}
