package input

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"image"
	"os"
	"strings"
	"testing"
)

// A vector is one message of testdata/events.json, which the page's encoder is
// tested with as well.
type vector struct {
	Name  string `json:"name"`
	Hex   string `json:"hex"`
	Seq   uint32 `json:"seq"`
	At    uint32 `json:"at"`
	Event struct {
		Type   string `json:"type"`
		Action string `json:"action"`
		Keysym uint32 `json:"keysym"`
		Code   string `json:"code"`
		Button uint8  `json:"button"`
		X      int    `json:"x"`
		Y      int    `json:"y"`
		DX     int    `json:"dx"`
		DY     int    `json:"dy"`
		Text   string `json:"text"`
		Caps   bool   `json:"caps"`
		Num    bool   `json:"num"`
	} `json:"event"`
}

func (v vector) event(t *testing.T) Event {
	e, pos := v.Event, image.Pt(v.Event.X, v.Event.Y)
	action := map[string]Action{"up": Up, "down": Down, "repeat": Repeat}[e.Action]
	switch e.Type {
	case "key":
		return Key{Action: action, Code: e.Code, Keysym: e.Keysym}
	case "motion":
		return Motion{Pos: pos}
	case "button":
		return Button{Action: action, Button: e.Button, Pos: pos}
	case "wheel":
		return Wheel{Delta: image.Pt(e.DX, e.DY), Pos: pos}
	case "release":
		return Release{}
	case "renew":
		return Renew{}
	case "relative":
		return Relative{Total: pos}
	case "text":
		return Text{Text: e.Text}
	case "locks":
		return Locks{Caps: e.Caps, Num: e.Num}
	}
	t.Fatalf("%s: unknown event type %q", v.Name, e.Type)
	return nil
}

func vectors(t testing.TB) []vector {
	data, err := os.ReadFile("testdata/events.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(data, &vs); err != nil {
		t.Fatal(err)
	}
	return vs
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		want := v.event(t)
		msg, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if got := Append(nil, v.Seq, v.At, want); !bytes.Equal(got, msg) {
			t.Errorf("%s: Append = %x, want %x", v.Name, got, msg)
		}
		seq, at, e, err := Decode(msg)
		if err != nil || seq != v.Seq || at != v.At || e != want {
			t.Errorf("%s: Decode = %d, %d, %#v, %v; want %d, %d, %#v", v.Name, seq, at, e, err, v.Seq, v.At, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	const header = "00000001" + "00000000"
	tests := map[string]string{
		"nothing":                  "",
		"header cut short":         "0500000001000000",
		"type 0":                   "00" + header,
		"type 10":                  "0a" + header,
		"sequence 0":               "050000000000000000",
		"key without code length":  "01" + header + "0100000061",
		"key with half a code":     "01" + header + "0100000061" + "04" + "4b6579",
		"key with bytes left over": "01" + header + "0100000061" + "04" + "4b65794141",
		"key with a long code":     "01" + header + "0100000061" + "21" + strings.Repeat("41", 33),
		"key with a control byte":  "01" + header + "0100000061" + "01" + "1f",
		"key with a byte of 0x7f":  "01" + header + "0100000061" + "01" + "7f",
		"key action 3":             "01" + header + "0300000061" + "00",
		"motion cut short":         "02" + header + "000100",
		"motion with more":         "02" + header + "0001000200",
		"button repeat":            "03" + header + "02010001" + "0002",
		"button 0":                 "03" + header + "01000001" + "0002",
		"button 4":                 "03" + header + "01040001" + "0002",
		"button 10":                "03" + header + "010a0001" + "0002",
		"button cut short":         "03" + header + "01010001" + "00",
		"wheel cut short":          "04" + header + "00780000" + "000100",
		"wheel with more":          "04" + header + "00780000" + "0001000200",
		"release with more":        "05" + header + "00",
		"renew with more":          "06" + header + "00",
		"relative cut short":       "07" + header + "00000001000000",
		"relative with more":       "07" + header + "000000010000000200",
		"text without a length":    "08" + header + "00",
		"text of nothing":          "08" + header + "0000",
		"text cut short":           "08" + header + "0002" + "61",
		"text with more":           "08" + header + "0001" + "6162",
		"text too long":            "08" + header + "0401" + strings.Repeat("61", 1025),
		"text with an escape":      "08" + header + "0001" + "1b",
		"text with a return":       "08" + header + "0001" + "0d",
		"text with a zero":         "08" + header + "0001" + "00",
		"text with a delete":       "08" + header + "0001" + "7f",
		"text with a C1 control":   "08" + header + "0002" + "c29b",
		"text that is Latin-1":     "08" + header + "0001" + "e9",
		"text with a surrogate":    "08" + header + "0003" + "eda080",
		"text cut in a character":  "08" + header + "0002" + "e282",
		"locks without a state":    "09" + header,
		"locks with more":          "09" + header + "0000",
		"locks of another kind":    "09" + header + "04",
	}
	for name, s := range tests {
		msg, err := hex.DecodeString(s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, _, e, err := Decode(msg); err == nil {
			t.Errorf("%s: Decode = %#v, want an error", name, e)
		}
	}
}

func TestAppendSaturates(t *testing.T) {
	tests := []struct{ e, want Event }{
		{Motion{image.Pt(-1, 1<<20)}, Motion{image.Pt(0, 65535)}},
		{Wheel{Delta: image.Pt(1<<20, -1<<20)}, Wheel{Delta: image.Pt(32767, -32768)}},
		{Button{Button: 1, Pos: Here}, Button{Button: 1, Pos: Here}},
		{Relative{image.Pt(1<<31, -1<<31-1)}, Relative{image.Pt(-1<<31, 1<<31-1)}}, // a total wraps
	}
	for _, test := range tests {
		if _, _, got, err := Decode(Append(nil, 1, 0, test.e)); err != nil || got != test.want {
			t.Errorf("%#v: got %#v, %v; want %#v", test.e, got, err, test.want)
		}
	}
	for _, n := range []int{33, 255, 256, 300} {
		if _, _, got, err := Decode(Append(nil, 1, 0, Key{Code: strings.Repeat("A", n)})); err == nil {
			t.Errorf("a code of %d bytes: got %#v, want an error", n, got)
		}
	}
	for _, n := range []int{0, MaxText + 1, 1 << 16, 1<<16 + 1} {
		if _, _, got, err := Decode(Append(nil, 1, 0, Text{strings.Repeat("a", n)})); err == nil {
			t.Errorf("a text of %d bytes: got %#v, want an error", n, got)
		}
	}
	if got := Append(nil, 1, 0, Shift{image.Pt(1, 1)}); got != nil {
		t.Errorf("a shift has the message %x, want none", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		msg, err := hex.DecodeString(v.Hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(msg)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		seq, at, e, err := Decode(msg)
		if err != nil {
			return
		}
		if len(msg) > MaxMessage {
			t.Errorf("a message of %d bytes was accepted, more than %d", len(msg), MaxMessage)
		}
		if got := Append(nil, seq, at, e); !bytes.Equal(got, msg) {
			t.Errorf("Append(Decode(%x)) = %x", msg, got)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	msg := Append(nil, 1, 2, Key{Action: Down, Code: "KeyA", Keysym: 'a'})
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := Decode(msg); err != nil {
			b.Fatal(err)
		}
	}
}
