package session

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/input"
)

// plain is a clipboard that holds a text.
func plain(text string) []input.Item { return []input.Item{{MIME: TextPlain, Data: []byte(text)}} }

// picture is a PNG of a size.
func picture(t testing.TB, w, h int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// copiedBy returns what a viewer gets: its items in one line, or why there are none.
func copiedBy(v *Viewer) string {
	content, err := v.Copied()
	if err != nil {
		return errors.Unwrap(err).Error()
	}
	var text []string
	for _, item := range content.Items {
		text = append(text, string(item.Data))
	}
	return strings.Join(text, "|")
}

// rest waits until the session has read what there is, and may read again.
func rest() {
	synctest.Wait()
	time.Sleep(time.Minute)
	synctest.Wait()
}

func TestClipboard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 100
		s, d := start(t, Config{Primary: true, MaxClipboard: most, Policy: Policy{Refuse: map[Role][]Feature{Controller: {CopyOut}}}})
		giver, taker, refused, marker := join(t, s, Owner), join(t, s, Owner), join(t, s, Controller), join(t, s, Owner)
		marker.WantPrimary(true)
		small := picture(t, 1, 1)
		desktop := func(selection input.Selection, content map[string]string) func() {
			return func() { d.own(selection, content) }
		}
		const board, primary = input.SelectionClipboard, input.SelectionPrimary
		for _, step := range []struct {
			name string
			act  func()
			want [4]string
		}{
			{"nothing yet", func() {}, [4]string{}},
			{"the desktop copies", func() { d.copy("a") }, [4]string{"a", "a", "", "a"}},
			{"again, the same", func() { d.copy("a") }, [4]string{"a", "a", "", "a"}},
			{"a viewer gives", func() { giver.SetClipboard(plain("b")) }, [4]string{"", "b", "", "b"}},
			{"a clipboard manager takes it over", func() { d.copy("b") }, [4]string{}},
			{"and marks it", desktop(primary, map[string]string{TextPlain: "b"}), [4]string{}},
			{"the desktop copies anew", func() { d.copy("c") }, [4]string{"c", "c", "", "c"}},
			{"all types", desktop(board, map[string]string{TextPlain: "t", TextHTML: "<b>t</b>", ImagePNG: small}),
				[4]string{"t|<b>t</b>|" + small, "t|<b>t</b>|" + small, "", "t|<b>t</b>|" + small}},
			{"marked with the mouse", desktop(primary, map[string]string{TextPlain: "m"}), [4]string{"", "", "", "m"}},
			{"too large", func() { d.copy(strings.Repeat("x", most+1)) }, [4]string{"too large", "too large", "", "too large"}},
			{"a part of it too large", desktop(board, map[string]string{TextPlain: "p", ImagePNG: strings.Repeat("x", most)}), [4]string{"p", "p", "", "p"}},
			{"not text", func() { d.copy("\xff\xfe") }, [4]string{}},
			{"with zeros", func() { d.copy("z\x00z\x00") }, [4]string{"zz", "zz", "", "zz"}},
			{"a broken picture", desktop(board, map[string]string{TextPlain: "q", ImagePNG: small[:len(small)-1]}), [4]string{"q", "q", "", "q"}},
			{"nothing at all", desktop(board, nil), [4]string{}},
			{"empty", func() { d.copy("") }, [4]string{}},
		} {
			step.act()
			rest()
			var got [4]string
			for i, v := range []*Viewer{giver, taker, refused, marker} {
				got[i] = copiedBy(v)
			}
			if got != step.want {
				t.Errorf("%s: got %q, want %q", step.name, got, step.want)
			}
		}
		if len(d.offered) != 1 || string(d.offered[0][0].Data) != "b" {
			t.Errorf("offered %q, want b", d.offered)
		}
		late := join(t, s, Owner)
		if got := copiedBy(late); got != "" {
			t.Errorf("a joiner got %q, which was copied before", got)
		}
	})
}

// TestClipboardOwners: one that answers for nothing, or not for all it has, costs
// no more than its turn.
func TestClipboardOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		v := join(t, s, Owner)
		d.mute = TextHTML
		d.own(input.SelectionClipboard, map[string]string{TextPlain: "text", TextHTML: "x", ImagePNG: "x"})
		rest()
		if got := copiedBy(v); got != "text" || d.reads != 2 {
			t.Errorf("got %q after %d reads, want the text after 2", got, d.reads)
		}
		d.mute, d.reads = TextPlain, 0
		d.copy("never")
		rest()
		if got := copiedBy(v); got != "" || d.reads != 1 {
			t.Errorf("got %q after %d reads, want nothing after 1", got, d.reads)
		}
		// One that copies all the time is not read all the time.
		d.mute, d.reads = "", 0
		for range 1000 {
			d.copy("again")
			time.Sleep(time.Millisecond)
			synctest.Wait()
		}
		if most := int(time.Second/carryPause+1) * len(copyTypes); d.reads > most {
			t.Errorf("read %d times in a second, want %d at most", d.reads, most)
		}
	})
}

