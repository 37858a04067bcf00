package viewer

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// packets returns frames of some packets each, the first of them a key frame,
// with 100 bytes of VP8 in a packet and sequence numbers that wrap.
func packets(t testing.TB, frames ...int) [][]byte {
	t.Helper()
	var all [][]byte
	seq := uint16(65530)
	for i, count := range frames {
		for n := range count {
			payload := make([]byte, 1+100)
			if n == 0 {
				payload[0] = 0x10 // S, partition 0
				if i > 0 {
					payload[1] = 1 // not a key frame
				}
			}
			p := rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, Timestamp: uint32(i) * 1500, SSRC: 1, Marker: n == count-1},
				Payload: payload,
			}
			data, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, data)
			seq++
		}
	}
	return all
}

func TestRecord(t *testing.T) {
	all := packets(t, 3, 1, 4, 2)
	const size = 12 + 1 + 100
	without := func(lost ...int) [][]byte {
		var left [][]byte
		for i, p := range all {
			if !slices.Contains(lost, i) {
				left = append(left, p)
			}
		}
		return left
	}
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	for _, c := range []struct {
		name string
		in   [][]byte
		want Stats
	}{
		{"in order", all, Stats{Packets: 10, Bytes: 10 * size, Frames: 4, KeyFrames: 1}},
		{"backwards", backwards, Stats{Packets: 10, Bytes: 10 * size, Frames: 4, KeyFrames: 1}},
		{"twice", slices.Concat(all, all), Stats{Packets: 10, Bytes: 10 * size, Repeated: 10, Frames: 4, KeyFrames: 1}},
		{"a first packet lost", without(0), Stats{Packets: 9, Bytes: 9 * size, Frames: 3}},
		{"one in a frame lost", without(5), Stats{Packets: 9, Bytes: 9 * size, Lost: 1, Frames: 3, KeyFrames: 1}},
		{"a last packet lost", without(2), Stats{Packets: 9, Bytes: 9 * size, Lost: 1, Frames: 3}},
		{"a frame lost", without(3), Stats{Packets: 9, Bytes: 9 * size, Lost: 1, Frames: 3, KeyFrames: 1}},
		{"lost, then sent again", append(without(5), all[5]), Stats{Packets: 10, Bytes: 10 * size, Frames: 4, KeyFrames: 1}},
		{"no RTP", [][]byte{nil, {1}, make([]byte, 11)}, Stats{Malformed: 3}},
	} {
		r := newRecord()
		for i, p := range c.in {
			r.packet(p, readVP8, false, start.Add(time.Duration(i)*time.Millisecond))
		}
		if got := r.stats(); got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

// h264Payloads are those of a key frame in three packets, a frame in two slices and
// one in two packets.
var h264Payloads = [][]byte{
	{0x78, 0, 2, 0x67, 1, 0, 1, 0x68}, {0x7c, 0x85, 1, 2, 3}, {0x7c, 0x45, 4, 5},
	{0x41, 9}, {0x58, 0, 1, 0x41, 0, 2, 0x41, 1},
	{0x5c, 0x81, 1}, {0x5c, 0x41, 2},
}

// TestRecordH264: H.264's packets do not all say where a frame begins.
func TestRecordH264(t *testing.T) {
	const size = 7*12 + 8 + 5 + 4 + 2 + 8 + 3 + 3
	for _, c := range []struct {
		name  string
		order []int
		want  Stats
	}{
		{"in order", []int{0, 1, 2, 3, 4, 5, 6}, Stats{Packets: 7, Bytes: size, Frames: 3, KeyFrames: 1}},
		{"the first slice late", []int{0, 1, 2, 4, 3, 5, 6}, Stats{Packets: 7, Bytes: size, Frames: 3, KeyFrames: 1}},
		{"the end before a frame late", []int{0, 1, 3, 4, 2, 5, 6}, Stats{Packets: 7, Bytes: size, Frames: 3, KeyFrames: 1}},
		{"the first slice lost", []int{0, 1, 2, 4, 5, 6}, Stats{Packets: 6, Bytes: size - 12 - 2, Frames: 2, KeyFrames: 1, Lost: 1}},
		{"the parameter sets lost", []int{1, 2, 3, 4, 5, 6}, Stats{Packets: 6, Bytes: size - 12 - 8, Frames: 2}},
	} {
		r := newRecord()
		for _, i := range c.order {
			id := []uint32{0, 0, 0, 1500, 1500, 3000, 3000}[i]
			p := rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: 102, SequenceNumber: uint16(65533 + i), Timestamp: id, SSRC: 1, Marker: i == 2 || i == 4 || i == 6},
				Payload: h264Payloads[i],
			}
			data, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			r.packet(data, readH264, false, start)
		}
		if got := r.stats(); got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
	for _, bad := range [][]byte{{0}, {0x78}, {0x78, 0}, {0x78, 0, 0, 1}, {0x78, 0, 9, 1}, {0x7c}, {0x7c, 1}, {0x79, 1}} {
		if p, ok := readH264(bad); ok {
			t.Errorf("%x was taken as %+v", bad, p)
		}
	}
}

func TestRecordDatesFrames(t *testing.T) {
	r := newRecord()
	for i, p := range packets(t, 3, 1) {
		r.packet(p, readVP8, i == 1, start.Add(time.Duration(i)*time.Millisecond))
	}
	message := append([]byte{timesType, 1}, make([]byte, timesFrame)...)
	message[2+11] = 200   // damaged, µs
	message[2+27] = 50    // sent, µs later
	message[2+31] = 77    // bytes
	message[2+32] = 12    // quantizer
	message[2+33] = 1 | 4 // key, settled
	if err := r.told(message); err != nil {
		t.Fatal(err)
	}
	damaged := time.UnixMicro(200)
	want := []Frame{
		{ID: 0, Key: true, Packets: 3, Bytes: 300, First: start, Arrived: start.Add(2 * time.Millisecond), Server: Times{
			Damaged: damaged, Grabbed: damaged, Converted: damaged, Encoded: damaged, Sent: time.UnixMicro(250),
			Bytes: 77, Quantizer: 12, Key: true, Settled: true,
		}},
		{ID: 1500, Packets: 1, Bytes: 100, First: start.Add(3 * time.Millisecond), Arrived: start.Add(3 * time.Millisecond)},
	}
	if got := r.list(); !slices.Equal(got, want) {
		t.Errorf("frames\n got %+v\nwant %+v", got, want)
	}
	if got := r.stats().Repaired; got != 1 {
		t.Errorf("%d packets repaired, want 1", got)
	}
}

// TestRecordIsBounded: what a bad network or a long run brings is forgotten, and
// counted.
func TestRecordIsBounded(t *testing.T) {
	frames := make([]int, maxFrames+100)
	for i := range frames {
		frames[i] = 2
	}
	r := newRecord()
	for i, p := range packets(t, frames...) {
		if i >= 2*100 && i < 2*200 && i%2 == 1 {
			continue // a hundred frames that are never finished
		}
		r.packet(p, readVP8, false, start.Add(time.Duration(i)*time.Millisecond))
	}
	s := r.stats()
	if s.Frames != maxFrames || s.Lost != 100 || s.Broken+len(r.unfinished) != 100 || len(r.unfinished) > maxUnfinished {
		t.Errorf("%+v and %d unfinished, want %d frames, 100 lost, all but at most %d broken", s, len(r.unfinished), maxFrames, maxUnfinished)
	}
	list := r.list()
	if last := list[len(list)-1]; len(list) > maxFrames || last.ID != uint32(len(frames)-1)*1500 {
		t.Errorf("%d frames kept to %d, want at most %d, to the newest", len(list), last.ID, maxFrames)
	}
}

func FuzzPacket(f *testing.F) {
	for _, p := range packets(f, 3, 1, 2) {
		f.Add(p, webrtc.MimeTypeVP8, uint8(2))
	}
	for _, payload := range h264Payloads {
		f.Add(append([]byte{0x80, 0x80 | 102, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, payload...), webrtc.MimeTypeH264, uint8(2))
	}
	f.Add([]byte{0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x10, 0, 0, 0, 0x80, 0x80, 0x81, 0x02}, webrtc.MimeTypeVP8, uint8(3)) // an extension, a PictureID
	f.Add([]byte{0xa0, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4}, webrtc.MimeTypeH264, uint8(1))                                             // padding alone
	f.Fuzz(func(t *testing.T, data []byte, mime string, times uint8) {
		r := newRecord()
		data = slices.Clone(data)
		for range times {
			r.packet(data, formatOf(mime), false, start)
			for i := range data[:min(4, len(data))] {
				data[i] += byte(i)
			}
		}
		s := r.stats()
		if got := s.Packets + s.Padding + s.Repeated + s.Malformed; got != int(times) {
			t.Errorf("%d packets counted, want %d: %+v", got, times, s)
		}
		if s.Lost < 0 || s.KeyFrames > s.Frames || s.Frames > s.Packets {
			t.Errorf("absurd: %+v", s)
		}
	})
}

func FuzzTimes(f *testing.F) {
	f.Add([]byte{timesType, 0})
	f.Add(append([]byte{timesType, 1}, make([]byte, timesFrame)...))
	f.Add(append([]byte{timesType, 2}, make([]byte, 2*timesFrame-1)...))
	f.Add([]byte{2, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := parseTimes(data)
		if err == nil && len(all) != int(data[1]) {
			t.Errorf("%d frames, want %d", len(all), data[1])
		}
		for _, v := range all {
			if v.Sent.Before(v.Damaged) {
				t.Errorf("sent before it was damaged: %+v", v)
			}
		}
	})
}

// TestNumbers compares with a count of what was sent, over several wraps.
func TestNumbers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var n numbers
	const sent = 300_000
	lost := 0
	for i := range sent {
		if i > 0 && i < sent-1 && rnd.IntN(100) == 0 {
			lost++
			continue
		}
		if _, fresh := n.take(uint16(60000 + i)); !fresh {
			t.Fatalf("number %d is said to have come before", i)
		}
	}
	if got := n.missing(); got != lost {
		t.Errorf("%d missing, want %d", got, lost)
	}
}
