package wsmedia

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lucarne/encode"
	"lucarne/signaling/session"
)

// stand is a seat that remembers what it was told.
type stand struct {
	calls   []string
	bitrate int
}

func (s *stand) Show()              { s.calls = append(s.calls, "show") }
func (s *stand) Leave()             { s.calls = append(s.calls, "leave") }
func (s *stand) SetBitrate(bps int) { s.bitrate = bps }

// watching returns pictures that are watched, and their seat.
func watching(t testing.TB) (*Video, *stand) {
	t.Helper()
	s := &stand{}
	v := newVideo(Config{}, []encode.Codec{encode.VP8}, func(encode.Sink, ...encode.Codec) (seat, error) {
		s.calls = append(s.calls, "watch")
		return s, nil
	})
	if err := v.Watch(session.Shadow); err != nil {
		t.Fatal(err)
	}
	return v, s
}

// picture makes a packet of a size with content of its own.
func picture(size int, key bool) encode.Packet {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	now := time.Now()
	return encode.Packet{Data: data, Codec: encode.VP8, Key: key, Size: image.Pt(640, 480), Times: encode.Times{Damaged: now, Grabbed: now, Encoded: now}}
}

// received is a picture as the page puts it together.
type received struct {
	sequence uint32
	key      bool
	parts    int
	payload  []byte
}

// receive takes all that there is to send.
func receive(t testing.TB, v *Video) (list []received) {
	t.Helper()
	var r received
	for m := v.Next(); m != nil; m = v.Next() {
		if len(m) > 256<<10 || len(m) <= headerSize || m[0] != pictureType {
			t.Fatalf("a message of %d bytes, type %d", len(m), m[0])
		}
		r.sequence = binary.BigEndian.Uint32(m[4:])
		r.key = m[1]&keyFlag != 0
		r.parts++
		r.payload = append(r.payload, m[headerSize:]...)
		if m[1]&moreFlag == 0 {
			list = append(list, r)
			r = received{}
		}
	}
	if r.parts > 0 {
		t.Fatalf("picture %d has no end", r.sequence)
	}
	return list
}

func ready(v *Video) bool {
	select {
	case <-v.Ready():
		return true
	default:
		return false
	}
}

// TestParts: a picture of any size arrives as it was, whatever its parts.
func TestParts(t *testing.T) {
	v, _ := watching(t)
	for n, size := range []int{1, headerSize - 1, headerSize, partSize - 1, partSize, partSize + 1, partSize + 10, 3 * partSize, 1_000_000, 3 << 20, maxPicture} {
		p := picture(size, true)
		if !v.WritePacket(p) {
			t.Fatalf("%d bytes refused", size)
		}
		got := receive(t, v)
		if len(got) != 1 || got[0].sequence != uint32(n+1) || !bytes.Equal(got[0].payload, p.Data) {
			t.Fatalf("%d bytes: %d pictures, want it as it was", size, len(got))
		}
		if want := (size + partSize - 1) / partSize; got[0].parts != want {
			t.Errorf("%d bytes: %d parts, want %d", size, got[0].parts, want)
		}
		v.Acknowledge(acknowledge(got[0].sequence, time.Now(), 0))
	}
	if v.WritePacket(picture(maxPicture+1, true)) {
		t.Error("a picture above 16 MiB was taken")
	}
}

// TestRefused: what cannot be sent is refused, and so is what follows it.
func TestRefused(t *testing.T) {
	unknown, empty := picture(10, true), picture(0, true)
	unknown.Codec = "AV1"
	for name, p := range map[string]encode.Packet{"no key frame": picture(10, false), "unknown codec": unknown, "empty": empty} {
		v, _ := watching(t)
		if v.WritePacket(p) {
			t.Errorf("%s: taken", name)
		}
	}
	v, _ := watching(t)
	for n, want := range []bool{true, true, false} {
		if got := v.WritePacket(picture(10, true)); got != want {
			t.Errorf("picture %d while nobody writes: %v, want %v", n, got, want)
		}
		if n == 0 {
			v.Next() // it leaves, and is not known to have left
		}
	}
	receive(t, v)
	if v.WritePacket(picture(10, false)) {
		t.Error("a picture after one that was refused was taken")
	}
	if got := v.Stats().Missed; got != 2 {
		t.Errorf("missed = %d, want 2", got)
	}
}