// TestNobodyToCopyFor: what nobody may have is not even read.
func TestNobodyToCopyFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		join(t, s, Watcher)
		other := join(t, s, Owner)
		other.WantPrimary(true) // which is not served
		d.own(input.SelectionPrimary, map[string]string{TextPlain: "x"})
		rest()
		other.Leave()
		d.copy("x")
		rest()
		if d.reads != 0 {
			t.Errorf("read %d times, want never", d.reads)
		}
	})
}

func TestSetClipboard(t *testing.T) {
	const most = 1000
	s, d := start(t, Config{MaxClipboard: most, Primary: true})
	v := join(t, s, Owner)
	text, html := plain("text")[0], input.Item{MIME: TextHTML, Data: []byte("<i>t\x00</i>")}
	small := input.Item{MIME: ImagePNG, Data: []byte(picture(t, 3, 2))}
	for _, test := range []struct {
		name  string
		items []input.Item
		want  error
	}{
		{"all types", []input.Item{text, html, small}, nil},
		{"as much as may be", plain(strings.Repeat("x", most)), nil},
		{"too large", plain(strings.Repeat("x", most+1)), ErrTooLarge},
		{"too large in all", append(plain(strings.Repeat("x", most)), html), ErrTooLarge},
		{"not UTF-8", plain("\xff"), ErrMalformed},
		{"HTML that is not UTF-8", []input.Item{text, {MIME: TextHTML, Data: []byte("\xff\xfe<")}}, ErrMalformed},
		{"no picture", []input.Item{{MIME: ImagePNG, Data: []byte("GIF89a")}}, ErrMalformed},
		{"another type", []input.Item{{MIME: "text/uri-list", Data: []byte("file:///etc/passwd")}}, ErrMalformed},
		{"nothing", nil, ErrRefused},
	} {
		if err := v.SetClipboard(test.items); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
	if got := v.Counts().Unfit; got != 7 {
		t.Errorf("%d were refused, want 7", got)
	}
	if len(d.offered) != 2 || len(d.offered[0]) != 3 || string(d.offered[0][1].Data) != "<i>t</i>" {
		t.Errorf("offered %q", d.offered)
	}
	v.WantPrimary(true)
	if err := v.SetClipboard(plain("both")); err != nil || len(d.offered) != 4 {
		t.Errorf("%v, offered %d times, want 4: as both selections", err, len(d.offered))
	}
	s.SetHands(nil, nil)
	if err := v.SetClipboard(plain("x")); !errors.Is(err, ErrNoDisplay) {
		t.Errorf("got %v, want %v", err, ErrNoDisplay)
	}
}

func TestAnnounce(t *testing.T) {
	s, _ := start(t, Config{Policy: Policy{
		Refuse: map[Role][]Feature{Controller: {CopyIn}},
		Copies: map[Feature]CopyLimits{CopyIn: {MaxBytes: 1000}},
	}})
	owner, refused, watcher := join(t, s, Owner), join(t, s, Controller), join(t, s, Watcher)
	for _, test := range []struct {
		name  string
		v     *Viewer
		items []Announcement
		want  error
	}{
		{"text", owner, []Announcement{{TextPlain, 1000}}, nil},
		{"all", owner, []Announcement{{TextPlain, 1}, {TextHTML, 2}, {ImagePNG, 997}}, nil},
		{"1 GiB", owner, []Announcement{{TextPlain, 1 << 30}}, ErrTooLarge},
		{"beyond all numbers", owner, []Announcement{{TextPlain, 1}, {TextHTML, 1<<63 - 1}}, ErrTooLarge},
		{"more in all", owner, []Announcement{{TextPlain, 1}, {ImagePNG, 1000}}, ErrTooLarge},
		{"nothing", owner, nil, ErrMalformed},
		{"less than nothing", owner, []Announcement{{TextPlain, -1}}, ErrMalformed},
		{"twice", owner, []Announcement{{TextPlain, 1}, {TextPlain, 1}}, ErrMalformed},
		{"another type", owner, []Announcement{{"image/svg+xml", 1}}, ErrMalformed},
		{"from who may not", refused, []Announcement{{TextPlain, 1}}, ErrRefused},
		{"from who only looks", watcher, []Announcement{{TextPlain, 1}}, ErrRefused},
	} {
		if err := test.v.Announce(test.items); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
	if got := owner.Counts(); got.Unfit != 7 || got.Refused != 0 {
		t.Errorf("%d unfit and %d refused, want 7 and 0", got.Unfit, got.Refused)
	}
	if got := watcher.Counts(); got.Unfit != 0 || got.Refused != 1 {
		t.Errorf("of who only looks %d unfit and %d refused, want 0 and 1", got.Unfit, got.Refused)
	}
	if got, want := owner.CopyTerms(CopyIn), (CopyTerms{MaxBytes: 1000}); got != want {
		t.Errorf("terms %+v, want %+v", got, want)
	}
}

// TestCopyLimits: types, size and rate by policy, each way.
func TestCopyLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perMinute = 60 << 10
		s, d := start(t, Config{Policy: Policy{Copies: map[Feature]CopyLimits{
			CopyIn:  {Types: []string{TextPlain}, MaxBytes: 50 << 10, BytesPerMinute: perMinute},
			CopyOut: {Types: []string{TextHTML}, MaxBytes: 50 << 10, BytesPerMinute: perMinute},
		}}})
		v := join(t, s, Owner)
		half, html := strings.Repeat("x", perMinute/2), input.Item{MIME: TextHTML, Data: []byte("h")}
		var got []error
		for range 3 {
			got = append(got, v.SetClipboard(append(plain(half), html)))
		}
		if got[0] != nil || got[1] != nil || !errors.Is(got[2], ErrTooOften) {
			t.Errorf("three halves of what may come in a minute: %v", got)
		}
		if err := v.Announce([]Announcement{{TextPlain, 1}}); !errors.Is(err, ErrTooOften) {
			t.Errorf("announced then: %v, want %v", err, ErrTooOften)
		}
		if err := join(t, s, Owner).SetClipboard(plain("x")); !errors.Is(err, ErrTooOften) {
			t.Errorf("another viewer: %v, want %v", err, ErrTooOften)
		}
		time.Sleep(2 * time.Second)
		if err := v.SetClipboard(plain("x")); err != nil {
			t.Errorf("2 s later: %v", err)
		}
		if err := v.SetClipboard([]input.Item{html}); !errors.Is(err, ErrRefused) {
			t.Errorf("a type that is not carried: %v, want %v", err, ErrRefused)
		}
		if len(d.offered) != 3 || len(d.offered[0]) != 1 {
			t.Errorf("offered %d times, the first with %d types; want 3 times, with 1", len(d.offered), len(d.offered[0]))
		}

		large := strings.Repeat("x", 40<<10)
		for n, want := range []string{large, large, ErrTooOften.Error()} {
			d.own(input.SelectionClipboard, map[string]string{TextPlain: "t", TextHTML: large})
			synctest.Wait()
			if got := copiedBy(v); got != want {
				t.Errorf("copy %d: %d bytes, want %d", n, len(got), len(want))
			}
			time.Sleep(carryPause)
			synctest.Wait()
		}
		d.own(input.SelectionClipboard, map[string]string{TextHTML: half + half})
		rest()
		if got := copiedBy(v); got != ErrTooLarge.Error() {
			t.Errorf("too large by policy: got %.20q", got)
		}
		d.own(input.SelectionClipboard, map[string]string{TextPlain: "t"})
		rest()
		if got := copiedBy(v); got != "" {
			t.Errorf("a type that is not carried: got %.20q", got)
		}
	})
}

