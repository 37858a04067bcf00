package files

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"net/http"
)

// errBrokenOff: the browser did not take all of a file.
var errBrokenOff = errors.New("broken off")

// Carried is a file that has been brought or fetched, without what it holds.
type Carried struct {
	Name   string             // within the directory
	Bytes  int64              // that have been carried
	SHA256 *[sha256.Size]byte // of these; nil: Config.Sums is not set
}

// summed is a writer whose bytes are counted and hashed.
type summed struct {
	io.Writer
	hash hash.Hash
	n    int64
}

// Write implements io.Writer.
func (s *summed) Write(b []byte) (int, error) {
	n, err := s.Writer.Write(b)
	s.hash.Write(b[:n])
	s.n += int64(n)
	return n, err
}

// sum is the hash so far; nil for no hash.
func sum(h hash.Hash) *[sha256.Size]byte {
	if h == nil {
		return nil
	}
	sum := [sha256.Size]byte(h.Sum(nil))
	return &sum
}

// answer is a response whose body is summed.
type answer struct {
	http.ResponseWriter
	body *summed
}

// Write implements io.Writer.
func (a answer) Write(b []byte) (int, error) { return a.body.Write(b) }
