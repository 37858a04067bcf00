package cores

import (
	"math"
	"testing"
	"testing/fstest"
	"time"
)

func machine(stat string) fstest.MapFS {
	return fstest.MapFS{"proc/stat": {Data: []byte(stat)}}
}

func TestIdleSince(t *testing.T) {
	const earlier = "cpu  100 0 50 800 50 0 0 0 7 7\ncpu0 1 2 3 4\ncpu1 1 2 3 4\ncpu2 1\ncpu3 1\nintr 5 cpu\nctxt 9\n"
	for _, test := range []struct {
		name string
		stat string
		want float64
	}{
		{"a quarter busy", "cpu  140 0 60 930 70 0 0 0 9 9\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\n", 3},
		{"all busy", "cpu  300 0 50 800 50 0 0 0 200 0\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\n", 0},
		{"stolen by another machine", "cpu  100 0 50 850 50 0 0 50 0 0\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\n", 2},
		{"an old kernel", "cpu 100 0 50 950\ncpu0 1\ncpu1 1\n", 2},
		{"no time has passed", earlier, 0},
		{"time runs back", "cpu  1 0 0 0 0\ncpu0 1\n", 0},
		{"nothing of processors", "intr 1\n", 0},
	} {
		before, err := Read(machine(earlier))
		if err != nil {
			t.Fatal(err)
		}
		after, err := Read(machine(test.stat))
		if err != nil {
			t.Fatal(err)
		}
		if got := after.IdleSince(before); math.Abs(got-test.want) > 0.01 {
			t.Errorf("%s: %v idle, want %v", test.name, got, test.want)
		}
	}
}

func TestReadFails(t *testing.T) {
	for _, stat := range []string{"cpu  1 2 three 4\n", "cpu  -1\n", "cpu 99999999999999999999999\n"} {
		if got, err := Read(machine(stat)); err == nil {
			t.Errorf("%q: %v, want an error", stat, got)
		}
	}
	if _, err := Read(fstest.MapFS{}); err == nil {
		t.Error("no error without /proc/stat")
	}
}

func TestWaited(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"51183937 268202192 100\n": 268202192, "0 0 0": 0, "5 7": 7,
		"": -1, "1\n": -1, "1 x 3": -1, "1 99999999999999999999 3": -1,
	} {
		got, err := Waited(fstest.MapFS{"proc/thread-self/schedstat": {Data: []byte(text)}})
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	if _, err := Waited(fstest.MapFS{}); err == nil {
		t.Error("no error without the file")
	}
}
