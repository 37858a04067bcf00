package session

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// works is a backend that fails when the test says so.
type works struct {
	codec encode.Codec

	mu     sync.Mutex
	open   error         // of Open
	encode error         // of Encode
	after  int           // encodes that an encoder does before that
	slow   time.Duration // that Open takes; 0: the backend is not slow
	opened []time.Time
}

func (w *works) set(change func(*works)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *works) breaks(open, encode error, after int) {
	w.set(func(w *works) { w.open, w.encode, w.after = open, encode, after })
}

// tries returns when an encoder was opened or was to be, since it was last called.
func (w *works) tries() (at []time.Time) {
	w.set(func(w *works) { at, w.opened = w.opened, nil })
	return at
}

func (w *works) backend() encode.Backend {
	return encode.Backend{Name: "lib" + string(w.codec), Codec: w.codec, Slow: w.slow > 0, Open: func(encode.Config) (encode.Encoder, error) {
		time.Sleep(w.slow)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.opened = append(w.opened, time.Now())
		if w.open != nil {
			return nil, w.open
		}
		return &worker{works: w}, nil
	}}
}

// worker is one encoder of it.
type worker struct {
	blank
	works *works
	done  int
}

func (e *worker) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	e.works.mu.Lock()
	defer e.works.mu.Unlock()
	if e.works.encode != nil && e.done >= e.works.after {
		return encode.Packet{}, e.works.encode
	}
	e.done++
	p, err := e.blank.Encode(f, op)
	p.Key = p.Key || e.done == 1
	return p, err
}

// film is a source that changes at a pace until it is closed.
func film(pace time.Duration) capture.Source {
	ctx, stop := context.WithCancel(context.Background())
	s := newStill().(still)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				ring(s.bell)
			}
		}
	}()
	return &reel{s, func() { stop(); <-done }}
}

type reel struct {
	still
	stop func()
}

func (r *reel) Close() error { r.stop(); return nil }

func (r *reel) Grab(f *capture.Frame) error {
	err := r.still.Grab(f)
	f.Damage = append(f.Damage[:0], image.Rectangle{Max: f.Size})
	return err
}

// How fast a film is, and one that runs for hours.
const (
	brisk = 20 * time.Millisecond
	slow  = 500 * time.Millisecond
)

// keyed is how long it takes at most until all have had a key frame, of which those
// who do not lead have one in 2 s.
const keyed = 3 * time.Second

// gallery starts a session whose fan-outs show a film, one for each backend.
func gallery(t *testing.T, pace time.Duration, backends ...*works) (*Session, []*encode.Fanout) {
	t.Helper()
	var fanouts []*encode.Fanout
	for _, w := range backends {
		f := encode.NewFanout(encode.FanoutConfig{Backend: w.backend(), Open: func() capture.Source { return film(pace) }, Log: slog.New(slog.DiscardHandler)})
		fanouts = append(fanouts, f)
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
	}
	s, _ := start(t, Config{Fanouts: fanouts})
	return s, fanouts
}

// screening is a sink that notes the codecs it is given, and whether each began
// with a key frame.
type screening struct {
	*sink
	mu     sync.Mutex
	codecs []encode.Codec
	torn   int // codecs that began with another frame
	keys   int // key frames
	last   time.Time
}

func newScreening() *screening { return &screening{sink: newSink()} }

func (s *screening) WritePacket(p encode.Packet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.codecs) == 0 || s.codecs[len(s.codecs)-1] != p.Codec {
		s.codecs = append(s.codecs, p.Codec)
		if !p.Key {
			s.torn++
		}
	}
	if p.Key {
		s.keys++
	}
	s.last = time.Now()
	return true
}

// shows compares the codecs that there have been since it was last called, and
// how fresh the picture is.
func (s *screening) shows(t *testing.T, want ...encode.Codec) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.codecs, want) || s.torn > 0 {
		t.Errorf("codecs %v, %d of them without a key frame; want %v", s.codecs, s.torn, want)
	}
	if late := time.Since(s.last); late > time.Second {
		t.Errorf("the last picture is %v old", late)
	}
	s.codecs = slices.Delete(s.codecs, 0, max(0, len(s.codecs)-1))
}

func noticed(t *testing.T, v *Viewer, want ...Notice) {
	t.Helper()
	if got := v.Notices(); !slices.Equal(got, want) {
		t.Errorf("notices %v, want %v", got, want)
	}
}

