package encode_test

import (
	"context"
	"errors"
	"image"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// sluggish is an encoder that takes its time: so much for each pixel, less with
// each step of speed.
type sluggish struct {
	pixel time.Duration // at leisure

	mu     sync.Mutex
	size   image.Point // that it was opened with
	speed  int
	seen   []seen
	speeds []int
	broken error
}

// seen is a frame as the encoder got it.
type seen struct {
	size  image.Point
	whole bool // all of it was damage
	fresh bool // the encoder had seen nothing before
}

func (e *sluggish) backend() encode.Backend {
	return encode.Backend{Name: "sluggish", Codec: encode.VP8, Open: func(c encode.Config) (encode.Encoder, error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.size, e.speed = c.Size, 0
		return &opened{sluggish: e}, nil
	}}
}

type opened struct {
	*sluggish
	frames int
}

func (e *opened) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	takes, err := e.note(f)
	if err != nil {
		return encode.Packet{}, err
	}
	time.Sleep(takes) // without the lock: time stands still in a bubble where somebody waits for one
	return encode.Packet{Data: []byte{1}, Key: op.Key || e.frames == 1, Size: f.Size, Settled: op.Refine}, nil
}

// note notes a frame and returns how long it takes.
func (e *opened) note(f *capture.Frame) (time.Duration, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broken != nil {
		return 0, e.broken
	}
	if f.Size != e.size {
		return 0, errors.New("another size")
	}
	whole := len(f.Damage) == 1 && f.Damage[0] == image.Rectangle{Max: f.Size}
	e.seen = append(e.seen, seen{f.Size, whole, e.frames == 0})
	e.frames++
	return e.pixel * time.Duration(f.Size.X*f.Size.Y) * 4 / time.Duration(4+e.speed), nil
}

func (e *opened) SetSpeed(steps int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.speed = steps
	e.speeds = append(e.speeds, steps)
	return nil
}

func (e *opened) SetBitrate(int) error { return nil }
func (e *opened) Close() error         { return nil }

func (e *sluggish) take() []seen {
	e.mu.Lock()
	defer e.mu.Unlock()
	got := e.seen
	e.seen = nil
	return got
}

// changes notes what limits a stream had, one after the other.
type changes struct {
	stream *encode.Stream
	mu     sync.Mutex
	all    []encode.Limits
}

func (c *changes) note() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, c.stream.Limits())
}

// governed starts a stream of a 1280×720 screen in the bubble.
func governed(t *testing.T, cfg encode.StreamConfig) (*encode.Stream, *display, *changes) {
	d, c := newDisplay(), &changes{}
	d.size = image.Pt(1280, 720)
	d.damage = []image.Rectangle{{Max: d.size}}
	cfg.MaxFPS, cfg.Log, cfg.Changed = 60, discard, c.note
	c.stream = encode.NewStream(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.stream.Run(ctx, d)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if got := c.stream.Limits(); got != (encode.Limits{}) {
			t.Errorf("limits %+v after the end", got)
		}
	})
	return c.stream, d, c
}

// moves changes the display 100 times a second.
func moves(d *display, for_ time.Duration) {
	for end := time.Now().Add(for_); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		d.change(image.Rect(8, 8, 24, 24))
	}
}

func shrunk(small, picture *capture.Frame) error { return nil }

func TestSizeGivesWayAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, v := &sluggish{pixel: 250 * time.Nanosecond}, &viewer{} // 230 ms a frame at leisure
		s, d, c := governed(t, encode.StreamConfig{Backend: e.backend(), Shrink: shrunk})
		s.Attach(v)
		moves(d, 20*time.Second)
		if got := s.Limits(); got.Scale != 2 || got.Speed != 3 || got.Reason != "slow" {
			t.Errorf("limits %+v, want the half size at full speed", got)
		}
		time.Sleep(time.Minute)
		if got := s.Limits(); got != (encode.Limits{}) {
			t.Errorf("limits %+v at rest, want none", got)
		}
		moves(d, 10*time.Millisecond) // a frame at leisure
		time.Sleep(time.Second)
		c.mu.Lock()
		for i := range c.all[1:] { // speed first, then rate, then size
			if before, after := c.all[i], c.all[i+1]; after.Scale == 2 && before.Scale == 0 && (before.Speed != 3 || before.MaxFPS != 15) {
				t.Errorf("after %+v came %+v", before, after)
			}
		}
		c.mu.Unlock()
		full, half, size := image.Pt(1280, 720), image.Pt(640, 360), image.Point{}
		var sizes []image.Point
		for i, got := range e.take() {
			if got.size == size {
				continue
			}
			if !got.whole || !got.fresh {
				t.Errorf("frame %d, the first of %v: %+v, want all of it by a new encoder", i, got.size, got)
			}
			size = got.size
			sizes = append(sizes, size)
		}
		if want := []image.Point{full, half, full}; !reflect.DeepEqual(sizes, want) {
			t.Errorf("sizes %v, want %v", sizes, want)
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		keys := 0
		for _, p := range v.got {
			if p.Key {
				keys++
			}
		}
		if last := v.got[len(v.got)-1]; keys != 3 || last.Size != full {
			t.Errorf("%d key frames, the last packet of %v; want 3, %v", keys, last.Size, full)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.speeds[len(e.speeds)-1] != 0 || slices.Max(e.speeds) != 3 {
			t.Errorf("speeds %v, want up to 3 and back", e.speeds)
		}
	})
}

