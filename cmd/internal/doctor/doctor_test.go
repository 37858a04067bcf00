package doctor

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// steady returns a check that finds what it is told.
func steady(name, code string, args ...string) Check {
	return Check{Name: name, Run: func(context.Context) Finding { return Tell(code, args...) }}
}

func TestTogether(t *testing.T) {
	for _, c := range []struct {
		name    string
		checks  []Check
		want    []string
		healthy bool
		after   time.Duration
	}{
		{"none", nil, nil, true, 0},
		{"in order", []Check{steady("a", "shm-ok", "64"), steady("b", "shm-small", "9")}, []string{"a ok", "b warn"}, true, 0},
		{"one fails", []Check{steady("a", "encoders-none", "why"), steady("b", "shm-ok", "64")}, []string{"a fail", "b ok"}, false, 0},
		{"one sleeps until it is told to stop, side by side with another", []Check{
			{Name: "a", Run: func(ctx context.Context) Finding { <-ctx.Done(); return Tell("shm-ok") }},
			{Name: "b", Run: func(ctx context.Context) Finding { <-ctx.Done(); return Tell("shm-ok") }},
		}, []string{"a ok", "b ok"}, true, 5 * time.Second},
		{"one hangs", []Check{
			{Name: "a", Run: func(context.Context) Finding { time.Sleep(time.Hour); return Finding{} }},
			{Name: "b", Run: func(context.Context) Finding { time.Sleep(time.Hour); return Finding{} }},
			steady("c", "shm-ok", "64"),
		}, []string{"a warn", "b warn", "c ok"}, true, 5*time.Second + grace},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				began := time.Now()
				healthy := Together(t.Context(), c.checks, 5*time.Second, func(f Finding) { got = append(got, f.Check+" "+string(f.State)) })
				if took := time.Since(began); !slices.Equal(got, c.want) || healthy != c.healthy || took != c.after {
					t.Errorf("%q, healthy %t, after %v; want %q, %t, %v", got, healthy, took, c.want, c.healthy, c.after)
				}
				time.Sleep(2 * time.Hour) // those that hang end
			})
		})
	}
}

func TestTell(t *testing.T) {
	got, err := json.Marshal(Tell("home-full", "/home/{1}", "write:\n no space"))
	const want = `{"check":"","state":"fail","code":"home-full","args":["/home/{1}","write: no space"],"found":"/home/{1} is full: write: no space","user":"remove what is not needed","admin":"enlarge the volume, or its quota"}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	if f := Tell("nonsense", "a"); f.State != Fail || f.Found != "nonsense a" {
		t.Errorf("a code that nobody knows: %+v", f)
	}
}

// entry is a line of a catalogue of the page's.
var entry = regexp.MustCompile(`(?m)^  "([^"]+)":\s*"((?:[^"\\]|\\.)*)",$`)

// TestPageHasTheWords compares the words with the page's, which are the
// same.
func TestPageHasTheWords(t *testing.T) {
	source, err := os.ReadFile("../../../web/src/en/doctor.ts")
	if err != nil {
		t.Fatal(err)
	}
	page := map[string]string{}
	for _, m := range entry.FindAllStringSubmatch(string(source), -1) {
		page[m[1]] = m[2]
	}
	want := map[string]string{}
	for code, words := range table() {
		if (words.state == Warn || words.state == Fail) && words.you+words.admin == "" {
			t.Errorf("%s: nothing is said that could be changed", code)
		}
		want["doctor."+code] = words.found
		for part, text := range map[string]string{"you": words.you, "admin": words.admin} {
			if text != "" {
				want["doctor."+code+"."+part] = text
			}
		}
	}
	for key, text := range want {
		if page[key] != text {
			t.Errorf("%s: the page says %q, doctor %q", key, page[key], text)
		}
	}
	for key := range page {
		if _, known := want[key]; !known && !strings.HasPrefix(key, "doctor.check.") && !strings.HasPrefix(key, "doctor.ui.") {
			t.Errorf("%s: doctor says nothing of the kind", key)
		}
	}
}
