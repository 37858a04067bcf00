package files

import (
	"io"
	"strings"
	"testing"
	"time"
)

func TestStats(t *testing.T) {
	s, _ := open(t, Config{})
	base := serve(t, s).URL
	if got := s.Stats(); got != (Stats{}) {
		t.Errorf("at first: %+v", got)
	}
	created := ask(t, "POST", base+"/uploads/", nil, "Upload-Length", "10", "Upload-Metadata", named("a.txt"))
	upload := base + "/uploads/" + created.Header.Get("Location")
	ask(t, "PATCH", upload, strings.NewReader("01234"), "Upload-Offset", "0", "Content-Type", octets)
	if got, want := s.Stats(), (Stats{Uploaded: 5, Unfinished: 1}); got != want {
		t.Errorf("in the middle: %+v, want %+v", got, want)
	}
	ask(t, "PATCH", upload, strings.NewReader("56789"), "Upload-Offset", "5", "Content-Type", octets)
	for _, header := range [][]string{nil, {"Range", "bytes=2-4"}} {
		if _, err := io.Copy(io.Discard, ask(t, "GET", base+"/get/a.txt", nil, header...).Body); err != nil {
			t.Fatal(err)
		}
	}
	ask(t, "GET", base+"/get/none", nil)
	for deadline := time.Now().Add(20 * time.Second); s.Stats().Downloaded < 13 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // what has been read is counted in a moment
	}
	if got, want := s.Stats(), (Stats{Uploaded: 10, Downloaded: 13}); got != want {
		t.Errorf("at the end: %+v, want %+v", got, want)
	}
}
