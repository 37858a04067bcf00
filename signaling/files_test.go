package signaling

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lucarne/signaling/access"
	"lucarne/signaling/files"
	"lucarne/signaling/session"
)

const ownPage = "the-page-of-the-owner"

// shelf is a server with files, whose owner has a page of a name.
func shelf(t *testing.T, change func(*Config)) (g *guestList, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "Downloads")
	g = share(t, func(c *Config) {
		c.Files = files.New(files.Config{Dir: dir, Log: c.Log})
		if change != nil {
			change(c)
		}
	})
	c := g.dial(t, "/ws", g.key)
	c.send(fmt.Sprintf(`{"type":"hello","transport":"none","key":%q,"page":%q}`, keyIn(g.key), ownPage))
	if hello := c.await("hello"); !slices.Contains(hello.Allow, session.Upload) || !slices.Contains(hello.Allow, session.Download) {
		t.Fatalf("the owner may %v", hello.Allow)
	}
	return g, dir
}

// file asks for a path below files/, with headers as name and value by turns beside
// those of key, and returns the status and the answer.
func (g *guestList) file(method, path, body string, key http.Header, headers ...string) (*http.Response, string) {
	g.t.Helper()
	header := key.Clone()
	header.Set("Tus-Resumable", "1.0.0")
	for n := 0; n < len(headers); n += 2 {
		header.Set(headers[n], headers[n+1])
	}
	return request(g.t, method, g.URL+"/files/"+path, body, header)
}

// announced are the headers that announce a file of 3 bytes.
func announced(name string) []string {
	return []string{"Upload-Length", "3", "Upload-Metadata", "filename " + base64.StdEncoding.EncodeToString([]byte(name))}
}

func TestFiles(t *testing.T) {
	g, dir := shelf(t, nil)
	mine := []string{pageHeader, ownPage}
	made, _ := g.file("POST", "uploads/", "", g.key, append(announced("a.txt"), mine...)...)
	if made.StatusCode != http.StatusCreated {
		t.Fatalf("announced: %s", made.Status)
	}
	id := made.Header.Get("Location")
	piece := append([]string{"Upload-Offset", "0", "Content-Type", "application/offset+octet-stream"}, mine...)
	if sent, text := g.file("PATCH", "uploads/"+id, "abc", g.key, piece...); sent.StatusCode != http.StatusNoContent || sent.Header.Get("Lucarne-Name") != "a.txt" {
		t.Fatalf("sent: %s %s", sent.Status, text)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "a.txt")); string(content) != "abc" || err != nil {
		t.Errorf("the file holds %q, %v", content, err)
	}
	if listed, text := g.file("GET", "list/", "", g.key, mine...); listed.StatusCode != http.StatusOK || !strings.Contains(text, `"name":"a.txt"`) {
		t.Errorf("listed: %s %s", listed.Status, text)
	}
	form := url.Values{"page": {ownPage}, "key": {keyIn(g.key)}, "path": {"a.txt"}}.Encode()
	fetched, text := g.file("POST", "fetch", form, g.key, "Content-Type", "application/x-www-form-urlencoded")
	if fetched.StatusCode != http.StatusOK || text != "abc" || !strings.HasPrefix(fetched.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("fetched: %s %q %v", fetched.Status, text, fetched.Header)
	}
	if g.session.Active().IsZero() {
		t.Error("files are no activity")
	}
}

