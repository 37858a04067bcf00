package encode_test

import (
	"context"
	"errors"
	"image"
	"reflect"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/encode"
)

func ops(calls []call) (ops []encode.Op) {
	for _, c := range calls {
		ops = append(ops, c.op)
	}
	return ops
}

func TestStreamSettlesAndFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{settle: 3}, &viewer{}
		s := streaming(t, d, r)
		time.Sleep(time.Second)
		if d.grabbed() != 0 {
			t.Errorf("%d grabs though nobody watches", d.grabbed())
		}
		s.Attach(v)
		d.change(image.Rect(0, 0, 1, 1))
		time.Sleep(time.Second)
		refine := encode.Op{Refine: true}
		if got, want := ops(r.take()), []encode.Op{{Key: true}, refine, refine, refine}; !reflect.DeepEqual(got, want) {
			t.Errorf("operations %v, want %v", got, want)
		}
		grabs := d.grabbed()
		time.Sleep(time.Hour)
		if got := r.take(); len(got) != 0 || d.grabbed() != grabs {
			t.Errorf("%d frames, %d grabs while nothing changed", len(got), d.grabbed()-grabs)
		}
		if got, want := v.take(), []bool{true, false, false, false}; !reflect.DeepEqual(got, want) {
			t.Errorf("key frames %v, want %v", got, want)
		}
	})
}

func TestStreamSendsTheFirstChangeAtOnceAndTheNextAtTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(v)
		time.Sleep(time.Second)
		r.take()
		began := time.Now()
		for i := range 5 { // five changes within 20 ms
			d.change(image.Rect(i, 0, i+1, 1))
			time.Sleep(4 * time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond)
		calls := r.take()
		if len(calls) != 2 {
			t.Fatalf("%d frames, want 2", len(calls))
		}
		for i, want := range []struct {
			at     time.Duration
			damage int
		}{{0, 1}, {20 * time.Millisecond * 15 / 16, 4}} {
			if got := calls[i].at.Sub(began); got != want.at || len(calls[i].damage) != want.damage {
				t.Errorf("frame %d after %v with %d rectangles, want after %v with %d", i, got, len(calls[i].damage), want.at, want.damage)
			}
		}
	})
}

// A program that draws a little more often than the limit is not held up by ever
// more of an interval.
func TestStreamKeepsStepWithWhatDrawsALittleFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(v)
		time.Sleep(time.Second)
		r.take()
		began := time.Now()
		const period = 19 * time.Millisecond // of an interval of 20
		for i := range 100 {
			d.change(image.Rect(0, 0, 1+i%8, 1))
			time.Sleep(period)
		}
		calls := r.take()
		if len(calls) != 100 {
			t.Fatalf("%d frames, want 100", len(calls))
		}
		for i, c := range calls {
			if late := c.at.Sub(began.Add(time.Duration(i) * period)); late != 0 {
				t.Fatalf("frame %d came %v late", i, late)
			}
		}
	})
}

func TestStreamHoldsBackBeforeTheGrab(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, lead := newDisplay(), &recorder{}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(lead)
		s.Lead(lead)
		time.Sleep(time.Second)
		r.take()
		room := make(chan struct{})
		lead.set(func(v *viewer) { v.room = room })
		grabs := d.grabbed()
		d.change(image.Rect(0, 0, 1, 1))
		time.Sleep(5 * time.Second)
		d.change(image.Rect(5, 5, 6, 6))
		if d.grabbed() != grabs {
			t.Errorf("%d grabs without room", d.grabbed()-grabs)
		}
		close(room)
		synctest.Wait()
		if calls := r.take(); len(calls) != 1 || len(calls[0].damage) != 2 {
			t.Errorf("got %v, want one frame with both changes", calls)
		}
	})
}

func TestStalledLeadHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, lead, other := newDisplay(), &recorder{}, &viewer{}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(lead)
		s.Attach(other)
		s.Lead(lead)
		time.Sleep(time.Second)
		other.take()
		lead.set(func(v *viewer) { v.room, v.full = make(chan struct{}), true })
		for range 100 {
			d.change(image.Rect(0, 0, 1, 1))
			time.Sleep(20 * time.Millisecond)
		}
		if got := len(other.take()); got < 80 {
			t.Errorf("the other viewer got %d of 100 frames", got)
		}
	})
}

