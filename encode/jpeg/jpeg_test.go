package jpeg_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/draw"
	libjpeg "image/jpeg"
	"testing"

	"lucarne/encode/encodetest"
	"lucarne/encode/jpeg"
)

func TestConformance(t *testing.T) { encodetest.Run(t, jpeg.Backend(), newDecoder) }

func BenchmarkEncode(b *testing.B) { encodetest.Benchmark(b, jpeg.Backend(), newDecoder) }

func FuzzEncode(f *testing.F) { encodetest.Fuzz(f, jpeg.Backend(), newDecoder) }

func newDecoder() (encodetest.Decoder, error) { return &decoder{}, nil }

// decoder puts a packet's rectangles together with Go's own JPEG decoder.
type decoder struct{ picture *image.YCbCr }

func (d *decoder) Close() {}

// Decode implements encodetest.Decoder. What does not fit into
// the picture is the key frame of a larger one: its rectangles say how large.
func (d *decoder) Decode(data []byte) (*image.YCbCr, error) {
	parts, bounds, err := parse(data)
	if err != nil {
		return nil, err
	}
	if d.picture == nil || !bounds.In(d.picture.Rect) {
		d.picture = image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420)
	}
	for _, p := range parts {
		part, err := libjpeg.Decode(bytes.NewReader(p.jpeg))
		if err != nil {
			return nil, err
		}
		if got, want := part.Bounds().Size(), p.bounds.Size(); got != want {
			return nil, fmt.Errorf("a JPEG of %v in a rectangle of %v", got, want)
		}
		limited(d.picture, p.bounds.Min, part)
	}
	picture := *d.picture
	picture.Y = bytes.Clone(picture.Y)
	return &picture, nil
}

type part struct {
	bounds image.Rectangle
	jpeg   []byte
}

func parse(data []byte) (parts []part, bounds image.Rectangle, err error) {
	short := errors.New("short packet")
	if len(data) < 2 {
		return nil, bounds, short
	}
	count := int(binary.BigEndian.Uint16(data))
	data = data[2:]
	for range count {
		if len(data) < 12 {
			return nil, bounds, short
		}
		at := image.Pt(int(binary.BigEndian.Uint16(data)), int(binary.BigEndian.Uint16(data[2:])))
		size := image.Pt(int(binary.BigEndian.Uint16(data[4:])), int(binary.BigEndian.Uint16(data[6:])))
		length := int(binary.BigEndian.Uint32(data[8:]))
		if data = data[12:]; len(data) < length {
			return nil, bounds, short
		}
		p := part{image.Rectangle{Min: at, Max: at.Add(size)}, data[:length]}
		parts, bounds, data = append(parts, p), bounds.Union(p.bounds), data[length:]
	}
	if len(data) > 0 {
		return nil, bounds, fmt.Errorf("%d bytes too many", len(data))
	}
	return parts, bounds, nil
}

// limited puts the part's luma in ITU-R BT.601 limited range, which the suite
// compares, into the picture.
func limited(picture *image.YCbCr, at image.Point, part image.Image) {
	rgba := image.NewRGBA(part.Bounds())
	draw.Draw(rgba, rgba.Rect, part, image.Point{}, draw.Src)
	for y := range rgba.Rect.Dy() {
		to := picture.Y[picture.YOffset(at.X, at.Y+y):]
		for x := range rgba.Rect.Dx() {
			c := rgba.Pix[y*rgba.Stride+4*x:]
			to[x] = byte((66*int(c[0]) + 129*int(c[1]) + 25*int(c[2]) + 0x1080) >> 8)
		}
	}
}