func see(t *testing.T, v *Viewer, codecs ...encode.Codec) (*screening, *Seat) {
	t.Helper()
	k := newScreening()
	seat, err := v.Watch(k, codecs...)
	if err != nil {
		t.Fatal(err)
	}
	return k, seat
}

var errBroken = errors.New("lib: encode: broken")

// TestFailOver: whatever way an encoder fails in, every viewer sees the next one's
// pictures within a second, knows why, and comes back when it works.
func TestFailOver(t *testing.T) {
	for _, test := range []struct {
		name         string
		open, encode error
		after        int
	}{
		{"on open", errBroken, errBroken, 0},
		{"on the first encode", nil, errBroken, 0},
		{"after some frames each time", nil, errBroken, 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h264, vp8 := &works{codec: encode.H264}, &works{codec: encode.VP8}
				s, _ := gallery(t, brisk, h264, vp8)
				first, second := join(t, s, Owner), join(t, s, Controller)
				one, seat := see(t, first, encode.VP8, encode.H264)
				shadow, _ := see(t, first, encode.VP8, encode.H264)
				two, _ := see(t, second)
				time.Sleep(keyed)
				for _, k := range []*screening{one, shadow, two} {
					k.shows(t, encode.H264)
				}
				follows(t, s, seat, nil)

				h264.breaks(test.open, test.encode, test.after)
				time.Sleep(1500 * time.Millisecond) // the encoder's own end, and the second
				for _, k := range []*screening{one, shadow, two} {
					k.shows(t, encode.H264, encode.VP8)
				}
				for _, v := range []*Viewer{first, second} {
					noticed(t, v, Notice{EncoderFailed, encode.H264, encode.VP8})
					if got := v.Encoding(); got.Codec != encode.VP8 || got.Encoder != "libVP8" {
						t.Errorf("encoding %v, want VP8", got)
					}
				}
				follows(t, s, nil, seat)

				h264.breaks(nil, nil, 0)
				time.Sleep(retryMin + keyed)
				for _, k := range []*screening{one, shadow, two} {
					k.shows(t, encode.VP8, encode.H264)
				}
				noticed(t, first)
				follows(t, s, seat, nil)
			})
		})
	}
}

// TestBackOff: an encoder that fails for good is tried ever more rarely, and no
// viewer sees anything of it.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h264, vp8 := &works{codec: encode.H264, open: errBroken}, &works{codec: encode.VP8}
		s, _ := gallery(t, slow, h264, vp8)
		v := join(t, s, Owner)
		k, _ := see(t, v)
		time.Sleep(2 * time.Second)
		k.shows(t, encode.VP8)
		before := time.Now()
		h264.tries()
		time.Sleep(time.Hour)
		k.shows(t, encode.VP8)
		var minutes []int
		for _, at := range h264.tries() {
			minutes = append(minutes, int(at.Sub(before).Round(time.Minute)/time.Minute))
			before = at
		}
		if want := []int{1, 2, 4, 8, 10, 10, 10, 10}; !slices.Equal(minutes, want) {
			t.Errorf("tried after %d minutes each, want %d", minutes, want)
		}
		v.Leave()
		h264.tries()
		time.Sleep(time.Hour)
		if got := h264.tries(); len(got) > 1 { // one may have been due
			t.Errorf("tried %d times though nobody would gain by it", len(got))
		}
		k, _ = see(t, join(t, s, Owner))
		time.Sleep(2 * time.Second)
		k.shows(t, encode.VP8)
		if got := h264.tries(); len(got) != 1 {
			t.Errorf("tried %d times for a new viewer, want once", len(got))
		}
	})
}

