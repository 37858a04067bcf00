package encodetest

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"testing"
	"time"

	"lucarne/encode"
)

func keyFirst(b encode.Backend, decoder func() (Decoder, error)) error {
	r, err := open(b, decoder, encode.Config{Size: image.Pt(64, 48)})
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.step(encode.Op{}); err != nil { // no damage: the encoder has seen nothing yet
		return err
	}
	if !r.packet.Key {
		return errors.New("the first packet is not a key frame")
	}
	return nil
}

// keyOnDemand starts a new decoder at the key frame asked for.
func keyOnDemand(b encode.Backend, decoder func() (Decoder, error)) error {
	size := image.Pt(320, 200)
	r, err := open(b, decoder, encode.Config{Size: size})
	if err != nil {
		return err
	}
	defer r.close()
	r.canvas = Page(size, 1)
	if err := r.step(encode.Op{}, r.canvas.Bounds()); err != nil {
		return err
	}
	sharp := r.packet.Settled // at once: then there is no refinement
	if err := r.rest(60); err != nil {
		return err
	}
	if r.packet.Key && !sharp {
		return errors.New("a refinement is a key frame")
	}
	r.decoder.Close()
	if r.decoder, err = decoder(); err != nil {
		return err
	}
	if err := r.step(encode.Op{Key: true}); err != nil {
		return fmt.Errorf("a key frame was asked for: %w", err)
	}
	if !r.packet.Key {
		return errors.New("a key frame was asked for and did not come")
	}
	if got := r.psnr(r.canvas.Bounds()); got < 20 {
		return fmt.Errorf("the key frame has %.1f dB, want 20", got)
	}
	return nil
}

func oddSizes(b encode.Backend, decoder func() (Decoder, error)) error {
	for _, size := range []image.Point{{X: 1, Y: 1}, {X: 2, Y: 1}, {X: 1, Y: 33}, {X: 15, Y: 17}, {X: 16, Y: 16},
		{X: 17, Y: 15}, {X: 33, Y: 31}, {X: 641, Y: 481}} {
		if err := oddSize(b, decoder, size); err != nil {
			return fmt.Errorf("%dx%d: %w", size.X, size.Y, err)
		}
	}
	return nil
}

func oddSize(b encode.Backend, decoder func() (Decoder, error), size image.Point) error {
	r, err := open(b, decoder, encode.Config{Size: size})
	if err != nil {
		return err
	}
	defer r.close()
	r.canvas = Page(size, 2)
	if err := errors.Join(r.step(encode.Op{}, r.canvas.Bounds()), r.rest(90)); err != nil {
		return err
	}
	corner := image.Rect(size.X-3, size.Y-3, size.X, size.Y).Intersect(r.canvas.Bounds())
	r.canvas.Fill(corner, color.RGBA{R: 200, G: 40, B: 90, A: 255})
	r.packet.Settled = false
	if err := errors.Join(r.step(encode.Op{}, corner), r.rest(90)); err != nil {
		return err
	}
	if got := r.psnr(r.canvas.Bounds()); got < 38 {
		return fmt.Errorf("%.1f dB, want 38", got)
	}
	if got := r.psnr(corner); got < 28 {
		return fmt.Errorf("%.1f dB in the corner, want 28", got)
	}
	return nil
}

func sizeChange(b encode.Backend, decoder func() (Decoder, error)) error {
	r, err := open(b, decoder, encode.Config{Size: image.Pt(64, 64)})
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.step(encode.Op{}, r.canvas.Bounds()); err != nil {
		return err
	}
	size := image.Pt(99, 45)
	r.canvas = NewCanvas(size)
	resizer, ok := r.encoder.(encode.Resizer)
	if !ok {
		if err := r.step(encode.Op{}, r.canvas.Bounds()); err == nil {
			return errors.New("another size was encoded by an encoder that is no Resizer")
		}
		return nil
	}
	if err := resizer.Resize(size); err != nil {
		return err
	}
	if err := r.step(encode.Op{}, r.canvas.Bounds()); err != nil {
		return fmt.Errorf("after a change of size: %w", err)
	}
	if !r.packet.Key {
		return errors.New("no key frame after a change of size")
	}
	return nil
}

