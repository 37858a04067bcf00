package session

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// TestViewerActive: what a person does counts for their page, also when it comes again.
func TestViewerActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Log: slog.New(slog.DiscardHandler)})
		start := time.Now()
		join := func(instead *Viewer) *Viewer {
			v, err := s.Join(JoinConfig{Role: Owner, Instead: instead})
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		v, other := join(nil), join(nil)
		check := func(what string, v *Viewer, want time.Duration) {
			t.Helper()
			if got := v.Active().Sub(start); got != want {
				t.Errorf("%s: active after %v, want %v", what, got, want)
			}
		}
		time.Sleep(time.Minute)
		check("who has come", v, 0)
		nothing := func() error { return nil }
		for _, f := range []Feature{Video, Resize, CopyOut} {
			v.Do(f, nothing)
		}
		check("a window that changes its size", v, 0)
		v.Do(Upload, nothing)
		check("a file", v, time.Minute)
		check("the other one", other, 0)
		time.Sleep(time.Minute)
		v.Leave()
		check("the page that comes again", join(v), time.Minute)
	})
}
