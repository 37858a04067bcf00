package xclient

import (
	"context"
	"image"
	"time"
)

// Animation draws numbered frames.
type Animation interface {
	// Draw draws a frame with its number as a bar code in the upper left corner
	// and returns when it was handed to the server.
	Draw(number int) (time.Time, error)
	// Picture returns what Draw shows in the window, pixel by pixel. It may be
	// called while Draw runs.
	Picture(number int) *image.RGBA
}

// Animate draws fps frames a second, numbered from 1, until ctx is done. Frames
// that are late are left out rather than drawn in a burst. It returns when each
// number was drawn; the zero time for those that were not.
func Animate(ctx context.Context, a Animation, fps int) ([]time.Time, error) {
	times := make([]time.Time, 1)
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		if ctx.Err() != nil { // the timer may have been due as well
			return times, nil
		}
		number := int(time.Since(start)*time.Duration(fps)/time.Second) + 1
		for len(times) < number {
			times = append(times, time.Time{})
		}
		drawn, err := a.Draw(number)
		if err != nil {
			return times, err
		}
		times = append(times, drawn)
		next := start.Add(time.Duration(number) * time.Second / time.Duration(fps))
		timer.Reset(time.Until(next))
	}
}
