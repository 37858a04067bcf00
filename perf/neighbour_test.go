package perf

import (
	"errors"
	"testing"
)

func TestCounterCounts(t *testing.T) {
	c, err := startCounter()
	if err != nil {
		t.Fatal(err)
	}
	defer c.stop()
	before, _, err := c.count()
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		n, _, err := c.count()
		if err != nil {
			t.Fatal(err)
		}
		if n > before {
			return
		}
	}
	t.Error("it does not count")
}

func TestCounterThatHasEnded(t *testing.T) {
	c, err := startCounter()
	if err != nil {
		t.Fatal(err)
	}
	defer c.stop()
	broken := errors.New("broken")
	if _, err := c.rate(func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v, want what went wrong meanwhile", err)
	}
	if _, err := c.rate(func() error { return c.cmd.Process.Kill() }); err == nil {
		t.Error("no error although it has ended")
	}
}