// TestCodecChanges: the codec changes with a key frame, from which the page learns
// how to decode what follows.
func TestCodecChanges(t *testing.T) {
	v, _ := watching(t)
	units := func(profile string, slice byte) []byte {
		return append(unhex(t, "00000001"+"67"+profile+"8c"+"00000001"+"68ce"+"00000001"), slice, 1)
	}
	for _, tt := range []struct {
		name  string
		codec encode.Codec
		key   bool
		data  []byte
		taken bool
		want  string // number of the codec and profile
	}{
		{"VP8", encode.VP8, true, []byte{1}, true, "01 000000"},
		{"H.264 without a key frame", encode.H264, false, []byte{0, 0, 1, 0x41, 1}, false, ""},
		{"H.264", encode.H264, true, units("42c034", 0x65), true, "02 42c034"},
		{"delta frame", encode.H264, false, []byte{0, 0, 1, 0x41, 1}, true, "02 42c034"},
		{"4:4:4 without a key frame", encode.H264444, false, []byte{0, 0, 1, 0x41, 1}, false, ""},
		{"4:4:4", encode.H264444, true, units("f40034", 0x65), true, "02 f40034"},
		{"VP8 again", encode.VP8, true, []byte{1}, true, "01 000000"},
		{"H.264 without parameter sets", encode.H264, true, []byte{0, 0, 1, 0x65, 1}, false, ""},
		{"what follows it", encode.H264, false, []byte{0, 0, 1, 0x41, 1}, false, ""},
	} {
		p := picture(1, tt.key)
		p.Codec, p.Data = tt.codec, tt.data
		if got := v.WritePacket(p); got != tt.taken {
			t.Errorf("%s: taken %v, want %v", tt.name, got, tt.taken)
		}
		got := ""
		if m := v.Next(); m != nil {
			got = fmt.Sprintf("%x %x", m[2:3], m[37:40])
		}
		if got != tt.want {
			t.Errorf("%s: codec and profile %q, want %q", tt.name, got, tt.want)
		}
		for v.Next() != nil {
		}
	}
}

// TestSilentPage: a page that acknowledges nothing gets the initial window.
func TestSilentPage(t *testing.T) {
	v, s := watching(t)
	sent := 0
	for n := range 1000 {
		if ready(v) && v.WritePacket(picture(10_000, n == 0)) {
			sent += 10_000
		}
		receive(t, v)
	}
	if limit := initialWindow + 10_000 + headerSize; sent > limit || sent < initialWindow/2 {
		t.Errorf("%d bytes without an acknowledgement, want %d at most", sent, limit)
	}
	for range 1000 { // as one of many, for whom nobody waits
		v.WritePacket(picture(10_000, true))
		receive(t, v)
	}
	if got := v.Stats().Unanswered; got > 2*initialWindow+20_000 {
		t.Errorf("%d bytes under way without an acknowledgement", got)
	}
	if s.bitrate != 0 {
		t.Errorf("bitrate %d of a path that nothing is known of", s.bitrate)
	}
}

// TestTinyPictures: their number is bounded as their bytes are.
func TestTinyPictures(t *testing.T) {
	v, _ := watching(t)
	n := 0
	for v.WritePacket(picture(1, n == 0)) {
		n++
		receive(t, v)
	}
	if n != maxUnacknowledged {
		t.Errorf("%d pictures without an acknowledgement, want %d", n, maxUnacknowledged)
	}
}

// TestAcknowledgements: what cannot be true changes nothing.
func TestAcknowledgements(t *testing.T) {
	v, s := watching(t)
	send := func(n int) {
		t.Helper()
		for range n {
			if !v.WritePacket(picture(1000, true)) {
				t.Fatal("refused")
			}
			receive(t, v)
		}
	}
	send(5)
	for _, test := range []struct {
		name     string
		sequence uint32
		counts   bool
		under    int // way, in pictures
	}{
		{"of nothing", 0, false, 5},
		{"from the future", 6, false, 5},
		{"far from the future", 1 << 31, false, 5},
		{"of the first", 1, true, 4},
		{"of the first again", 1, true, 4},
		{"of the third, and so of the second", 3, true, 2},
		{"of the second", 2, false, 2},
		{"replayed", 1, false, 2},
		{"before all time", 0xffffffff, false, 2},
		{"of all", 5, true, 0},
		{"from the future of nothing", 6, false, 0},
	} {
		before := v.Stats()
		if err := v.Acknowledge(acknowledge(test.sequence, time.Now(), 0)); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		after := v.Stats()
		if counts := after.Acknowledged > before.Acknowledged; counts != test.counts || counts == (after.Ignored > before.Ignored) {
			t.Errorf("%s: counts = %v, want %v", test.name, counts, test.counts)
		}
		if want := test.under * (1000 + headerSize); after.Unanswered != want {
			t.Errorf("%s: %d bytes under way, want %d", test.name, after.Unanswered, want)
		}
	}
	if err := v.Acknowledge([]byte{AcknowledgementType}); !errors.Is(err, errMalformed) {
		t.Errorf("truncated: %v, want %v", err, errMalformed)
	}
	if s.bitrate <= 0 {
		t.Error("the seat was told no bitrate")
	}
}

