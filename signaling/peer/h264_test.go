package peer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/pion/rtp/codecs"

	"lucarne/encode"
	"lucarne/signaling/peer/bwe"
)

// unit makes a NAL unit of a type and size, without zeros in it.
func unit(header byte, size int) []byte {
	return append([]byte{header}, bytes.Repeat([]byte{0x5a}, size-1)...)
}

// stream puts NAL units together (ITU-T H.264, annex B), with start codes of both
// lengths.
func stream(units ...[]byte) (b []byte) {
	for n, u := range units {
		b = append(b, []byte{0, 0, 0, 1}[n%2:]...)
		b = append(b, u...)
	}
	return b
}

// packets returns the payloads that a frame goes in.
func packets(t testing.TB, frame []byte) (list [][]byte) {
	t.Helper()
	w := &wire{keep: true}
	v := bind(w, bwe.Config{MinBps: 1e12, MaxBps: 1e12})
	if !v.WritePacket(encode.Packet{Data: frame, Codec: encode.H264, Key: true}) {
		return nil
	}
	for v.count > 0 {
		v.bucket.level = burst
		v.flush()
	}
	for n, p := range w.packets {
		if last := n == len(w.packets)-1; p.Marker != last || p.PayloadType != 102 || p.Timestamp != w.packets[0].Timestamp {
			t.Errorf("packet %d of %d: %v", n, len(w.packets), p.Header)
		}
		if len(p.Payload) == 0 || len(p.Payload) > maxPayload {
			t.Errorf("packet %d has %d bytes", n, len(p.Payload))
		}
		list = append(list, p.Payload)
	}
	return list
}

// describe says of each payload how it carries what (RFC 6184 §5.4).
func describe(payloads [][]byte) string {
	var list []string
	for _, p := range payloads {
		nri := p[0] >> 5 & 3
		switch t := p[0] & 0x1f; t {
		case 24:
			text := fmt.Sprintf("STAP-A/%d", nri)
			for rest := p[1:]; len(rest) > 2; {
				size := binary.BigEndian.Uint16(rest)
				text += fmt.Sprintf(" %d:%d", rest[2]&0x1f, size)
				rest = rest[2+size:]
			}
			list = append(list, text)
		case 28:
			part := map[byte]string{0: "-", 0x80: "<", 0x40: ">", 0xc0: "!"}[p[1]&0xc0]
			list = append(list, fmt.Sprintf("FU-A/%d %d%s%d", nri, p[1]&0x1f, part, len(p)-2))
		default:
			list = append(list, fmt.Sprintf("%d/%d %d", t, nri, len(p)))
		}
	}
	return strings.Join(list, ", ")
}

func TestH264Payloads(t *testing.T) {
	sps, pps, sei := unit(0x67, 20), unit(0x68, 5), unit(0x06, 30)
	const most = maxPayload
	for _, tt := range []struct {
		name  string
		frame []byte
		want  string
	}{
		{"a small slice", stream(unit(0x41, 100)), "1/2 100"},
		{"the largest alone", stream(unit(0x41, most)), fmt.Sprintf("1/2 %d", most)},
		{"one more", stream(unit(0x41, most+1)), fmt.Sprintf("FU-A/2 1<%d, FU-A/2 1>%d", most/2, most/2)},
		{"a small key frame", stream(sps, pps, sei, unit(0x65, 200)), "STAP-A/3 7:20 8:5 6:30 5:200"},
		{"a large key frame", stream(sps, pps, unit(0x65, 3*(most-2)+1)), fmt.Sprintf("STAP-A/3 7:20 8:5, FU-A/3 5<%[1]d, FU-A/3 5-%[1]d, FU-A/3 5>%[1]d", most-2)},
		{"a unit that fits no aggregate", stream(sps, unit(0x65, most-1), pps), fmt.Sprintf("7/3 20, 5/3 %d, 8/3 5", most-1)},
		{"slices", stream(unit(0x41, 600), unit(0x41, 600), unit(0x41, 400), unit(0x21, 100)), "1/2 600, STAP-A/2 1:600 1:400 1:100"},
		{"many units", stream(unit(0x06, 9), unit(0x06, 9), unit(0x06, 9), unit(0x06, 9), unit(0x06, 9), unit(0x06, 9), unit(0x06, 9), unit(0x06, 9), unit(0x01, 9)), "STAP-A/0 6:9 6:9 6:9 6:9 6:9 6:9 6:9 6:9, 1/0 9"},
		{"types that are RTP's own", stream(unit(0x78, 9), unit(0x7c, 9), unit(0x60, 9), unit(0x41, 9)), "1/2 9"},
		{"empty units", stream(nil, unit(0x41, 9), nil), "1/2 9"},
		{"no start code", unit(0x41, 9), ""},
		{"start codes alone", stream(nil, nil), ""},
		{"nothing", nil, ""},
		{"too much", stream(unit(0x65, maxQueued*most)), ""},
		{"too many", bytes.Repeat(stream(unit(0x41, most-5)), maxQueued), ""},
	} {
		if got := describe(packets(t, tt.frame)); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// A frame that there is no room for leaves nothing behind.
func TestRefusedFrameLeavesNothing(t *testing.T) {
	w := &wire{keep: true}
	v := bind(w, bwe.Config{MinBps: 1e12, MaxBps: 1e12})
	write := func(units ...[]byte) bool {
		return v.WritePacket(encode.Packet{Data: stream(units...), Codec: encode.H264, Key: true})
	}
	if !write(unit(0x65, 9)) || write(unit(0x65, maxQueued*maxPayload)) || !write(unit(0x65, 10)) {
		t.Fatal("want a frame taken, one refused, one taken")
	}
	v.flush()
	if len(w.packets) != 2 || w.packets[1].SequenceNumber != w.packets[0].SequenceNumber+1 || len(w.packets[1].Payload) != 10 {
		t.Errorf("packets %v, want two that follow each other", w.packets)
	}
	if v.queued != 0 {
		t.Errorf("%d bytes are left", v.queued)
	}
}

// What goes in as an access unit comes out of the packets as it was, by another's
// reader.
func FuzzH264Payloads(f *testing.F) {
	sps, pps := unit(0x67, 20), unit(0x68, 5)
	f.Add(stream(sps, pps, unit(0x65, 5000)))
	f.Add(stream(unit(0x41, 600), unit(0x41, 600), unit(0x41, 5)))
	f.Add(stream(sps, pps, []byte{0x65, 0, 0, 3, 1, 0, 0, 3}, unit(0x06, maxPayload), unit(0x06, maxPayload+1)))
	f.Add(stream(nil, unit(0x7c, 9), unit(0x41, 2*maxPayload)))
	f.Add([]byte{0, 0, 1})
	f.Fuzz(func(t *testing.T, frame []byte) {
		var want []byte
		for nal, rest := encode.NextNAL(frame); nal != nil; nal, rest = encode.NextNAL(rest) {
			if len(nal) > 0 && nal[0]&0x1f >= 1 && nal[0]&0x1f <= 23 {
				want = append(append(want, 0, 0, 0, 1), nal...)
			}
		}
		var reader codecs.H264Packet
		var got []byte
		for _, p := range packets(t, frame) {
			piece, err := reader.Unmarshal(p)
			if err != nil {
				t.Fatalf("%x: %v", p, err)
			}
			got = append(got, piece...)
		}
		if len(want) < maxQueued*64 && !bytes.Equal(got, want) {
			t.Fatalf("%x\nbecame %x", want, got)
		}
	})
}
