package files

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

// TestOverQuota: who is over a quota is told as where a disk is full, and nothing of the
// file is left. The system says it where a piece is written.
func TestOverQuota(t *testing.T) {
	for _, full := range []error{syscall.EDQUOT, syscall.ENOSPC} {
		s, dir := open(t, Config{})
		const size = 1 << 20
		id, err := s.Begin("me", "large.bin", size)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := s.Append("me", id, 0, bytes.NewReader(make([]byte, size/2)), func() {}); err != nil {
			t.Fatal(err)
		}
		fails := iotest.ErrReader(&fs.PathError{Op: "write", Path: "part", Err: full})
		piece := io.MultiReader(strings.NewReader("so much of it has come"), fails)
		_, _, _, err = s.Append("me", id, size/2, piece, func() {})
		if !errors.Is(err, ErrFull) || !errors.Is(err, full) {
			t.Errorf("%v: %v, want %v", full, err, ErrFull)
		}
		if got := names(t, dir); got != "" {
			t.Errorf("%v: the directory has %q: something half-written is left", full, got)
		}
		if s.reserve != 0 || len(s.uploads) != 0 {
			t.Errorf("%v: room is kept for %d bytes of %d uploads", full, s.reserve, len(s.uploads))
		}
		if _, _, _, err := s.Offset("me", id); !errors.Is(err, ErrUnknown) {
			t.Errorf("%v: the upload can be asked for: %v", full, err)
		}
		answer := httptest.NewRecorder()
		refuse(answer, err)
		if answer.Code != http.StatusInsufficientStorage || !strings.Contains(answer.Body.String(), ErrFull.Error()) {
			t.Errorf("%v: answered %d %q", full, answer.Code, answer.Body)
		}
	}
}
