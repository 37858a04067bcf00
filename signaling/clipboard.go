package signaling

import (
	"context"
	"unicode/utf8"
)

// pieceSize is the most of the desktop's clipboard that one message carries, in
// bytes. A page sees a message only when it is whole: on a slow link the pieces
// are its signs of life, and other messages go between them.
const pieceSize = 16 << 10

// pieces cuts a text into what messages carry, never within a character. Of no
// text there is one piece, too.
func pieces(text string) []string {
	var all []string
	for len(text) > pieceSize {
		end := pieceSize
		for end > pieceSize-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		all = append(all, text[:end])
		text = text[end:]
	}
	return append(all, text)
}

// takeCopied fetches the desktop's newest text, unless an earlier one is on its
// way: its pieces have to arrive together.
func (s *socket) takeCopied(k *known) {
	if len(k.copied) > 0 {
		return
	}
	if text, fresh := s.viewer.Clipboard(); fresh {
		k.copied = pieces(text)
	}
}

// putPiece sends the next piece of the desktop's clipboard.
func (s *socket) putPiece(ctx context.Context, k *known) error {
	m := Message{Type: "clipboard", Text: k.copied[0], More: len(k.copied) > 1}
	if k.copied = k.copied[1:]; !m.More {
		k.copied = nil
		s.takeCopied(k)
	}
	return s.put(ctx, m)
}
