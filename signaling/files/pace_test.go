package files

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestPace: however many uploads there are, together they bring what the rate says; what
// comes slower waits for nothing.
func TestPace(t *testing.T) {
	const rate, piece = 16_000_000, 32 << 10
	for _, uploads := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			p := &pace{rate: rate}
			began := time.Now()
			var all sync.WaitGroup
			for range uploads {
				all.Go(func() {
					for range 1000 / uploads {
						p.took(piece)
					}
				})
			}
			all.Wait()
			want := time.Second * 1000 * piece / rate
			if took := time.Since(began); took < want-credit || took > want+credit {
				t.Errorf("%d uploads took %v, want %v", uploads, took, want)
			}
			for range 100 {
				time.Sleep(time.Second * piece / rate)
				began := time.Now()
				if p.took(piece); time.Since(began) > 0 {
					t.Fatalf("waited %v for what comes at the rate", time.Since(began))
				}
			}
		})
	}
}

// TestPacedWhilePicturesMove: a piece comes as fast as it can where none moves, and at the
// rate from where one does.
func TestPacedWhilePicturesMove(t *testing.T) {
	const rate, size = 100_000, 1_000_000
	for name, c := range map[string]struct {
		moves func(asked int) bool
		want  time.Duration
	}{
		"none":       {func(int) bool { return false }, 0},
		"all along":  {func(int) bool { return true }, size * time.Second / rate},
		"after half": {func(asked int) bool { return asked > 16 }, (size - 16*32<<10) * time.Second / rate},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := open(t, Config{Rate: rate})
			id, err := s.Begin("me", "large.bin", size)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodPatch, "/", bytes.NewReader(make([]byte, size)))
			r.Header.Set("Tus-Resumable", tusVersion)
			r.Header.Set("Upload-Offset", "0")
			r.Header.Set("Content-Type", octets)
			asked, began := 0, time.Now()
			whole, err := s.Upload(httptest.NewRecorder(), r, "me", id, func() bool { asked++; return c.moves(asked) })
			if err != nil || whole == nil || whole.Bytes != size {
				t.Fatalf("%s: %+v, %v", name, whole, err)
			}
			if took := time.Since(began); took < c.want-credit || took > c.want+credit {
				t.Errorf("%s: took %v, want %v", name, took, c.want)
			}
		})
	}
}
