//go:build !cgo || nonvenc

package nvenc

import "lucarne/encode"

// Present: this build has NVENC.
const Present = false

// Backend returns a backend that cannot be opened.
func Backend(Config) encode.Backend { return absent(encode.H264) }

// Backend444 returns a backend that cannot be opened.
func Backend444(Config) encode.Backend { return absent(encode.H264444) }

func absent(codec encode.Codec) encode.Backend {
	return encode.Backend{Name: name, Codec: codec, Open: func(encode.Config) (encode.Encoder, error) { return nil, ErrAbsent }}
}

// GPUs finds no GPUs.
type GPUs struct{}

// NewGPUs returns a GPUs.
func NewGPUs(Config) *GPUs { return &GPUs{} }

// Read returns none.
func (*GPUs) Read() ([]GPU, error) { return nil, nil }

// Close does nothing.
func (*GPUs) Close() error { return nil }
