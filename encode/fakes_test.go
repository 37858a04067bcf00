package encode_test

import (
	"context"
	"errors"
	"image"
	"log/slog"
	"sync"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// display is a source whose damage the test decides.
type display struct {
	bell chan struct{}

	mu     sync.Mutex
	size   image.Point
	damage []image.Rectangle
	grabs  int
	gone   bool
}

func newDisplay() *display {
	size := image.Pt(64, 48)
	return &display{bell: make(chan struct{}, 1), size: size, damage: []image.Rectangle{{Max: size}}}
}

func (d *display) Damaged() <-chan struct{} { return d.bell }
func (d *display) Close() error             { return nil }

func (d *display) Grab(f *capture.Frame) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.grabs++
	if d.gone {
		return capture.ErrNoScreen
	}
	*f = capture.Frame{Size: d.size, Damage: append(f.Damage[:0], d.damage...), Grabbed: time.Now()}
	d.damage = d.damage[:0]
	return nil
}

func (d *display) change(rect image.Rectangle) {
	d.mu.Lock()
	d.damage = append(d.damage, rect)
	d.mu.Unlock()
	select {
	case d.bell <- struct{}{}:
	default:
	}
}

// call is one Encode as the recorder saw it.
type call struct {
	at     time.Time
	op     encode.Op
	damage []image.Rectangle
}

// recorder is an encoder that notes what it is asked and settles after a number
// of refinements.
type recorder struct {
	mu      sync.Mutex
	opened  []encode.Config
	calls   []call
	bps     []int
	closed  int
	settle  int // refinements until settled
	refined int
	fresh   bool
	fail    error
	drop    bool
	same    bool // damage shows nothing new
}

func (r *recorder) backend() encode.Backend {
	return encode.Backend{Name: "recorder", Codec: encode.VP8, Open: func(c encode.Config) (encode.Encoder, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.opened = append(r.opened, c)
		r.fresh = true
		return r, nil
	}}
}

func (r *recorder) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return encode.Packet{}, r.fail
	}
	r.calls = append(r.calls, call{time.Now(), op, append([]image.Rectangle(nil), f.Damage...)})
	if r.drop {
		r.drop = false
		return encode.Packet{}, nil
	}
	switch {
	case op.Refine:
		r.refined++
	case r.same:
		return encode.Packet{Unchanged: true, Settled: r.refined >= r.settle}, nil
	default:
		r.refined = 0
	}
	p := encode.Packet{Data: []byte{1}, Key: op.Key || r.fresh, Size: f.Size, Settled: r.refined >= r.settle}
	r.fresh = false
	return p, nil
}

func (r *recorder) SetBitrate(bps int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bps = append(r.bps, bps)
	return nil
}

func (r *recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed++
	return nil
}

func (r *recorder) take() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

// viewer is a sink that notes what it gets.
type viewer struct {
	mu   sync.Mutex
	room chan struct{} // nil: always
	got  []encode.Packet
	full bool // WritePacket answers false
}

var always = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (v *viewer) Ready() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.room == nil {
		return always
	}
	return v.room
}

func (v *viewer) WritePacket(p encode.Packet) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.full {
		return false
	}
	v.got = append(v.got, p)
	return true
}

func (v *viewer) set(change func(*viewer)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v)
}

func (v *viewer) take() (keys []bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range v.got {
		keys = append(keys, p.Key)
	}
	v.got = nil
	return keys
}

var discard = slog.New(slog.DiscardHandler)

// streaming starts a stream in the bubble and ends it with the test.
func streaming(t *testing.T, d *display, r *recorder) *encode.Stream {
	s := encode.NewStream(encode.StreamConfig{Backend: r.backend(), BitrateBps: 1e6, MaxFPS: 50, Log: discard})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx, d); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if len(r.opened) != r.closed {
			t.Errorf("%d encoders opened, %d closed", len(r.opened), r.closed)
		}
	})
	return s
}

// state returns how many encoders were opened and closed, the last one's config
// and the bitrates set.
func (r *recorder) state() (opened, closed int, last encode.Config, bps []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.opened) > 0 {
		last = r.opened[len(r.opened)-1]
	}
	return len(r.opened), r.closed, last, append([]int(nil), r.bps...)
}

func (d *display) grabbed() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.grabs
}
