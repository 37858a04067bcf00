package perf

import (
	"context"
	"fmt"
	"time"

	"lucarne/perf/report"
	"lucarne/perf/sample"
)

// firstFrame opens the page with an empty cache and with a filled one, and
// measures from navigation to the first pixel.
func firstFrame(ctx context.Context, v *view) (report.Result, error) {
	r := report.Result{Metrics: map[string]float64{}}
	w, err := v.surface(moveBounds, backdrop) // there is something to see
	if err != nil {
		return r, err
	}
	defer w.Close()
	v.close()
	for _, c := range []struct {
		metric string
		cold   bool
	}{{"first-cold-ms", true}, {"first-warm-ms", false}} {
		if err := sleep(ctx, time.Second); err != nil { // the page before has gone for good
			return r, err
		}
		took, err := sample.FirstPixel(ctx, v.browser, v.peer.URL(), c.cold)
		if err != nil {
			return r, fmt.Errorf("%s: %w", v.peer.Name(), err)
		}
		r.Metrics[c.metric] = ms(took)
	}
	return r, nil
}
