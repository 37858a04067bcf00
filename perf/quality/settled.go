package quality

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"time"
)

// Look is the picture that a page showed at a moment.
type Look struct {
	At      time.Time
	Picture *image.RGBA
}

// ErrUnsettled is returned by Settled for a picture that has not come to rest, or
// has come to rest before it was good.
var ErrUnsettled = errors.New("quality: not settled")

// Settled returns when the page had settled on the picture that was drawn, and
// how good it was then: the first look after which nothing changed any more.
// looks are in order, from the last change of the display on; at least the last
// two have to be equal, and their luma's PSNR at least target dB. The time is as
// fine as the looks are close.
func Settled(looks []Look, drawn *image.RGBA, target float64) (time.Time, Score, error) {
	if len(looks) == 0 {
		return time.Time{}, Score{}, fmt.Errorf("%w: nobody looked", ErrUnsettled)
	}
	last := len(looks) - 1
	score, err := Compare(looks[last].Picture, drawn)
	if err != nil {
		return time.Time{}, score, err
	}
	settled := Unchanged(looks)
	if settled.Equal(looks[last].At) {
		return time.Time{}, score, fmt.Errorf("%w: the picture still changes", ErrUnsettled)
	}
	if score.PSNR.Luma < target {
		return time.Time{}, score, fmt.Errorf("%w: the picture rests at %.1f dB, which is less than %.1f", ErrUnsettled, score.PSNR.Luma, target)
	}
	return settled, score, nil
}

// Reached returns at which of the looks the picture that was drawn was near enough, and
// stayed so: from when on each look had at least the target's PSNR in dB. The score is
// that of the last look.
func Reached(looks []Look, drawn *image.RGBA, target Planes) (time.Time, Score, error) {
	var reached time.Time
	var last Score
	for i := len(looks) - 1; i >= 0; i-- {
		score, err := Compare(looks[i].Picture, drawn)
		if err != nil {
			return time.Time{}, score, err
		}
		if i == len(looks)-1 {
			last = score
		}
		if score.PSNR.Luma < target.Luma || score.PSNR.Chroma < target.Chroma {
			break
		}
		reached = looks[i].At
		for i > 0 && equal(looks[i-1].Picture, looks[i].Picture) {
			i--
			reached = looks[i].At
		}
	}
	if reached.IsZero() {
		return reached, last, fmt.Errorf("%w: the picture rests at %.1f and %.1f dB, which is less than %.1f and %.1f",
			ErrUnsettled, last.PSNR.Luma, last.PSNR.Chroma, target.Luma, target.Chroma)
	}
	return reached, last, nil
}

// Unchanged returns when the newest picture was first seen of those looks at the end
// that show nothing else; there has to be a look.
func Unchanged(looks []Look) time.Time {
	first := len(looks) - 1
	for first > 0 && equal(looks[first-1].Picture, looks[first].Picture) {
		first--
	}
	return looks[first].At
}

// equal says whether two pictures have the same size and pixels.
func equal(a, b *image.RGBA) bool {
	if a.Rect.Size() != b.Rect.Size() {
		return false
	}
	width := 4 * a.Rect.Dx()
	for y := range a.Rect.Dy() {
		if !bytes.Equal(a.Pix[y*a.Stride:][:width], b.Pix[y*b.Stride:][:width]) {
			return false
		}
	}
	return true
}
