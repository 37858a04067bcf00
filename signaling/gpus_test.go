package signaling

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// TestGPUs: the GPUs are read while a page wants to know how they are, and only then.
func TestGPUs(t *testing.T) {
	t4 := GPU{Name: "T4", MemoryUsed: 1, MemoryTotal: 2, Busy: -1, Throttled: "heat"}
	var reads atomic.Int32
	s := serve(t, func(cfg *Config) {
		cfg.GPUs = func(context.Context) []GPU {
			reads.Add(1)
			return []GPU{t4}
		}
	})
	s.handler.pace.gpus = time.Hour
	c := s.enter(t, `"transport":"none"`)
	if n := reads.Load(); n > 0 {
		t.Errorf("read %d times before anybody has asked", n)
	}
	for range 2 {
		c.send(`{"type":"gpus","on":true}`)
		if got := c.await("gpus").GPUs; !slices.Equal(got, []GPU{t4}) {
			t.Errorf("the page is told %+v, want %+v", got, t4)
		}
		c.send(`{"type":"gpus"}`)
	}
	if n := reads.Load(); n != 2 {
		t.Errorf("read %d times, want twice", n)
	}
}

// A page that asks where nobody knows is not answered, and goes on.
func TestNoGPUs(t *testing.T) {
	s := serve(t, nil)
	c := s.enter(t, `"transport":"none"`)
	for range 3 {
		c.send(`{"type":"gpus","on":true}`)
	}
	c.send(`{"type":"ping","t":7}`)
	c.await("pong")
}