// What is governed costs nothing once it is over.
func TestGovernedStreamFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &sluggish{pixel: 250 * time.Nanosecond}
		s, d, c := governed(t, encode.StreamConfig{Backend: e.backend(), Shrink: shrunk})
		s.Attach(&viewer{})
		moves(d, 20*time.Second)
		time.Sleep(time.Minute)
		grabs := d.grabbed()
		c.mu.Lock()
		told := len(c.all)
		c.mu.Unlock()
		time.Sleep(time.Hour)
		c.mu.Lock()
		defer c.mu.Unlock()
		if d.grabbed() != grabs || len(c.all) != told {
			t.Errorf("%d grabs, %d changes while nothing moved", d.grabbed()-grabs, len(c.all)-told)
		}
	})
}

func TestShrinkThatFailsLeavesTheSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &sluggish{pixel: 250 * time.Nanosecond}
		var tries atomic.Int64
		s, d, _ := governed(t, encode.StreamConfig{
			Backend: e.backend(),
			Shrink:  func(small, picture *capture.Frame) error { tries.Add(1); return errors.New("broken") },
			Failing: func(err error) {
				if err != nil {
					t.Errorf("the encoder was blamed: %v", err)
				}
			},
		})
		s.Attach(&viewer{})
		moves(d, time.Minute)
		for _, got := range e.take() {
			if got.size != image.Pt(1280, 720) {
				t.Fatalf("a frame of %v", got.size)
			}
		}
		if got := s.Limits(); tries.Load() != 1 || got.Scale != 0 || got.MaxFPS == 0 {
			t.Errorf("%d tries, limits %+v; want one, and rate given way", tries.Load(), got)
		}
	})
}

// A stream whose process has used up its part of the quota waits before it looks
// at the screen.
func TestQuotaHoldsBackBeforeTheGrab(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, began := &sluggish{}, time.Now()
		frames := func() int {
			e.mu.Lock()
			defer e.mu.Unlock()
			return len(e.seen)
		}
		quota := encode.NewQuota(encode.QuotaConfig{
			Own: func() time.Duration { return time.Duration(frames()) * 20 * time.Millisecond },
			Read: func() (encode.Usage, error) { // others use up all that is left
				passed := time.Since(began)
				periods := int(passed / (100 * time.Millisecond))
				return encode.Usage{Group: "/", Cores: 0.5, Used: time.Hour + passed/2, Periods: periods, Throttled: periods}, nil
			},
		}, began)
		s, d, c := governed(t, encode.StreamConfig{Backend: e.backend(), Shrink: shrunk, Quota: quota})
		s.Attach(&viewer{})
		moves(d, 5*time.Second)
		synctest.Wait()
		before, grabs := frames(), d.grabbed()
		moves(d, time.Minute)
		synctest.Wait()
		made := frames() - before
		used := 0.02 * float64(made) / 60
		if used > 0.05 || used < 0.025 {
			t.Errorf("used %.3f processors of a quota of 0.5 that others need", used)
		}
		if got := d.grabbed() - grabs; got != made {
			t.Errorf("%d grabs for %d frames", got, made)
		}
		if got := s.Limits(); got.Reason != "quota" || got.Speed != 3 {
			t.Errorf("limits %+v", got)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.all) == 0 || len(c.all) > 20 {
			t.Errorf("%d changes of limits", len(c.all))
		}
	})
}

// TestFailing: it is told once that the encoder fails, and that it works again. To
// fail a single time is no reason, to fail anew soon after each start is one.
func TestFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []error
		broken := errors.New("broken")
		e, v := &sluggish{}, &viewer{}
		s, d, _ := governed(t, encode.StreamConfig{Backend: e.backend(), Failing: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, err)
		}})
		s.Attach(v)
		for _, c := range []struct {
			name  string
			err   error
			lasts time.Duration
			want  []error // told by then
		}{
			{"at first", nil, time.Second, []error{nil}},
			{"broken", broken, time.Minute, []error{nil, broken}},
			{"mended", nil, time.Minute, []error{nil, broken, nil}},
			{"fails once", broken, 50 * time.Millisecond, []error{nil, broken, nil}},
			{"works on", nil, time.Minute, []error{nil, broken, nil}},
			{"fails once more", broken, 50 * time.Millisecond, []error{nil, broken, nil}},
			{"works for a second", nil, time.Second, []error{nil, broken, nil}},
			{"fails anew", broken, 50 * time.Millisecond, []error{nil, broken, nil, broken}},
			{"works for another", nil, time.Second, []error{nil, broken, nil, broken}},
			{"is steady", nil, time.Minute, []error{nil, broken, nil, broken, nil}},
		} {
			e.mu.Lock()
			mended := e.broken != nil && c.err == nil
			e.broken = c.err
			e.mu.Unlock()
			v.take()
			moves(d, c.lasts)
			mu.Lock()
			if !reflect.DeepEqual(told, c.want) {
				t.Errorf("%s: told %v, want %v", c.name, told, c.want)
			}
			mu.Unlock()
			if keys := v.take(); mended && (len(keys) == 0 || !keys[0]) {
				t.Errorf("%s: %d packets, want a key frame first", c.name, len(keys))
			}
		}
	})
}
