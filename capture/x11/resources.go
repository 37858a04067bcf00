package x11

import "strings"

// dpiResource is the resource (xrdb(1)) that toolkits take a screen's dots per
// inch from: Xft first, GTK, Qt, Chromium and others after it.
const dpiResource = "Xft.dpi"

// resource returns the value of a resource of this very name, without the white
// space around it, in a resource file as XrmGetStringDatabase(3) reads it. Of
// several the last one counts; "" if there is none.
func resource(resources, name string) (value string) {
	for line := range resourceLines(resources) {
		if key, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			value = strings.TrimSpace(v)
		}
	}
	return value
}

// withResource returns the resource file with a resource in place of those of
// its name, or, where the value is "", without them. All else stays as it is.
func withResource(resources, name, value string) string {
	var lines []string
	for line := range resourceLines(resources) {
		if key, _, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			continue
		}
		lines = append(lines, line)
	}
	kept := strings.Join(lines, "")
	if value == "" {
		return kept
	}
	for kept != "" && (!strings.HasSuffix(kept, "\n") || escaped(kept)) {
		kept += "\n"
	}
	return kept + name + ":\t" + value + "\n"
}

// resourceLines yields a resource file's lines with their ends. A line whose end
// is escaped goes on with the next one.
func resourceLines(resources string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		begin, end := 0, 0
		for part := range strings.SplitAfterSeq(resources, "\n") {
			end += len(part)
			if escaped(part) {
				continue
			}
			if begin < end && !yield(resources[begin:end]) {
				return
			}
			begin = end
		}
		if begin < end {
			yield(resources[begin:end])
		}
	}
}

// escaped says whether the end of a line is: an odd number of backslashes is
// before it.
func escaped(line string) bool {
	text, ended := strings.CutSuffix(line, "\n")
	backslashes := len(text) - len(strings.TrimRight(text, `\`))
	return ended && backslashes%2 == 1
}
