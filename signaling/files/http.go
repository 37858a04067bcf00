package files

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// tusVersion is the version of the protocol of uploads.
const tusVersion = "1.0.0"

// silence is how long a connection may bring nothing of a piece.
const silence = 30 * time.Second

// Upload answers the requests of tus for one person: POST to "" begins an upload,
// HEAD, PATCH and DELETE to its identifier ask for its offset, append a piece and
// give it up. rest is the path below the one of all uploads. The answer to the last
// piece, which of an empty file is POST's, and to HEAD after it, has the file's name in
// Lucarne-Name, escaped as a path segment (RFC 3986). It returns the file that is whole
// with this request, nil for none.
//
// While moving says so, which it is asked all the time, all uploads together keep to
// Config.Rate.
func (s *Store) Upload(w http.ResponseWriter, r *http.Request, owner, rest string, moving func() bool) (whole *Carried, err error) {
	header := w.Header()
	header.Set("Tus-Resumable", tusVersion)
	header.Set("Cache-Control", "no-store")
	if r.Header.Get("Tus-Resumable") != tusVersion {
		http.Error(w, "want Tus-Resumable: "+tusVersion, http.StatusPreconditionFailed)
		return nil, nil
	}
	switch {
	case r.Method == http.MethodPost && rest == "":
		whole, err = s.create(w, r, owner)
	case r.Method == http.MethodHead:
		var offset, size int64
		var name string
		if offset, size, name, err = s.Offset(owner, rest); err == nil {
			nameFile(header, name)
			header.Set("Upload-Offset", strconv.FormatInt(offset, 10))
			header.Set("Upload-Length", strconv.FormatInt(size, 10))
			w.WriteHeader(http.StatusOK)
		}
	case r.Method == http.MethodPatch:
		whole, err = s.patch(w, r, owner, rest, moving)
	case r.Method == http.MethodDelete:
		if err = s.Cancel(owner, rest); err == nil {
			w.WriteHeader(http.StatusNoContent)
		}
	default:
		http.Error(w, "uploads take POST, HEAD, PATCH and DELETE", http.StatusMethodNotAllowed)
		return nil, nil
	}
	if err != nil {
		refuse(w, err)
	}
	return whole, err
}

func (s *Store) create(w http.ResponseWriter, r *http.Request, owner string) (whole *Carried, err error) {
	size, err := strconv.ParseInt(r.Header.Get("Upload-Length"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("files: upload of %.20q bytes: %w", r.Header.Get("Upload-Length"), ErrTooLarge)
	}
	name, err := fileName(r.Header.Get("Upload-Metadata"))
	if err != nil {
		return nil, err
	}
	id, err := s.Begin(owner, name, size)
	if err != nil {
		return nil, err
	}
	if size == 0 { // a piece of nothing is more than jupyter-server-proxy passes on
		if _, name, whole, err = s.Append(owner, id, 0, http.NoBody, func() {}); err != nil {
			return nil, err
		}
		w.Header().Set("Upload-Offset", "0")
		nameFile(w.Header(), name)
	}
	w.Header().Set("Location", id) // relative to where the uploads are, whatever a proxy calls that
	w.WriteHeader(http.StatusCreated)
	return whole, nil
}

// fileName reads the name out of Upload-Metadata: pairs with commas between, each a
// key, a space and a value in base64.
func fileName(metadata string) (string, error) {
	for pair := range strings.SplitSeq(metadata, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), " ")
		if key != "filename" {
			continue
		}
		name, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return "", fmt.Errorf("files: upload: %w", ErrName)
		}
		return string(name), nil
	}
	return "", fmt.Errorf("files: upload without a name: %w", ErrName)
}

func (s *Store) patch(w http.ResponseWriter, r *http.Request, owner, id string, moving func() bool) (*Carried, error) {
	if r.Header.Get("Content-Type") != "application/offset+octet-stream" {
		http.Error(w, "want application/offset+octet-stream", http.StatusUnsupportedMediaType)
		return nil, nil
	}
	offset, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("files: piece at %.20q: %w", r.Header.Get("Upload-Offset"), ErrOffset)
	}
	piece := &timed{body: r.Body, pace: &s.pace, moving: moving, connection: http.NewResponseController(w)}
	defer piece.end()
	next, name, whole, err := s.Append(owner, id, offset, piece, piece.stop)
	if err != nil {
		return nil, err
	}
	w.Header().Set("Upload-Offset", strconv.FormatInt(next, 10))
	nameFile(w.Header(), name)
	w.WriteHeader(http.StatusNoContent)
	return whole, nil
}

// nameFile tells the name of a file that is whole.
func nameFile(header http.Header, name string) {
	if name != "" {
		header.Set("Lucarne-Name", url.PathEscape(name))
	}
}

// refuse answers with what an error means.
func refuse(w http.ResponseWriter, err error) {
	for _, known := range []struct {
		err    error
		status int
	}{
		{ErrName, http.StatusBadRequest},
		{ErrTooLarge, http.StatusRequestEntityTooLarge},
		{ErrFull, http.StatusInsufficientStorage},
		{ErrBusy, http.StatusTooManyRequests},
		{ErrUnknown, http.StatusNotFound},
		{ErrOffset, http.StatusConflict},
		{fs.ErrNotExist, http.StatusNotFound},
	} {
		if errors.Is(err, known.err) {
			http.Error(w, known.err.Error(), known.status)
			return
		}
	}
	http.Error(w, "the file could not be written or read", http.StatusInternalServerError)
}

