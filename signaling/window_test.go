package signaling

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// carried is what a transfer takes by a link of a rate with a queue, and how long
// what comes beside it would wait there, once the window has found its size.
func carried(bytes, bps int, trip time.Duration) (took, waited time.Duration) {
	var w window
	now := time.Unix(0, 0)
	free := now // when the link has sent all that it has been given
	type arrival struct {
		total int
		at    time.Time
	}
	var coming []arrival
	for w.got < bytes {
		for w.sent < bytes && w.room() {
			n := min(pieceSize, bytes-w.sent)
			w.send(n, now)
			if free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(n*8) * time.Second / time.Duration(bps))
			coming = append(coming, arrival{w.sent, free.Add(trip)})
			if now.Sub(time.Unix(0, 0)) > time.Second { // it has found its size
				waited = max(waited, free.Sub(now))
			}
		}
		now = coming[0].at
		w.acknowledge(coming[0].total, now)
		coming = coming[1:]
	}
	return now.Sub(time.Unix(0, 0)), waited
}

// TestWindow: a transfer takes about as long as its link needs, and keeps nothing
// else waiting for long.
func TestWindow(t *testing.T) {
	for _, test := range []struct {
		name  string
		bytes int
		bps   int
		trip  time.Duration
		most  time.Duration // that it may take
	}{
		{"loopback", 16 << 20, 4_000_000_000, 200 * time.Microsecond, 60 * time.Millisecond},
		{"near", 16 << 20, 100_000_000, 5 * time.Millisecond, 1500 * time.Millisecond},
		{"far", 16 << 20, 20_000_000, 40 * time.Millisecond, 8 * time.Second},
		{"far away", 16 << 20, 50_000_000, 200 * time.Millisecond, 6 * time.Second},
		{"slow", 1 << 20, 1_000_000, 50 * time.Millisecond, 10 * time.Second},
	} {
		took, waited := carried(test.bytes, test.bps, test.trip)
		// A few pieces are the least that there can be.
		most := max(4*queueing, 3*pieceSize*8*time.Second/time.Duration(test.bps))
		if took > test.most || waited > most {
			t.Errorf("%s: took %v and kept others waiting for %v; want at most %v and %v", test.name, took, waited, test.most, most)
		}
	}
}

func TestWindowIgnoresWhatCannotBe(t *testing.T) {
	var w window
	now := time.Unix(0, 0)
	w.send(pieceSize, now)
	for _, total := range []int{-1, 0, pieceSize + 1, 1 << 62} {
		if w.acknowledge(total, now); w.got != 0 {
			t.Fatalf("%d bytes are acknowledged after %d", w.got, total)
		}
	}
	if w.acknowledge(pieceSize, now); w.got != pieceSize || len(w.marks) != 0 {
		t.Errorf("%d bytes are acknowledged, %d under way", w.got, len(w.marks))
	}
}

// TestGot: the window of a page that begins grows soon, and what has come
// far is acknowledged in few messages, the rest of it a moment later.
func TestGot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlow()
		var due []int // KiB
		hear := func() {
			select {
			case <-f.bell:
				if bytes, ok := f.news(); ok {
					due = append(due, bytes>>10)
				}
			default:
			}
		}
		for range 32 {
			f.came(maxPiece)
			hear()
		}
		time.Sleep(ackPause)
		synctest.Wait()
		hear()
		want := []int{64, 128, 192, 256, 320, 448, 576, 768, 960, 1216, 1472, 1728, 1984, 2048}
		if !slices.Equal(due, want) {
			t.Errorf("acknowledged at %v KiB, want %v", due, want)
		}
	})
}
