package encode_test

import (
	"context"
	"errors"
	"image"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// slowly is a backend that takes two seconds to open.
func slowly(r *recorder) encode.Backend {
	backend := r.backend()
	open := backend.Open
	backend.Slow, backend.Open = true, func(cfg encode.Config) (encode.Encoder, error) {
		time.Sleep(2 * time.Second)
		return open(cfg)
	}
	return backend
}

func closes(r *recorder) int {
	_, closed, _, _ := r.state()
	return closed
}

// TestTryOpensForTheStream: what Try has opened serves the stream that begins next,
// with a key frame at once.
func TestTryOpensForTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		f := fanOf(t, moving(t), slowly(r))
		if f.Ready() {
			t.Error("ready before anything is open")
		}
		if err := f.Try(); err != nil || !f.Ready() {
			t.Fatalf("%v, ready: %t", err, f.Ready())
		}
		v := &viewer{}
		f.Join(v).SetBitrate(3_000_000)
		time.Sleep(100 * time.Millisecond)
		opened, _, _, bps := r.state()
		if keys := v.take(); opened != 1 || len(keys) == 0 || !keys[0] || len(bps) != 1 || !f.Ready() {
			t.Errorf("opened %d times, packets %v, bitrates %v, ready: %t, want one encoder and one change", opened, keys, bps, f.Ready())
		}
		if calls := r.take(); len(calls) < 2 || !calls[1].op.Key || calls[1].damage[0] != (image.Rectangle{Max: image.Pt(64, 48)}) {
			t.Errorf("%+v, want a key frame of all of it after the trial", calls)
		}
	})
}

// TestSpareIsClosed: what nobody comes for is closed after a while, or with Run.
func TestSpareIsClosed(t *testing.T) {
	for _, ends := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := &recorder{}
			f := encode.NewFanout(encode.FanoutConfig{Backend: slowly(r), Open: moving(t), Log: discard})
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- f.Run(ctx) }()
			time.Sleep(time.Second)
			if err := f.Try(); err != nil || closes(r) != 0 {
				t.Errorf("%v, closed %d times", err, closes(r))
			}
			if !ends {
				time.Sleep(6 * time.Second)
				if closes(r) != 1 || f.Ready() {
					t.Errorf("closed %d times, ready: %t", closes(r), f.Ready())
				}
			}
			stop()
			<-ended
			if closes(r) != 1 {
				t.Errorf("closed %d times, want once", closes(r))
			}
			if err := f.Try(); err != nil || closes(r) != 2 || f.Ready() {
				t.Errorf("%v, closed %d times, ready: %t after the end", err, closes(r), f.Ready())
			}
		})
	}
}

// TestTryFails: that a backend is slow to open does not hide that it fails; that
// there is no picture says nothing of it.
func TestTryFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, d := &recorder{fail: errBroken}, newDisplay()
		f := fanOf(t, func() capture.Source { return d }, slowly(r))
		if err := f.Try(); !errors.Is(err, errBroken) || !errors.Is(f.Err(), errBroken) || f.Ready() || closes(r) != 1 {
			t.Errorf("%v, %v, ready: %t, closed %d times", err, f.Err(), f.Ready(), closes(r))
		}
		r.breaks(nil)
		if err := f.Try(); err != nil || f.Err() != nil || !f.Ready() {
			t.Errorf("%v, %v, ready: %t after it works again", err, f.Err(), f.Ready())
		}
		d.mu.Lock()
		d.gone = true
		d.mu.Unlock()
		if err := f.Try(); !errors.Is(err, capture.ErrNoScreen) || f.Err() != nil {
			t.Errorf("%v, %v without a picture", err, f.Err())
		}
	})
}