// TestWatch: a path begins with a key frame each time that it is watched, and goes
// on if it is.
func TestWatch(t *testing.T) {
	v, s := watching(t)
	v.WritePacket(picture(10, true))
	v.Next() // begun to leave
	v.WritePacket(picture(10, false))
	for _, a := range []session.Attention{session.Shadow, session.Shown, session.Shown, session.Away, session.Away} {
		if err := v.Watch(a); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"watch", "show", "show", "leave"}; !slices.Equal(s.calls, want) {
		t.Errorf("%v, want %v", s.calls, want)
	}
	if got := receive(t, v); len(got) != 0 {
		t.Errorf("%d pictures after the page looks away, want none", len(got))
	}
	if err := v.Watch(session.Shown); err != nil {
		t.Fatal(err)
	}
	if v.WritePacket(picture(10, false)) {
		t.Error("began without a key frame")
	}
	if !v.WritePacket(picture(10, true)) {
		t.Fatal("key frame refused")
	}
	if got := receive(t, v); len(got) != 1 || got[0].sequence != 2 || !got[0].key {
		t.Errorf("%+v, want key frame 2", got)
	}

	blind := newVideo(Config{}, nil, nil)
	if err := blind.Watch(session.Shown); !errors.Is(err, session.ErrNoCodec) {
		t.Errorf("a page that decodes nothing: %v, want %v", err, session.ErrNoCodec)
	}
}

// TestOverload: a page that cannot decode as fast gets nothing until it has
// caught up, or has been silent for too long.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, _ := watching(t)
		say := func(waiting uint8, want bool) {
			t.Helper()
			v.Acknowledge(acknowledge(1, time.Now(), waiting))
			if got := ready(v); got != want {
				t.Errorf("with %d waiting: ready = %v, want %v", waiting, got, want)
			}
		}
		v.WritePacket(picture(10, true))
		receive(t, v)
		say(maxDecoding, true)
		say(maxDecoding+1, false)
		room := v.Ready()
		say(0, true)
		select {
		case <-room:
		default:
			t.Error("who waited was not told")
		}
		say(255, false)
		time.Sleep(decodePatience)
		if !ready(v) {
			t.Error("waits for ever")
		}
	})
}

// TestPong: what answers no ping says nothing.
func TestPong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, _ := watching(t)
		v.Pong("")
		v.Pong("\x00\x00\x00\x00")
		v.Pong(string(v.Ping()) + "x")
		late := string(v.Ping())
		ping := string(v.Ping())
		time.Sleep(time.Second)
		v.Pong(late)
		if got := v.Stats().RTT; got != 0 {
			t.Errorf("RTT = %v of nothing", got)
		}
		v.Pong(ping)
		time.Sleep(time.Second)
		v.Pong(ping)
		if got := v.Stats().RTT; got != time.Second {
			t.Errorf("RTT = %v, want 1s", got)
		}
	})
}

// TestPingDue: a ping goes before a picture that meets an empty path, now and then.
func TestPingDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, _ := watching(t)
		due := func(what string, want bool) {
			t.Helper()
			if got := v.PingDue(); got != want {
				t.Errorf("%s: due = %v, want %v", what, got, want)
			}
		}
		due("nothing to send", false)
		v.WritePacket(picture(10, true))
		due("the first picture", true)
		ping := string(v.Ping())
		due("one is under way", false)
		receive(t, v)
		time.Sleep(40 * time.Millisecond)
		v.Pong(ping)
		time.Sleep(time.Minute)
		v.WritePacket(picture(10, false))
		due("a picture is under way", false)
		v.Acknowledge(acknowledge(1, time.Now(), 0))
		due("the path is empty", true)
		v.Pong(string(v.Ping()))
		due("answered just now", false)
	})
}

// TestAllocations: a picture on its way costs no memory.
func TestAllocations(t *testing.T) {
	v, _ := watching(t)
	p := picture(100_000, true)
	msg := acknowledge(0, time.Now(), 0)
	sequence := uint32(0)
	one := func() {
		sequence++
		v.Ready()
		v.WritePacket(p)
		for v.Next() != nil {
		}
		binary.BigEndian.PutUint32(msg[1:], sequence)
		v.Acknowledge(msg)
	}
	for range 4 {
		one()
	}
	if got := testing.AllocsPerRun(100, one); got != 0 {
		t.Errorf("%v allocations a picture, want none", got)
	}
	if got := v.Stats(); got.Missed != 0 || got.Ignored != 0 {
		t.Errorf("%+v, want all sent and acknowledged", got)
	}
}

// FuzzPage gives the socket's reader anything: what is under way stays within its
// bounds, and the bitrate within its own.
func FuzzPage(f *testing.F) {
	for _, v := range readVectors(f).Acknowledgements {
		f.Add(unhex(f, v.Hex), "")
	}
	f.Add([]byte{}, "\x00\x00\x00\x01")
	f.Fuzz(func(t *testing.T, msg []byte, pong string) {
		v, s := watching(t)
		for n := range 3 {
			v.WritePacket(picture(1000, n == 0))
			receive(t, v)
		}
		v.Ping()
		v.Pong(pong)
		for range 2 {
			v.Acknowledge(msg)
		}
		got := v.Stats()
		if got.Unanswered < 0 || got.Unanswered > 3*(1000+headerSize) || got.RTT < 0 {
			t.Errorf("%x: %+v", msg, got)
		}
		if s.bitrate != 0 && (s.bitrate < 500_000 || s.bitrate > 30_000_000) {
			t.Errorf("%x: bitrate %d", msg, s.bitrate)
		}
		ready(v)
	})
}
