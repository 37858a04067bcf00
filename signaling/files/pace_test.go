package files

import (
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