func TestKeyFramesAreRationed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, lead, other := newDisplay(), &recorder{}, &viewer{}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(lead)
		s.Lead(lead)
		s.Attach(other)
		time.Sleep(3 * time.Second)
		count := func(ask encode.Sink) (keys int) {
			r.take()
			for range 400 { // 4 s of motion and of asking
				s.RequestKey(ask)
				d.change(image.Rect(0, 0, 1, 1))
				time.Sleep(10 * time.Millisecond)
			}
			for _, c := range r.take() {
				if c.op.Key {
					keys++
				}
			}
			return keys
		}
		if got := count(other); got < 1 || got > 3 {
			t.Errorf("%d key frames in 4 s on another's account, want 1 to 3", got)
		}
		if got := count(lead); got < 8 || got > 17 {
			t.Errorf("%d key frames in 4 s on the lead's account, want 8 to 17", got)
		}
	})
}

func TestJoinerOnAStillScreenSeesItAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, first, joiner := newDisplay(), &recorder{}, &viewer{}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(first)
		s.Lead(first)
		time.Sleep(time.Second)
		s.Attach(joiner)
		synctest.Wait()
		if got := joiner.take(); len(got) != 1 || !got[0] {
			t.Errorf("got %v, want a key frame", got)
		}
	})
}

func TestSinkThatMissedGetsAKeyFrameNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(v)
		time.Sleep(time.Second)
		v.take()
		v.set(func(v *viewer) { v.full = true })
		d.change(image.Rect(0, 0, 1, 1))
		time.Sleep(10 * time.Millisecond)
		v.set(func(v *viewer) { v.full = false })
		for range 40 {
			d.change(image.Rect(0, 0, 1, 1))
			time.Sleep(20 * time.Millisecond)
		}
		if got := v.take(); len(got) == 0 || !got[0] {
			t.Errorf("after a miss the first packet was not a key frame: %v", got)
		}
		if got, _ := s.Missed(v); got != 1 {
			t.Errorf("missed %d, want 1", got)
		}
	})
}

func TestSinkThatMissedTheLastPacketGetsAKeyFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(v)
		time.Sleep(time.Second)
		v.take()
		v.set(func(v *viewer) { v.full = true })
		d.change(image.Rect(0, 0, 1, 1))
		time.Sleep(100 * time.Millisecond)
		v.set(func(v *viewer) { v.full = false })
		time.Sleep(time.Minute) // nothing is drawn any more
		if got := v.take(); len(got) != 1 || !got[0] {
			t.Errorf("got %v, want a key frame", got)
		}
	})
}

// Whoever does not read, or asks for key frames on and on, costs the others
// next to none.
func TestOthersPayForFewKeyFrames(t *testing.T) {
	stall := func(v *viewer) { v.full, v.room = true, make(chan struct{}) }
	for name, c := range map[string]struct {
		spoil func(s *encode.Stream, lead, other *viewer)
		moves bool
		most  int // key frames in 10 s
	}{
		"a lead that stalls, in motion":  {func(s *encode.Stream, lead, other *viewer) { lead.set(stall) }, true, 1},
		"another that stalls, in motion": {func(s *encode.Stream, lead, other *viewer) { other.set(stall) }, true, 0},
		"another that stalls, at rest":   {func(s *encode.Stream, lead, other *viewer) { other.set(stall) }, false, 0},
		"another that asks, in motion":   {func(s *encode.Stream, lead, other *viewer) { s.RequestKey(other) }, true, 6},
		"another that asks, at rest":     {func(s *encode.Stream, lead, other *viewer) { s.RequestKey(other) }, false, 6},
		"one that takes nothing it has room for": {func(s *encode.Stream, lead, other *viewer) {
			other.set(func(v *viewer) { v.full = true })
			s.RequestKey(other)
		}, false, 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, r, lead, other := newDisplay(), &recorder{settle: 100}, &viewer{}, &viewer{}
				s := streaming(t, d, r)
				s.Attach(lead)
				s.Lead(lead)
				s.Attach(other)
				time.Sleep(10 * time.Second)
				r.take()
				for range 1000 {
					c.spoil(s, lead, other)
					if c.moves {
						d.change(image.Rect(0, 0, 1, 1))
					}
					time.Sleep(10 * time.Millisecond)
				}
				keys := 0
				for _, c := range r.take() {
					if c.op.Key {
						keys++
					}
				}
				if keys > c.most {
					t.Errorf("%d key frames in 10 s, want at most %d", keys, c.most)
				}
			})
		})
	}
}

// A display that goes before the picture has settled is waited for, not asked.
func TestNoScreenIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{settle: 100}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(v)
		time.Sleep(200 * time.Millisecond)
		d.mu.Lock()
		d.gone = true
		grabs := d.grabs
		d.mu.Unlock()
		time.Sleep(time.Minute)
		if got := d.grabbed() - grabs; got > 2 {
			t.Errorf("%d grabs from a display that has gone", got)
		}
	})
}

