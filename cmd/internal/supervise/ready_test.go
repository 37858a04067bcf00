package supervise

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestListening(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(t.Context())
	ready := Listening(socket)
	cancel()
	if err := ready(ctx); !errors.Is(err, os.ErrNotExist) && !errors.Is(err, context.Canceled) {
		t.Errorf("with nobody there: %v", err)
	}
	done := make(chan error)
	go func() { done <- ready(t.Context()) }()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := Steady(time.Second)(t.Context()); err != nil || time.Since(began) != time.Second {
			t.Errorf("%v after %v, want ready after 1s", err, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Steady(time.Hour)(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("ended before: %v", err)
		}
	})
}
