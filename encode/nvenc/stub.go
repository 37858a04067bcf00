//go:build !cgo || nonvenc

package nvenc

import "lucarne/encode"

// Backend returns a backend that cannot be opened.
func Backend(Config) encode.Backend { return absent(encode.H264) }

// Backend444 returns a backend that cannot be opened.
func Backend444(Config) encode.Backend { return absent(encode.H264444) }

func absent(codec encode.Codec) encode.Backend {
	return encode.Backend{Name: name, Codec: codec, Open: func(encode.Config) (encode.Encoder, error) { return nil, ErrAbsent }}
}
