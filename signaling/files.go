package signaling

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"lucarne/signaling/access"
	"lucarne/signaling/files"
	"lucarne/signaling/session"
)

// Files go by requests of their own, below files/:
//
//	uploads/        tus (package files): POST begins an upload
//	uploads/ID      HEAD, PATCH, DELETE
//	list/DIRECTORY  GET: {"entries": [{"name", "dir", "size", "modified"}], "more"}
//	fetch           POST, a form with page and path: the file, for the browser to save
//
// Each names the page whose viewer makes it by its secret, in the header Lucarne-Page
// or the form's page, and has the key with which that has come in, in the header
// Lucarne-Key or the form's key: a cookie alone, which comes with what any page of the
// origin asks for, opens nothing.
const pageHeader = "Lucarne-Page"

// maxForm is the most that is read of the form that asks for a file, in bytes.
const maxForm = 16 << 10

// serveFiles answers what is asked for below files/.
func (h *Handler) serveFiles(w http.ResponseWriter, r *http.Request, rest string) {
	if h.cfg.Files == nil {
		http.NotFound(w, r)
		return
	}
	// A form of a page that tells nobody where it is has the origin "null" (Fetch standard,
	// §4.6): what it knows instead is the page's secret.
	if !access.SameOrigin(r) || rest != "fetch" && !h.cfg.Access.Origins.Allows(r) {
		http.Error(w, "files are for this page alone", http.StatusForbidden)
		return
	}
	who, err := h.gate.Visitor(r)
	if !who.Any() {
		h.keyless(h.from(r), err)
		http.Error(w, cmp.Or(err, access.ErrLogin).Error(), http.StatusUnauthorized)
		return
	}
	secret, key := r.Header.Get(pageHeader), r.Header.Get(access.KeyHeader)
	if rest == "fetch" {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		secret, key = r.PostFormValue("page"), r.PostFormValue("key")
	}
	page := pageKey(sha256.Sum256([]byte(secret)))
	viewer, pass := h.pages.viewer(page)
	if own, err := who.Pass(pass.Share, key); err != nil || viewer != nil && !own.Same(pass) {
		h.keyless(h.from(r), access.ErrLogin)
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	if viewer == nil {
		http.Error(w, "no page of this name is connected", http.StatusUnauthorized)
		return
	}
	feature, act := h.fileAct(w, r, rest, hex.EncodeToString(page[:]))
	if act == nil {
		http.NotFound(w, r)
		return
	}
	done := false
	over, end := h.over(r.Context(), pass, viewer)
	defer end()
	err = viewer.Use(feature, session.Detail{}, func(detail *session.Detail) error {
		done = true
		defer cutOff(w, r, over)()
		return act(detail)
	})
	switch {
	case !done:
		http.Error(w, fmt.Sprintf("refused: %s", feature), http.StatusForbidden)
	case closed(over):
		panic(http.ErrAbortHandler) // a connection that has been cut off serves nobody else
	case err != nil:
		h.cfg.Log.Debug("files", "viewer", viewer.ID(), "err", err)
	}
}

// fileAct returns what answers a request, and the feature that it uses; nil: nothing.
// It tells the audit what was carried.
func (h *Handler) fileAct(w http.ResponseWriter, r *http.Request, rest, owner string) (session.Feature, func(*session.Detail) error) {
	if id, found := strings.CutPrefix(rest, "uploads/"); found {
		return session.Upload, func(detail *session.Detail) error {
			whole, err := h.cfg.Files.Upload(w, r, owner, id, h.moving)
			detail.Quiet = whole == nil // pieces are on the way to a file
			if whole != nil {
				detail.Objects = fileObjects(*whole)
			}
			return err
		}
	}
	if dir, found := strings.CutPrefix(rest, "list/"); found && r.Method == http.MethodGet {
		return session.Download, func(detail *session.Detail) error {
			detail.Operation, detail.Subject = "list", "/"+dir
			return h.cfg.Files.ServeList(w, dir)
		}
	}
	if rest == "fetch" && r.Method == http.MethodPost {
		return session.Download, func(detail *session.Detail) error {
			sent, err := h.cfg.Files.ServeFile(w, r, r.PostFormValue("path"))
			detail.Objects = fileObjects(sent)
			return err
		}
	}
	return "", nil
}

// moving says whether anybody is shown a picture that changes, which what is brought has to
// leave room for. What goes by VNC is not looked at: it counts for moving.
func (h *Handler) moving() bool { return h.vncs.Load() > 0 || h.cfg.Screen.Moving() }

// over returns what is closed when whoever has come in by a pass as a viewer may no longer be
// there, though their page's socket has gone long ago. The function that it returns ends
// the watch, and waits for it.
func (h *Handler) over(ctx context.Context, pass access.Pass, viewer *session.Viewer) (over <-chan struct{}, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	closing := make(chan struct{})
	var watch sync.WaitGroup
	ended := make(chan error, 1)
	watch.Go(func() { ended <- h.gate.Await(ctx, pass) })
	watch.Go(func() {
		select {
		case <-viewer.Over():
		case err := <-ended:
			if err == nil {
				return
			}
		}
		close(closing)
	})
	return closing, func() {
		cancel()
		watch.Wait()
	}
}

// fileObjects are what the audit is told of a file.
func fileObjects(file files.Carried) []session.Object {
	return []session.Object{{Name: file.Name, Bytes: file.Bytes, SHA256: file.SHA256}}
}

// cutOff makes reading a request's body and writing its answer fail once over is closed,
// and not when the viewer leaves: files survive a page's new connection. The function
// that it returns ends that.
func cutOff(w http.ResponseWriter, r *http.Request, over <-chan struct{}) (end func()) {
	r.Body = body{r.Body, over}
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-done:
		case <-over:
			connection, past := http.NewResponseController(w), time.Unix(1, 0)
			connection.SetReadDeadline(past)
			connection.SetWriteDeadline(past)
		}
	})
	return func() {
		close(done)
		watch.Wait()
	}
}

// body is a request's body until over is closed.
type body struct {
	io.ReadCloser
	over <-chan struct{}
}

// Read implements io.Reader.
func (b body) Read(p []byte) (int, error) {
	if closed(b.over) { // whatever deadline has been set since
		return 0, os.ErrDeadlineExceeded
	}
	return b.ReadCloser.Read(p)
}

// closed says whether a channel is; nil is not.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// allowed lists what the viewer may use of what there is.
func (s *socket) allowed() []session.Feature {
	return slices.DeleteFunc(s.viewer.Allowed(), s.h.lacks)
}

// refused says why the viewer may not use what there is and its role could.
func (s *socket) refused() map[session.Feature]string {
	why := make(map[session.Feature]string)
	for f, refusal := range s.viewer.Refusals() {
		if refusal != session.ByRole && !s.h.lacks(f) {
			why[f] = string(refusal)
		}
	}
	return why
}

// lacks says whether there is nothing here that a feature could be used for.
func (h *Handler) lacks(f session.Feature) bool {
	switch f {
	case session.Upload, session.Download:
		return h.cfg.Files == nil
	case session.Awaking:
		return h.cfg.Activity == nil
	}
	return false
}
