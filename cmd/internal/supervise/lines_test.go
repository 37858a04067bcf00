package supervise

import (
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"two lines":   {"a\nb\n", []string{"a", "b"}},
		"no newline":  {"a", []string{"a"}},
		"the last 3":  {"1\n2\n3\n4\n5\n", []string{"3", "4", "5"}},
		"empty lines": {"\n\na\n\n", []string{"a"}},
		"long":        {long + long + "tail\nnext\n", []string{long + " […]", "next"}},
		"controls":    {"\x1b[31mred\x07\ta\u009b1m\r\n", []string{"[31mred a1m"}},
		"not UTF-8":   {"a\xff\n", []string{"a?"}},
		"nothing":     {"", []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			to := &output{w: &out}
			l := newLines(func(line string) { to.writeLine("p", line) }, func() {}, 3)
			l.readFrom(strings.NewReader(c.in))
			if got := l.last(); !slices.Equal(got, c.want) {
				t.Errorf("kept %q, want %q", got, c.want)
			}
			for line := range strings.Lines(out.String()) {
				if !strings.HasPrefix(line, "p: ") || len(line) > maxLine+32 {
					t.Errorf("line %.60q of %d bytes", line, len(line))
				}
			}
		})
	}
}
