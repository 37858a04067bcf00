package x11_test

import (
	"bytes"
	"image"
	"math/rand/v2"
	"slices"
	"testing"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/watermark"
	"lucarne/capture/x11"
)

var _ watermark.Display = (*x11.Source)(nil)

// What Fresh tells of is what a Grab writes, and nothing else of the picture.
func TestFresh(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		source := open(t, x11.Config{Display: plan.Display})
		p := newPainter(t, plan)
		var f capture.Frame
		settle(t, source, p, &f)
		random := rand.New(rand.NewPCG(5, 6))
		drawn := [4]byte{0x5a, 0xa5, 0x5a, 0xa5} // by whoever draws into the picture; the screen has no such colour
		for range 30 {
			copy(f.Pix, bytes.Repeat(drawn[:], len(f.Pix)/len(drawn)))
			var asked []image.Rectangle
			for range 1 + random.IntN(6) {
				x, y := random.IntN(f.Size.X-40), random.IntN(f.Size.Y-40)
				r := image.Rect(x, y, x+1+random.IntN(f.Size.X-x), y+1+random.IntN(40))
				p.fill(r, red)
				asked = append(asked, r)
			}
			p.sync()
			var fresh []image.Rectangle
			grab(t, source, &f, func() bool {
				fresh = append(fresh, source.Fresh()...)
				return !slices.ContainsFunc(asked, func(r image.Rectangle) bool { return !covers(fresh, r) })
			})
			for y := range f.Size.Y {
				for x := range f.Size.X {
					kept := [4]byte(f.Pix[y*f.Stride+4*x:]) == drawn
					if written := slices.ContainsFunc(fresh, image.Pt(x, y).In); kept == written {
						t.Fatalf("%d,%d kept: %t, and Fresh %v", x, y, kept, fresh)
					}
				}
			}
		}
	})
}

func TestRenew(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		source := open(t, x11.Config{Display: plan.Display})
		p := newPainter(t, plan)
		var f capture.Frame
		settle(t, source, p, &f)
		want := bytes.Clone(f.Pix)
		clear(f.Pix)
		source.Renew()
		whole := image.Rectangle{Max: f.Size}
		grab(t, source, &f, func() bool { return covers(f.Damage, whole) && covers(source.Fresh(), whole) })
		if !bytes.Equal(f.Pix, want) {
			t.Error("the picture is not the screen's again")
		}
		if err := source.Grab(&f); err != nil || len(f.Damage)+len(source.Fresh()) > 0 {
			t.Errorf("a grab after it: damage %v, fresh %v, %v; want none", f.Damage, source.Fresh(), err)
		}
	})
}
