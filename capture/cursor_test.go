package capture_test

import (
	"image"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/capture"
)

func TestCursorIsFetchedWhenLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFake(image.Pt(10, 10))
		screen := run(t, source)
		synctest.Wait()
		for range 3 {
			source.cursor <- struct{}{}
			synctest.Wait()
		}
		if source.cursors != 0 {
			t.Errorf("fetched %d cursors that nobody looked at", source.cursors)
		}
		screen.Cursor()
		if got := screen.Cursor(); source.cursors != 1 || got.Serial != 1 {
			t.Errorf("fetched %d times, serial %d; want once, 1", source.cursors, got.Serial)
		}
		screen.Doubt()
		if got := screen.Cursor(); source.cursors != 2 || got.Serial != 2 {
			t.Errorf("in doubt fetched %d times in all, serial %d; want twice, 2", source.cursors, got.Serial)
		}
	})
}

// A program that changes its cursor as fast as it can does not keep everybody
// busy, and the last one is shown all the same.
func TestCursorsAreToldAtABoundedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFake(image.Pt(10, 10))
		screen := run(t, source)
		bell, cancel := screen.Subscribe()
		defer cancel()
		synctest.Wait()
		<-bell
		screen.Cursor()
		source.mu.Lock()
		source.cursors = 0
		source.mu.Unlock()
		changes, told := 0, 0
		look := func() {
			synctest.Wait()
			select {
			case <-bell:
				told++
				screen.Cursor()
			default:
			}
		}
		for range 1000 {
			select {
			case source.cursor <- struct{}{}:
				changes++
			default: // it has not been heard yet, as with a doorbell
			}
			look()
			time.Sleep(time.Millisecond)
		}
		if told < 30 || told > 41 {
			t.Errorf("told %d times in a second of 1000 changes, want about 40", told)
		}
		time.Sleep(time.Second)
		look()
		if source.cursors != changes {
			t.Errorf("fetched %d times, want %d: the last one too", source.cursors, changes)
		}
	})
}

// slowCursor answers when it is told to, so that two can ask at once.
type slowCursor struct {
	*fakeSource
	asked, answer chan struct{}
}

func (s slowCursor) Cursor() (capture.Cursor, error) {
	s.asked <- struct{}{}
	<-s.answer
	return s.fakeSource.Cursor()
}

func TestEverybodyGetsTheNewCursor(t *testing.T) {
	source := slowCursor{newFake(image.Pt(10, 10)), make(chan struct{}), make(chan struct{})}
	screen := run(t, source)
	bell, cancel := screen.Subscribe()
	defer cancel()
	for screen.Status().State != capture.Up {
		<-bell
	}
	serials := make(chan uint32, 2)
	ask := func() { serials <- screen.Cursor().Serial }
	go ask()
	<-source.asked
	go ask()
	for range 1000 {
		runtime.Gosched() // the second asks while the first has no answer yet
	}
	close(source.answer)
	if a, b := <-serials, <-serials; a != 1 || b != 1 {
		t.Errorf("serials %d and %d, want 1 for both", a, b)
	}
}
