package choice

import (
	"bytes"
	"context"
	"errors"
	"image"
	"slices"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/capture/synth"
	"lucarne/encode"
)

// clock is a clock that stands still but for what is spent on it.
type clock struct {
	now    time.Time
	waited time.Duration // of what was spent
}

func (c *clock) time() time.Time      { return c.now }
func (c *clock) waits() time.Duration { return c.waited }

// fake is an encoder that takes its time.
type fake struct {
	clock  *clock
	costs  []time.Duration // of one frame after the other, over and over
	waits  []time.Duration // for the processor, beside; nil: none
	drops  int             // every so many frames is dropped; 0: none is
	fails  int             // the frame that fails; 0: none does
	frames int
	open   bool
	times  []time.Time
	before []byte
	torn   bool // something outside the damage has changed
}

func (f *fake) SetBitrate(int) error { return nil }
func (f *fake) Close() error         { f.open = false; return nil }

func (f *fake) Encode(frame *capture.Frame, op encode.Op) (encode.Packet, error) {
	f.clock.now = f.clock.now.Add(f.costs[f.frames%len(f.costs)])
	if f.waits != nil {
		wait := f.waits[f.frames%len(f.waits)]
		f.clock.now, f.clock.waited = f.clock.now.Add(wait), f.clock.waited+wait
	}
	f.frames++
	f.times = append(f.times, frame.Grabbed)
	f.look(frame)
	switch {
	case f.frames == f.fails:
		return encode.Packet{}, errBroken
	case f.drops > 0 && f.frames%f.drops == 0:
		return encode.Packet{}, nil
	}
	return encode.Packet{Data: []byte{1}}, nil
}

// look compares the picture with the one before.
func (f *fake) look(frame *capture.Frame) {
	for y := range frame.Size.Y {
		for x := range frame.Size.X {
			at := y*frame.Stride + 4*x
			if f.before != nil && !image.Pt(x, y).In(frame.Damage[0]) && !bytes.Equal(f.before[at:at+4], frame.Pix[at:at+4]) {
				f.torn = true
			}
		}
	}
	f.before = slices.Clone(frame.Pix)
}

func (f *fake) backend(codec encode.Codec) encode.Backend {
	return encode.Backend{Name: "fake", Codec: codec, Open: func(encode.Config) (encode.Encoder, error) {
		f.open = true
		return f, nil
	}}
}

var errBroken = errors.New("fake: encode: broken")

const ms = time.Millisecond

func TestMeasure(t *testing.T) {
	c := &clock{now: time.Unix(1, 0)}
	even := &fake{clock: c, costs: []time.Duration{10 * ms}}
	uneven := &fake{clock: c, costs: []time.Duration{90 * ms, 5 * ms, 5 * ms, 5 * ms, 5 * ms, 5 * ms, 5 * ms, 5 * ms, 35 * ms, 35 * ms}}
	dropping := &fake{clock: c, costs: []time.Duration{20 * ms, 1 * ms}, drops: 2}
	failing := &fake{clock: c, costs: []time.Duration{ms}, fails: 3}
	absent := encode.Backend{Codec: encode.JPEG, Open: func(encode.Config) (encode.Encoder, error) { return nil, errBroken }}
	silent := &fake{clock: c, costs: []time.Duration{ms}, drops: 1}
	costs, err := Measure(t.Context(), Config{
		Backends: []encode.Backend{
			even.backend(encode.H264), uneven.backend(encode.VP8), dropping.backend(encode.H264444),
			failing.backend("x"), absent, silent.backend("y"),
		},
		Source: synth.New(synth.Config{Size: image.Pt(80, 60)}), Budget: 2 * time.Second, Now: c.time,
	})
	if err != nil {
		t.Fatal(err)
	}
	if spent := c.now.Sub(time.Unix(1, 0)); spent < 2*time.Second || spent > 2200*ms {
		t.Errorf("%v spent of 2 s", spent)
	}
	for i, want := range []struct {
		p50, p90 time.Duration
		err      error
	}{
		{10 * ms, 10 * ms, nil}, {5 * ms, 35 * ms, nil}, {20 * ms, 20 * ms, nil},
		{0, 0, errBroken}, {0, 0, errBroken}, {0, 0, ErrTooFew},
	} {
		got := costs[i]
		if got.P50 != want.p50 || got.P90 != want.p90 || !errors.Is(got.Err, want.err) {
			t.Errorf("backend %d: p50 %v, p90 %v, %v; want %v", i, got.P50, got.P90, got.Err, want)
		}
	}
	if even.frames-costs[0].Frames != 1 {
		t.Errorf("%d frames of %d count, want all but the first", costs[0].Frames, even.frames)
	}
	for i, f := range []*fake{even, uneven, dropping, failing, silent} {
		if f.open {
			t.Errorf("encoder %d is left open", i)
		}
		if f.torn {
			t.Errorf("encoder %d: the picture changes outside its damage", i)
		}
	}
	for i := range len(even.times) - 1 {
		if got := even.times[i+1].Sub(even.times[i]); got != time.Second/60 {
			t.Fatalf("%v from frame to frame, want a 60th of a second", got)
		}
	}
}

