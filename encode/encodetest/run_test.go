package encodetest_test

import (
	"errors"
	"image"
	"testing"

	"go.uber.org/goleak"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/encode/encodetest"
	"lucarne/encode/encodetest/vp8dec"
	"lucarne/encode/vpx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// broken is an encoder with a fault.
type broken struct {
	encode.Encoder
	fault  fault
	frames int
	kept   []byte
	held   capture.Frame
	silent int // frames to be dropped
	bps    int
	closed bool
}

// fault changes what goes into an encoder or what comes out of it.
type fault struct {
	before func(b *broken, f *capture.Frame, op *encode.Op)
	after  func(b *broken, f *capture.Frame, p *encode.Packet)
	closer func(b *broken) error
	rate   func(bps int) int
	size   func(size image.Point) image.Point
}

func (b *broken) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	if b.closed {
		return encode.Packet{Data: []byte{0}}, nil
	}
	b.frames++
	if b.fault.before != nil {
		b.fault.before(b, f, &op)
	}
	packet, err := b.Encoder.Encode(f, op)
	if b.fault.after != nil {
		b.fault.after(b, f, &packet)
	}
	return packet, err
}

func (b *broken) SetBitrate(bps int) error {
	b.bps = bps
	if b.fault.rate != nil {
		bps = b.fault.rate(bps)
	}
	if b.kept != nil {
		clear(b.kept)
	}
	return b.Encoder.SetBitrate(bps)
}

func (b *broken) Close() error {
	if b.fault.closer != nil {
		return b.fault.closer(b)
	}
	return b.Encoder.Close()
}

