package quality

import (
	"errors"
	"image"
	"testing"
	"time"
)

// shades are looks, 100 ms apart, at pictures of one shade of grey each.
func shades(values ...uint8) (looks []Look, drawn *image.RGBA) {
	grey := func(v uint8) *image.RGBA {
		p := image.NewRGBA(image.Rect(0, 0, 8, 8))
		for i := range p.Pix {
			p.Pix[i] = v
		}
		return p
	}
	for i, v := range values {
		looks = append(looks, Look{At: time.UnixMilli(int64(100 * i)), Picture: grey(v)})
	}
	return looks, grey(100)
}

// What counts is from when on the picture was near enough for good: it may be spoilt
// meanwhile, and become better still.
func TestReached(t *testing.T) {
	for name, c := range map[string]struct {
		shades []uint8
		at     int64 // ms
		err    error
	}{
		"at once":            {[]uint8{100, 100}, 0, nil},
		"after a while":      {[]uint8{0, 50, 99, 100, 100}, 200, nil},
		"spoilt meanwhile":   {[]uint8{0, 100, 100, 40, 100, 100}, 400, nil},
		"never":              {[]uint8{0, 50, 90, 90}, 0, ErrUnsettled},
		"not for good":       {[]uint8{100, 100, 90}, 0, ErrUnsettled},
		"nobody looked":      {nil, 0, ErrUnsettled},
		"at the last moment": {[]uint8{90, 100}, 100, nil},
	} {
		looks, drawn := shades(c.shades...)
		at, _, err := Reached(looks, drawn, Planes{Luma: 44})
		if !errors.Is(err, c.err) || err == nil && at.UnixMilli() != c.at {
			t.Errorf("%s: %d ms, %v; want %d ms, %v", name, at.UnixMilli(), err, c.at, c.err)
		}
	}
}
