package vpx_test

import (
	"testing"

	"lucarne/encode/encodetest"
	"lucarne/encode/encodetest/vp8dec"
	"lucarne/encode/vpx"
)

func TestConformance(t *testing.T) { encodetest.Run(t, vpx.Backend(), vp8dec.New) }

func TestOutOfMemory(t *testing.T) { encodetest.Starve(t, vpx.Backend(), vp8dec.New) }

func FuzzEncode(f *testing.F) { encodetest.Fuzz(f, vpx.Backend(), vp8dec.New) }
