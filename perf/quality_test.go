package perf

import (
	"image"
	"testing"
	"time"

	"lucarne/perf/quality"
)

// A page's picture is refined twice: 0.5 s and 1.6 s after the last change. It is judged
// when it has rested, once for each picture that does, and not while it changes.
func TestAtRestJudgesAfterTheLooks(t *testing.T) {
	ended := time.Unix(1, 0)
	var pictures []*image.RGBA
	for shade := range uint8(3) {
		p := image.NewRGBA(image.Rect(0, 0, 1, 1))
		p.Pix[0] = shade
		pictures = append(pictures, p)
	}
	at := ended
	look := func() (quality.Look, error) {
		at = at.Add(100 * time.Millisecond)
		switch since := at.Sub(ended); {
		case since < 500*time.Millisecond:
			return quality.Look{At: at, Picture: pictures[0]}, nil
		case since < 1600*time.Millisecond:
			return quality.Look{At: at, Picture: pictures[1]}, nil
		}
		return quality.Look{At: at, Picture: pictures[2]}, nil
	}
	var judged []uint8
	judge := func(looks []quality.Look) (time.Time, quality.Score, error) {
		newest := looks[len(looks)-1].Picture
		judged = append(judged, newest.Pix[0])
		if newest != pictures[2] {
			return time.Time{}, quality.Score{}, quality.ErrUnsettled
		}
		return quality.Unchanged(looks), quality.Score{}, nil
	}
	settled, _, err := atRest(ended, look, judge)
	if err != nil || settled.Sub(ended) != 1600*time.Millisecond {
		t.Errorf("settled after %v, %v; want 1.6 s", settled.Sub(ended), err)
	}
	if len(judged) != 2 || judged[0] != 1 || judged[1] != 2 {
		t.Errorf("judged pictures %v, want the second and the third, once each", judged)
	}
}

// What never rests is judged once, when the time is over.
func TestAtRestGivesUp(t *testing.T) {
	ended := time.Unix(1, 0)
	at, judgements := ended, 0
	_, _, err := atRest(ended, func() (quality.Look, error) {
		at = at.Add(100 * time.Millisecond)
		p := image.NewRGBA(image.Rect(0, 0, 1, 1))
		p.Pix[0] = uint8(at.UnixMilli() / 100)
		return quality.Look{At: at, Picture: p}, nil
	}, func([]quality.Look) (time.Time, quality.Score, error) {
		judgements++
		return time.Time{}, quality.Score{}, quality.ErrUnsettled
	})
	if err == nil || judgements != 1 || at.Sub(ended) != settling {
		t.Errorf("%v after %v and %d judgements, want ErrUnsettled after %v and one", err, at.Sub(ended), judgements, settling)
	}
}
