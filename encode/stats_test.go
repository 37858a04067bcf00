package encode_test

import (
	"errors"
	"image"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

func TestKeyFramesAreCountedByTheirCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{}, &viewer{}
		s := streaming(t, d, r)
		seen := s.Stats().Keys
		step := func(cause encode.KeyCause, keys uint64, act func()) {
			t.Helper()
			act()
			d.change(image.Rect(0, 0, 1, 1))
			time.Sleep(5 * time.Second)
			seen[cause] += keys
			if got := s.Stats().Keys; got != seen {
				t.Errorf("%v: key frames by cause %v, want %v", cause, got, seen)
				seen = got
			}
		}
		step(encode.KeyJoined, 1, func() { s.Attach(v) })
		step(encode.KeyAsked, 1, func() { s.RequestKey(v) })
		step(encode.KeyMissed, 2, func() { // the first is refused as well
			v.set(func(v *viewer) { v.full = true })
			d.change(image.Rect(0, 0, 1, 1))
			time.Sleep(50 * time.Millisecond)
			v.set(func(v *viewer) { v.full = false })
		})
		step(encode.KeyEncoder, 1, func() {
			d.mu.Lock()
			d.size = image.Pt(32, 16)
			d.mu.Unlock()
		})
	})
}

func TestStatsOfWhatIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, r, v := newDisplay(), &recorder{}, &viewer{}
		f := fan(t, func() capture.Source { return d }, r)
		if got := f.Target(encode.Main); got != 0 {
			t.Errorf("%d bit/s for nobody", got)
		}
		seat := f.Join(v)
		defer seat.Leave()
		d.change(image.Rect(0, 0, 1, 1))
		time.Sleep(time.Second)
		before := f.Stats()
		if before.Keys[encode.KeyJoined] != 1 || before.Bytes != before.Refinements+1 {
			t.Errorf("after somebody has come: %+v", before)
		}
		r.mu.Lock()
		r.drop = true
		r.mu.Unlock()
		d.change(image.Rect(0, 0, 1, 1)) // and once more, for what was dropped is owed
		time.Sleep(time.Second)
		r.mu.Lock()
		r.same = true
		r.mu.Unlock()
		d.change(image.Rect(0, 0, 1, 1))
		time.Sleep(time.Second)
		r.mu.Lock()
		r.fail = errors.New("broken")
		r.mu.Unlock()
		d.change(image.Rect(0, 0, 1, 1))
		time.Sleep(50 * time.Millisecond)
		got := f.Stats()
		if got.Dropped != 1 || got.Unchanged == 0 || got.Failures != 1 {
			t.Errorf("got %+v, want one picture dropped, one unchanged at least, one failure", got)
		}
		if got := f.Target(encode.Main); got != 1e6 {
			t.Errorf("target %d bit/s, want 1000000", got)
		}
		r.mu.Lock()
		r.fail = nil
		r.mu.Unlock()
	})
}

// stamped makes packets of which the stages took 1, 2 and 4 ms.
type stamped struct{ flatEncoder }

func (e *stamped) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	began := time.Now()
	return encode.Packet{Data: []byte{1, 2}, Key: op.Key, Settled: true, Times: encode.Times{
		Damaged: began, Grabbed: began.Add(time.Millisecond), Converted: began.Add(3 * time.Millisecond), Encoded: began.Add(7 * time.Millisecond),
	}}, nil
}

func TestStatsOfTheStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, v := newDisplay(), &counter{}
		backend := encode.Backend{Name: "stamped", Codec: encode.VP8, Open: func(encode.Config) (encode.Encoder, error) { return &stamped{}, nil }}
		f := fanOf(t, func() capture.Source { return d }, backend)
		defer f.Join(v).Leave()
		for range 5 {
			d.change(image.Rect(0, 0, 1, 1))
			time.Sleep(time.Second)
		}
		got, n := f.Stats(), time.Duration(v.count())
		if n == 0 || got.Bytes != 2*uint64(n) || got.Deltas+got.Keys[encode.KeyJoined] != uint64(n) {
			t.Errorf("%d packets, counted: %+v", n, got)
		}
		for name, c := range map[string]struct {
			got  encode.Histogram
			want time.Duration
		}{"grab": {got.Grab, time.Millisecond}, "convert": {got.Convert, 2 * time.Millisecond}, "encode": {got.Encode, 4 * time.Millisecond}} {
			if c.got.Sum != n*c.want || c.got.Count() != uint64(n) {
				t.Errorf("%s: %+v, want %d of %v", name, c.got, n, c.want)
			}
		}
	})
}
