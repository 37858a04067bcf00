package rfb

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"lucarne/signaling/session"
)

// filtered returns what the server gets of a page's messages.
func filtered(v *session.Viewer, page io.Reader) (string, Counts, error) {
	var server bytes.Buffer
	f := newFilter(v, page, &server)
	err := f.run()
	return server.String(), f.counts, err
}

func TestFilter(t *testing.T) {
	const clipboard, buttons, power = -1063982642, -316, -309 // extended clipboard, extended mouse buttons, xvp
	for _, test := range []struct {
		name string
		role session.Role
		page string
		want string
		counts
	}{
		{"pixel format", session.Owner, pixelFormat, pixelFormat, counts{}},
		{"update request", session.Watcher, updateRequest, updateRequest, counts{}},
		{"encodings", session.Owner, encodings(7, clipboard, -23, buttons, -247, power, 0x574d5664, 99), encodings(7, -23, -247, 0x574d5664), counts{}},
		{"no encodings", session.Owner, encodings(), encodings(), counts{}},
		{"many encodings", session.Owner, encodings(make([]int32, 1000)...), encodings(make([]int32, maxEncodings)...), counts{}},
		{"key", session.Owner, keyDown + keyUp, keyDown + keyUp, counts{events: 2}},
		{"key of a viewer", session.Watcher, keyDown + updateRequest, updateRequest, counts{refused: 1}},
		{"extended key", session.Controller, qemuDown + qemuUp, qemuDown + qemuUp, counts{events: 2}},
		{"extended key of a viewer", session.Watcher, qemuDown + updateRequest, updateRequest, counts{refused: 1}},
		{"repeat", session.Owner, keyDown + keyDown + keyUp, keyDown + keyUp + keyDown + keyUp, counts{events: 3}},
		{"extended repeat", session.Owner, qemuDown + qemuDown, qemuDown + qemuUp + qemuDown, counts{events: 2}},
		{"pointer", session.Owner, buttonDown + buttonUp, buttonDown + buttonUp, counts{events: 2}},
		{"pointer of a viewer", session.Watcher, buttonDown + updateRequest, updateRequest, counts{refused: 1}},
		{"cut text", session.Owner, cutText + updateRequest, updateRequest, counts{dropped: 1}},
		{"extended cut text", session.Owner, extendedCut + updateRequest, updateRequest, counts{dropped: 1}},
		{"continuous updates", session.Watcher, continuous, continuous, counts{}},
		{"fence", session.Watcher, fence + updateRequest, fence + updateRequest, counts{}},
		{"xvp", session.Owner, xvpShutdown + updateRequest, updateRequest, counts{dropped: 1}},
		{"desktop size", session.Owner, desktopSize + updateRequest, updateRequest, counts{dropped: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, n, err := filtered(join(t, test.role, session.Policy{}), strings.NewReader(test.page))
			if got != test.want || !errors.Is(err, io.EOF) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			if want := (Counts{test.events, test.refused, test.dropped}); n != want {
				t.Errorf("counted %+v, want %+v", n, want)
			}
		})
	}
}

type counts struct{ events, refused, dropped uint64 }

// TestPolicy: what is refused to a role passes for nobody of it.
func TestPolicy(t *testing.T) {
	v := join(t, session.Controller, session.Policy{Refuse: map[session.Role][]session.Feature{session.Controller: {session.Keyboard}}})
	got, _, _ := filtered(v, strings.NewReader(keyDown+buttonDown+qemuDown))
	if got != buttonDown {
		t.Errorf("got %q, want the pointer alone", got)
	}
}

func TestMalformed(t *testing.T) {
	for name, message := range map[string]string{
		"unknown":         "\x07",
		"QEMU audio":      qemuAudio,
		"long fence":      "\xf8\x00\x00\x00\x80\x00\x00\x01\x41",
		"large cut text":  "\x06\x00\x00\x00" + bytes32(maxCutText+1),
		"lowest cut text": "\x06\x00\x00\x00" + bytes32(1<<31),
	} {
		got, _, err := filtered(join(t, session.Owner, session.Policy{}), strings.NewReader(updateRequest+message+strings.Repeat("x", 100)))
		if got != updateRequest || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %q, %v, want %v", name, got, err, ErrMalformed)
		}
	}
}

// all is every message that a page may send.
var all = pixelFormat + encodings(7, 16, -23, -316) + updateRequest + keyDown + keyUp + buttonDown + buttonUp + cutText +
	extendedCut + continuous + fence + xvpShutdown + desktopSize + qemuDown + qemuUp

