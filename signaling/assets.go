package signaling

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"lucarne/signaling/access"
)

// hashedDir holds the files whose names change with their content.
const hashedDir = "assets/"

// page serves one of the pages by its file's name. It holds nothing secret and is
// public; it is never stored, so that a new build is seen at the next load. Whatever is not
// going to show it is refused: on an origin that people share, a script that has the page
// in a frame of its own can read all that the page shows.
func (h *Handler) page(w http.ResponseWriter, r *http.Request, name string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Sec-Fetch-Dest")
	if !access.Document(r, len(h.cfg.FrameAncestors) > 0) {
		http.Error(w, "the page is shown in a tab of its own; for a frame, start with --embed", http.StatusForbidden)
		return
	}
	page, err := fs.ReadFile(h.cfg.Web, name)
	if err != nil {
		http.Error(w, "page not built: run make web", http.StatusServiceUnavailable)
		return
	}
	http.ServeContent(w, r, path.Base(name), time.Time{}, bytes.NewReader(page))
}

// versionTag is how index.html says which build of the page it is.
var versionTag = regexp.MustCompile(`<meta name="lucarne-version" content="([^"]*)"`)

// pageVersion returns the build of the page as its index.html says, "" if it
// does not.
func pageVersion(page fs.FS) string {
	html, err := fs.ReadFile(page, "index.html")
	if err != nil {
		return ""
	}
	if found := versionTag.FindSubmatch(html); found != nil {
		return string(found[1])
	}
	return ""
}

// asset serves a file of the page.
func (h *Handler) asset(w http.ResponseWriter, r *http.Request, name string) {
	if !fs.ValidPath(name) || hidden(name) {
		http.NotFound(w, r)
		return
	}
	content, err := fs.ReadFile(h.cfg.Web, name)
	if errors.Is(err, fs.ErrNotExist) || err != nil && isDir(h.cfg.Web, name) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		h.cfg.Log.Error("page file unreadable", "file", name, "err", err)
		http.Error(w, "unreadable", http.StatusInternalServerError)
		return
	}
	if strings.HasPrefix(name, hashedDir) {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable") // RFC 8246
		w.Header().Set("Vary", "Accept-Encoding")
		if smaller := h.packed.of(name, content); smaller != nil && takesGzip(r.Header) {
			w.Header().Set("Content-Encoding", "gzip")
			content = smaller
		}
	} else {
		w.Header().Set("Cache-Control", "no-cache")
	}
	http.ServeContent(w, r, path.Base(name), time.Time{}, bytes.NewReader(content))
}

// hidden says whether a part of the path begins with a dot.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.Contains(name, "/.")
}

func isDir(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}
