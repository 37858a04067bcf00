package web

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// TestFS holds what signaling relies on: the root is the page itself, and a
// page that was built is complete.
func TestFS(t *testing.T) {
	root := FS()
	page, err := fs.ReadFile(root, "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return // not built, which is allowed: the server says so
	}
	if err != nil {
		t.Fatal(err)
	}
	vnc, err := fs.ReadFile(root, "vnc/index.html")
	if err != nil {
		t.Fatal(err)
	}
	connection, err := fs.ReadFile(root, "connection.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, absolute := range []string{`src="/`, `href="/`, `src="http`, `href="http`} {
		if strings.Contains(string(page)+string(vnc)+string(connection), absolute) {
			t.Errorf("a page contains %q: every URL must be relative", absolute)
		}
	}
	if licences, err := fs.ReadFile(root, "vnc/licences.txt"); err != nil || !strings.Contains(string(licences), "Mozilla Public License") {
		t.Errorf("the licences of the VNC page: %.100q, %v", licences, err)
	}
	assets, err := fs.ReadDir(root, "assets")
	if err != nil {
		t.Fatal(err)
	}
	if len(assets) == 0 {
		t.Error("index.html is there but assets/ is empty")
	}
}