// bitrate encodes two seconds of the hardest motion at three targets.
func bitrate(b encode.Backend, decoder func() (Decoder, error)) error {
	size := image.Pt(320, 180)
	r, err := open(b, decoder, encode.Config{Size: size, BitrateBps: 800_000})
	if err != nil {
		return err
	}
	defer r.close()
	const frames = 120
	noise := Noise(size)
	for n, bps := range []int{800_000, 300_000, 2_000_000} {
		if err := r.encoder.SetBitrate(bps); err != nil {
			return err
		}
		if err := r.step(encode.Op{Key: n == 0}, noise.Step(r.canvas, 0)...); err != nil {
			return err
		}
		r.bytes, r.dropped = 0, 0
		for i := range frames {
			if err := r.step(encode.Op{}, noise.Step(r.canvas, 1+i)...); err != nil {
				return err
			}
		}
		got := 8 * r.bytes * 60 / frames
		if got > bps*5/4 || got < bps/4 {
			return fmt.Errorf("%d bit/s and %d of %d frames dropped, want %d, 25%% to 125%% of it", got, r.dropped, frames, bps)
		}
	}
	return nil
}

// burst asks for key frames of a page, a scene and noise at 1920×1080 and 8 Mbit/s:
// none may keep the path busy for long.
func burst(b encode.Backend, decoder func() (Decoder, error)) error {
	const bps, longest = 8_000_000, 300 * time.Millisecond
	size := image.Pt(1920, 1080)
	for _, w := range []Workload{Dot(size), Scene(size), Noise(size)} {
		r, err := open(b, decoder, encode.Config{Size: size})
		if err != nil {
			return err
		}
		defer r.close()
		if err := r.encoder.SetBitrate(bps); err != nil {
			return err
		}
		r.frame = 2 * time.Second // by then each is paid for
		for n := range 2 {
			if err := r.step(encode.Op{Key: true}, w.Step(r.canvas, n)...); err != nil {
				return err
			}
			took := time.Duration(8*len(r.packet.Data)) * time.Second / bps
			if !r.packet.Key || took > longest {
				return fmt.Errorf("key frame %d of %s (%t) takes %v to send, want %v at most", n, w.Name, r.packet.Key, took, longest)
			}
		}
	}
	return nil
}

// damageOnly changes small parts and looks at these and at the rest.
func damageOnly(b encode.Backend, decoder func() (Decoder, error)) error {
	size := image.Pt(400, 300)
	r, err := open(b, decoder, encode.Config{Size: size})
	if err != nil {
		return err
	}
	defer r.close()
	r.canvas = Page(size, 3)
	if err := errors.Join(r.step(encode.Op{}, r.canvas.Bounds()), r.rest(90)); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(5, 6))
	for n := range 60 {
		at := image.Pt(random.IntN(size.X), random.IntN(size.Y))
		changed := image.Rectangle{Min: at, Max: at.Add(image.Pt(8+random.IntN(40), 8+random.IntN(40)))}
		changed = changed.Intersect(r.canvas.Bounds())
		r.canvas.Fill(changed, color.RGBA{R: byte(random.Uint32()), G: byte(random.Uint32()), B: byte(random.Uint32()), A: 255})
		if err := r.step(encode.Op{}, changed); err != nil {
			return err
		}
		if got := r.psnr(changed); got < 24 {
			return fmt.Errorf("change %d at %v has %.1f dB at once, want 24", n, changed, got)
		}
		if got := r.psnr(r.canvas.Bounds()); got < 34 {
			return fmt.Errorf("after change %d at %v the picture has %.1f dB, want 34", n, changed, got)
		}
	}
	r.packet.Settled = false
	if err := r.rest(90); err != nil {
		return err
	}
	if got := r.psnr(r.canvas.Bounds()); got < 44 {
		return fmt.Errorf("settled at %.1f dB, want 44", got)
	}
	return nil
}

// settle gives a page of text at 1920×1080 and 8 Mbit/s time to become sharp.
func settle(b encode.Backend, decoder func() (Decoder, error)) error {
	size := image.Pt(1920, 1080)
	r, err := open(b, decoder, encode.Config{Size: size, BitrateBps: 8_000_000})
	if err != nil {
		return err
	}
	defer r.close()
	r.canvas, r.frame = Page(size, 4), time.Second/30
	if err := r.step(encode.Op{}, r.canvas.Bounds()); err != nil {
		return err
	}
	if got := r.psnr(r.canvas.Bounds()); r.packet.Settled && got < 44 {
		return fmt.Errorf("settled at %.1f dB, want 44", got)
	}
	if err := r.rest(60); err != nil {
		return err
	}
	if got := r.psnr(r.canvas.Bounds()); got < 44 {
		return fmt.Errorf("settled at %.1f dB, want 44", got)
	}
	return nil
}