// TestMeasureBusy: where others have the processors nine tenths of the time, what
// each encoder costs is known nevertheless, and that within reason.
func TestMeasureBusy(t *testing.T) {
	c := &clock{now: time.Unix(1, 0)}
	first := &fake{clock: c, costs: []time.Duration{8 * ms}, waits: []time.Duration{90 * ms, 0, 200 * ms}}
	second := &fake{clock: c, costs: []time.Duration{11 * ms}, waits: []time.Duration{0, 100 * ms, 30 * ms, 0}}
	costs, err := Measure(t.Context(), Config{
		Backends: []encode.Backend{first.backend(encode.H264), second.backend(encode.VP8)},
		Source:   synth.New(synth.Config{Size: image.Pt(80, 60)}), Now: c.time, Waited: c.waits,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []time.Duration{8 * ms, 11 * ms} {
		if got := costs[i]; got.P50 != want || got.P90 != want || got.Frames < leastFrames || got.Err != nil {
			t.Errorf("backend %d: p50 %v, p90 %v of %d frames, %v; want %v", i, got.P50, got.P90, got.Frames, got.Err, want)
		}
	}
	if spent := c.now.Sub(time.Unix(1, 0)); spent < time.Second || spent > 3*time.Second {
		t.Errorf("%v spent, want what %d frames of each take", spent, leastRounds)
	}
}

// TestMeasureGivesUp: it takes five times its budget at the most, and who has not
// been measured by then stays where it is.
func TestMeasureGivesUp(t *testing.T) {
	c := &clock{now: time.Unix(1, 0)}
	slow, slower := &fake{clock: c, costs: []time.Duration{700 * ms}}, &fake{clock: c, costs: []time.Duration{800 * ms}}
	costs, err := Measure(t.Context(), Config{
		Backends: []encode.Backend{slower.backend(encode.H264), slow.backend(encode.VP8)},
		Source:   synth.New(synth.Config{Size: image.Pt(80, 60)}), Now: c.time,
	})
	if err != nil {
		t.Fatal(err)
	}
	if spent := c.now.Sub(time.Unix(1, 0)); spent < 5*time.Second || spent > 6500*ms {
		t.Errorf("%v spent, want 5 s and what the last round takes", spent)
	}
	for i, got := range costs {
		if !errors.Is(got.Err, ErrTooFew) {
			t.Errorf("backend %d: p50 %v of %d frames, %v; want too few", i, got.P50, got.Frames, got.Err)
		}
	}
	if got := Order(costs, 60); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("order %v, want as it was", got)
	}
}

// TestMeasureEnds: it ends with its context, however slow the encoders are, and
// with a source that gives nothing.
func TestMeasureEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stuck := encode.Backend{Codec: encode.VP8, Open: func(encode.Config) (encode.Encoder, error) {
		cancel()
		return &fake{clock: &clock{}, costs: []time.Duration{0}}, nil
	}}
	source := synth.New(synth.Config{Size: image.Pt(80, 60)})
	if _, err := Measure(ctx, Config{Backends: []encode.Backend{stuck}, Source: source}); !errors.Is(err, context.Canceled) {
		t.Errorf("Measure: %v, want that it was cancelled", err)
	}
	source.Close()
	if _, err := Measure(t.Context(), Config{Source: source}); err == nil {
		t.Error("no error without a picture")
	}
}

