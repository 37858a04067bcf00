package encodetest

import (
	"image"
	"image/color"
	"testing"

	"lucarne/encode"
)

// Fuzz has an encoder draw what random bytes say: its first size, and then changes,
// with and without key frames and refinement, other sizes and bitrates. Each packet
// has to be decodable.
func Fuzz(f *testing.F, backend encode.Backend, decoder func() (Decoder, error)) {
	f.Helper()
	r, err := open(backend, decoder, encode.Config{Size: image.Pt(16, 16)})
	if err != nil {
		f.Skipf("%s cannot be tested here: %v", backend.Name, err)
	}
	r.close()
	f.Add([]byte{0, 0})
	f.Add([]byte{63, 35, 0, 0, 0, 63, 35, 1, 5, 5, 9, 9, 2, 0, 0, 255, 255})
	f.Add([]byte{16, 17, 4, 33, 31, 0, 0, 0, 1, 1, 255, 255, 5, 1, 0, 0, 0, 1, 9, 200, 7, 0})
	f.Add([]byte{255, 255, 5, 255, 255, 255, 255, 3, 100, 100, 1, 1, 2, 254, 254, 1, 1, 4, 0, 0, 0, 0, 0, 0, 0, 9, 9})
	f.Fuzz(func(t *testing.T, script []byte) {
		if err := play(backend, decoder, script); err != nil {
			t.Fatal(err)
		}
	})
}

// play runs a script: two bytes of size, and then five for each step.
func play(b encode.Backend, decoder func() (Decoder, error), script []byte) error {
	if len(script) < 2 {
		return nil
	}
	r, err := open(b, decoder, encode.Config{Size: image.Pt(1+int(script[0]), 1+int(script[1]))})
	if err != nil {
		return err
	}
	defer r.close()
	for n := 2; n+5 <= min(len(script), 2+5*40); n += 5 {
		at := script[n+1:]
		from := image.Pt(int(at[0]), int(at[1]))
		changed := image.Rectangle{Min: from, Max: from.Add(image.Pt(int(at[2]), int(at[3])))}
		op := encode.Op{Key: script[n]&1 != 0, Refine: script[n]&2 != 0}
		switch script[n] / 4 % 4 {
		case 0, 1: // a colour
			r.canvas.Fill(changed, color.RGBA{R: at[0] * 3, G: at[1] * 5, B: at[2] * 7, A: 255})
		case 2: // text
			r.canvas.Text(from.X, from.Y, "Lucarne", inks[int(at[2])%len(inks)])
			changed = r.canvas.Bounds()
		case 3: // another size, or another bitrate
			if resizer, ok := r.encoder.(encode.Resizer); ok && script[n]&16 != 0 {
				if err := r.resize(resizer, decoder, image.Pt(1+int(at[0]), 1+int(at[1]))); err != nil {
					return err
				}
				changed = r.canvas.Bounds()
			} else if err := r.encoder.SetBitrate(int(at[0]) << (at[1] % 28)); err != nil {
				return err
			}
		}
		if err := r.step(op, changed); err != nil {
			return err
		}
	}
	return nil
}

// resize goes on with a black canvas of another size and a new decoder.
func (r *rig) resize(encoder encode.Resizer, decoder func() (Decoder, error), size image.Point) error {
	if err := encoder.Resize(size); err != nil {
		return err
	}
	d, err := decoder()
	if err != nil {
		return err
	}
	r.decoder.Close()
	r.decoder, r.canvas = d, NewCanvas(size)
	return nil
}
