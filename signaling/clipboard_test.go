package signaling

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestPieces: each is short and whole characters, and all together are the text.
func TestPieces(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []int // bytes of each piece
	}{
		{"nothing", "", []int{0}},
		{"short", "été", []int{5}},
		{"just one", strings.Repeat("x", pieceSize), []int{pieceSize}},
		{"just more", strings.Repeat("x", pieceSize+1), []int{pieceSize, 1}},
		{"two bytes across", "x" + strings.Repeat("é", pieceSize/2), []int{pieceSize - 1, 2}},
		{"four bytes across", "xyz" + strings.Repeat("😀", pieceSize/4), []int{pieceSize - 1, 4}},
	} {
		all := pieces(test.text)
		var got []int
		for _, piece := range all {
			got = append(got, len(piece))
			if !utf8.ValidString(piece) {
				t.Errorf("%s: a piece ends within a character", test.name)
			}
		}
		if !slices.Equal(got, test.want) || strings.Join(all, "") != test.text {
			t.Errorf("%s: pieces of %d bytes, want %d", test.name, got, test.want)
		}
	}
}
