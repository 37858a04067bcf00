package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
)

const (
	maxLine     = 1 << 20 // bytes; what is longer is no record
	maxProblems = 100
)

// Report is what Verify has found.
type Report struct {
	Lines    int
	Records  int
	Torn     int    // places where a write was broken off, as a record after each says
	Last     string // hash of the last record; "": there is none
	Problems []Problem
	// Found says that the hash that was asked for is that of a record.
	Found bool
}

// Problem is where the chain does not hold.
type Problem struct {
	Line int
	Text string
}

// Verify reads a log and says where it is not as it was written. known is the hash of
// a record that should be in it, "" for none: without one, missing lines at the end
// cannot be seen. The error is the reader's.
func Verify(r io.Reader, known string) (Report, error) {
	c := checker{known: known, last: genesis, report: Report{Found: known == ""}}
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		text, err := lines.ReadSlice('\n')
		if len(text) > 0 {
			c.report.Lines++
			c.line(text, errors.Is(err, bufio.ErrBufferFull))
		}
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of what is no record
			text, err = lines.ReadSlice('\n')
			c.stray.Write(text)
			c.strayBytes += int64(len(text))
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return c.report, fmt.Errorf("audit: verify: %w", err)
		}
	}
	if c.stray != nil {
		c.problem(c.strayLine, "is no record; it was broken off, or put there")
	}
	slices.SortStableFunc(c.report.Problems, func(a, b Problem) int { return a.Line - b.Line })
	if len(c.report.Problems) > maxProblems {
		c.report.Problems = c.report.Problems[:maxProblems]
	}
	return c.report, nil
}

// checker is how far a log has been read.
type checker struct {
	report Report
	known  string
	last   string // hash of the newest record
	lastAt int    // its line
	seq    uint64 // its number

	stray      hash.Hash // of the bytes since that are no record; nil: there are none
	strayBytes int64
	strayLine  int // the first of them
}

func (c *checker) problem(line int, format string, args ...any) {
	if len(c.report.Problems) <= maxProblems {
		c.report.Problems = append(c.report.Problems, Problem{line, fmt.Sprintf(format, args...)})
	}
}

// line takes the next line, with its end as far as it has one.
func (c *checker) line(text []byte, long bool) {
	bare := bytes.TrimSuffix(text, []byte("\n"))
	e, sum, err := parse(bare)
	if long || errors.Is(err, errNoRecord) {
		if c.stray == nil {
			c.stray, c.strayBytes, c.strayLine = sha256.New(), 0, c.report.Lines
		}
		c.stray.Write(text)
		c.strayBytes += int64(len(text))
		return
	}
	at := c.report.Lines
	c.report.Records++
	follows := e.Prev == c.last && e.Seq == c.seq+1
	switch {
	case errors.Is(err, errHash):
		c.problem(at, "was changed: its hash is not that of what it says")
		e.Seq = c.seq + 1
	case !follows && c.lastAt == 0:
		c.problem(at, "(number %d) is not the first: lines before it were removed or changed", e.Seq)
	case !follows:
		c.problem(at, "(number %d) does not follow line %d (number %d): between them lines were removed or inserted, or one of the two was moved or written anew", e.Seq, c.lastAt, c.seq)
	}
	c.settleStray(e, at, err == nil && follows)
	c.last, c.lastAt, c.seq, c.report.Last = sum, at, e.Seq, sum
	c.report.Found = c.report.Found || err == nil && sum == c.known
}

// settleStray compares what is no record with what the record after it says.
func (c *checker) settleStray(e entry, at int, trusted bool) {
	switch {
	case c.stray == nil && e.Event == torn && trusted:
		c.problem(at, "tells of a write that was broken off before it, which was removed")
	case c.stray == nil:
	case e.Event == torn && trusted && e.Bytes == c.strayBytes && e.SHA256 == hex.EncodeToString(c.stray.Sum(nil)):
		c.report.Torn++
	default:
		c.problem(c.strayLine, "is no record; it was put there or changed")
	}
	c.stray = nil
}
