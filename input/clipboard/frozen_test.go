package clipboard

import (
	"context"
	"errors"
	"image"
	"testing"
	"time"

	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/input"
)

// TestFrozen: a server that has stopped, with more under way to it than its
// socket holds, holds up nobody for ever, and the end not at all.
func TestFrozen(t *testing.T) {
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(64, 48)})
	var conns display.Conns
	c, err := Open(Config{Display: plan.Display, Connect: conns.Connect})
	if err != nil {
		t.Fatal(err)
	}
	c.patience = time.Second
	ran := make(chan error, 1)
	go func() { ran <- c.Run(context.Background()) }()

	to := place{c.window, c.known.content}
	stuck := &transfer{typ: c.known.utf8String, rest: make([]byte, 16<<20), overdue: time.NewTimer(time.Hour)}
	c.sending[to] = stuck
	displaytest.Freeze(t, plan)
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		for range len(stuck.rest) / c.chunk {
			c.taken(to)
		}
	}()

	closed := make(chan error, 1)
	go func() {
		if err := c.Offer(board, []input.Item{text("x")}); !errors.Is(err, errSilent) {
			t.Errorf("Offer = %v, want %v", err, errSilent)
		}
		select {
		case <-wrote:
			t.Error("the socket took everything")
		default:
		}
		c.forget(to, stuck)
		closed <- c.Close()
	}()
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("Close: %v", err)
		}
	case <-time.After(deadline):
		t.Error("it waits for the server")
	}
	conns.Close()
	if err := <-ran; err != nil {
		t.Errorf("Run: %v", err)
	}
	<-wrote
}
