package signaling

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

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
// or the form's page: a cookie alone, which comes with what any page of the origin
// asks for, opens nothing.
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
	if !sameSite(r) || rest != "fetch" && !h.originAllowed(r) {
		http.Error(w, "files are for this page alone", http.StatusForbidden)
		return
	}
	if !h.admission(r).any() {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	secret := r.Header.Get(pageHeader)
	if rest == "fetch" {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		secret = r.PostFormValue("page")
	}
	page := pageKey(sha256.Sum256([]byte(secret)))
	viewer := h.pages.viewer(page)
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
	err := viewer.Do(feature, func() error { done = true; return act() })
	if !done {
		http.Error(w, fmt.Sprintf("refused: %s", feature), http.StatusForbidden)
	} else if err != nil {
		h.cfg.Log.Debug("files", "viewer", viewer.ID(), "err", err)
	}
}

// fileAct returns what answers a request, and the feature that it uses; nil: nothing.
func (h *Handler) fileAct(w http.ResponseWriter, r *http.Request, rest, owner string) (session.Feature, func() error) {
	if id, found := strings.CutPrefix(rest, "uploads/"); found {
		return session.Upload, func() error { return h.cfg.Files.Upload(w, r, owner, id) }
	}
	if dir, found := strings.CutPrefix(rest, "list/"); found && r.Method == http.MethodGet {
		return session.Download, func() error { return h.cfg.Files.ServeList(w, dir) }
	}
	if rest == "fetch" && r.Method == http.MethodPost {
		return session.Download, func() error { return h.cfg.Files.ServeFile(w, r, r.PostFormValue("path")) }
	}
	return "", nil
}

// allowed lists what the viewer may use of what there is.
func (s *socket) allowed() []session.Feature {
	return slices.DeleteFunc(s.viewer.Allowed(), func(f session.Feature) bool {
		switch f {
		case session.Upload, session.Download:
			return s.h.cfg.Files == nil
		case session.Awaking:
			return s.h.cfg.Activity == nil
		}
		return false
	})
}
