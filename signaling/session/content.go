package session

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"lucarne/input"
)

// The types of what clipboards carry. Text and HTML are UTF-8.
const (
	TextPlain = "text/plain"
	TextHTML  = "text/html"
	ImagePNG  = "image/png"
)

// copyTypes are all of them, in the order in which the desktop is asked for them.
var copyTypes = [...]string{TextPlain, TextHTML, ImagePNG}

// Item is one representation of a content, of one of the types.
type Item = input.Item

// Content is what a clipboard holds: one to three representations of the same,
// each type once. What it refers to is changed by nobody.
type Content struct {
	Selection input.Selection
	Items     []Item

	count uint64
}

// size is that of all items, in bytes.
func size(items []input.Item) (bytes int) {
	for _, item := range items {
		bytes += len(item.Data)
	}
	return bytes
}

// clean returns what of a type may be carried, or ErrMalformed. Zeros are taken out
// of text: programs take them for its end.
func clean(mime string, data []byte) ([]byte, error) {
	switch mime {
	case TextPlain, TextHTML:
		if !utf8.Valid(data) {
			return nil, fmt.Errorf("%s that is not UTF-8: %w", mime, ErrMalformed)
		}
		if bytes.IndexByte(data, 0) >= 0 {
			data = bytes.ReplaceAll(data, []byte{0}, nil)
		}
		return data, nil
	case ImagePNG:
		return data, checkPNG(data)
	}
	return nil, fmt.Errorf("%.40q: %w", mime, ErrMalformed)
}

// repeats says whether a content is another over again, or a part of it: a program
// that takes over what a viewer has given may leave types out.
func repeats(items, earlier []input.Item) bool {
	for _, item := range items {
		known := false
		for _, other := range earlier {
			known = known || item.MIME == other.MIME && bytes.Equal(item.Data, other.Data)
		}
		if !known {
			return false
		}
	}
	return len(items) > 0
}
