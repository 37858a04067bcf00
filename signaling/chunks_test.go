package signaling

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"testing"

	"lucarne/web"
)

// lightest is what the scripts may take, in bytes, that the page waits for before the first picture.
const lightest = 150_000

var (
	script = regexp.MustCompile(`"\./(assets/[\w-]+\.js)"`)
	chunk  = regexp.MustCompile(`"\./([\w-]+-[0-9A-Z]{8}\.js)"`)
)

// TestChunks: what the page needs until the first picture stays small, and whatever its
// scripts fetch is there, packed, and kept by the browser for good.
func TestChunks(t *testing.T) {
	site := web.FS()
	index, err := fs.ReadFile(site, "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return // not built, which is allowed: the server says so
	}
	if err != nil {
		t.Fatal(err)
	}
	first := 0
	named := make(map[string]bool)
	for _, found := range script.FindAllSubmatch(index, -1) {
		info, err := fs.Stat(site, string(found[1]))
		if err != nil {
			t.Fatal(err)
		}
		first += int(info.Size())
		named[path.Base(string(found[1]))] = true
	}
	if first == 0 || first > lightest {
		t.Errorf("index.html names scripts of %d bytes, want at most %d: what is around the picture is to be fetched after it", first, lightest)
	}

	scripts, err := fs.Glob(site, "assets/*.js")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(c *Config) { c.Web = site })
	plain := &http.Transport{DisableCompression: true} // neither asks nor unpacks by itself
	t.Cleanup(plain.CloseIdleConnections)
	later := 0
	for _, name := range scripts {
		content, err := fs.ReadFile(site, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range chunk.FindAllSubmatch(content, -1) {
			file := string(found[1])
			if !named[file] {
				later++
			}
			if bytes.Contains(content, []byte(`from"./`+file)) && !named[file] && strings.HasPrefix(name, "assets/main-") {
				t.Errorf("%s waits for %s, which index.html does not name", name, file)
			}
			q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/assets/"+file, nil)
			if err != nil {
				t.Fatal(err)
			}
			q.Header.Set("Accept-Encoding", "gzip")
			r, err := plain.RoundTrip(q)
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			if r.StatusCode != http.StatusOK || r.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s fetches %s: %d, %v", name, file, r.StatusCode, r.Header)
			}
		}
	}
	if later == 0 {
		t.Error("no script fetches another later on")
	}
}
