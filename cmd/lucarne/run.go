package main

import (
	"context"
	"errors"
	"slices"
)

// loop is something that runs until its context is done.
type loop func(ctx context.Context) error

// inOrder runs the loops at once. When ctx is done or one of them ends, it stops
// them one by one, the last first. It returns why the first one ended; that ctx
// was done is no error.
func inOrder(ctx context.Context, loops ...loop) error {
	type running struct {
		stop context.CancelFunc
		done chan struct{}
	}
	var all []running
	ended := make(chan error, len(loops))
	for _, run := range loops {
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{stop: stop, done: make(chan struct{})}
		go func() {
			defer close(r.done)
			ended <- run(own)
		}()
		all = append(all, r)
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	for _, r := range slices.Backward(all) {
		r.stop()
		<-r.done
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
