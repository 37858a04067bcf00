package signaling

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/signaling/session"
)

// choice starts a server with an encoder of each codec, which fails while broken
// says so.
func choice(t *testing.T, broken map[encode.Codec]*atomic.Bool, codecs ...encode.Codec) *server {
	log := slog.New(slog.DiscardHandler)
	var screen *capture.Screen
	open := func() capture.Source { return screen.NewReader() }
	var fanouts []*encode.Fanout
	for _, codec := range codecs {
		backend := encode.Backend{Name: "lib", Codec: codec, Open: func(encode.Config) (encode.Encoder, error) {
			if b := broken[codec]; b != nil && b.Load() {
				return nil, errors.New("lib: open: broken")
			}
			return blank{new(atomic.Int64)}, nil
		}}
		fanouts = append(fanouts, encode.NewFanout(encode.FanoutConfig{Backend: backend, Open: open, Log: log}))
	}
	var desk *session.Session
	beside := []func(context.Context) error{func(ctx context.Context) error { return desk.Run(ctx) }}
	for _, f := range fanouts {
		beside = append(beside, f.Run)
	}
	return serve(t, func(cfg *Config) {
		screen = cfg.Screen
		desk = session.New(session.Config{Fanouts: fanouts, Screen: screen, Log: log})
		cfg.Session = desk
	}, beside...)
}

// told returns the control messages about codecs up to the one of a codec that is
// in use.
func (c *client) told(codec string) (reasons []Message) {
	c.t.Helper()
	for {
		m, err := c.next()
		switch {
		case errors.Is(err, errBinary):
		case err != nil:
			c.t.Fatalf("waiting for %s: %v", codec, err)
		case m.Type == "reason":
			reasons = append(reasons, m)
		case m.Type == "encoding" && m.Codec == codec:
			if m.Encoder != "lib" {
				c.t.Errorf("encoder %q, want lib", m.Encoder)
			}
			return reasons
		}
	}
}

// only fails unless there is one reason, of that code and with those arguments.
func only(t *testing.T, reasons []Message, code string, args ...string) {
	t.Helper()
	if len(reasons) != 1 || reasons[0].Code != code || !slices.Equal(reasons[0].Args, args) {
		t.Errorf("reasons %v, want %s %q", reasons, code, args)
	}
}

// shows returns the number that wsmedia has for the codec of the next key frame.
func (c *client) shows() byte {
	c.t.Helper()
	for {
		if header, _ := c.whole(); header[1]&1 != 0 {
			return header[2]
		}
	}
}

// TestPreference: what the hello and the codec message prefer comes, without a new
// socket, and the page knows what it has.
func TestPreference(t *testing.T) {
	s := choice(t, nil, encode.VP8, encode.JPEG)
	const vp8, jpeg = 1, 3
	c := s.enter(t, `"transport":"ws","codecs":["vp8","jpeg"]`)
	if got := c.told("vp8"); len(got) > 0 {
		t.Errorf("reasons %v without a preference", got)
	}
	c.send(`{"type":"codec","codec":"jpeg"}`)
	if got := c.told("jpeg"); len(got) > 0 {
		t.Errorf("reasons %v although it can be had", got)
	}
	c.send(`{"type":"codec","codec":"h264-444"}`)
	only(t, c.told("vp8"), "codec-missing", "h264-444", "vp8")

	c = s.enter(t, `"transport":"ws","codecs":["vp8","jpeg"],"codec":"jpeg"`)
	if got := c.shows(); got != jpeg {
		t.Errorf("codec %d first, want %d", got, jpeg)
	}
	c.send(`{"type":"codec"}`)
	if got := c.shows(); got != vp8 {
		t.Errorf("codec %d without a preference, want %d", got, vp8)
	}
	c = s.enter(t, `"transport":"ws","codecs":["vp8"],"codec":"av1"`)
	only(t, c.told("vp8"), "codec-missing", "av1", "vp8")
}

// TestEncoderFailed: the page keeps its socket, and knows why it sees another codec.
func TestEncoderFailed(t *testing.T) {
	broken := map[encode.Codec]*atomic.Bool{encode.VP8: {}, encode.JPEG: {}}
	s := choice(t, broken, encode.VP8, encode.JPEG)
	broken[encode.VP8].Store(true)
	c := s.enter(t, `"transport":"ws","codecs":["vp8","jpeg"]`)
	only(t, c.told("jpeg"), "encoder-failed", "vp8", "jpeg")

	broken[encode.JPEG].Store(true)
	c = s.enter(t, `"transport":"ws","codecs":["vp8"]`)
	if got := c.await("reason"); got.Code != "encoder-failed" || !slices.Equal(got.Args, []string{"vp8"}) {
		t.Errorf("reason %s %q, want encoder-failed of vp8 alone", got.Code, got.Args)
	}
}

// TestGPU: the page is told of the GPU.
func TestGPU(t *testing.T) {
	s := serve(t, nil)
	s.session.SetGPU(encode.GPU{Code: "encodes", Arg: "A GPU"})
	c := s.enter(t, `"transport":"ws","codecs":["vp8"]`)
	if got := c.await("encoding"); got.GPU == nil || got.GPU.Code != "encodes" || !slices.Equal(got.GPU.Args, []string{"A GPU"}) {
		t.Errorf("of the GPU the page is told %+v", got.GPU)
	}
	s.session.SetGPU(encode.GPU{Code: "no-gpu"})
	if got := c.await("encoding"); got.GPU == nil || got.GPU.Code != "no-gpu" || got.GPU.Args != nil {
		t.Errorf("of the GPU the page is told %+v after that has changed", got.GPU)
	}
}
