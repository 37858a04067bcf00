package cost

import (
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       process
		fails      bool
	}{
		{"plain", "7 (sh) S 3 5 5 0 -1 4194560 1 2 3 4 11 12 13 14 20 0 1", process{3, 5, 270 * time.Millisecond}, false},
		{"a name of all sorts", "7 (a) b (c) 1 2) R 3 5 5 0 -1 0 1 2 3 4 0 0 1 0 20", process{3, 5, 10 * time.Millisecond}, false},
		{"short", "7 (sh) S 3 5", process{}, true},
		{"no number", "7 (sh) S x 5 5 0 -1 4194560 1 2 3 4 11 12 13 14 20 0 1", process{}, true},
		{"empty", "", process{}, true},
	} {
		got, err := parseStat([]byte(c.text))
		if (err != nil) != c.fails || !c.fails && got != c.want {
			t.Errorf("%s: %+v, %v; want %+v, fails = %t", c.name, got, err, c.want, c.fails)
		}
	}
}

func TestFamily(t *testing.T) {
	all := map[int]process{
		1: {}, 10: {parent: 1, group: 10}, 11: {parent: 10, group: 10}, 12: {parent: 11, group: 12},
		13: {parent: 1, group: 10}, // its parent has ended
		14: {parent: 1, group: 12}, // likewise, in the group of a descendant
		20: {parent: 1, group: 20}, 21: {parent: 20, group: 20},
	}
	for _, c := range []struct {
		roots []int
		want  int
	}{{[]int{10}, 5}, {[]int{10, 11, 12}, 5}, {[]int{11}, 3}, {[]int{20, 10}, 7}, {[]int{12}, 2}, {[]int{21}, 1}} {
		got, err := family(all, c.roots)
		if err != nil || len(got) != c.want {
			t.Errorf("family of %v: %v, %v; want %d members", c.roots, got, err, c.want)
		}
	}
	if got, err := family(all, []int{10, 99}); err == nil {
		t.Errorf("family of one that is not there: %v, want an error", got)
	}
}

func TestParseRollup(t *testing.T) {
	const text = "00400000-7ffd46359000 ---p 00000000 00:00 0    [rollup]\nRss:  3932 kB\nPss:  879 kB\nPss_Dirty:  589 kB\n"
	if got, want := parseRollup(text), (Memory{Proportional: 879 << 10, Resident: 3932 << 10}); got != want {
		t.Errorf("memory %+v, want %+v", got, want)
	}
	if got := parseRollup(""); got != (Memory{}) {
		t.Errorf("memory of nothing: %+v", got)
	}
}

func TestParseMachine(t *testing.T) {
	got, err := parseMachine("cpu  100 10 20 9999 99 1 2 30 50 0\ncpu0 1 2 3\n")
	if want := (Reading{Busy: 1330 * time.Millisecond, Steal: 300 * time.Millisecond}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, text := range []string{"", "cpu 1 2", "cpu 1 2 3 4 5 6 x 8 9", "intr 1 2 3 4 5 6 7 8 9"} {
		if got, err := parseMachine(text); err == nil {
			t.Errorf("%q: %+v, want an error", text, got)
		}
	}
}

func TestUntil(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	from := Reading{At: start, Busy: time.Second, Steal: time.Second, Ours: 500 * time.Millisecond}
	for _, c := range []struct {
		name  string
		later Reading
		want  Load
	}{
		{"all of it ours", Reading{start.Add(2 * time.Second), 3 * time.Second, time.Second, 2500 * time.Millisecond}, Load{}},
		{"half of it ours", Reading{start.Add(2 * time.Second), 3 * time.Second, 2 * time.Second, 1500 * time.Millisecond}, Load{0.5, 0.5}},
		{"ticks that lag behind", Reading{start.Add(2 * time.Second), time.Second, time.Second, time.Second}, Load{}},
		{"no time", from, Load{}},
	} {
		if got := from.Until(c.later); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
