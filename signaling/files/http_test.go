package files

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// still: no picture moves.
func still() bool { return false }

// serve answers for a store as its only user.
func serve(t *testing.T, s *Store) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/uploads/", func(w http.ResponseWriter, r *http.Request) {
		s.Upload(w, r, "me", strings.TrimPrefix(r.URL.Path, "/uploads/"), still)
	})
	mux.HandleFunc("/list/", func(w http.ResponseWriter, r *http.Request) {
		s.ServeList(w, strings.TrimPrefix(r.URL.Path, "/list/"))
	})
	mux.HandleFunc("/get/", func(w http.ResponseWriter, r *http.Request) {
		s.ServeFile(w, r, strings.TrimPrefix(r.URL.Path, "/get/"))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return server
}

// ask makes a request with the headers, name and value by turns.
func ask(t *testing.T, method, url string, body io.Reader, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Tus-Resumable", tusVersion)
	for n := 0; n < len(headers); n += 2 {
		req.Header.Set(headers[n], headers[n+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func named(name string) string {
	return "relativePath bnVsbA==,filename " + base64.StdEncoding.EncodeToString([]byte(name))
}

const octets = "application/offset+octet-stream"

func TestTus(t *testing.T) {
	s, dir := open(t, Config{})
	base := serve(t, s).URL + "/uploads/"
	created := ask(t, "POST", base, nil, "Upload-Length", "10", "Upload-Metadata", named("a b.txt"))
	if created.StatusCode != http.StatusCreated || created.Header.Get("Tus-Resumable") != tusVersion {
		t.Fatalf("create: %s", created.Status)
	}
	upload := base + created.Header.Get("Location")
	first := ask(t, "PATCH", upload, strings.NewReader("01234"), "Upload-Offset", "0", "Content-Type", octets)
	if first.StatusCode != http.StatusNoContent || first.Header.Get("Upload-Offset") != "5" {
		t.Errorf("first piece: %s, offset %s", first.Status, first.Header.Get("Upload-Offset"))
	}
	head := ask(t, "HEAD", upload, nil)
	if got := head.Header.Get("Upload-Offset") + "/" + head.Header.Get("Upload-Length"); head.StatusCode != http.StatusOK || got != "5/10" {
		t.Errorf("head: %s, %s", head.Status, got)
	}
	last := ask(t, "PATCH", upload, strings.NewReader("56789"), "Upload-Offset", "5", "Content-Type", octets)
	if last.StatusCode != http.StatusNoContent || last.Header.Get("Lucarne-Name") != "a%20b.txt" {
		t.Errorf("last piece: %s, name %q", last.Status, last.Header.Get("Lucarne-Name"))
	}
	if content, err := os.ReadFile(filepath.Join(dir, "a b.txt")); string(content) != "0123456789" || err != nil {
		t.Errorf("the file holds %q, %v", content, err)
	}
}

// An empty file is there with the answer to POST: tus, Creation. A piece of nothing is answered
// as ever.
func TestTusEmptyFile(t *testing.T) {
	s, dir := open(t, Config{})
	base := serve(t, s).URL + "/uploads/"
	created := ask(t, "POST", base, nil, "Upload-Length", "0", "Upload-Metadata", named("none"))
	h := created.Header
	if created.StatusCode != http.StatusCreated || h.Get("Upload-Offset") != "0" || h.Get("Lucarne-Name") != "none" {
		t.Errorf("create: %s, offset %q, name %q", created.Status, h.Get("Upload-Offset"), h.Get("Lucarne-Name"))
	}
	if info, err := os.Stat(filepath.Join(dir, "none")); err != nil || info.Size() != 0 {
		t.Errorf("the file: %v, %v", info, err)
	}
	piece := ask(t, "PATCH", base+h.Get("Location"), nil, "Upload-Offset", "0", "Content-Type", octets)
	if piece.StatusCode != http.StatusNoContent || piece.Header.Get("Lucarne-Name") != "none" {
		t.Errorf("a piece of nothing: %s, name %q", piece.Status, piece.Header.Get("Lucarne-Name"))
	}
}

func TestTusRefuses(t *testing.T) {
	s, dir := open(t, Config{MaxBytes: 100, MaxUploads: 1})
	base := serve(t, s).URL + "/uploads/"
	created := ask(t, "POST", base, nil, "Upload-Length", "10", "Upload-Metadata", named("a"))
	upload := base + created.Header.Get("Location")
	tests := []struct {
		name, method, url string
		headers           []string
		want              int
	}{
		{"another version", "POST", base, []string{"Tus-Resumable", "0.2.2"}, http.StatusPreconditionFailed},
		{"no length", "POST", base, []string{"Upload-Metadata", named("a")}, http.StatusRequestEntityTooLarge},
		{"too long", "POST", base, []string{"Upload-Length", "101", "Upload-Metadata", named("a")}, http.StatusRequestEntityTooLarge},
		{"a negative length", "POST", base, []string{"Upload-Length", "-1", "Upload-Metadata", named("a")}, http.StatusRequestEntityTooLarge},
		{"no name", "POST", base, []string{"Upload-Length", "1"}, http.StatusBadRequest},
		{"a path", "POST", base, []string{"Upload-Length", "1", "Upload-Metadata", named("../a")}, http.StatusBadRequest},
		{"no base64", "POST", base, []string{"Upload-Length", "1", "Upload-Metadata", "filename ?"}, http.StatusBadRequest},
		{"one too many", "POST", base, []string{"Upload-Length", "1", "Upload-Metadata", named("b")}, http.StatusTooManyRequests},
		{"a gap", "PATCH", upload, []string{"Upload-Offset", "3", "Content-Type", octets}, http.StatusConflict},
		{"no offset", "PATCH", upload, []string{"Content-Type", octets}, http.StatusConflict},
		{"another type", "PATCH", upload, []string{"Upload-Offset", "0"}, http.StatusUnsupportedMediaType},
		{"unknown", "PATCH", base + "x", []string{"Upload-Offset", "0", "Content-Type", octets}, http.StatusNotFound},
		{"unknown", "HEAD", base + "x", nil, http.StatusNotFound},
		{"unknown", "DELETE", base + "x", nil, http.StatusNotFound},
		{"another method", "PUT", upload, nil, http.StatusMethodNotAllowed},
		{"given up", "DELETE", upload, nil, http.StatusNoContent},
		{"given up", "HEAD", upload, nil, http.StatusNotFound},
	}
	for _, tt := range tests {
		if got := ask(t, tt.method, tt.url, nil, tt.headers...); got.StatusCode != tt.want {
			t.Errorf("%s, %s: %s, want %d", tt.method, tt.name, got.Status, tt.want)
		}
	}
	if got := names(t, dir); got != "" {
		t.Errorf("the directory has %q", got)
	}
}

func TestDeadConnectionDoesNotHoldUp(t *testing.T) {
	s, dir := open(t, Config{})
	base := serve(t, s).URL + "/uploads/"
	created := ask(t, "POST", base, nil, "Upload-Length", "10", "Upload-Metadata", named("a"))
	upload := base + created.Header.Get("Location")

	body, hang := io.Pipe() // three bytes and then nothing, for as long as the test lasts
	defer hang.Close()
	broken := make(chan struct{})
	go func() {
		defer close(broken)
		req, _ := http.NewRequest("PATCH", upload, body)
		req.ContentLength = 10
		for name, value := range map[string]string{"Tus-Resumable": tusVersion, "Upload-Offset": "0", "Content-Type": octets} {
			req.Header.Set(name, value)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	if _, err := hang.Write([]byte("012")); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(dir, names(t, dir))
	deadline := time.Now().Add(20 * time.Second)
	for size := int64(0); size < 3; { // until they are written
		info, err := os.Stat(part)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%d bytes written: %v", size, err)
		}
		size = info.Size()
		time.Sleep(time.Millisecond)
	}
	if offset := ask(t, "HEAD", upload, nil).Header.Get("Upload-Offset"); offset != "3" {
		t.Errorf("offset %s, want 3", offset)
	}
	last := ask(t, "PATCH", upload, strings.NewReader("3456789"), "Upload-Offset", "3", "Content-Type", octets)
	if last.StatusCode != http.StatusNoContent || last.Header.Get("Lucarne-Name") != "a" {
		t.Errorf("resumed: %s", last.Status)
	}
	hang.Close()
	<-broken
}

// TestUnwritable: that is not the policy's refusal, and what tries again does not help.
func TestUnwritable(t *testing.T) {
	s, dir := open(t, Config{})
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // where the directory should be
		t.Fatal(err)
	}
	base := serve(t, s).URL + "/uploads/"
	got := ask(t, "POST", base, nil, "Upload-Length", "10", "Upload-Metadata", named("a"))
	if got.StatusCode != http.StatusInternalServerError || got.Header.Get("Tus-Resumable") != tusVersion {
		t.Errorf("%s, %v", got.Status, got.Header)
	}
}

func TestListAndFetch(t *testing.T) {
	s, dir := open(t, Config{})
	base := serve(t, s).URL
	list := func(path string) (status int, names string) {
		resp := ask(t, "GET", base+"/list/"+path, nil)
		var answer struct{ Entries []Entry }
		json.NewDecoder(resp.Body).Decode(&answer)
		for _, e := range answer.Entries {
			names += fmt.Sprintf("%s %d %v, ", e.Name, e.Size, e.Dir)
		}
		return resp.StatusCode, names
	}
	if status, names := list(""); status != http.StatusOK || names != "" {
		t.Errorf("before anything has come: %d, %s", status, names)
	}
	outside := filepath.Join(filepath.Dir(dir), "outside")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "sub", ".git"), 0o700),
		os.WriteFile(filepath.Join(dir, "sub", "é.html"), []byte("<script>"), 0o600),
		os.WriteFile(filepath.Join(dir, "sub", ".git", "config"), []byte("secret"), 0o600),
		os.WriteFile(filepath.Join(dir, ".netrc"), []byte("secret"), 0o600),
		os.WriteFile(outside, []byte("secret"), 0o600),
		os.Symlink(outside, filepath.Join(dir, "link")),
		os.Symlink("/", filepath.Join(dir, "root")),
		os.Symlink("é.html", filepath.Join(dir, "sub", "inside")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if status, names := list(""); status != http.StatusOK || !strings.HasPrefix(names, "sub ") || strings.Count(names, ",") != 1 {
		t.Errorf("listed %q, want the directory alone", names)
	}
	if status, names := list("sub"); status != http.StatusOK || names != "é.html 8 false, " {
		t.Errorf("sub: %d, %q", status, names)
	}
	for _, path := range []string{"..", "../..", "root/etc", "sub/.git", "sub/../.."} {
		escaped := strings.ReplaceAll(path, "..", "%2e%2e")
		if status, names := list(escaped); status == http.StatusOK && strings.Contains(names, "outside") || strings.Contains(names, "passwd") || strings.Contains(names, "config") {
			t.Errorf("%s: %d, %q", path, status, names)
		}
	}
	resp := ask(t, "GET", base+"/get/sub/%C3%A9.html", nil)
	content, _ := io.ReadAll(resp.Body)
	if string(content) != "<script>" || resp.Header.Get("Content-Type") != "application/octet-stream" ||
		resp.Header.Get("Content-Disposition") != "attachment; filename*=utf-8''%C3%A9.html" {
		t.Errorf("fetched %q, %v", content, resp.Header)
	}
	if resp := ask(t, "GET", base+"/get/sub/inside", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("a link that stays inside: %s", resp.Status)
	}
	for _, path := range []string{"link", "root/etc/passwd", "pipe", "sub", "", ".netrc", "sub/.git/config", "%2e%2e/outside", "none"} {
		resp := ask(t, "GET", base+"/get/"+path, nil)
		content, _ := io.ReadAll(resp.Body)
		if resp.StatusCode == http.StatusOK || strings.Contains(string(content), "secret") {
			t.Errorf("%s: %s, %q", path, resp.Status, content)
		}
	}
}

func FuzzFileName(f *testing.F) {
	f.Add(named("a"))
	f.Add("filename")
	f.Add(",,filename =,")
	f.Fuzz(func(t *testing.T, metadata string) { fileName(metadata) })
}
