package clipboard

import (
	"errors"
	"testing"

	"lucarne/input"
)

func TestFromHTML(t *testing.T) {
	const limit = 16
	for _, test := range []struct {
		name, data, want string
		err              error
	}{
		{"nothing", "", "", nil},
		{"as it is", "<b>é</b>", "<b>é</b>", nil},
		{"a zero at its end", "<b>é</b>\x00\x00", "<b>é</b>", nil},
		{"UTF-8 with a mark", "\ufeff<b>é</b>", "<b>é</b>", nil},
		{"UTF-16, little end first", "\xff\xfe<\x00b\x00>\x00\xe9\x00\x00\x00", "<b>é", nil},
		{"UTF-16, big end first", "\xfe\xff\x00<\x00b\x00>\xd8\x3d\xde\x00", "<b>😀", nil},
		{"half a character", "\xff\xfe<\x00b\x00>", "<b", nil},
		{"a surrogate alone", "\xff\xfe\x3d\xd8", "�", nil},
		{"longer as UTF-8", "\xff\xfe" + "\xac\x20\xac\x20\xac\x20\xac\x20\xac\x20\xac\x20", "", input.ErrTooLarge},
	} {
		got, err := fromHTML([]byte(test.data), limit)
		if string(got) != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %q, %v, want %q, %v", test.name, got, err, test.want, test.err)
		}
	}
}

func TestToHTML(t *testing.T) {
	for _, test := range []struct{ name, data, want string }{
		{"ASCII", "<b>x</b>", "<b>x</b>"},
		{"not ASCII", "<b>é</b>", charset + "<b>é</b>"},
		{"it says so", `<META CHARSET="UTF-8">é`, `<META CHARSET="UTF-8">é`},
		{"it says so at length", `<meta http-equiv="content-type" content="text/html; charset=utf-8">é`, `<meta http-equiv="content-type" content="text/html; charset=utf-8">é`},
	} {
		if got := toHTML([]byte(test.data)); string(got) != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
