package encode_test

import (
	"context"
	"image"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lucarne/capture"
	"lucarne/encode"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counter is a sink that counts.
type counter struct{ n atomic.Int64 }

func (c *counter) Ready() <-chan struct{}         { return always }
func (c *counter) WritePacket(encode.Packet) bool { c.n.Add(1); return true }
func (c *counter) count() int64                   { return c.n.Load() }

// flatEncoder makes the same packet of everything.
type flatEncoder struct{ data []byte }

func (e *flatEncoder) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	return encode.Packet{Data: e.data, Key: true, Settled: true}, nil
}
func (e *flatEncoder) SetBitrate(int) error { return nil }
func (e *flatEncoder) Close() error         { return nil }

func flat() encode.Backend {
	return encode.Backend{Name: "flat", Codec: encode.VP8, Open: func(encode.Config) (encode.Encoder, error) {
		return &flatEncoder{data: []byte{1}}, nil
	}}
}

// fan starts a fanout whose streams all look at d.
func fan(t *testing.T, d func() capture.Source, r *recorder) *encode.Fanout {
	return fanOf(t, d, r.backend())
}

func fanOf(t *testing.T, d func() capture.Source, backend encode.Backend) *encode.Fanout {
	f := encode.NewFanout(encode.FanoutConfig{Backend: backend, Open: d, BitrateBps: 1e6, MaxFPS: 50, Log: discard})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return f
}

// moving is a display that changes every 20 ms while it is open.
func moving(t *testing.T) func() capture.Source {
	return func() capture.Source {
		d := newDisplay()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				d.change(image.Rect(0, 0, 1, 1))
				time.Sleep(20 * time.Millisecond)
			}
		}()
		return closing{d, func() { cancel(); <-done }}
	}
}

type closing struct {
	*display
	close func()
}

func (c closing) Close() error { c.close(); return nil }

func TestNobodyWatchingCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		f := fan(t, moving(t), r)
		time.Sleep(time.Minute)
		if opened, _, _, _ := r.state(); opened != 0 {
			t.Errorf("%d encoders opened though nobody watches", opened)
		}
		v := &viewer{}
		seat := f.Join(v)
		time.Sleep(time.Second)
		if got := v.take(); len(got) < 40 || !got[0] {
			t.Errorf("%d packets in 1 s, want about 50 from a key frame on", len(got))
		}
		for _, pause := range []bool{true, false} {
			seat.Pause(pause)
			if pause {
				v.take() // what came before
			}
			synctest.Wait()
			if opened, closed, _, _ := r.state(); opened != closed && pause {
				t.Errorf("%d encoders open though the only viewer is paused", opened-closed)
			}
			time.Sleep(time.Second)
			switch got := v.take(); {
			case pause && len(got) != 0:
				t.Errorf("%d packets to a paused viewer", len(got))
			case !pause && (len(got) < 40 || !got[0]):
				t.Errorf("%d packets in 1 s after the pause, want about 50 from a key frame on", len(got))
			}
		}
		seat.Leave()
		seat.Leave()
		synctest.Wait()
		if opened, closed, _, _ := r.state(); opened != closed {
			t.Errorf("%d encoders opened, %d closed after the last viewer left", opened, closed)
		}
	})
}

// TestComingAndGoing: who comes and goes on and on has no encoder opened each time,
// and sees something all the same who stays.
func TestComingAndGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		f := fan(t, moving(t), r)
		for range 1000 {
			seat := f.Join(&viewer{})
			time.Sleep(5 * time.Millisecond)
			seat.Leave()
			time.Sleep(5 * time.Millisecond)
		}
		if opened, _, _, _ := r.state(); opened > 41 {
			t.Errorf("%d encoders opened in 10 s", opened)
		}
		v := &viewer{}
		f.Join(v)
		time.Sleep(300 * time.Millisecond)
		if got := v.take(); len(got) == 0 || !got[0] {
			t.Errorf("packets %v within 300 ms, want a key frame first", got)
		}
	})
}

func TestWhoCannotFollowIsMovedAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fan(t, moving(t), &recorder{})
		lead, weak := &viewer{}, &viewer{}
		leading, other := f.Join(lead), f.Join(weak)
		leading.Lead()
		time.Sleep(time.Second)
		weak.set(func(v *viewer) { v.full, v.room = true, make(chan struct{}) })
		time.Sleep(20 * time.Second)
		if got := other.Class(); got != encode.Slow {
			t.Fatalf("class %v, want slow", got)
		}
		lead.take()
		time.Sleep(time.Second)
		if got := len(lead.take()); got < 45 {
			t.Errorf("the lead got %d packets in 1 s, want about 50", got)
		}
		weak.set(func(v *viewer) { v.full, v.room = false, nil })
		time.Sleep(2 * time.Second)
		weak.take()
		time.Sleep(time.Second)
		if got := len(weak.take()); got < 10 || got > 16 {
			t.Errorf("%d packets in 1 s in the slow class, want about 15", got)
		}
		time.Sleep(2 * time.Minute)
		if got := other.Class(); got != encode.Main {
			t.Errorf("class %v after two minutes without a miss, want main", got)
		}
		if got := leading.Class(); got != encode.Main {
			t.Errorf("the lead's class is %v", got)
		}
	})
}

// TestWhoNeverHadRoomIsMoved joins with a path that is full from the first
// moment on: it is offered nothing, and so can refuse nothing.
func TestWhoNeverHadRoomIsMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fan(t, moving(t), &recorder{})
		f.Join(&viewer{}).Lead()
		time.Sleep(time.Second)
		full := f.Join(&viewer{full: true, room: make(chan struct{})})
		time.Sleep(10 * time.Second)
		if got := full.Class(); got != encode.Slow {
			t.Errorf("class %v, want slow", got)
		}
	})
}

func TestBitrateIsTheLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		f := fan(t, moving(t), r)
		a, b := f.Join(&viewer{}), f.Join(&viewer{})
		b.Lead()
		time.Sleep(time.Second)
		a.SetBitrate(2e6)
		b.SetBitrate(5e6)
		a.SetBitrate(2.5e6)
		time.Sleep(time.Second)
		if _, _, _, bps := r.state(); bps[len(bps)-1] != 5e6 {
			t.Errorf("bitrates %d, want the lead's 5000000", bps)
		}
		b.Leave()
		time.Sleep(time.Second)
		if _, _, _, bps := r.state(); bps[len(bps)-1] != 2.5e6 {
			t.Errorf("bitrates %d after the lead left, want 2500000", bps)
		}
	})
}
