package perf

import (
	"image/color"
	"testing"
	"time"

	"lucarne/perf/report"
	"lucarne/perf/sample"
	"lucarne/perf/xclient"
)

// turned are changes as flip makes them.
func turned() []sample.Change {
	start := time.Unix(1, 0)
	var made []sample.Change
	for i := range 20 {
		made = append(made, sample.Change{At: start.Add(time.Duration(i) * 150 * time.Millisecond), Value: int(xclient.Turn(i + 1))})
	}
	return made
}

// A page that is several changes late is seen to be late by all of it.
func TestLatePageIsNotTakenForAFastOne(t *testing.T) {
	made := turned()
	for _, lag := range []time.Duration{20, 170, 320, 620, 1000} {
		lag *= time.Millisecond
		shown := []sample.Sample{{At: made[0].At.Add(-time.Second), Value: int(xclient.Turn(0))}}
		for _, c := range made {
			shown = append(shown, sample.Sample{At: c.At.Add(lag), Value: c.Value})
		}
		r := report.Result{Metrics: map[string]float64{}}
		addDelays(&r, len(made), sample.Delays(made, shown, near))
		if got := r.Metrics["p50-ms"]; got != ms(lag) || r.Metrics["lost"] != 0 {
			t.Errorf("a page %v late reads as %v ms late, %v lost", lag, got, r.Metrics["lost"])
		}
	}
}

// What a codec shows between a colour and the next, its brightness being ahead of
// its colour or behind, is taken for none of the others.
func TestShadesOnTheWay(t *testing.T) {
	for i := range 8 {
		from, to := xclient.Turn(i), xclient.Turn(i+1)
		for luma := 0; luma <= 16; luma++ {
			for chroma := 0; chroma <= 16; chroma++ {
				shade := mixed(from, to, luma, chroma)
				for other := i + 2; other < i+8; other++ {
					if sample.Near(shade, int(xclient.Turn(other)), near) {
						t.Errorf("%06x, on the way from %06x to %06x, is taken for %06x", shade, from, to, xclient.Turn(other))
					}
				}
			}
		}
	}
}

// mixed is a colour on the way to another: sixteenths of brightness and of colour.
func mixed(from, to xclient.RGB, luma, chroma int) int {
	y, u, v := color.RGBToYCbCr(uint8(from>>16), uint8(from>>8), uint8(from))
	y2, u2, v2 := color.RGBToYCbCr(uint8(to>>16), uint8(to>>8), uint8(to))
	mix := func(a, b uint8, part int) uint8 { return uint8((int(a)*(16-part) + int(b)*part) / 16) }
	r, g, b := color.YCbCrToRGB(mix(y, y2, luma), mix(u, u2, chroma), mix(v, v2, chroma))
	return int(r)<<16 | int(g)<<8 | int(b)
}
