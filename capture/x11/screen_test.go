package x11_test

import (
	"context"
	"image"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/capture/x11"
)

// A Screen outlives its display: it takes the next one that is opened.
func TestScreenOutlivesItsDisplay(t *testing.T) {
	for _, server := range servers {
		t.Run(server, func(t *testing.T) {
			first, kill := displaytest.StartProcess(t, display.Config{Server: server, Size: image.Pt(320, 200)})
			var plan atomic.Pointer[display.Plan]
			plan.Store(first)
			screen := capture.NewScreen(slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				screen.Run(ctx, func(context.Context) (capture.Source, error) {
					source, err := x11.Open(x11.Config{Display: plan.Load().Display})
					if err != nil {
						return nil, err
					}
					return source, nil
				})
			}()
			defer func() {
				cancel()
				<-done
			}()
			bell, unsubscribe := screen.Subscribe()
			defer unsubscribe()
			awaitState(t, screen, bell, capture.Up)
			kill()
			awaitState(t, screen, bell, capture.Gone)

			second := displaytest.Start(t, display.Config{Server: server, Size: image.Pt(400, 300)})
			p := newPainter(t, second)
			whole := image.Rect(0, 0, 400, 300)
			p.fill(whole, teal)
			plan.Store(second)
			awaitState(t, screen, bell, capture.Up)
			reader := screen.NewReader()
			defer reader.Close()
			var f capture.Frame
			if err := reader.Grab(&f); err != nil {
				t.Fatal(err)
			}
			if f.Size != whole.Max || !shows(&f, whole, teal) {
				t.Errorf("not the second display's picture: size %v", f.Size)
			}
			f.Release()
			if got, err := screen.Resize(image.Pt(333, 221)); err != nil || got != image.Pt(333, 221) {
				t.Errorf("resize: %v (%v)", got, err)
			}
		})
	}
}

// awaitState waits until the screen's display is in a state.
func awaitState(t *testing.T, screen *capture.Screen, bell <-chan struct{}, want capture.State) {
	t.Helper()
	timeout := time.After(patience)
	for screen.Status().State != want {
		select {
		case <-bell:
		case <-timeout:
			t.Fatalf("the display is %v (%v), want %v", screen.Status().State, screen.Status().Err, want)
		}
	}
}
