package nvenc

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// The page has words for each code.
func TestPageKnowsCodes(t *testing.T) {
	text, err := os.ReadFile("../../web/src/codes.json")
	if err != nil {
		t.Fatal(err)
	}
	var known struct{ GPU []string }
	if err := json.Unmarshal(text, &known); err != nil {
		t.Fatal(err)
	}
	var got []Code
	for _, code := range known.GPU {
		got = append(got, Code(strings.TrimPrefix(code, "gpu-")))
	}
	slices.Sort(got)
	if want := slices.Sorted(maps.Keys(sentences)); !slices.Equal(got, want) {
		t.Errorf("the page knows %q, want %q", got, want)
	}
}
