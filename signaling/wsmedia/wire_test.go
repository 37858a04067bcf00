package wsmedia

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"image"
	"os"
	"testing"
	"time"

	"lucarne/encode"
)

// vectors are the messages of testdata/wire.json, which the page is tested with as well.
type vectors struct {
	Pictures []struct {
		Name                              string
		Hex                               string
		Flags, Codec                      uint8
		Sequence                          uint32
		Width, Height                     int
		Damaged                           int64
		Grabbed, Converted, Encoded, Sent int64 // µs after Damaged
		Quantizer                         int
		Payload                           string
	}
	Acknowledgements []struct {
		Name                      string
		Hex                       string
		Sequence, Decode, Arrived uint32
		Waiting                   int
	}
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/wire.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPictureVectors(t *testing.T) {
	codecs := map[uint8]encode.Codec{1: encode.VP8, 2: encode.H264, 3: encode.JPEG}
	var profile [3]byte // of the newest key frame
	for _, v := range readVectors(t).Pictures {
		if v.Codec != 2 || v.Flags&keyFlag != 0 {
			profile, _ = encode.H264Profile(unhex(t, v.Payload))
		}
		damaged := time.UnixMicro(v.Damaged)
		after := func(µs int64) time.Time { return damaged.Add(time.Duration(µs) * time.Microsecond) }
		h := header{
			sequence: v.Sequence,
			sent:     after(v.Sent),
			profile:  profile,
			packet: encode.Packet{
				Codec: codecs[v.Codec], Size: image.Pt(v.Width, v.Height), Quantizer: v.Quantizer,
				Key: v.Flags&keyFlag != 0, Settled: v.Flags&settledFlag != 0,
				Times: encode.Times{Damaged: damaged, Grabbed: after(v.Grabbed), Converted: after(v.Converted), Encoded: after(v.Encoded)},
			},
		}
		if v.Flags&refineFlag != 0 {
			h.packet.Times.Damaged = time.Time{}
		}
		got := append(make([]byte, headerSize), unhex(t, v.Payload)...)
		h.put(got, v.Flags&moreFlag != 0)
		if want := unhex(t, v.Hex); !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", v.Name, got, want)
		}
	}
}

func TestAcknowledgementVectors(t *testing.T) {
	for _, v := range readVectors(t).Acknowledgements {
		got, err := parseAcknowledgement(unhex(t, v.Hex))
		want := acknowledgement{v.Sequence, time.Duration(v.Decode) * time.Microsecond, v.Arrived, v.Waiting}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", v.Name, got, err, want)
		}
	}
}

func TestMalformedAcknowledgements(t *testing.T) {
	good := unhex(t, readVectors(t).Acknowledgements[0].Hex)
	for name, msg := range map[string][]byte{
		"empty":      {},
		"truncated":  good[:len(good)-1],
		"too long":   append(bytes.Clone(good), 0),
		"other type": append([]byte{17}, good[1:]...),
	} {
		if got, err := parseAcknowledgement(msg); err == nil {
			t.Errorf("%s: %+v, want an error", name, got)
		}
	}
}
