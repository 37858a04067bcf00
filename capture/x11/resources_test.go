package x11

import "testing"

func TestResource(t *testing.T) {
	for _, c := range []struct{ name, resources, want, with, without string }{
		{"none", "", "", "Xft.dpi:\t144\n", ""},
		{"alone", "Xft.dpi:\t120\n", "120", "Xft.dpi:\t144\n", ""},
		{"among others", "Xft.antialias: 1\nXft.dpi : 120 \n! Xft.dpi: 72\nxterm*font: fixed\n", "120",
			"Xft.antialias: 1\n! Xft.dpi: 72\nxterm*font: fixed\nXft.dpi:\t144\n", "Xft.antialias: 1\n! Xft.dpi: 72\nxterm*font: fixed\n"},
		{"twice", "Xft.dpi: 96\nXft.dpi: 120\n", "120", "Xft.dpi:\t144\n", ""},
		{"without an end", "a: 1", "", "a: 1\nXft.dpi:\t144\n", "a: 1"},
		{"within a value that goes on", "a: 1\\\nXft.dpi: 120\n", "", "a: 1\\\nXft.dpi: 120\nXft.dpi:\t144\n", "a: 1\\\nXft.dpi: 120\n"},
		{"after an escaped backslash", "a: 1\\\\\nXft.dpi: 120\n", "120", "a: 1\\\\\nXft.dpi:\t144\n", "a: 1\\\\\n"},
		{"of another name", "MyXft.dpi: 1\n*Xft.dpi: 2\n", "", "MyXft.dpi: 1\n*Xft.dpi: 2\nXft.dpi:\t144\n", "MyXft.dpi: 1\n*Xft.dpi: 2\n"},
	} {
		if got := resource(c.resources, dpiResource); got != c.want {
			t.Errorf("%s: it is %q, want %q", c.name, got, c.want)
		}
		if got := withResource(c.resources, dpiResource, "144"); got != c.with {
			t.Errorf("%s: set: %q, want %q", c.name, got, c.with)
		}
		if got := withResource(c.resources, dpiResource, ""); got != c.without {
			t.Errorf("%s: removed: %q, want %q", c.name, got, c.without)
		}
	}
}

// What is set is found again, and nothing else is lost or grows.
func FuzzResource(f *testing.F) {
	for _, seed := range []string{"", "Xft.dpi:\t120\n", "a: 1\\\nb: 2", "Xft.dpi: 1\\\n 2\n", "\\\n\\\n", ":\n::\n", "Xft.dpi"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, resources string) {
		once := withResource(resources, dpiResource, "144")
		if got := resource(once, dpiResource); got != "144" {
			t.Errorf("%q: it is %q", once, got)
		}
		if twice := withResource(once, dpiResource, "144"); len(twice) > len(once) {
			t.Errorf("%q grows to %q", once, twice)
		}
		if len(once) > len(resources)+len("\n\nXft.dpi:\t144\n") {
			t.Errorf("%q grew to %q", resources, once)
		}
	})
}
