package main

import (
	"testing"

	"lucarne/encode"
)

func TestThreadsFor(t *testing.T) {
	for _, test := range []struct {
		idle, quota float64
		want        int
	}{
		{0, 0, 1}, {0.9, 0, 1}, {1, 0, 1}, {2, 0, 1}, {3, 0, 2}, {3.5, 0, 2}, {5, 0, 4}, {63, 0, 4},
		{15, 0.5, 1}, {15, 2, 1}, {15, 4, 2}, {15, 32, 4},
	} {
		if got := threadsFor(test.idle, test.quota); got != test.want {
			t.Errorf("%v processors idle, a quota of %v: %d threads, want %d", test.idle, test.quota, got, test.want)
		}
	}
}

// TestThreads: what was found out is for the encoders of its library, where the
// number is left open.
func TestThreads(t *testing.T) {
	var opened []int
	library := func(name string, codec encode.Codec) encode.Backend {
		return encode.Backend{Name: name, Codec: codec, Open: func(cfg encode.Config) (encode.Encoder, error) {
			opened = append(opened, cfg.Threads)
			return nil, nil
		}}
	}
	found := threads{}
	full, plain, other := found.backend(library("a", encode.H264444)), found.backend(library("a", encode.H264)), found.backend(library("b", encode.VP8))
	found["a"].Store(3)
	for _, b := range []encode.Backend{full, plain, other} {
		b.Open(encode.Config{})
		b.Open(encode.Config{Threads: 2})
	}
	for i, want := range []int{3, 2, 3, 2, 0, 2} {
		if opened[i] != want {
			t.Errorf("opened with %d threads, want %d", opened, want)
			break
		}
	}
}
