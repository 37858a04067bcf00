package x264_test

import (
	"testing"

	"lucarne/encode/encodetest"
	"lucarne/encode/encodetest/h264dec"
	"lucarne/encode/x264"
)

func BenchmarkEncode(b *testing.B) { encodetest.Benchmark(b, x264.Backend(), h264dec.New) }

func BenchmarkEncode444(b *testing.B) { encodetest.Benchmark(b, x264.Backend444(), h264dec.New) }