func TestFilesAreRefused(t *testing.T) {
	g, dir := shelf(t, nil)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	made := g.link(session.Watcher)
	_, _, watching := g.come(t, made)

	form := func(page string, key http.Header) string {
		return url.Values{"page": {page}, "key": {keyIn(key)}, "path": {"a.txt"}}.Encode()
	}
	const encoded = "application/x-www-form-urlencoded"
	tests := []struct {
		name, method, path, body string
		key                      http.Header
		headers                  []string
		want                     int
	}{
		{"a cookie alone", "GET", "list/", "", g.key, nil, http.StatusUnauthorized},
		{"a cookie alone", "POST", "uploads/", "", g.key, announced("b"), http.StatusUnauthorized},
		{"a cookie alone", "POST", "fetch", form("", g.key), g.key, []string{"Content-Type", encoded}, http.StatusUnauthorized},
		{"another page", "GET", "list/", "", g.key, []string{pageHeader, "some-page-or-other"}, http.StatusUnauthorized},
		{"no cookie", "GET", "list/", "", http.Header{}, []string{pageHeader, ownPage}, http.StatusUnauthorized},
		{"another site", "GET", "list/", "", g.key, []string{pageHeader, ownPage, "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"another origin", "GET", "list/", "", g.key, []string{pageHeader, ownPage, "Origin", "https://evil.example"}, http.StatusForbidden},
		{"another site", "POST", "fetch", form(ownPage, g.key), g.key, []string{"Content-Type", encoded, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"another origin", "POST", "fetch", form("a-page-it-cannot-know", g.key), g.key, []string{"Content-Type", encoded, "Origin", "https://evil.example"}, http.StatusUnauthorized},
		{"who only looks", "GET", "list/", "", watching, []string{pageHeader, pageOf(made)}, http.StatusForbidden},
		{"who only looks", "POST", "uploads/", "", watching, append(announced("b"), pageHeader, pageOf(made)), http.StatusForbidden},
		{"who only looks", "POST", "fetch", form(pageOf(made), watching), watching, []string{"Content-Type", encoded}, http.StatusForbidden},
		{"nothing there", "GET", "", "", g.key, []string{pageHeader, ownPage}, http.StatusNotFound},
		{"a fetch by GET", "GET", "fetch?page=" + ownPage + "&path=a.txt", "", g.key, nil, http.StatusUnauthorized},
		{"a form too large", "POST", "fetch", form(ownPage, g.key) + "&x=" + strings.Repeat("x", maxForm), g.key, []string{"Content-Type", encoded}, http.StatusUnauthorized},
	}
	for _, tt := range tests {
		if got, text := g.file(tt.method, tt.path, tt.body, tt.key, tt.headers...); got.StatusCode != tt.want || strings.Contains(text, "secret") {
			t.Errorf("%s %s by %s: %s %q, want %d", tt.method, tt.path, tt.name, got.Status, text, tt.want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the directory has %v, %v", entries, err)
	}
	if log := g.log.String(); strings.Contains(log, ownPage) {
		t.Error("the log holds a page's secret")
	}
}

// TestFilesEndWithTheLink: who has come by a link that ends has nothing that goes on.
func TestFilesEndWithTheLink(t *testing.T) {
	g, dir := shelf(t, nil)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	endless, err := os.Create(filepath.Join(dir, "endless"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(endless.Truncate(1<<40), endless.Close()); err != nil {
		t.Fatal(err)
	}
	made := g.link(session.Controller)
	guest, _, key := g.come(t, made)
	began, _ := g.file("POST", "uploads/", "", key, append(announced("a.txt"), pageHeader, pageOf(made))...)
	id := began.Header.Get("Location")
	form := url.Values{"page": {pageOf(made)}, "key": {keyIn(key)}, "path": {"endless"}}.Encode()
	// ask makes a request by hand: what is left of its body never comes.
	ask := func(method, path, body string, length int, headers ...string) net.Conn {
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(conn, "%s /files/%s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n%s: %s\r\nContent-Length: %d\r\n%s\r\n\r\n%s",
			method, path, conn.RemoteAddr(), key.Get("Cookie"), access.KeyHeader, keyIn(key), length, strings.Join(headers, "\r\n"), body)
		return conn
	}
	fetching := ask("POST", "fetch", form, len(form), "Content-Type: application/x-www-form-urlencoded")
	status := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(fetching, status); err != nil || string(status) != "HTTP/1.1 200" {
		t.Fatalf("%q, %v", status, err)
	}
	sending := ask("PATCH", "uploads/"+id, "ab", 3, pageHeader+": "+pageOf(made),
		"Tus-Resumable: 1.0.0", "Upload-Offset: 0", "Content-Type: application/offset+octet-stream")
	eventually(t, "a part of the piece", func() bool {
		parts, _ := filepath.Glob(filepath.Join(dir, ".*"))
		if len(parts) != 1 {
			return false
		}
		info, err := os.Stat(parts[0])
		return err == nil && info.Size() == 2
	})

	g.owner.send(fmt.Sprintf(`{"type":"revoke","share":%q}`, made.Share))
	guest.await("bye")
	for what, conn := range map[string]net.Conn{"uploaded": sending, "fetched": fetching} {
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the file is %s on", what)
		}
	}
}

func TestNoFiles(t *testing.T) {
	g := share(t, nil)
	if slices.Contains(g.hello.Allow, session.Upload) || slices.Contains(g.hello.Allow, session.Download) {
		t.Errorf("the owner may %v", g.hello.Allow)
	}
	if got, _ := g.file("GET", "list/", "", g.key); got.StatusCode != http.StatusNotFound {
		t.Errorf("got %s", got.Status)
	}
}