// TestRelapse: what works for a moment, and fails again, is not believed sooner
// each time.
func TestRelapse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h264, vp8 := &works{codec: encode.H264}, &works{codec: encode.VP8}
		s, _ := gallery(t, slow, h264, vp8)
		v := join(t, s, Owner)
		k, _ := see(t, v)
		for _, pause := range []time.Duration{1, 2, 4} {
			time.Sleep(2 * time.Second)
			h264.breaks(errBroken, errBroken, 0)
			time.Sleep(2 * time.Second)
			noticed(t, v, Notice{EncoderFailed, encode.H264, encode.VP8})
			h264.breaks(nil, nil, 0)
			time.Sleep(pause*time.Minute - 5*time.Second)
			if got := v.Encoding().Codec; got != encode.VP8 {
				t.Errorf("%s before %d minutes are over", got, pause)
			}
			time.Sleep(5 * time.Second)
			if got := v.Encoding().Codec; got != encode.H264 {
				t.Errorf("%s after %d minutes", got, pause)
			}
		}
		time.Sleep(retryMax)
		h264.breaks(errBroken, errBroken, 0)
		time.Sleep(2 * time.Second)
		h264.breaks(nil, nil, 0)
		time.Sleep(retryMin)
		if got := v.Encoding().Codec; got != encode.H264 {
			t.Errorf("%s a minute after a failure of one that had long worked", got)
		}
		k.shows(t, encode.H264, encode.VP8, encode.H264, encode.VP8, encode.H264, encode.VP8, encode.H264, encode.VP8, encode.H264)
	})
}

// TestNoOther: where there is nothing to take over, the viewer stays and is told,
// and pictures come as soon as they can.
func TestNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h264, vp8 := &works{codec: encode.H264, open: errBroken}, &works{codec: encode.VP8, open: errBroken}
		s, _ := gallery(t, slow, h264, vp8)
		v, picky := join(t, s, Owner), join(t, s, Controller)
		see(t, v)
		see(t, picky, encode.H264)
		time.Sleep(2 * time.Second)
		noticed(t, v, Notice{EncoderFailed, encode.H264, encode.VP8}, Notice{Code: EncoderFailed, Codec: encode.VP8})
		noticed(t, picky, Notice{Code: EncoderFailed, Codec: encode.H264})
		late := join(t, s, Controller)
		third, _ := see(t, late)
		noticed(t, late, Notice{Code: EncoderFailed, Codec: encode.H264})
		time.Sleep(10 * time.Minute)
		vp8.breaks(nil, nil, 0)
		time.Sleep(10 * time.Second) // a stream's longest pause, and until it is believed
		third.shows(t, encode.VP8)
		if got := picky.Encoding().Codec; got != encode.H264 {
			t.Errorf("one that can use H264 alone has %s", got)
		}
		h264.breaks(nil, nil, 0)
		time.Sleep(10 * time.Second)
		third.shows(t, encode.VP8, encode.H264)
	})
}

// TestHiddenFailOver: a tab that is hidden while its encoder fails is served by
// the next when it is shown.
func TestHiddenFailOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h264, vp8 := &works{codec: encode.H264}, &works{codec: encode.VP8}
		s, _ := gallery(t, brisk, h264, vp8)
		hidden, shown := join(t, s, Owner), join(t, s, Controller)
		k, _ := see(t, hidden)
		see(t, shown)
		time.Sleep(time.Second)
		hidden.Hide(true)
		time.Sleep(hiddenPause + time.Second)
		h264.breaks(errBroken, errBroken, 0)
		time.Sleep(10 * time.Second)
		hidden.Hide(false)
		time.Sleep(time.Second)
		k.shows(t, encode.H264, encode.VP8)
	})
}

// TestManyAtOnce moves seats from all sides while encoders fail; it is for the
// race detector.
func TestManyAtOnce(t *testing.T) {
	backends := []*works{{codec: encode.H264}, {codec: encode.VP8}, {codec: encode.JPEG}}
	s, fanouts := gallery(t, brisk, backends...)
	var all sync.WaitGroup
	for n := range 6 {
		all.Go(func() {
			v := join(t, s, Owner)
			for i := range 40 {
				seat, err := v.Watch(newScreening())
				if err != nil {
					t.Error(err)
					return
				}
				v.Prefer(backends[(n+i)%3].codec)
				seat.SetBitrate(1_000_000 + i)
				seat.Show()
				seat.RequestKey()
				v.Encoding()
				v.Notices()
				v.Hide(i%2 == 0)
				if i%3 > 0 {
					seat.Leave()
				}
			}
			v.Leave()
		})
	}
	all.Go(func() {
		for i := range 40 {
			w := backends[i%3]
			w.breaks(fmt.Errorf("%w: %d", errBroken, i), errBroken, 0)
			s.review(time.Now())
			s.SetOrder([]*encode.Fanout{fanouts[i%3], fanouts[(i+1)%3]})
			w.breaks(nil, nil, 0)
		}
	})
	all.Wait()
}
