package watermark

import (
	"bytes"
	"errors"
	"image"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lucarne/capture"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse returns the text of a template that is right.
func parse(t testing.TB, template string) Text {
	t.Helper()
	text, err := ParseText(template)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Whatever happens to the screen, its picture is what it shows with the text of now
// drawn over it once.
func TestDrawnOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(6) {
			random := rand.New(rand.NewPCG(seed, 8))
			d := newScreen(image.Pt(20+random.IntN(300), 20+random.IntN(200)))
			cfg := Config{Text: parse(t, "{user} {time}"), Fields: Fields{User: "ada"}, Opacity: random.Float64()}
			s := New(d, cfg)
			var f capture.Frame
			dpi := 96
			for step := range 40 {
				switch random.IntN(12) {
				case 0:
					time.Sleep(time.Duration(random.IntN(90)) * time.Second)
				case 1:
					s.Resize(image.Pt(20+random.IntN(300), 20+random.IntN(200)))
				case 2:
					dpi = 48 * (1 + random.IntN(4))
					s.SetDPI(dpi)
				case 3:
					d.fault = errFault
				}
				for range random.IntN(5) {
					d.paint(random, d.part(random))
					d.wider = append(d.wider, d.part(random))
				}
				asked, fails := slices.Clone(d.changed), d.fault != nil
				if err := s.Grab(&f); fails {
					if !errors.Is(err, errFault) {
						t.Fatalf("seed %d, step %d: %v", seed, step, err)
					}
					continue
				} else if err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, step, err)
				}
				want := bytes.Clone(d.shown)
				mark := newMark(cfg.Text.expand(cfg.Fields, time.Now()), s.cfg.Opacity, d.size, dpi)
				mark.blend(want, 4*d.size.X, image.Rectangle{Max: d.size})
				if !bytes.Equal(f.Pix, want) {
					t.Fatalf("seed %d, step %d: the picture of %v is not the screen's with the text on it once", seed, step, d.size)
				}
				for _, r := range asked {
					if !slices.ContainsFunc(f.Damage, r.In) {
						t.Fatalf("seed %d, step %d: damage %v without %v", seed, step, f.Damage, r)
					}
				}
				if f.Segment.ID != 7 {
					t.Fatalf("seed %d, step %d: segment %v", seed, step, f.Segment)
				}
			}
		}
	})
}

// The earlier text goes from everywhere, which whoever encodes has to be told.
func TestAnotherMinuteIsDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newScreen(image.Pt(320, 200))
		s := New(d, Config{Text: parse(t, "{time}")})
		var f capture.Frame
		grab := func() []image.Rectangle {
			if err := s.Grab(&f); err != nil {
				t.Fatal(err)
			}
			return f.Damage
		}
		grab()
		first := bytes.Clone(f.Pix)
		if damage := grab(); len(damage) > 0 {
			t.Errorf("damage %v within a minute, want none", damage)
		}
		time.Sleep(time.Minute)
		if damage := grab(); len(damage) != 1 || damage[0] != image.Rect(0, 0, 320, 200) {
			t.Errorf("damage %v in another minute, want the whole picture", damage)
		}
		if bytes.Equal(first, f.Pix) {
			t.Error("the time stands still")
		}
	})
}

func TestRingsEachMinute(t *testing.T) {
	for template, want := range map[string]int{"{time}": 10, "{user}": 0} {
		synctest.Test(t, func(t *testing.T) {
			d := newScreen(image.Pt(64, 64))
			s := New(d, Config{Text: parse(t, template), Fields: Fields{User: "ada"}})
			ended := make(chan error)
			go func() { ended <- s.Run(t.Context()) }()
			time.Sleep(10*time.Minute + time.Second)
			synctest.Wait()
			if d.renewed != want {
				t.Errorf("%s: rang %d times in 10 minutes, want %d", template, d.renewed, want)
			}
			go func() { <-ended }() // at the end of the test, as its context is done
		})
	}
}

func TestDisjoint(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	d := newScreen(image.Pt(40, 30))
	for range 500 {
		var rects []image.Rectangle
		for range random.IntN(7) {
			rects = append(rects, d.part(random))
		}
		var got, want [30][40]int
		for _, r := range disjoint(nil, rects) {
			for y := r.Min.Y; y < r.Max.Y; y++ {
				for x := r.Min.X; x < r.Max.X; x++ {
					got[y][x]++
				}
			}
		}
		for y := range want {
			for x := range want[y] {
				if slices.ContainsFunc(rects, image.Pt(x, y).In) {
					want[y][x] = 1
				}
			}
		}
		if got != want {
			t.Fatalf("%v covers other points, or some twice", rects)
		}
	}
}

