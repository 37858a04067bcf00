package encode_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

var errBroken = errors.New("recorder: encode: broken")

// breaks has the recorder fail from now on, or work again with nil.
func (r *recorder) breaks(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

// TestErr: a fan-out says within a second that its encoder fails, and that it works
// again once that has lasted.
func TestErr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		f := fan(t, moving(t), r)
		var told atomic.Int64
		f.Notify(func() { told.Add(1) })
		f.Join(&viewer{})
		time.Sleep(time.Second)
		if err := f.Err(); err != nil || told.Load() > 0 {
			t.Errorf("told %d times of %v while all works", told.Load(), err)
		}
		r.breaks(errBroken)
		time.Sleep(time.Second)
		if err := f.Err(); !errors.Is(err, errBroken) || told.Load() != 1 {
			t.Errorf("told %d times of %v, want once that it is broken", told.Load(), err)
		}
		if err := f.Try(); !errors.Is(err, errBroken) {
			t.Errorf("Try: %v", err)
		}
		r.breaks(nil)
		if err := f.Try(); !errors.Is(err, errBroken) { // the stream has to say so itself
			t.Errorf("Try beside a stream that fails: %v", err)
		}
		time.Sleep(10 * time.Second)
		if err := f.Err(); err != nil || told.Load() != 2 {
			t.Errorf("told %d times, of %v at last, want that it works", told.Load(), err)
		}
	})
}

// TestErrLost: an encoder that is lost is told of at once, and not opened anew first.
func TestErrLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		f := fan(t, moving(t), r)
		f.Join(&viewer{})
		time.Sleep(time.Second)
		r.breaks(fmt.Errorf("recorder: encode: %w", encode.ErrLost))
		time.Sleep(50 * time.Millisecond) // less than the pause after the first failure
		if err := f.Err(); !errors.Is(err, encode.ErrLost) {
			t.Errorf("%v, want that the encoder is lost", err)
		}
		r.breaks(nil)
		time.Sleep(10 * time.Second)
		if err := f.Err(); err != nil {
			t.Errorf("%v after it has come back", err)
		}
	})
}

// TestErrEndsOnAStillScreen: an encoder that has recovered need not wait for
// something to move to be known to work.
func TestErrEndsOnAStillScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{fail: errBroken}
		d := newDisplay()
		f := fan(t, func() capture.Source { return d }, r)
		f.Join(&viewer{})
		time.Sleep(time.Second)
		if err := f.Err(); !errors.Is(err, errBroken) {
			t.Fatalf("%v, want that it is broken", err)
		}
		r.breaks(nil)
		time.Sleep(10 * time.Second)
		if err := f.Err(); err != nil {
			t.Errorf("%v although the picture has come", err)
		}
		grabs := d.grabbed()
		time.Sleep(time.Hour)
		if got := d.grabbed(); got != grabs {
			t.Errorf("%d grabs while nothing moved", got-grabs)
		}
	})
}

// TestErrLasts: what failed counts as failing while nobody watches, until it has
// shown that it works.
func TestErrLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{fail: errBroken}
		f := fan(t, moving(t), r)
		seat := f.Join(&viewer{})
		time.Sleep(time.Second)
		seat.Leave()
		time.Sleep(time.Hour)
		if err := f.Try(); !errors.Is(err, errBroken) || !errors.Is(f.Err(), errBroken) {
			t.Errorf("Try: %v, then Err: %v, want that it is broken", err, f.Err())
		}
		r.breaks(nil)
		if err := f.Try(); err != nil || f.Err() != nil {
			t.Errorf("Try: %v, then Err: %v, want that it works", err, f.Err())
		}
		if opened, closed, _, _ := r.state(); opened != closed {
			t.Errorf("%d encoders opened, %d closed", opened, closed)
		}
		r.breaks(errBroken)
		seat = f.Join(&viewer{})
		time.Sleep(time.Second)
		seat.Leave()
		synctest.Wait() // the stream ends
		r.breaks(nil)
		f.Join(&viewer{})
		time.Sleep(time.Second)
		if err := f.Err(); err != nil {
			t.Errorf("%v although a stream has begun anew and works", err)
		}
	})
}

// TestMove: a seat that moves takes its sink, its pause and its estimate along, and
// does not wait for a key frame while those of others are rare if it comes from an
// encoder that fails.
func TestMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to := &recorder{}, &recorder{}
		first, second := fan(t, moving(t), from), fan(t, moving(t), to)
		lead := second.Join(&viewer{})
		lead.Lead()
		v := &viewer{}
		seat := first.Join(v)
		seat.SetBitrate(3e6)
		time.Sleep(10 * time.Second)
		from.breaks(errBroken)
		time.Sleep(time.Second)
		second.Join(&viewer{}) // has its key frame now
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()
		v.take()
		seat = seat.Move(second)
		time.Sleep(100 * time.Millisecond)
		if got := v.take(); len(got) == 0 || !got[0] {
			t.Errorf("packets %v within 100 ms, want a key frame first", got)
		}
		if opened, closed, _, _ := from.state(); opened != closed {
			t.Error("the stream that was left is still running")
		}
		seat.Lead()
		time.Sleep(time.Second)
		if _, _, _, bps := to.state(); len(bps) == 0 || bps[len(bps)-1] != 3e6 {
			t.Errorf("bitrates %d, want that of the seat, which leads", bps)
		}

		from.breaks(nil)
		seat.Pause(true)
		v.take() // nothing is written once it is paused
		seat = seat.Move(first)
		time.Sleep(time.Second)
		if got := v.take(); len(got) > 0 {
			t.Errorf("%d packets to a seat that moved while it was paused", len(got))
		}
		seat.Pause(false)
		time.Sleep(time.Second)
		if got := v.take(); len(got) == 0 || !got[0] {
			t.Errorf("packets %v after the pause, want a key frame first", got)
		}
		if got := seat.Encoding(); got != (encode.Encoding{Codec: encode.VP8, Encoder: "recorder"}) {
			t.Errorf("encoding %v", got)
		}
	})
}
