//go:build !cgo || novpx

// Package vp8dec decodes VP8 by libvpx. This build has no libvpx.
package vp8dec

import (
	"errors"

	"lucarne/encode/encodetest"
)

// New returns an error: this build has no libvpx.
func New() (encodetest.Decoder, error) {
	return nil, errors.New("vp8dec: open: this build has no libvpx (it needs cgo)")
}