// TestSuiteFails breaks a good encoder in one way after the other, and expects
// the suite to notice.
func TestSuiteFails(t *testing.T) {
	tests := []struct {
		check, name string
		fault       fault
	}{
		{"key first", "says that nothing is a key", fault{after: func(b *broken, f *capture.Frame, p *encode.Packet) { p.Key = false }}},
		{"key on demand", "never keys on demand", fault{before: func(b *broken, f *capture.Frame, op *encode.Op) { op.Key = false }}},
		{"key on demand", "claims a key", fault{
			before: func(b *broken, f *capture.Frame, op *encode.Op) { op.Key = false },
			after:  func(b *broken, f *capture.Frame, p *encode.Packet) { p.Key = true }}},
		{"odd sizes", "never settles", fault{after: func(b *broken, f *capture.Frame, p *encode.Packet) { p.Settled = false }}},
		{"size change", "says the wrong size", fault{after: func(b *broken, f *capture.Frame, p *encode.Packet) { p.Size.X++ }}},
		{"absurd configurations", "opens anything", fault{size: func(size image.Point) image.Point { return image.Pt(16, 16) }}},
		{"absurd configurations", "cannot stand a high bitrate", fault{after: func(b *broken, f *capture.Frame, p *encode.Packet) {
			if b.bps > 1_000_000_000 {
				p.Data = p.Data[:min(len(p.Data), 3)]
			}
		}}},
		{"bad pictures", "calls a bad picture good", fault{before: func(b *broken, f *capture.Frame, op *encode.Op) {
			good := encodetest.NewCanvas(image.Pt(100, 60))
			f.Pix, f.Stride, f.Size = good.Pix, good.Stride, good.Size
		}}},
		{"sizes come and go", "keeps its first size", fault{size: func(size image.Point) image.Point { return image.Pt(64, 64) }}},
		{"bitrate", "thinks the target is ten times as high", fault{rate: func(bps int) int { return 10 * bps }}},
		{"key frames do not burst", "spends what it likes", fault{rate: func(bps int) int { return 10 * bps }}},
		{"damage only", "ignores damage", fault{before: func(b *broken, f *capture.Frame, op *encode.Op) {
			if b.frames > 1 {
				f.Damage = nil
			}
		}}},
		{"damage only", "sees damage elsewhere", fault{before: func(b *broken, f *capture.Frame, op *encode.Op) {
			for i := range f.Damage {
				f.Damage[i] = f.Damage[i].Add(image.Pt(16, 0))
			}
		}}},
		{"settle", "settles at once", fault{after: func(b *broken, f *capture.Frame, p *encode.Packet) { p.Settled = true }}},
		{"a blink costs little", "sees all as damage and keys", fault{before: func(b *broken, f *capture.Frame, op *encode.Op) { op.Key = true }}},
		{"times", "does not say when it converted", fault{after: func(b *broken, f *capture.Frame, p *encode.Packet) { p.Times.Converted = p.Times.Damaged.Add(-1) }}},
		{"release", "releases when it is done", fault{
			before: func(b *broken, f *capture.Frame, op *encode.Op) {
				b.held = *f
				*f = capture.Frame{Pix: f.Pix, Stride: f.Stride, Size: f.Size, Damage: f.Damage, Damaged: f.Damaged, Grabbed: f.Grabbed}
			},
			after: func(b *broken, f *capture.Frame, p *encode.Packet) {
				*f = b.held
				f.Release()
			}}},
		{"the same again costs nothing", "does not know when nothing has changed", fault{after: func(b *broken, f *capture.Frame, p *encode.Packet) {
			if p.Unchanged {
				p.Unchanged, p.Data = false, b.kept
			}
			b.kept = append(b.kept[:0], p.Data...)
		}}},
		{"the same again costs nothing", "is no longer settled", fault{after: func(b *broken, f *capture.Frame, p *encode.Packet) {
			p.Settled = p.Settled && !p.Unchanged
		}}},
		{"key storm", "pays key frames back", fault{after: func(b *broken, f *capture.Frame, p *encode.Packet) {
			if p.Key {
				b.silent = 40
			} else if b.silent > 0 {
				b.silent, p.Data = b.silent-1, nil
			}
		}}},
		{"key storm", "forgets about key frames", fault{before: func(b *broken, f *capture.Frame, op *encode.Op) {
			op.Key = op.Key && b.frames%5 == 1
		}, after: func(b *broken, f *capture.Frame, p *encode.Packet) { p.Key = p.Key && b.frames == 1 }}},
		{"release", "releases before it has read", fault{before: func(b *broken, f *capture.Frame, op *encode.Op) {
			pix := f.Pix
			f.Release()
			f.Pix = pix
		}}},
		{"release", "keeps the frame until it is closed", fault{
			before: func(b *broken, f *capture.Frame, op *encode.Op) {
				b.held = *f
				*f = capture.Frame{Pix: f.Pix, Stride: f.Stride, Size: f.Size, Damage: f.Damage}
			},
			closer: func(b *broken) error {
				b.held.Release()
				return b.Encoder.Close()
			}}},
		{"packet", "overwrites its packets", fault{after: func(b *broken, f *capture.Frame, p *encode.Packet) { b.kept = p.Data }}},
		{"no allocation", "allocates", fault{after: func(b *broken, f *capture.Frame, p *encode.Packet) { p.Data = append([]byte(nil), p.Data...) }}},
		{"close", "cannot be closed twice", fault{closer: func(b *broken) error {
			if b.closed {
				return errors.New("closed already")
			}
			b.closed = true
			return b.Encoder.Close()
		}}},
		{"close", "encodes after close", fault{closer: func(b *broken) error {
			b.closed = true
			return b.Encoder.Close()
		}}},
	}
	if _, err := vp8dec.New(); err != nil {
		t.Skip(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			backend := encode.Backend{Name: "broken", Codec: encode.VP8, Open: func(cfg encode.Config) (encode.Encoder, error) {
				if test.fault.size != nil {
					cfg.Size = test.fault.size(cfg.Size)
				}
				encoder, err := vpx.Backend().Open(cfg)
				if err != nil {
					return nil, err
				}
				return &broken{Encoder: encoder, fault: test.fault}, nil
			}}
			err := encodetest.Check(test.check, backend, vp8dec.New)
			if err == nil {
				t.Errorf("the check %q did not notice", test.check)
			}
			t.Log(err)
		})
	}
}

func TestPSNR(t *testing.T) {
	size := image.Pt(32, 32)
	canvas, picture := encodetest.NewCanvas(size), image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420)
	for i := range picture.Y {
		picture.Y[i] = 16
	}
	if got := encodetest.PSNR(picture, canvas, canvas.Bounds()); got != 100 {
		t.Errorf("equal pictures: %v dB, want 100", got)
	}
	for i := range picture.Y {
		picture.Y[i] = 17
	}
	if got := encodetest.PSNR(picture, canvas, canvas.Bounds()); got < 48.1 || got > 48.2 {
		t.Errorf("one level off: %v dB, want 48.13", got)
	}
}

// TestPSNR444 expects that of a picture in 4:4:4 colour counts as much.
func TestPSNR444(t *testing.T) {
	size := image.Pt(16, 16)
	canvas, picture := encodetest.NewCanvas(size), image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio444)
	for i := range picture.Cb {
		picture.Cb[i], picture.Cr[i] = 128, 128
	}
	if got := encodetest.PSNR(picture, canvas, canvas.Bounds()); got != 100 {
		t.Errorf("equal pictures: %v dB, want 100", got)
	}
	for i := range picture.Cr {
		picture.Cr[i] = 148
	}
	if got := encodetest.PSNR(picture, canvas, canvas.Bounds()); got < 19 || got > 20 {
		t.Errorf("red is 28 levels off: %v dB, want 19.2", got)
	}
}