// TestSplit cuts the stream in two at each place, and into single bytes.
func TestSplit(t *testing.T) {
	v := join(t, session.Owner, session.Policy{})
	want, _, _ := filtered(v, strings.NewReader(all))
	if got, _, err := filtered(v, iotest.OneByteReader(strings.NewReader(all))); got != want || !errors.Is(err, io.EOF) {
		t.Errorf("byte for byte: got %q, %v, want %q", got, err, want)
	}
	for i := range all {
		parts := io.MultiReader(strings.NewReader(all[:i]), strings.NewReader(all[i:]))
		if got, _, _ := filtered(v, parts); got != want {
			t.Errorf("cut at %d: got %q, want %q", i, got, want)
		}
	}
}

// TestCutOff ends the stream at each place: nothing but whole messages pass.
func TestCutOff(t *testing.T) {
	v := join(t, session.Owner, session.Policy{})
	want, _, _ := filtered(v, strings.NewReader(all))
	for i := range all {
		got, _, err := filtered(v, strings.NewReader(all[:i]))
		if !strings.HasPrefix(want, got) || !errors.Is(err, io.EOF) {
			t.Errorf("ends at %d: got %q, %v, want the beginning of %q", i, got, err, want)
		}
		if err := inStep([]byte(got)); err != nil {
			t.Errorf("ends at %d: the server gets %q: %v", i, got, err)
		}
	}
}

// TestHeld: hands have few fingers, and all are lifted at the end.
func TestHeld(t *testing.T) {
	var page strings.Builder
	for i := range uint32(2 * maxHeld) {
		page.WriteString("\x04\x01\x00\x00" + bytes32(0x100+i))
	}
	page.WriteString(buttonDown)
	var server bytes.Buffer
	f := newFilter(join(t, session.Owner, session.Policy{}), strings.NewReader(page.String()), &server)
	f.run()
	if f.counts.Dropped != maxHeld {
		t.Errorf("%d keys dropped, want %d", f.counts.Dropped, maxHeld)
	}
	server.Reset()
	f.letGo()
	var want strings.Builder
	for i := range uint32(maxHeld) {
		want.WriteString("\x04\x00\x00\x00" + bytes32(0x100+i))
	}
	want.WriteString(buttonUp)
	if server.String() != want.String() {
		t.Errorf("let go by %q, want %q", server.String(), want.String())
	}
}

// inStep says whether a server that knows RFC 6143 and the extensions of known
// would understand a stream, and that there is nothing in it that may not pass.
func inStep(stream []byte) error {
	sizes := map[byte]int{setPixelFormat: 20, framebufferUpdateRequest: 10, keyEvent: 8, pointerEvent: 6, enableContinuousUpdates: 10, qemu: 12}
	for len(stream) > 0 {
		size := sizes[stream[0]]
		switch {
		case stream[0] == setEncodings && len(stream) >= 4:
			size = 4 + 4*(int(stream[2])<<8+int(stream[3]))
		case stream[0] == clientFence && len(stream) >= 9:
			size = 9 + int(stream[8])
		case stream[0] == qemu && len(stream) >= 2 && stream[1] != 0:
			return errors.New("audio")
		}
		if size == 0 || size > len(stream) {
			return errors.New("out of step")
		}
		stream = stream[size:]
	}
	return nil
}

func FuzzFilter(f *testing.F) {
	for _, message := range []string{pixelFormat, encodings(7, -316), updateRequest, keyDown, keyUp, buttonDown, buttonUp, cutText,
		extendedCut, continuous, fence, xvpShutdown, desktopSize, qemuDown, qemuUp, qemuAudio, all} {
		f.Add([]byte(message), true)
		f.Add([]byte(message+message), false)
	}
	f.Fuzz(func(t *testing.T, page []byte, watches bool) {
		role := session.Owner
		if watches {
			role = session.Watcher
		}
		v := join(t, role, session.Policy{})
		got, n, _ := filtered(v, bytes.NewReader(page))
		if err := inStep([]byte(got)); err != nil {
			t.Errorf("the server gets %q: %v", got, err)
		}
		if watches && n.Events > 0 {
			t.Errorf("%d events of one who may only look", n.Events)
		}
		if again, m, _ := filtered(v, iotest.OneByteReader(bytes.NewReader(page))); again != got || m != n {
			t.Errorf("byte for byte: %q, %+v, at once: %q, %+v", again, m, got, n)
		}
	})
}
