package perf

import (
	"context"
	"image"

	"lucarne/perf/xclient"
)

// surface is what a scenario draws on: a window on a peer's display, or the
// board of the floor's page.
type surface interface {
	Fill(image.Rectangle, xclient.RGB)
	// Echo answers each press of a key or a button until ctx is done, which
	// closes the surface.
	Echo(ctx context.Context) error
	Focus() error
	Close() error
}

// surface opens one at a place of the screen.
func (v *view) surface(bounds image.Rectangle, background xclient.RGB) (surface, error) {
	if floor := v.peer.Floor(); floor != nil {
		return floor.Open(bounds, background), nil
	}
	return xclient.Open(v.peer.Display(), bounds, background)
}
