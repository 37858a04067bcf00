package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image/png"
)

// maxPicture is the largest picture that clipboards carry, in pixels: 8K UHD.
const maxPicture = 7680 * 4320

const pngSignature = "\x89PNG\r\n\x1a\n"

var (
	errChunks = errors.New("broken chunks")
	errPixels = errors.New("too many pixels")
)

// checkPNG says whether a picture can be decoded, as far as that shows without
// decoding it: a few bytes may stand for gigabytes. It looks at the chunks (W3C PNG,
// section 5), their checksums and the header; the error is ErrMalformed.
func checkPNG(data []byte) error {
	if err := checkChunks(data); err != nil {
		return fmt.Errorf("%w: picture: %w", ErrMalformed, err)
	}
	header, err := png.DecodeConfig(bytes.NewReader(data))
	switch {
	case err != nil:
		return fmt.Errorf("%w: picture: %w", ErrMalformed, err)
	case header.Width > maxPicture/header.Height:
		return fmt.Errorf("%w: picture of %d×%d: %w", ErrMalformed, header.Width, header.Height, errPixels)
	}
	return nil
}

// checkChunks wants whole chunks from the signature to the end, of which the first
// is the header, one at least holds pixels, and the last ends the picture.
func checkChunks(data []byte) error {
	rest, ok := bytes.CutPrefix(data, []byte(pngSignature))
	if !ok {
		return errChunks
	}
	const around = 12 // length, type and checksum
	pixels := false
	for first := true; len(rest) >= around; first = false {
		length := uint64(binary.BigEndian.Uint32(rest))
		if length > uint64(len(rest)-around) {
			return errChunks
		}
		chunk := rest[4 : 8+length]
		sum := binary.BigEndian.Uint32(rest[8+length:])
		rest = rest[around+length:]
		if crc32.ChecksumIEEE(chunk) != sum {
			return errChunks
		}
		switch kind := string(chunk[:4]); {
		case first != (kind == "IHDR"):
			return errChunks
		case kind == "IDAT":
			pixels = true
		case kind == "IEND":
			if !pixels || len(rest) > 0 {
				return errChunks
			}
			return nil
		}
	}
	return errChunks
}
