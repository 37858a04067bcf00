package main

import (
	"image"
	"slices"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// recorder is an encoder that keeps the first byte of each picture it gets.
type recorder struct {
	encode.Encoder
	got []byte
}

func (r *recorder) Encode(f *capture.Frame, _ encode.Op) (encode.Packet, error) {
	r.got = append(r.got, f.Pix[0])
	return encode.Packet{Data: f.Pix[:1]}, nil
}

// encoded runs frames 1 to n, 16 ms apart, through an encoder with a fault, and
// returns which pictures reached the encoder inside.
func encoded(t *testing.T, f fault, n int) (got []byte, slept time.Duration) {
	t.Helper()
	inside := &recorder{}
	e, err := faulty(encode.Backend{Open: func(encode.Config) (encode.Encoder, error) { return inside, nil }}, f).Open(encode.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if faulty, ok := e.(*faultyEncoder); ok {
		faulty.sleep = func(d time.Duration) { slept += d }
	}
	size := image.Pt(1, 1)
	start := time.Unix(1, 0)
	for i := 1; i <= n; i++ {
		f := capture.Frame{
			Pix: []byte{byte(i), 0, 0, 0}, Stride: 4, Size: size, Damage: []image.Rectangle{{Max: size}},
			Grabbed: start.Add(time.Duration(i) * 16 * time.Millisecond),
		}
		if _, err := e.Encode(&f, encode.Op{Key: i == 1}); err != nil {
			t.Fatal(err)
		}
	}
	return inside.got, slept
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		fault fault
		want  []byte
		slept time.Duration
	}{
		{sound, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 0},
		{slow, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 12 * added},
		{frozen, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0},
		{older, []byte{1, 2, 1, 4, 5, 4, 7, 8, 7, 10, 11, 10}, 0},
	} {
		if got, slept := encoded(t, c.fault, 12); !slices.Equal(got, c.want) || slept != c.slept {
			t.Errorf("%s: %v in %v, want %v in %v", c.fault, got, slept, c.want, c.slept)
		}
	}
}

func TestFaultNames(t *testing.T) {
	var f fault
	if err := f.UnmarshalText([]byte("frozen")); err != nil || f != frozen {
		t.Errorf("frozen reads as %q, %v", f, err)
	}
	if err := f.UnmarshalText([]byte("melted")); err == nil {
		t.Error("melted is a fault")
	}
}
