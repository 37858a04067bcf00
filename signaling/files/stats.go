package files

import (
	"io"
	"net/http"
	"sync/atomic"
)

// Stats are what a Store has carried since it was made.
type Stats struct {
	Uploaded   uint64 // bytes, of files that never became whole included
	Downloaded uint64 // bytes, once the file has been sent or was broken off
	Unfinished int    // uploads that are not whole yet
}

// Stats returns the statistics so far.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Uploaded: s.uploaded, Downloaded: s.downloaded.Load(), Unfinished: len(s.uploads)}
}

// counted is an answer whose body is counted. What the connection copies from a file by
// itself (sendfile(2)) it goes on copying so.
type counted struct {
	http.ResponseWriter
	bytes *atomic.Uint64
}

// Write implements io.Writer.
func (c counted) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.bytes.Add(uint64(n))
	return n, err
}

// ReadFrom implements io.ReaderFrom. All of it is counted at its end.
func (c counted) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(c.ResponseWriter, r)
	c.bytes.Add(uint64(n))
	return n, err
}
