package x11_test

import (
	"context"
	"errors"
	"image"
	"log/slog"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/capture/x11"
)

// within fails the test if done is not closed in time.
func within(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal(what)
	}
}

// A server that is stopped holds up neither Run, nor Grab, nor Close.
func TestFrozenServer(t *testing.T) {
	onServers(t, func(t *testing.T, plan *display.Plan) {
		for _, end := range []string{"context", "close"} {
			source, err := x11.Open(x11.Config{Display: plan.Display})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ran, grabbed, closed := make(chan struct{}), make(chan struct{}), make(chan struct{})
			go func() {
				defer close(ran)
				source.Run(ctx)
			}()
			thaw := displaytest.Freeze(t, plan)
			var grabErr error
			go func() {
				defer close(grabbed)
				grabErr = source.Grab(new(capture.Frame))
			}()
			if end == "context" {
				cancel()
				within(t, ran, "Run goes on after its context has ended")
				within(t, grabbed, "Grab waits after Run has returned")
			}
			go func() {
				defer close(closed)
				source.Close()
			}()
			within(t, closed, "Close waits for the server")
			within(t, ran, "Run goes on after Close")
			within(t, grabbed, "Grab waits after Close")
			if grabErr == nil {
				t.Error("Grab from a server that is stopped: no error")
			}
			thaw()
		}
	})
}

// A Screen whose server is stopped ends with its context.
func TestFrozenScreen(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(320, 200)})
	screen := capture.NewScreen(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		screen.Run(ctx, func(context.Context) (capture.Source, error) {
			source, err := x11.Open(x11.Config{Display: plan.Display})
			if err != nil {
				return nil, err
			}
			return source, nil
		})
	}()
	bell, unsubscribe := screen.Subscribe()
	defer unsubscribe()
	awaitState(t, screen, bell, capture.Up)
	displaytest.Freeze(t, plan)
	cancel()
	within(t, done, "the screen goes on after its context has ended")
}

func TestOpenOnFrozenServer(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(320, 200)})
	displaytest.Freeze(t, plan)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := x11.Open(x11.Config{Display: plan.Display}); !errors.Is(err, display.ErrNoDisplay) {
			t.Errorf("open: %v, want %v", err, display.ErrNoDisplay)
		}
	}()
	within(t, done, "Open waits for a server that is stopped")
}
