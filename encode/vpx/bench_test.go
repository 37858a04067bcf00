package vpx_test

import (
	"testing"

	"lucarne/encode/encodetest"
	"lucarne/encode/encodetest/vp8dec"
	"lucarne/encode/vpx"
)

func BenchmarkEncode(b *testing.B) { encodetest.Benchmark(b, vpx.Backend(), vp8dec.New) }
