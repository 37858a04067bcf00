package signaling

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	libjpeg "image/jpeg"
	"log/slog"
	"testing"

	"lucarne/capture"
	"lucarne/capture/synth"
	"lucarne/encode"
	"lucarne/encode/jpeg"
	"lucarne/signaling/session"
)

// canvas is what a page without a video decoder draws pictures of JPEG
// rectangles on.
type canvas struct {
	t     *testing.T
	luma  []byte
	size  image.Point
	drawn int // pixels of the last picture's rectangles
}

// draw puts a picture's rectangles (package jpeg) on the canvas.
func (c *canvas) draw(payload []byte) {
	c.t.Helper()
	count := int(binary.BigEndian.Uint16(payload))
	payload, c.drawn = payload[2:], 0
	for range count {
		at := func(i int) int { return int(binary.BigEndian.Uint16(payload[2*i:])) }
		r := image.Rect(at(0), at(1), at(0)+at(2), at(1)+at(3))
		length := binary.BigEndian.Uint32(payload[8:])
		part, err := libjpeg.Decode(bytes.NewReader(payload[12 : 12+length]))
		if err != nil || part.Bounds().Size() != r.Size() || !r.In(image.Rectangle{Max: c.size}) {
			c.t.Fatalf("rectangle %v of %v: %v, %v", r, c.size, part, err)
		}
		ycc := part.(*image.YCbCr)
		for y := range r.Dy() {
			copy(c.luma[(r.Min.Y+y)*c.size.X+r.Min.X:][:r.Dx()], ycc.Y[y*ycc.YStride:])
		}
		c.drawn += r.Dx() * r.Dy()
		payload = payload[12+length:]
	}
	if len(payload) > 0 {
		c.t.Fatalf("%d bytes after the last rectangle", len(payload))
	}
}

// whole returns the next picture with all its parts, and acknowledges it.
func (c *client) whole() (header, payload []byte) {
	c.t.Helper()
	for {
		m, _ := c.binary()
		if m[0] != 2 {
			continue
		}
		payload = append(payload, m[40:]...)
		if m[1]&8 == 0 {
			c.acknowledge(binary.BigEndian.Uint32(m[4:]))
			return m[:40], payload
		}
	}
}

// TestJPEG: a page that can decode nothing but JPEG sees the desktop move.
func TestJPEG(t *testing.T) {
	backend := jpeg.Backend()
	size := image.Pt(800, 600)
	if encoder, err := backend.Open(encode.Config{Size: size}); err != nil {
		t.Skip(err)
	} else {
		encoder.Close()
	}
	const pictures = 20
	source := synth.New(synth.Config{Size: size})
	log := slog.New(slog.DiscardHandler)
	screen := capture.NewScreen(log)
	fanout := encode.NewFanout(encode.FanoutConfig{
		Backend: backend, Open: func() capture.Source { return screen.NewReader() }, Log: log,
	})
	s := serve(t, func(cfg *Config) {
		cfg.Screen = screen
		cfg.Session = session.New(session.Config{Fanouts: []*encode.Fanout{fanout}, Screen: screen, Log: log})
	}, fanout.Run, func(ctx context.Context) error {
		return screen.Run(ctx, func(context.Context) (capture.Source, error) { return source, nil })
	})
	c := s.enter(t, `"transport":"ws","codecs":["jpeg"]`)
	page := canvas{t: t, luma: make([]byte, size.X*size.Y), size: size}
	newest := uint32(0)
	for n := range pictures {
		header, payload := c.whole()
		page.draw(payload)
		if got := binary.BigEndian.Uint32(header[4:]); got != uint32(n+1) || header[2] != 3 {
			t.Fatalf("picture %d of codec %d, want %d of codec 3", got, header[2], n+1)
		}
		if key := header[1]&1 != 0; key != (n == 0) || key && page.drawn < size.X*size.Y {
			t.Errorf("picture %d: key frame %v, %d pixels", n+1, key, page.drawn)
		}
		if shown, ok := synth.Number(page.luma, size.X, size); !ok || shown < newest {
			t.Errorf("picture %d shows number %d after %d, %v", n+1, shown, newest, ok)
		} else {
			newest = shown
		}
		source.Ring()
	}
	if newest == 0 {
		t.Error("nothing moves")
	}
}
