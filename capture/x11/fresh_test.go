package x11_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

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

// However the screen changes, parts, size and DPI, its watermark is as in a picture that is
// fetched and drawn over anew.
func TestWatermarkOfAChangingScreen(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		text, err := watermark.ParseText("{user}")
		if err != nil {
			t.Fatal(err)
		}
		cfg := watermark.Config{Text: text, Fields: watermark.Fields{User: "ada"}, Opacity: 0.4}
		plain := open(t, x11.Config{Display: plan.Display})
		kept := watermark.New(open(t, x11.Config{Display: plan.Display}), cfg)
		anew := watermark.New(open(t, x11.Config{Display: plan.Display}), cfg)
		p := newPainter(t, plan)
		random := rand.New(rand.NewPCG(7, 8))
		size := image.Pt(640, 480)
		for step := range 24 {
			if step%6 == 5 {
				if size, err = kept.Resize(image.Pt(320+random.IntN(320), 240+random.IntN(240))); err != nil {
					t.Fatal(err)
				}
			}
			if step%8 == 7 {
				for _, s := range []*watermark.Source{kept, anew} {
					if err := s.SetDPI(96 + 12*step); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range 1 + random.IntN(4) {
				x, y := random.IntN(size.X), random.IntN(size.Y)
				p.fill(image.Rect(x, y, x+1+random.IntN(size.X-x), y+1+random.IntN(size.Y-y)),
					color.RGBA{R: uint8(random.Uint32()), G: uint8(random.Uint32()), B: uint8(random.Uint32())})
			}
			p.sync()
			var f, want, bare capture.Frame
			timeout := time.After(patience)
			for {
				plain.Renew()
				anew.Renew()
				if err := errors.Join(plain.Grab(&bare), kept.Grab(&f), anew.Grab(&want)); err != nil {
					t.Fatal(err)
				}
				if f.Size == size && want.Size == size && bare.Size == size {
					break
				}
				select { // not everybody has heard of the size yet
				case <-kept.Damaged():
				case <-time.After(10 * time.Millisecond):
				case <-timeout:
					t.Fatalf("step %d: %v and %v, want %v", step, f.Size, want.Size, size)
				}
			}
			if !bytes.Equal(f.Pix, want.Pix) {
				t.Fatalf("step %d: not what is drawn over a picture of %v anew", step, size)
			}
			if bytes.Equal(f.Pix, bare.Pix) {
				t.Fatalf("step %d: there is no text", step)
			}
		}
	})
}