// Entry is a file or a directory that can be fetched.
type Entry struct {
	Name     string    `json:"name"`
	Dir      bool      `json:"dir,omitempty"`
	Size     int64     `json:"size"` // bytes; of a file
	Modified time.Time `json:"modified"`
}

// maxEntries is how many entries of a directory are listed: the newest.
const maxEntries = 1000

// List returns what can be fetched of a directory, "" for the store's own: regular
// files and directories that are not hidden, the newest first. more says that there
// are others.
func (s *Store) List(dir string) (entries []Entry, more bool, err error) {
	root, err := os.OpenRoot(s.cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) && dir == "" {
		return nil, false, nil // no file has come yet
	}
	if err != nil {
		return nil, false, fmt.Errorf("files: list: %w", err)
	}
	defer root.Close()
	if dir = path.Clean("./" + dir); isHidden(dir) {
		return nil, false, fmt.Errorf("files: list %.80q: %w", dir, fs.ErrNotExist)
	}
	all, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return nil, false, fmt.Errorf("files: list %.80q: %w", dir, err)
	}
	for _, entry := range all {
		info, err := entry.Info()
		if err != nil || isHidden(entry.Name()) || !info.IsDir() && !info.Mode().IsRegular() {
			continue
		}
		entries = append(entries, Entry{Name: entry.Name(), Dir: info.IsDir(), Size: info.Size(), Modified: info.ModTime()})
	}
	slices.SortFunc(entries, func(a, b Entry) int { return b.Modified.Compare(a.Modified) })
	return entries[:min(len(entries), maxEntries)], len(entries) > maxEntries, nil
}

// isHidden says whether a step of a path begins with a dot, other than "." alone.
func isHidden(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(step string) bool {
		return strings.HasPrefix(step, ".") && step != "."
	})
}

// ServeList answers with List as {"entries": [...], "more": bool}.
func (s *Store) ServeList(w http.ResponseWriter, dir string) error {
	entries, more, err := s.List(dir)
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		refuse(w, err)
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(struct {
		Entries []Entry `json:"entries"`
		More    bool    `json:"more"`
	}{entries, more})
}

// ServeFile answers with a file, for the browser to save and never to show: it would
// be shown as a page of ours. It returns what of it has been sent.
func (s *Store) ServeFile(w http.ResponseWriter, r *http.Request, name string) (Carried, error) {
	w.Header().Set("Cache-Control", "no-store")
	sent := Carried{Name: path.Clean("./" + name)}
	file, info, err := s.open(name)
	if err != nil {
		refuse(w, err)
		return sent, err
	}
	defer file.Close()
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(name)}))
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	to := counted{w, &s.downloaded}
	if !s.cfg.Sums {
		http.ServeContent(to, r, "", info.ModTime(), file)
		sent.Bytes = info.Size()
		return sent, nil
	}
	r.Header.Del("Range") // what is recorded is a file, from its beginning
	body := &summed{Writer: to, hash: sha256.New()}
	http.ServeContent(answer{w, body}, r, "", info.ModTime(), file)
	sent.Bytes, sent.SHA256 = body.n, sum(body.hash)
	if body.n < info.Size() {
		return sent, fmt.Errorf("files: fetch %.80q: %w", name, errBrokenOff)
	}
	return sent, nil
}

func (s *Store) open(name string) (*os.File, fs.FileInfo, error) {
	root, err := os.OpenRoot(s.cfg.Dir)
	if err != nil {
		return nil, nil, fmt.Errorf("files: fetch: %w", err)
	}
	defer root.Close()
	if name = path.Clean("./" + name); isHidden(name) {
		return nil, nil, fmt.Errorf("files: fetch %.80q: %w", name, fs.ErrNotExist)
	}
	// Not waiting for who writes into a pipe.
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("files: fetch %.80q: %w", name, err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("files: fetch %.80q: %w", name, err)
	}
	return file, info, nil
}

// timed is a body of which each part has to come in time, and not all at once while
// pictures move.
type timed struct {
	body       io.Reader
	pace       *pace
	moving     func() bool
	connection *http.ResponseController

	mu    sync.Mutex // of the deadline
	ended bool
}

// Read implements io.Reader.
func (t *timed) Read(b []byte) (int, error) {
	// A deadline set here must not undo that of stop.
	t.mu.Lock()
	if t.ended {
		t.mu.Unlock()
		return 0, os.ErrDeadlineExceeded
	}
	t.connection.SetReadDeadline(time.Now().Add(silence))
	t.mu.Unlock()
	n, err := t.body.Read(b)
	if t.moving() {
		t.pace.took(n)
	}
	return n, err
}

// stop makes Read fail, now and later.
func (t *timed) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.connection.SetReadDeadline(time.Unix(1, 0))
	}
	t.ended = true
}

// end makes stop do nothing any more: the connection is for the next request.
func (t *timed) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
}
