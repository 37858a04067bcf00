package supervise

import (
	"bufio"
	"io"
	"strings"
	"sync"
)

// maxLine bounds a line of output, in bytes; what is longer is cut.
const maxLine = 1024

// output is the one place where the lines of all processes go.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *output) writeLine(name, line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = io.WriteString(o.w, name+": "+line+"\n")
}

// lines passes a process's output on, one line at a time, and keeps the last
// ones.
type lines struct {
	pass func(line string)
	kept func() // one more has been

	mu   sync.Mutex
	ring []string // the last len(ring) lines; next is the oldest
	next int
}

func newLines(pass func(line string), kept func(), keep int) *lines {
	return &lines{pass: pass, kept: kept, ring: make([]string, 0, keep)}
}

// readFrom takes lines from r until it ends. Empty ones say nothing.
func (l *lines) readFrom(r io.Reader) {
	br := bufio.NewReaderSize(r, maxLine)
	rest := false // of a line that has been cut
	for {
		part, prefix, err := br.ReadLine()
		if err != nil {
			return
		}
		if !rest && len(part) > 0 {
			l.add(printable(part, prefix))
		}
		rest = prefix
	}
}

func (l *lines) add(line string) {
	l.pass(line)
	defer l.kept()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ring) < cap(l.ring) {
		l.ring = append(l.ring, line)
		return
	}
	l.ring[l.next] = line
	l.next = (l.next + 1) % len(l.ring)
}

// last returns the lines kept, oldest first.
func (l *lines) last() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(append([]string{}, l.ring[l.next:]...), l.ring[:l.next]...)
}

// printable makes a line harmless to a terminal: no control characters, valid
// UTF-8, and a mark where it was cut.
func printable(b []byte, cut bool) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0):
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b), "?"))
	if cut {
		s += " […]"
	}
	return s
}
