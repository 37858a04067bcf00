package files

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNumbered(t *testing.T) {
	family := "👩\u200d👩\u200d👧"
	tests := []struct {
		name string
		n    int
		want string
	}{
		{"a.txt", 0, "a.txt"},
		{"a.tar.gz", 2, "a.tar (2).gz"},
		{strings.Repeat("a", 255), 0, strings.Repeat("a", 255)},
		{strings.Repeat("a", 256), 0, strings.Repeat("a", 255)},
		{strings.Repeat("a", 300) + ".txt", 0, strings.Repeat("a", 251) + ".txt"},
		{strings.Repeat("a", 300) + ".txt", 10, strings.Repeat("a", 246) + " (10).txt"},
		{strings.Repeat("数", 255), 0, strings.Repeat("数", 85)},
		{strings.Repeat("数", 85), 1, strings.Repeat("数", 83) + " (1)"},
		{strings.Repeat("a", 250) + "e\u0301\u0323" + "b.txt", 0, strings.Repeat("a", 250) + ".txt"},
		{strings.Repeat("a", 245) + family, 0, strings.Repeat("a", 245)},
		{strings.Repeat("e\u0301", 200), 0, strings.Repeat("e\u0301", 85)},
	}
	for _, tt := range tests {
		got := numbered(tt.name, tt.n)
		if got != tt.want || len(got) > maxName || !utf8.ValidString(got) {
			t.Errorf("%d of %q: %q (%d bytes), want %q", tt.n, tt.name, got, len(got), tt.want)
		}
	}
}

func TestNumberedOfMarksAlone(t *testing.T) {
	if got := numbered(strings.Repeat("\u0301", 400)+".txt", 0); got != ".txt" {
		t.Errorf("%q", got)
	}
}

// Whatever a file is called in the browser, it comes, is listed and can be fetched by the
// name that it has then.
func TestNamesOfTheWorld(t *testing.T) {
	s, dir := open(t, Config{})
	base := serve(t, s).URL
	for _, name := range []string{
		"données été.csv", "数据 分析.xlsx", "データ.txt", "данные.txt", "نتائج.csv", "תוצאות.pdf", "ข้อมูล.txt", "데이터.hwp",
		"👩🏽\u200d🔬 results.png", "e\u0301te\u0301.txt", "a'b\"c.txt", "100%.txt", "a?b#c&d=e.txt", "a;b,c.txt", "$(reboot).sh", "-rf", "<b>.html",
		"a\u00a0b.txt", ".hidden no more", strings.Repeat("数", 255) + ".dcm",
	} {
		response := ask(t, "POST", base+"/uploads/", nil, "Upload-Length", "0", "Upload-Metadata", named(name))
		if response.StatusCode != http.StatusCreated {
			t.Errorf("%q: %s", name, response.Status)
			continue
		}
		place := base + "/uploads/" + response.Header.Get("Location")
		response = ask(t, "PATCH", place, nil, "Upload-Offset", "0", "Content-Type", octets)
		got, err := url.PathUnescape(response.Header.Get("Lucarne-Name"))
		if want := numbered(name, 0); err != nil || got != want {
			t.Errorf("%q came as %q, %v; want %q", name, got, err, want)
		}
		if _, err := os.Stat(filepath.Join(dir, got)); err != nil {
			t.Error(err)
		}
		if strings.HasPrefix(got, ".") {
			continue // hidden ones are neither listed nor fetched
		}
		if response := ask(t, "GET", base+"/get/"+url.PathEscape(got), nil); response.StatusCode != http.StatusOK {
			t.Errorf("%q: fetched with %s", got, response.Status)
		}
		entries, _, err := s.List("")
		if err != nil || !slices.ContainsFunc(entries, func(e Entry) bool { return e.Name == got }) {
			t.Errorf("%q is not listed: %v", got, err)
		}
	}
}

func TestListDeep(t *testing.T) {
	s, dir := open(t, Config{})
	base := serve(t, s).URL
	deep := strings.TrimSuffix(strings.Repeat("目录 %2f/", 40), "/")
	if err := os.MkdirAll(filepath.Join(dir, deep), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, deep, "найдено"), []byte("deep"), 0o600); err != nil {
		t.Fatal(err)
	}
	var steps []string
	for step := range strings.SplitSeq(deep, "/") {
		steps = append(steps, url.PathEscape(step))
	}
	path := strings.Join(steps, "/")
	entries, _, err := s.List(deep)
	if err != nil || len(entries) != 1 || entries[0].Name != "найдено" {
		t.Errorf("listed %v, %v", entries, err)
	}
	response := ask(t, "GET", base+"/get/"+path+"/"+url.PathEscape("найдено"), nil)
	if content, err := io.ReadAll(response.Body); string(content) != "deep" || err != nil {
		t.Errorf("fetched %q, %v", content, err)
	}
	// Deeper than a path may be, and names longer than a name may be, are just not there.
	for _, odd := range []string{strings.Repeat("a/", 5000), strings.Repeat("a", 5000), "a\x00b"} {
		if _, _, err := s.List(odd); err == nil {
			t.Errorf("%d bytes of a path are listed", len(odd))
		}
		if _, _, err := s.open(odd); err == nil {
			t.Errorf("%d bytes of a path are fetched", len(odd))
		}
	}
}
