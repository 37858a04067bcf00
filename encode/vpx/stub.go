//go:build !cgo || novpx

// Package vpx encodes VP8 (RFC 6386) by libvpx. This build has no libvpx: its
// Backend says so when it is opened.
package vpx

import (
	"errors"

	"lucarne/encode"
)

// Backend returns a backend that cannot be opened.
func Backend() encode.Backend {
	return encode.Backend{Name: "libvpx", Codec: encode.VP8, Open: func(encode.Config) (encode.Encoder, error) {
		return nil, errors.New("vpx: open: this build has no libvpx (it needs cgo)")
	}}
}
