package watermark

import (
	"strings"
	"testing"
	"time"
)

func TestParseText(t *testing.T) {
	for template, want := range map[string]string{
		"confidential":                   "",
		"{session} {user} {time} {host}": "",
		"{user}{user}":                   "",
		"":                               "empty",
		" \t":                            "empty",
		"{name}":                         "no field {name}",
		"{User}":                         "no field {User}",
		"{user":                          "brace",
		"user}":                          "brace",
		"{us{user}":                      "no field {us{user}",
		strings.Repeat("é", 200):         "",
		strings.Repeat("é", 201):         "more than 200",
	} {
		_, err := ParseText(template)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", template, err, want)
		}
	}
}

func TestExpand(t *testing.T) {
	fields := Fields{Session: "seg\n3", User: "{host}\u202eada", Host: "gpu7"}
	now := time.Date(2026, 11, 21, 14, 3, 59, 0, time.UTC)
	for template, want := range map[string]string{
		"{session} · {user}":     "seg 3 · {host} ada", // no field within a field
		"{host} at {time}":       "gpu7 at 2026-11-21 14:03 UTC",
		strings.Repeat("é", 100): strings.Repeat("é", 100),
	} {
		if got := parse(t, template).expand(fields, now); got != want {
			t.Errorf("%q: %q, want %q", template, got, want)
		}
	}
	long := Fields{User: strings.Repeat("é", 1000)}
	if got := parse(t, "{user}").expand(long, now); got != strings.Repeat("é", maxLetters) {
		t.Errorf("a name of 1000 letters: %d bytes", len(got))
	}
}
