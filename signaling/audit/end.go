package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
)

// lookBack is how much of a file's end is looked at, in bytes: many records, and
// whatever broken writes have left behind them.
const lookBack = 1 << 20

// end is how a file ends.
type end struct {
	seq  uint64 // of the last record
	hash string // of it
	lead string // that goes before the next record
	torn int64  // bytes behind the last record that are none, with the end of their line
	sum  string // their SHA-256
}

// findEnd looks at the end of a file of some size. A line behind the last record that
// might be one, but for its hash, is ErrBroken, and so is a file without any.
func findEnd(f io.ReaderAt, size int64) (end, error) {
	if size == 0 {
		return end{hash: genesis}, nil
	}
	begin := max(0, size-lookBack)
	tail := make([]byte, size-begin)
	if _, err := f.ReadAt(tail, begin); err != nil {
		return end{}, fmt.Errorf("read its end: %w", err)
	}
	rest := tail
	for len(rest) > 0 {
		line := rest
		if n := bytes.LastIndexByte(bytes.TrimSuffix(rest, []byte("\n")), '\n'); n >= 0 {
			line = rest[n+1:]
		}
		e, hash, err := parse(bytes.TrimSuffix(line, []byte("\n")))
		if err == nil {
			return endAfter(e.Seq, hash, line, tail[len(rest):]), nil
		}
		if json.Valid(line) {
			return end{}, ErrBroken
		}
		rest = rest[:len(rest)-len(line)]
	}
	if begin > 0 {
		return end{}, ErrBroken
	}
	return endAfter(0, genesis, nil, tail), nil // the first write was broken off
}

// endAfter is the end of a file with what is torn after its last line.
func endAfter(seq uint64, hash string, last, rest []byte) end {
	e := end{seq: seq, hash: hash}
	all := rest
	if len(rest) == 0 {
		all = last
	}
	if len(all) > 0 && all[len(all)-1] != '\n' {
		e.lead = "\n"
	}
	if len(rest) > 0 {
		rest = append(bytes.Clone(rest), e.lead...)
		sum := sha256.Sum256(rest)
		e.torn, e.sum = int64(len(rest)), hex.EncodeToString(sum[:])
	}
	return e
}
