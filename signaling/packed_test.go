package signaling

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

func TestAssetsArePacked(t *testing.T) {
	script := strings.Repeat("let lucarne = 1;\n", 1000)
	random := make([]byte, 3*worthPacking) // what gzip makes no smaller
	seed := uint32(1)
	for i := range random {
		seed = seed*1664525 + 1013904223
		random[i] = byte(seed >> 24)
	}
	s := serve(t, func(c *Config) {
		site := page()
		site["assets/large-ABCD1234.js"] = &fstest.MapFile{Data: []byte(script)}
		site["assets/random-ABCD1234.bin"] = &fstest.MapFile{Data: random}
		c.Web = site
	})
	plain := &http.Transport{DisableCompression: true} // neither asks nor unpacks by itself
	t.Cleanup(plain.CloseIdleConnections)
	for _, test := range []struct {
		path, accept string
		packed       bool
	}{
		{"/assets/large-ABCD1234.js", "gzip, deflate, br", true},
		{"/assets/large-ABCD1234.js", "br;q=1.0, GZIP ; q=0.5", true},
		{"/assets/large-ABCD1234.js", "", false},
		{"/assets/large-ABCD1234.js", "br, deflate", false},
		{"/assets/large-ABCD1234.js", "gzip;q=0", false},
		{"/assets/large-ABCD1234.js", "gzip; q=0.000, br", false},
		{"/assets/main-ABCD1234.js", "gzip", false},
		{"/assets/random-ABCD1234.bin", "gzip", false},
		{"/robots.txt", "gzip", false},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			q, err := http.NewRequestWithContext(t.Context(), method, s.URL+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.accept != "" {
				q.Header.Set("Accept-Encoding", test.accept)
			}
			r, err := plain.RoundTrip(q)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			r.Body.Close()
			if err != nil || r.StatusCode != http.StatusOK {
				t.Fatalf("%s %s: %d, %v", method, test.path, r.StatusCode, err)
			}
			if got := r.Header.Get("Content-Encoding") == "gzip"; got != test.packed {
				t.Errorf("%s %s, %q: packed %v", method, test.path, test.accept, got)
			}
			if got, want := r.Header.Get("Vary") == "Accept-Encoding", strings.HasPrefix(test.path, "/assets/"); got != want {
				t.Errorf("%s %s: varies %v", method, test.path, got)
			}
			if got := r.Header.Get("Content-Length"); method == "GET" && got != "" && got != strconv.Itoa(len(body)) {
				t.Errorf("%s %s: length %s of %d", method, test.path, got, len(body))
			}
			if method == "HEAD" || !test.packed {
				continue
			}
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(z); err != nil || string(got) != script {
				t.Errorf("%s: %d bytes unpacked, want %d (%v)", test.path, len(got), len(script), err)
			}
			if len(body) > len(script)/4 {
				t.Errorf("%s: %d bytes for %d", test.path, len(body), len(script))
			}
		}
	}
}