// The encoder alone knows when the picture is sharp, however long that takes on
// a narrow path, where it has to drop frames.
func TestSettlingTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{settle: 300}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(v)
		for range 30 {
			time.Sleep(time.Second)
			r.mu.Lock()
			r.drop = true
			r.mu.Unlock()
		}
		if r.mu.Lock(); r.refined != 300 {
			t.Errorf("%d refinements, want all 300", r.refined)
		}
		r.mu.Unlock()
	})
}

// A program that draws the same again and again does not keep the picture from
// becoming sharp, and costs no packets then.
func TestTheSameAgainLetsThePictureSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{settle: 5}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(v)
		time.Sleep(10 * time.Millisecond)
		r.mu.Lock()
		r.same = true
		r.mu.Unlock()
		for range 200 {
			d.change(image.Rect(0, 0, 1, 1))
			time.Sleep(10 * time.Millisecond)
		}
		if got := len(v.take()); got != 1+5 {
			t.Errorf("%d packets, want the first and 5 refinements", got)
		}
	})
}

func TestOwedDamageIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(v)
		time.Sleep(time.Second)
		for i := range 500 {
			r.mu.Lock()
			r.drop = true
			r.mu.Unlock()
			d.change(image.Rect(i%64, i/64*2, i%64+1, i/64*2+1))
			time.Sleep(20 * time.Millisecond)
		}
		for _, c := range r.take() {
			if len(c.damage) > 33 {
				t.Fatalf("%d rectangles of damage", len(c.damage))
			}
		}
	})
}

func TestDroppedFramesDamageIsGivenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(v)
		time.Sleep(time.Second)
		r.take()
		r.mu.Lock()
		r.drop = true
		r.mu.Unlock()
		lost := image.Rect(3, 3, 9, 9)
		d.change(lost)
		time.Sleep(time.Second)
		calls := r.take()
		if len(calls) < 2 || !reflect.DeepEqual(calls[1].damage, []image.Rectangle{lost}) {
			t.Errorf("calls %v, want the dropped frame's damage twice", calls)
		}
	})
}

func TestEncoderThatFailsIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(v)
		time.Sleep(time.Second)
		v.take()
		r.mu.Lock()
		r.fail = errors.New("broken")
		r.mu.Unlock()
		d.change(image.Rect(0, 0, 1, 1))
		time.Sleep(10 * time.Second)
		r.mu.Lock()
		tries := len(r.opened)
		r.fail = nil
		r.mu.Unlock()
		if tries < 4 || tries > 12 {
			t.Errorf("opened %d times in 10 s, want a growing pause", tries)
		}
		time.Sleep(10 * time.Second)
		if got := v.take(); len(got) == 0 || !got[0] {
			t.Errorf("no key frame after the encoder had recovered: %v", got)
		}
		if last := r.take(); !reflect.DeepEqual(last[0].damage, []image.Rectangle{{Max: d.size}}) {
			t.Errorf("the new encoder was given %v as damage, want everything", last[0].damage)
		}
	})
}

func TestSizeChangeOpensAnotherEncoder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{}, &viewer{}
		s := streaming(t, d, r)
		s.Attach(v)
		time.Sleep(time.Second)
		v.take()
		s.SetBitrate(3e6)
		d.mu.Lock()
		d.size = image.Pt(33, 17)
		d.mu.Unlock()
		d.change(image.Rectangle{Max: image.Pt(33, 17)})
		time.Sleep(time.Second)
		if _, _, got, _ := r.state(); got.Size != image.Pt(33, 17) || got.BitrateBps != 3e6 {
			t.Errorf("opened with %+v", got)
		}
		if got := v.take(); len(got) == 0 || !got[0] {
			t.Errorf("the first packet of the new size is no key frame: %v", got)
		}
		s.SetBitrate(2e6)
		d.change(image.Rect(0, 0, 1, 1))
		time.Sleep(time.Second)
		if _, _, _, got := r.state(); !reflect.DeepEqual(got, []int{2e6}) {
			t.Errorf("bitrates set %v, want 2000000", got)
		}
	})
}

func TestStreamStepAllocatesNothing(t *testing.T) {
	d, v := newDisplay(), &counter{}
	s := encode.NewStream(encode.StreamConfig{Backend: flat(), MaxFPS: 1000, Log: discard})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx, d)
	}()
	s.Attach(v)
	frame := func() {
		before := v.count()
		d.change(image.Rect(0, 0, 1, 1))
		for v.count() == before {
			runtime.Gosched()
		}
	}
	frame()
	if got := testing.AllocsPerRun(200, frame); got > 0 {
		t.Errorf("%v allocations a frame, want none", got)
	}
	cancel()
	<-done
}
