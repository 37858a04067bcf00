package files

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// tell is a request of an upload, answered by the store.
func tell(t *testing.T, s *Store, method, rest string, body io.Reader, header map[string]string) (*Carried, *httptest.ResponseRecorder) {
	t.Helper()
	r := httptest.NewRequest(method, "/", body)
	r.Header.Set("Tus-Resumable", tusVersion)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	whole, err := s.Upload(w, r, "me", rest, still)
	if err != nil && w.Code < 400 {
		t.Errorf("%s %s: %v with status %d", method, rest, err, w.Code)
	}
	return whole, w
}

// A file that came in pieces, one of which broke off, is told of once, with its hash.
func TestCarriedUpload(t *testing.T) {
	s := New(Config{Dir: t.TempDir(), Sums: true, Log: slog.New(slog.DiscardHandler)})
	content := bytes.Repeat([]byte("0123456789"), 1000)
	none, w := tell(t, s, http.MethodPost, "", nil, map[string]string{
		"Upload-Length": strconv.Itoa(len(content)), "Upload-Metadata": "filename " + base64.StdEncoding.EncodeToString([]byte("a.txt")),
	})
	id := w.Header().Get("Location")
	patch := func(offset int, piece io.Reader) *Carried {
		whole, _ := tell(t, s, http.MethodPatch, id, piece, map[string]string{"Content-Type": "application/offset+octet-stream", "Upload-Offset": strconv.Itoa(offset)})
		return whole
	}
	if broken := patch(0, io.MultiReader(bytes.NewReader(content[:4000]), failing{})); none != nil || broken != nil {
		t.Errorf("got %v, %v before it is whole", none, broken)
	}
	whole := patch(4000, bytes.NewReader(content[4000:]))
	if whole == nil || whole.Name != "a.txt" || whole.Bytes != 10_000 || *whole.SHA256 != sha256.Sum256(content) {
		t.Errorf("got %+v", whole)
	}
	if again := patch(len(content), strings.NewReader("")); again != nil {
		t.Errorf("told twice: %+v", again)
	}
}

// An empty file is told of as it is announced.
func TestCarriedEmptyUpload(t *testing.T) {
	s := New(Config{Dir: t.TempDir(), Sums: true, Log: slog.New(slog.DiscardHandler)})
	whole, w := tell(t, s, http.MethodPost, "", nil, map[string]string{"Upload-Length": "0", "Upload-Metadata": named("a.txt")})
	if whole == nil || whole.Name != "a.txt" || whole.Bytes != 0 || *whole.SHA256 != sha256.Sum256(nil) {
		t.Errorf("got %+v: %d", whole, w.Code)
	}
}

// failing is a connection that breaks off.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// short is an answer that the browser does not take all of.
type short struct {
	*httptest.ResponseRecorder
	left int
}

func (s *short) Write(b []byte) (int, error) {
	n, _ := s.ResponseRecorder.Write(b[:min(len(b), s.left)])
	if s.left -= n; n < len(b) {
		return n, errors.New("gone")
	}
	return n, nil
}

func TestCarriedDownload(t *testing.T) {
	dir := t.TempDir()
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := New(Config{Dir: dir, Sums: true, Log: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("Range", "bytes=5-9") // would be a hash of a part
	sent, err := s.ServeFile(&short{httptest.NewRecorder(), len(content)}, r, "a.txt")
	if err != nil || sent.Name != "a.txt" || sent.Bytes != int64(len(content)) || *sent.SHA256 != sha256.Sum256(content) {
		t.Errorf("got %+v, %v", sent, err)
	}
	sent, err = s.ServeFile(&short{httptest.NewRecorder(), 40_000}, r, "./a.txt")
	if !errors.Is(err, errBrokenOff) || sent.Name != "a.txt" || sent.Bytes != 40_000 || *sent.SHA256 != sha256.Sum256(content[:40_000]) {
		t.Errorf("broken off: got %+v, %v", sent, err)
	}
	if sent, err = s.ServeFile(httptest.NewRecorder(), r, "../a.txt"); err == nil || sent.Bytes != 0 {
		t.Errorf("a path out of the directory: got %+v, %v", sent, err)
	}
}
