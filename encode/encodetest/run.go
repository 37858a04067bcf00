package encodetest

import (
	"errors"
	"fmt"
	"image"
	"testing"
	"time"

	"lucarne/encode"
)

// Run holds a backend to the contract of encode.Encoder, decoding what it makes
// with the reference decoder that decoder opens. It skips when either is absent
// from this build.
func Run(t *testing.T, backend encode.Backend, decoder func() (Decoder, error)) {
	t.Helper()
	r, err := open(backend, decoder, encode.Config{Size: image.Pt(16, 16)})
	if err != nil {
		t.Skipf("%s cannot be tested here: %v", backend.Name, err)
	}
	r.close()
	for _, check := range checks {
		t.Run(check.name, func(t *testing.T) {
			if err := check.run(backend, decoder); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is one thing that every encoder does. It returns what is wrong.
type check struct {
	name string
	run  func(encode.Backend, func() (Decoder, error)) error
}

var checks = []check{
	{"key first", keyFirst},
	{"key on demand", keyOnDemand},
	{"odd sizes", oddSizes},
	{"size change", sizeChange},
	{"absurd configurations", absurd},
	{"bad pictures", badPictures},
	{"sizes come and go", sizesComeAndGo},
	{"bitrate", bitrate},
	{"key frames do not burst", burst},
	{"damage only", damageOnly},
	{"settle", settle},
	{"a blink costs little", blink},
	{"the same again costs nothing", redrawn},
	{"key storm", keyStorm},
	{"times", times},
	{"release", release},
	{"packet", packet},
	{"no allocation", allocation},
	{"close", closed},
}

// rig is an encoder, its decoder, and a screen with a clock of its own.
type rig struct {
	codec   encode.Codec
	encoder encode.Encoder
	decoder Decoder
	canvas  *Canvas
	now     time.Time
	frame   time.Duration // from one frame to the next
	picture *image.YCbCr  // as decoded last
	packet  encode.Packet // as encoded last
	bytes   int           // encoded in all
	dropped int           // frames
}

// open makes a rig whose canvas is black.
func open(backend encode.Backend, decoder func() (Decoder, error), cfg encode.Config) (*rig, error) {
	encoder, err := backend.Open(cfg)
	if err != nil {
		return nil, err
	}
	d, err := decoder()
	if err != nil {
		return nil, errors.Join(err, encoder.Close())
	}
	return &rig{codec: backend.Codec, encoder: encoder, decoder: d, canvas: NewCanvas(cfg.Size),
		now: time.Unix(1000, 0), frame: time.Second / 60}, nil
}

func (r *rig) close() {
	_ = r.encoder.Close() // the check "close" looks at this
	r.decoder.Close()
}

// step encodes and decodes the canvas.
func (r *rig) step(op encode.Op, damage ...image.Rectangle) error {
	r.now = r.now.Add(r.frame)
	packet, err := r.encoder.Encode(r.canvas.Frame(r.now, damage...), op)
	if err != nil {
		return err
	}
	r.packet = packet
	r.bytes += len(packet.Data)
	if packet.Unchanged && len(packet.Data) > 0 {
		return fmt.Errorf("a packet of %d bytes says that nothing has changed", len(packet.Data))
	}
	if packet.Unchanged {
		return nil
	}
	if len(packet.Data) == 0 {
		r.dropped++
		return nil
	}
	if packet.Size != r.canvas.Size {
		return fmt.Errorf("packet size %v, want %v", packet.Size, r.canvas.Size)
	}
	if r.picture, err = r.decoder.Decode(packet.Data); err != nil {
		return err
	}
	want := r.canvas.Size
	if r.codec == encode.H264 { // 4:2:0 of H.264 knows even sizes alone
		want = image.Pt((want.X+1)&^1, (want.Y+1)&^1)
	}
	if got := r.picture.Rect.Size(); got != want {
		return fmt.Errorf("decoded size %v, want %v", got, want)
	}
	return nil
}

// rest refines until the picture has settled, at most frames times.
func (r *rig) rest(frames int) error {
	for n := range frames {
		if r.packet.Settled {
			return nil
		}
		if err := r.step(encode.Op{Refine: true}); err != nil {
			return fmt.Errorf("refinement %d: %w", n, err)
		}
	}
	if !r.packet.Settled {
		return fmt.Errorf("not settled after %d refinements and %d bytes", frames, r.bytes)
	}
	return nil
}

// psnr is the quality of the decoded picture in a part of it.
func (r *rig) psnr(part image.Rectangle) float64 { return PSNR(r.picture, r.canvas, part) }