// Grabbing allocates nothing, however large the picture.
func TestGrabAllocatesNothing(t *testing.T) {
	d := newScreen(image.Pt(640, 480))
	s := New(d, Config{Text: parse(t, "{user}"), Fields: Fields{User: "ada"}})
	var f capture.Frame
	if err := s.Grab(&f); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	allocs := testing.AllocsPerRun(100, func() {
		d.changed = append(d.changed, d.part(random), d.part(random), d.part(random))
		if err := s.Grab(&f); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations a grab, want none", allocs)
	}
}

// On any ground the text stands out from it, and leaves most of it alone.
func TestLegibleOnAnyGround(t *testing.T) {
	for _, ground := range []byte{0, 64, 128, 192, 255} {
		d := newScreen(image.Pt(1280, 720))
		for i := range d.shown {
			d.shown[i] = ground
		}
		s := New(d, Config{Text: parse(t, "{user}"), Fields: Fields{User: "Grace Hopper"}})
		var f capture.Frame
		if err := s.Grab(&f); err != nil {
			t.Fatal(err)
		}
		changed, clear := 0, 0
		for i := 0; i < len(f.Pix); i += 4 {
			switch by := int(f.Pix[i]) - int(ground); {
			case by <= -15 || by >= 15:
				clear++
				fallthrough
			case by != 0:
				changed++
			}
		}
		pixels := len(f.Pix) / 4
		if clear < pixels/200 || changed > pixels/8 {
			t.Errorf("on %d: %d of %d pixels are clearly another, %d at all; want 0.5 %% at least, 12 %% at most",
				ground, clear, pixels, changed)
		}
	}
}

func TestLettersGrow(t *testing.T) {
	height := func(size image.Point, dpi int) int { return newMark("ada", 0.15, size, dpi).stamp.size.Y }
	base := height(image.Pt(1280, 720), 96)
	for name, higher := range map[string]int{
		"of twice the DPI":         height(image.Pt(1280, 720), 192),
		"on a screen of 4K":        height(image.Pt(3840, 2160), 96),
		"on one that stands up":    height(image.Pt(1200, 2160), 96),
		"both large and fine":      height(image.Pt(3840, 2160), 240),
		"of a text that is longer": newMark("ada lovelace", 0.15, image.Pt(1280, 720), 96).stamp.size.Y,
	} {
		if higher <= base {
			t.Errorf("letters %s are %d pixels high, others %d", name, higher, base)
		}
	}
}

// Whoever chooses size and DPI does not choose what can be read: all of the text is there
// as long as letters of 16 pixels let it.
func TestAllOfTheTextFits(t *testing.T) {
	const text = "segmentation-3 ada.lovelace 2026-11-21 14:03 UTC"
	least := newMark(text, 1, image.Pt(1280, 720), 96).stamp.size
	for _, size := range []image.Point{{480, 240}, {600, 400}, {800, 600}, {1280, 720}, {1080, 2000}, {1600, 300}} {
		for _, dpi := range []int{24, 96, 384} {
			m := newMark(text, 1, size, dpi)
			whole := slices.ContainsFunc(m.places, func(at image.Point) bool {
				return image.Rectangle{Min: at, Max: at.Add(m.stamp.size)}.In(image.Rectangle{Max: size})
			})
			if !whole {
				t.Errorf("%v at %d dpi: the text takes %v, nowhere all of it", size, dpi, m.stamp.size)
			}
			if m.stamp.size.X < least.X {
				t.Errorf("%v at %d dpi: the text takes %v, less than %v", size, dpi, m.stamp.size, least)
			}
		}
	}
}

func TestExtremes(t *testing.T) {
	for _, c := range []struct {
		size image.Point
		dpi  int
		text string
	}{
		{image.Pt(1, 1), 96, "ada"},
		{image.Pt(16000, 1), 96, "ada"},
		{image.Pt(1, 16000), 768, "ada"},
		{image.Pt(64, 64), 24, ""},
		{image.Pt(64, 64), 96, " "},
		{image.Pt(300, 300), 96, "\x00\u202e王小明 😀 ÅÉ"},
		{image.Pt(300, 300), 768, string(bytes.Repeat([]byte("W"), maxLetters/8))},
	} {
		m := newMark(c.text, 1, c.size, c.dpi)
		pix := bytes.Repeat([]byte{0x80}, 4*c.size.X*c.size.Y)
		m.blend(pix, 4*c.size.X, image.Rectangle{Max: c.size})
	}
}

func TestInkStaysInItsPixel(t *testing.T) {
	for opacity := 0.0; opacity <= 1; opacity += 0.01 {
		for _, covered := range []uint8{0, 1, 127, 254, 255} {
			for _, lit := range []uint8{0, 1, 100, 254, 255} {
				k := newInk(lit, covered, opacity)
				if sum := 255*int(k.keep) + int(k.add); sum > 0xffff || k.keep > 256 {
					t.Fatalf("ink %+v of %d in %d at %v overflows: %d", k, lit, covered, opacity, sum)
				}
				if got := k.over(0xaa000000); got>>24 != 0xaa {
					t.Fatalf("ink %+v changed the fourth byte: %#x", k, got)
				}
			}
		}
	}
}

func BenchmarkBlend(b *testing.B) {
	size := image.Pt(1920, 1080)
	pix := make([]byte, 4*size.X*size.Y)
	m := newMark("segmentation-3 ada.lovelace 2026-11-21 14:03 UTC", defaultOpacity, size, 96)
	for name, part := range map[string]image.Rectangle{
		"1920x1080": {Max: size},
		"640x400":   image.Rect(700, 300, 1340, 700),
		"100x20":    image.Rect(1000, 500, 1100, 520),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.blend(pix, 4*size.X, part)
			}
		})
	}
}

func BenchmarkNewMark(b *testing.B) {
	for b.Loop() {
		newMark("segmentation-3 ada.lovelace 2026-11-21 14:03 UTC", defaultOpacity, image.Pt(1920, 1080), 96)
	}
}
