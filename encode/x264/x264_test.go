package x264_test

import (
	"testing"

	"lucarne/encode"
	"lucarne/encode/encodetest"
	"lucarne/encode/encodetest/h264dec"
	"lucarne/encode/x264"
)

func TestConformance(t *testing.T) {
	t.Run("4:2:0", func(t *testing.T) { encodetest.Run(t, x264.Backend(), h264dec.New) })
	t.Run("4:4:4", func(t *testing.T) { encodetest.Run(t, x264.Backend444(), h264dec.New) })
}

// TestThreads encodes each frame in three slices at once.
func TestThreads(t *testing.T) {
	backend := x264.Backend()
	open := backend.Open
	backend.Open = func(cfg encode.Config) (encode.Encoder, error) {
		cfg.Threads = 3
		return open(cfg)
	}
	encodetest.Run(t, backend, h264dec.New)
}

func TestOutOfMemory(t *testing.T) { encodetest.Starve(t, x264.Backend(), h264dec.New) }

func FuzzEncode(f *testing.F) { encodetest.Fuzz(f, x264.Backend(), h264dec.New) }