func TestOrder(t *testing.T) {
	cost := func(codec encode.Codec, p50, p90 time.Duration) Cost {
		return Cost{Backend: encode.Backend{Codec: codec}, P50: p50, P90: p90}
	}
	failed := func(codec encode.Codec) Cost { return Cost{Backend: encode.Backend{Codec: codec}, Err: errBroken} }
	unknown := func(codec encode.Codec) Cost { return Cost{Backend: encode.Backend{Codec: codec}, Err: ErrTooFew} }
	jpeg := cost(encode.JPEG, ms, ms)
	for _, test := range []struct {
		name  string
		fps   int
		costs []Cost
		want  []encode.Codec
	}{
		{"all in time", 60, []Cost{cost(encode.H264, 9*ms, 12*ms), cost(encode.VP8, 6*ms, 7*ms), jpeg},
			[]encode.Codec{encode.H264, encode.VP8, encode.JPEG}},
		{"H.264 is late", 60, []Cost{cost(encode.H264, 9*ms, 13*ms), cost(encode.VP8, 6*ms, 7*ms), jpeg},
			[]encode.Codec{encode.VP8, encode.H264, encode.JPEG}},
		{"but not at 30 frames a second", 30, []Cost{cost(encode.H264, 9*ms, 13*ms), cost(encode.VP8, 6*ms, 7*ms)},
			[]encode.Codec{encode.H264, encode.VP8}},
		{"H.264 is late, VP8 hardly less", 60, []Cost{cost(encode.H264, 13*ms, 18*ms), cost(encode.VP8, 11*ms, 12*ms)},
			[]encode.Codec{encode.H264, encode.VP8}},
		{"H.264 is not known", 60, []Cost{unknown(encode.H264), cost(encode.VP8, 6*ms, 7*ms), jpeg},
			[]encode.Codec{encode.H264, encode.VP8, encode.JPEG}},
		{"VP8 is not known", 60, []Cost{cost(encode.H264, 90*ms, 99*ms), unknown(encode.VP8), jpeg},
			[]encode.Codec{encode.H264, encode.VP8, encode.JPEG}},
		{"nothing is known", 60, []Cost{unknown(encode.H264), unknown(encode.VP8), unknown(encode.JPEG)},
			[]encode.Codec{encode.H264, encode.VP8, encode.JPEG}},
		{"what is not known works", 60, []Cost{failed(encode.H264), unknown(encode.VP8)},
			[]encode.Codec{encode.VP8, encode.H264}},
		{"both are late, H.264 less so", 60, []Cost{cost(encode.H264, 20*ms, 30*ms), cost(encode.VP8, 25*ms, 28*ms), jpeg},
			[]encode.Codec{encode.H264, encode.VP8, encode.JPEG}},
		{"late now and then, but faster than the rest", 60, []Cost{cost(encode.H264, 5*ms, 13*ms), cost(encode.VP8, 9*ms, 12*ms)},
			[]encode.Codec{encode.H264, encode.VP8}},
		{"H.264 fails", 60, []Cost{failed(encode.H264), cost(encode.VP8, 60*ms, 70*ms), jpeg},
			[]encode.Codec{encode.VP8, encode.JPEG, encode.H264}},
		{"all fail", 60, []Cost{failed(encode.H264), failed(encode.VP8), failed(encode.JPEG)},
			[]encode.Codec{encode.H264, encode.VP8, encode.JPEG}},
		{"JPEG was first", 0, []Cost{jpeg, cost(encode.VP8, 60*ms, 70*ms), cost(encode.H264, 2*ms, 3*ms)},
			[]encode.Codec{encode.H264, encode.VP8, encode.JPEG}},
		{"nothing", 60, nil, nil},
	} {
		var got []encode.Codec
		for _, i := range Order(test.costs, test.fps) {
			got = append(got, test.costs[i].Backend.Codec)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestPays(t *testing.T) {
	cost := func(p50 time.Duration) Cost { return Cost{P50: p50} }
	for _, test := range []struct {
		one, more Cost
		want      bool
	}{
		{cost(8 * ms), cost(6 * ms), true},
		{cost(8 * ms), cost(7 * ms), false},
		{cost(8 * ms), cost(9 * ms), false},
		{cost(8 * ms), Cost{Err: errBroken}, false},
		{Cost{Err: errBroken}, cost(6 * ms), false},
	} {
		if got := Pays(test.one, test.more); got != test.want {
			t.Errorf("from %v to %v pays: %v", test.one.P50, test.more.P50, got)
		}
	}
}