// TestClipboardResumes: what had not all got to a page is news for the viewer that
// takes its place, and nothing else is.
func TestClipboardResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		before := join(t, s, Owner)
		replace := func() *Viewer {
			before.Leave()
			v, err := s.Join(JoinConfig{Role: Owner, Instead: before})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(v.Leave)
			before = v
			return v
		}
		d.copy("cut")
		rest()
		copiedBy(before)
		last, err := replace().Copied()
		if err != nil || len(last.Items) != 1 || string(last.Items[0].Data) != "cut" {
			t.Errorf("got %q, %v, want what was cut off", last.Items, err)
		}
		before.HasCopied(last)
		if got := copiedBy(replace()); got != "" {
			t.Errorf("got %q, which was there", got)
		}
		if err := before.SetClipboard(plain("mine")); err != nil {
			t.Fatal(err)
		}
		if got := copiedBy(replace()); got != "" {
			t.Errorf("got %q, which it gave", got)
		}
	})
}

// TestClipboardCloses: a display whose clipboard has ended costs nothing until
// there is another.
func TestClipboardCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := start(t, Config{})
		v := join(t, s, Owner)
		close(d.changed)
		synctest.Wait() // would not return if the session span
		next := newDisplay()
		s.SetHands(next, next)
		next.copy("back")
		synctest.Wait()
		if got := copiedBy(v); got != "back" {
			t.Errorf("got %q, want back", got)
		}
	})
}
