package encodetest

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"slices"
	"time"

	"lucarne/encode"
)

// release paints over the pixels as soon as the frame is released, as the next grab
// does. That has to happen before the packet is complete, and not before they have
// been read; of a frame that cannot be encoded as well.
func release(b encode.Backend, decoder func() (Decoder, error)) error {
	size := image.Pt(640, 480)
	r, err := open(b, decoder, encode.Config{Size: size})
	if err != nil {
		return err
	}
	defer r.close()
	page := Page(size, 9)
	lent := &Canvas{Pix: slices.Clone(page.Pix), Stride: page.Stride, Size: size}
	var released time.Time
	f := lent.Frame(r.now, lent.Bounds())
	f.OnRelease(func() {
		released = time.Now()
		lent.Fill(lent.Bounds(), color.RGBA{R: 200, A: 255})
	})
	packet, err := r.encoder.Encode(f, encode.Op{})
	switch {
	case err != nil:
		return err
	case released.IsZero():
		return errors.New("the frame has not been released")
	case !released.Before(packet.Times.Encoded):
		return errors.New("the frame is released only after the packet is complete")
	}
	if r.picture, err = r.decoder.Decode(packet.Data); err != nil {
		return err
	}
	if got := PSNR(r.picture, page, page.Bounds()); got < 12 { // what is painted over has 4
		return fmt.Errorf("%.1f dB, want 12: the frame was released before it was read", got)
	}
	other, given := NewCanvas(image.Pt(8, 8)).Frame(r.now), false
	other.OnRelease(func() { given = true })
	if _, err := r.encoder.Encode(other, encode.Op{}); err == nil || !given {
		return fmt.Errorf("a frame of another size: %v, released %t; want an error, and that it is", err, given)
	}
	return nil
}
