package perf

import (
	"context"
	"time"

	"lucarne/perf/report"
	"lucarne/perf/viewer"
	"lucarne/perf/xclient"
)

// onWire has scrolling text received but not decoded: what it costs the agent and
// the network, with no browser on the same cores. A delay is from the change to the
// frame's last packet.
func onWire(ctx context.Context, v *view) (report.Result, error) {
	r := report.Result{Metrics: map[string]float64{}}
	v.close()
	w, err := xclient.Open(v.peer.Display(), moveBounds, backdrop)
	if err != nil {
		return r, err
	}
	defer w.Close()
	text, err := xclient.NewText(w)
	if err != nil {
		return r, err
	}
	watching, err := viewer.Start(ctx, v.peer.URL(), viewer.Config{Within: v.route.asViewer})
	if err != nil {
		return r, err
	}
	defer watching.Close()
	if err := sleep(ctx, time.Second); err != nil { // what is there at first has come
		return r, err
	}
	before, err := worked(v.peer)
	if err != nil {
		return r, err
	}
	sent := watching.Stats()
	moving, stop := context.WithTimeout(ctx, v.length)
	defer stop()
	if _, err := xclient.Animate(moving, text, frameRate); err != nil {
		return r, err
	}
	after, err := worked(v.peer)
	if err != nil {
		return r, err
	}
	addWire(&r, after.at.Sub(before.at), sent, watching.Stats())
	for _, f := range watching.Frames() {
		if damaged := f.Server.Damaged; damaged.After(before.at) && f.Arrived.Before(after.at) {
			r.Delays = append(r.Delays, ms(f.Arrived.Sub(damaged)))
		}
	}
	distribution(r.Metrics, r.Delays)
	return r, addWork(r.Metrics, v.peer, before, after)
}

// addWire adds what has come within a time.
func addWire(r *report.Result, within time.Duration, before, after viewer.Stats) {
	seconds := within.Seconds()
	r.Metrics["frames/s"] = float64(after.Frames-before.Frames) / seconds
	r.Metrics["bytes/s"] = float64(after.Bytes-before.Bytes) / seconds
	r.Metrics["packets/s"] = float64(after.Packets-before.Packets) / seconds
	r.Metrics["keyframes"] = float64(after.KeyFrames - before.KeyFrames)
	r.Metrics["repaired"] = float64(after.Repaired - before.Repaired)
	r.Metrics["lost"] = float64(after.Lost - before.Lost)
}
