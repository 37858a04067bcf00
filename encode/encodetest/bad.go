package encodetest

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"strings"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// blames says what is wrong with an error of a backend's operation: it begins with
// the library and the operation, as in "vpx: open 0x5: the sides must be...".
func blames(b encode.Backend, err error, operation string) error {
	if err == nil {
		return fmt.Errorf("%s: no error", operation)
	}
	library, rest, _ := strings.Cut(err.Error(), ": ")
	if !strings.Contains(strings.ToLower(b.Name), library) || !strings.HasPrefix(rest, operation) {
		return fmt.Errorf("the error %q does not begin with the library and %q", err, operation)
	}
	return nil
}

// works says what is wrong with a new encoder of a backend: one that is asked for
// after others have failed.
func works(b encode.Backend, decoder func() (Decoder, error)) error {
	r, err := open(b, decoder, encode.Config{Size: image.Pt(160, 90)})
	if err != nil {
		return err
	}
	defer r.close()
	r.canvas = Page(r.canvas.Size, 11)
	if err := errors.Join(r.step(encode.Op{}, r.canvas.Bounds()), r.rest(90)); err != nil {
		return err
	}
	if got := r.psnr(r.canvas.Bounds()); got < 38 {
		return fmt.Errorf("%.1f dB, want 38", got)
	}
	return nil
}

// absurdSizes are sizes that no encoder has, some because the buffers cannot be had.
var absurdSizes = []image.Point{{}, {X: 0, Y: 5}, {X: 5, Y: 0}, {X: -4, Y: 4}, {X: 4, Y: -1 << 31}, {X: 100000, Y: 1},
	{X: 1, Y: 100000}, {X: 1 << 30, Y: 1 << 30}, {X: 1 << 32, Y: 16}, {X: 1 << 62, Y: 4}}

func absurd(b encode.Backend, decoder func() (Decoder, error)) error {
	for _, size := range absurdSizes {
		encoder, err := b.Open(encode.Config{Size: size})
		if err == nil {
			return errors.Join(fmt.Errorf("an encoder was opened for %v", size), encoder.Close())
		}
		if err := blames(b, err, "open"); err != nil {
			return err
		}
	}
	for _, cfg := range []encode.Config{{BitrateBps: -1}, {BitrateBps: 1}, {BitrateBps: 10_000_000_000}, {MaxFPS: -1},
		{MaxFPS: 1}, {MaxFPS: 1_000_000}, {Threads: -1}, {Threads: 1000}} {
		cfg.Size = image.Pt(320, 240)
		if err := absurdConfig(b, decoder, cfg); err != nil {
			return fmt.Errorf("%+v: %w", cfg, err)
		}
	}
	return works(b, decoder)
}

// absurdConfig expects a configuration to be refused or brought into bounds, and so
// each bitrate that comes later.
func absurdConfig(b encode.Backend, decoder func() (Decoder, error), cfg encode.Config) error {
	r, err := open(b, decoder, cfg)
	if err != nil {
		return blames(b, err, "open")
	}
	defer r.close()
	for _, bps := range []int{0, 1, -1, 10_000_000_000, 8_000_000} {
		if err := r.encoder.SetBitrate(bps); err != nil {
			if err := blames(b, err, "set bitrate"); err != nil {
				return err
			}
		}
		r.now = r.now.Add(5 * time.Second) // by then no frame is dropped
		r.canvas.Fill(r.canvas.Bounds(), color.RGBA{R: byte(bps), G: 77, B: 11, A: 255})
		if err := r.step(encode.Op{}, r.canvas.Bounds()); err != nil {
			return fmt.Errorf("after a bitrate of %d: %w", bps, err)
		}
	}
	return nil
}

// badPictures hands in frames that are none, among good ones.
func badPictures(b encode.Backend, decoder func() (Decoder, error)) error {
	size := image.Pt(100, 60)
	r, err := open(b, decoder, encode.Config{Size: size})
	if err != nil {
		return err
	}
	defer r.close()
	r.canvas = Page(size, 12)
	for name, spoil := range map[string]func(*capture.Frame){
		"no pixels":        func(f *capture.Frame) { f.Pix = nil },
		"too few pixels":   func(f *capture.Frame) { f.Pix = f.Pix[:len(f.Pix)/2] },
		"no stride":        func(f *capture.Frame) { f.Stride = 0 },
		"a short stride":   func(f *capture.Frame) { f.Stride = 4*size.X - 1 },
		"a huge stride":    func(f *capture.Frame) { f.Stride = 1 << 40 },
		"a negative one":   func(f *capture.Frame) { f.Stride = -f.Stride },
		"the size of none": func(f *capture.Frame) { f.Size = image.Point{} },
		"a huge size":      func(f *capture.Frame) { f.Size = image.Pt(1<<20, 1<<20) },
	} {
		for _, op := range []encode.Op{{}, {Key: true}} {
			r.now = r.now.Add(r.frame)
			f := r.canvas.Frame(r.now, r.canvas.Bounds())
			spoil(f)
			_, err := r.encoder.Encode(f, op)
			if err := blames(b, err, "encode"); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for _, damage := range []image.Rectangle{{Min: image.Pt(-50, -50), Max: image.Pt(-10, -10)}, image.Rect(90, 50, 1<<30, 1<<30),
		{Min: image.Pt(50, 50), Max: image.Pt(10, 10)}, image.Rect(-1<<40, 10, 1<<40, 20)} {
		if err := r.step(encode.Op{}, damage); err != nil {
			return fmt.Errorf("damage %v: %w", damage, err)
		}
	}
	if err := errors.Join(r.step(encode.Op{Key: true}, r.canvas.Bounds()), r.rest(90)); err != nil {
		return fmt.Errorf("after bad pictures: %w", err)
	}
	if got := r.psnr(r.canvas.Bounds()); got < 38 {
		return fmt.Errorf("after bad pictures: %.1f dB, want 38", got)
	}
	return nil
}

// sizesComeAndGo changes the size again and again, now and then to one that cannot
// be. After an error an encoder may be of no use, but a new one is.
func sizesComeAndGo(b encode.Backend, decoder func() (Decoder, error)) error {
	random := rand.New(rand.NewPCG(13, 14))
	r, err := open(b, decoder, encode.Config{Size: image.Pt(64, 64)})
	if err != nil {
		return err
	}
	defer func() { r.close() }()
	for n := range 40 {
		size := image.Pt(1+random.IntN(300), 1+random.IntN(200))
		if resizer, ok := r.encoder.(encode.Resizer); ok && n%10 == 9 {
			bad := absurdSizes[random.IntN(len(absurdSizes))]
			if err := blames(b, resizer.Resize(bad), ""); err != nil {
				return fmt.Errorf("resize to %v: %w", bad, err)
			}
			_, _ = r.encoder.Encode(r.canvas.Frame(r.now), encode.Op{}) // whatever comes of it, the process lives
		} else if ok {
			if err := r.resize(resizer, decoder, size); err != nil {
				return err
			}
			if err := r.step(encode.Op{}, r.canvas.Bounds()); err != nil || !r.packet.Key {
				return errors.Join(fmt.Errorf("resized to %v: key frame %t", size, r.packet.Key), err)
			}
			continue
		}
		r.close()
		if r, err = open(b, decoder, encode.Config{Size: size}); err != nil {
			return err
		}
		r.canvas = Page(size, uint64(n))
		if err := r.step(encode.Op{}, r.canvas.Bounds()); err != nil {
			return fmt.Errorf("opened for %v: %w", size, err)
		}
	}
	return nil
}
