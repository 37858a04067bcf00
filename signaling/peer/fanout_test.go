package peer

import (
	"context"
	"image"
	"log/slog"
	"sync"
	"testing"

	"github.com/pion/interceptor"

	"lucarne/capture"
	"lucarne/capture/synth"
	"lucarne/encode"
	"lucarne/encode/encodetest/vp8dec"
	"lucarne/encode/vpx"
)

// leading is a seat that leads when it is shown.
type leading struct{ *encode.Seat }

func (l leading) Show() { l.Lead() }

// TestPicturesFromAStream watches a real stream by a real connection.
func TestPicturesFromAStream(t *testing.T) {
	decoder, err := vp8dec.New()
	if err != nil {
		t.Skipf("VP8 decoder: %v", err)
	}
	defer decoder.Close()
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	defer func() { cancel(); tasks.Wait() }()

	size := image.Pt(320, 200)
	fanout := encode.NewFanout(encode.FanoutConfig{
		Backend: vpx.Backend(),
		Open: func() capture.Source {
			source := synth.New(synth.Config{Size: size})
			tasks.Go(func() { source.Run(ctx) })
			return source
		},
		Log: slog.New(slog.DiscardHandler),
	})
	tasks.Go(func() { fanout.Run(ctx) })

	p := start(t, func(p *page, _ *Config, _ *interceptor.Registry) {
		p.join = func(sink encode.Sink, _ ...encode.Codec) (seat, error) {
			return leading{fanout.Join(sink)}, nil
		}
	})
	p.await("30 frames", func() bool { return p.received() >= 30 })
	frames, _ := p.got()
	for n, frame := range frames[:30] {
		picture, err := decoder.Decode(frame)
		if err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		if got := picture.Rect.Size(); got != size {
			t.Fatalf("frame %d: size = %v, want %v", n, got, size)
		}
	}
	if got := p.peer.Stats(); got.Malformed != 0 || got.KeyRequests != 0 {
		t.Errorf("statistics = %+v", got)
	}
}
