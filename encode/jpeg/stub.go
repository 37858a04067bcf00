//go:build !cgo || nojpeg

// Package jpeg encodes pictures as rectangles of JPEG by libjpeg-turbo. This
// build has no libjpeg-turbo: its Backend says so when it is opened.
package jpeg

import (
	"errors"

	"lucarne/encode"
)

// Backend returns a backend that cannot be opened.
func Backend() encode.Backend {
	return encode.Backend{Name: "libjpeg-turbo", Codec: encode.JPEG, Open: func(encode.Config) (encode.Encoder, error) {
		return nil, errors.New("jpeg: open: this build has no libjpeg-turbo (it needs cgo)")
	}}
}