// blink changes a cursor's worth of a settled page.
func blink(b encode.Backend, decoder func() (Decoder, error)) error {
	size := image.Pt(800, 600)
	r, err := open(b, decoder, encode.Config{Size: size})
	if err != nil {
		return err
	}
	defer r.close()
	r.canvas = Page(size, 5)
	if err := errors.Join(r.step(encode.Op{}, r.canvas.Bounds()), r.rest(90)); err != nil {
		return err
	}
	r.bytes = 0
	cursor := image.Rect(300, 200, 308, 216)
	r.canvas.Fill(cursor, color.RGBA{A: 255})
	r.packet.Settled = false
	if err := errors.Join(r.step(encode.Op{}, cursor), r.rest(10)); err != nil {
		return err
	}
	if r.bytes > 4000 {
		return fmt.Errorf("a cursor on a settled page cost %d bytes, want 4000 at most", r.bytes)
	}
	return nil
}

func times(b encode.Backend, decoder func() (Decoder, error)) error {
	r, err := open(b, decoder, encode.Config{Size: image.Pt(64, 64)})
	if err != nil {
		return err
	}
	defer r.close()
	r.now = time.Now().Add(-time.Second)
	if err := r.step(encode.Op{}, r.canvas.Bounds()); err != nil {
		return err
	}
	got := r.packet.Times
	if !got.Damaged.Equal(r.now) || !got.Grabbed.Equal(r.now) {
		return fmt.Errorf("damaged and grabbed at %v and %v, want %v", got.Damaged, got.Grabbed, r.now)
	}
	if got.Converted.Before(got.Grabbed) || got.Encoded.Before(got.Converted) || time.Since(got.Encoded) < 0 {
		return fmt.Errorf("grabbed, converted, encoded at %v, %v, %v", got.Grabbed, got.Converted, got.Encoded)
	}
	if err := r.step(encode.Op{Refine: true}); err != nil {
		return err
	}
	if !r.packet.Times.Damaged.IsZero() {
		return errors.New("a refinement carries a time of damage")
	}
	return nil
}

// packet looks at a packet's bytes again just before the next Encode.
func packet(b encode.Backend, decoder func() (Decoder, error)) error {
	size := image.Pt(320, 200)
	r, err := open(b, decoder, encode.Config{Size: size})
	if err != nil {
		return err
	}
	defer r.close()
	r.canvas = Page(size, 6)
	for n := range 3 {
		r.canvas.Fill(image.Rect(10*n, 10*n, 10*n+50, 10*n+50), inks[n+2])
		if err := r.step(encode.Op{}, r.canvas.Bounds()); err != nil {
			return err
		}
		kept := bytes.Clone(r.packet.Data)
		if err := r.encoder.SetBitrate(5_000_000 + n); err != nil {
			return err
		}
		if !bytes.Equal(kept, r.packet.Data) {
			return errors.New("a packet's data changed before the next Encode")
		}
	}
	return nil
}

func allocation(b encode.Backend, decoder func() (Decoder, error)) error {
	size := image.Pt(320, 200)
	r, err := open(b, decoder, encode.Config{Size: size})
	if err != nil {
		return err
	}
	defer r.close()
	frame := r.canvas.Frame(r.now, r.canvas.Bounds())
	n := byte(0)
	allocations := testing.AllocsPerRun(50, func() {
		n++
		r.canvas.Fill(image.Rect(40, 40, 140, 140), color.RGBA{R: n, G: 3 * n, B: 5 * n, A: 255})
		frame.Pix, frame.Grabbed = r.canvas.Pix, frame.Grabbed.Add(r.frame)
		if _, failed := r.encoder.Encode(frame, encode.Op{Refine: n%2 == 0}); failed != nil {
			err = failed
		}
	})
	if err == nil && allocations != 0 {
		err = fmt.Errorf("%v allocations a frame, want 0", allocations)
	}
	return err
}

func closed(b encode.Backend, decoder func() (Decoder, error)) error {
	r, err := open(b, decoder, encode.Config{Size: image.Pt(32, 32)})
	if err != nil {
		return err
	}
	defer r.decoder.Close()
	if err := r.step(encode.Op{}, r.canvas.Bounds()); err != nil {
		return err
	}
	if err := errors.Join(r.encoder.Close(), r.encoder.Close()); err != nil {
		return fmt.Errorf("close twice: %w", err)
	}
	if _, err := r.encoder.Encode(r.canvas.Frame(r.now, r.canvas.Bounds()), encode.Op{}); err == nil {
		return errors.New("a closed encoder encodes")
	}
	return nil
}
