//go:build !cgo || nox264

// Package x264 encodes H.264 (ITU-T H.264) by x264. This build has no x264: its
// Backends say so when they are opened.
package x264

import (
	"errors"

	"lucarne/encode"
)

// Present says whether this build has x264.
const Present = false

// Backend returns a backend that cannot be opened.
func Backend() encode.Backend { return absent(encode.H264) }

// Backend444 returns a backend that cannot be opened.
func Backend444() encode.Backend { return absent(encode.H264444) }

func absent(codec encode.Codec) encode.Backend {
	return encode.Backend{Name: "x264", Codec: codec, Open: func(encode.Config) (encode.Encoder, error) {
		return nil, errors.New("x264: open: this build has no x264 (it needs cgo, and not the tag nox264)")
	}}
}
