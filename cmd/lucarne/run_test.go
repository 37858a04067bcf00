package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

func TestInOrder(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		fails string // the loop that ends by itself; empty: the context is cancelled
		want  error
	}{
		"told to stop":   {"", nil},
		"the first ends": {"a", broken},
		"the last ends":  {"c", broken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				fail := make(chan struct{})
				var stopped []string // appended to by one loop at a time
				named := func(name string) loop {
					return func(ctx context.Context) error {
						var failing chan struct{}
						if name == c.fails {
							failing = fail
						}
						select {
						case <-ctx.Done():
							stopped = append(stopped, name)
							return ctx.Err()
						case <-failing:
							return broken
						}
					}
				}
				result := make(chan error, 1)
				go func() { result <- inOrder(ctx, named("a"), named("b"), named("c")) }()
				synctest.Wait()
				want := []string{"c", "b", "a"}
				if c.fails == "" {
					cancel()
				} else {
					close(fail)
					want = slices.DeleteFunc(want, func(name string) bool { return name == c.fails })
				}
				if err := <-result; !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if !slices.Equal(stopped, want) {
					t.Errorf("stopped %v, want %v", stopped, want)
				}
				cancel()
			})
		})
	}
}
