package session

import (
	"context"
	"errors"
	"image"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/input"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// display is an injector, a clipboard and a screen in one.
type display struct {
	mu      sync.Mutex
	down    map[any]bool // keys by code, buttons by number
	log     []input.Event
	repeat  bool
	unknown uint32 // a keysym that the display does not have
	silent  bool   // answers nothing; lets go of everything when asked later
	missed  bool   // was silent when asked

	offered [][]input.Item
	content map[string]string // what the desktop's program has, by MIME type
	mute    string            // a type that it never answers for
	reads   int
	changed chan input.Selection
	size    image.Point
}

func newDisplay() *display {
	return &display{down: make(map[any]bool), repeat: true, changed: make(chan input.Selection, 1)}
}

func (d *display) Inject(e input.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.answer(); err != nil {
		return err
	}
	switch e := e.(type) {
	case input.Key:
		if d.unknown != 0 && e.Keysym == d.unknown {
			return errors.New("no such keysym")
		}
		d.down[e.Code] = e.Action == input.Down
	case input.Button:
		d.down[e.Button] = e.Action == input.Down
	}
	d.log = append(d.log, e)
	return nil
}

func (d *display) SetAutoRepeat(on bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.answer(); err != nil {
		return err
	}
	d.repeat = on
	return nil
}

// answer is what comes before anything else that is asked of the display. The
// caller holds mu.
func (d *display) answer() error {
	if d.silent {
		d.missed = true
		return errors.New("no answer")
	}
	if d.missed {
		d.missed = false
		clear(d.down)
	}
	return nil
}

func (d *display) setSilent(silent bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.silent = silent
}

func (d *display) Close() error { return nil }

func (d *display) repeats() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.repeat
}

func (d *display) held() (held int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, down := range d.down {
		if down {
			held++
		}
	}
	return held
}

func (d *display) events() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.log)
}

func (d *display) Changed() <-chan input.Selection { return d.changed }

func (d *display) Read(ctx context.Context, _ input.Selection, mime string, limit int) ([]byte, error) {
	d.mu.Lock()
	data, ok := d.content[mime]
	mute := d.mute == mime
	d.reads++
	d.mu.Unlock()
	switch {
	case mute:
		<-ctx.Done()
		return nil, ctx.Err()
	case !ok:
		return nil, errors.New("no such type")
	case len(data) > limit:
		return nil, input.ErrTooLarge
	}
	return []byte(data), nil
}

func (d *display) Offer(_ input.Selection, items []input.Item) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.offered = append(d.offered, items)
	return nil
}

// copy is another program of the desktop taking the clipboard.
func (d *display) copy(text string) {
	d.own(input.SelectionClipboard, map[string]string{TextPlain: text})
}

// own is another program of the desktop taking a selection.
func (d *display) own(selection input.Selection, content map[string]string) {
	d.mu.Lock()
	d.content = content
	d.mu.Unlock()
	d.changed <- selection
}

func (d *display) Resize(size image.Point) (image.Point, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.size = size
	return size, nil
}

// sink counts the packets that it gets.
type sink struct {
	mu      sync.Mutex
	packets int
	keys    int
	ready   chan struct{}
}

func newSink() *sink {
	ready := make(chan struct{})
	close(ready)
	return &sink{ready: ready}
}

func (s *sink) Ready() <-chan struct{} { return s.ready }

func (s *sink) WritePacket(p encode.Packet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packets++
	if p.Key {
		s.keys++
	}
	return true
}

func (s *sink) count() (packets, keys int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.packets, s.keys
}

// still is a source whose picture never changes after the first.
type still struct{ bell chan struct{} }

func newStill() capture.Source {
	s := still{make(chan struct{}, 1)}
	s.bell <- struct{}{}
	return s
}

func (s still) Damaged() <-chan struct{} { return s.bell }
func (s still) Close() error             { return nil }

func (s still) Grab(f *capture.Frame) error {
	size := image.Pt(16, 16)
	*f = capture.Frame{Pix: make([]byte, 4*16*16), Stride: 4 * 16, Size: size, Grabbed: time.Now()}
	return nil
}

// blank encodes every picture as one byte, sharp at once.
type blank struct{}

func (blank) SetBitrate(int) error { return nil }
func (blank) Close() error         { return nil }
func (blank) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	return encode.Packet{Data: []byte{1}, Key: op.Key, Size: f.Size, Settled: true}, nil
}

// startFanouts returns running fan-outs of a still picture.
func startFanouts(t *testing.T, codecs ...encode.Codec) (list []*encode.Fanout) {
	t.Helper()
	for _, codec := range codecs {
		list = append(list, startFanout(t, codec))
	}
	return list
}

func startFanout(t *testing.T, codec encode.Codec) *encode.Fanout {
	t.Helper()
	f := encode.NewFanout(encode.FanoutConfig{
		Backend: encode.Backend{Name: "blank", Codec: codec, Open: func(encode.Config) (encode.Encoder, error) { return blank{}, nil }},
		Open:    newStill,
		Log:     slog.New(slog.DiscardHandler),
	})
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

// start returns a running session on a fresh display. It ends with the test.
func start(t *testing.T, cfg Config) (*Session, *display) {
	t.Helper()
	d := newDisplay()
	cfg.Screen = d
	cfg.Log = slog.New(slog.DiscardHandler)
	s := New(cfg)
	s.SetHands(d, d)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s, d
}

func join(t *testing.T, s *Session, role Role) *Viewer {
	t.Helper()
	v, err := s.Join(JoinConfig{Role: role})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Leave)
	return v
}

// page numbers and sends a viewer's events as its page does.
type page struct {
	v     *Viewer
	seq   uint32
	start time.Time
}

func (p *page) send(e input.Event) {
	if p.start.IsZero() {
		p.start = time.Now()
	}
	p.seq++
	p.v.Input(input.Append(nil, p.seq, uint32(time.Since(p.start)/time.Millisecond), e))
}

func key(code string, a input.Action) input.Key { return input.Key{Code: code, Keysym: 'a', Action: a} }
