//go:build !cgo || nox264

// Package h264dec decodes H.264 by libavcodec. This build has no need of it, for
// it has no x264.
package h264dec

import (
	"errors"

	"lucarne/encode/encodetest"
)

// New returns an error: this build has no libavcodec.
func New() (encodetest.Decoder, error) {
	return nil, errors.New("h264dec: open: this build has no libavcodec (it needs cgo)")
}
