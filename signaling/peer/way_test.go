package peer

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"lucarne/encode"
	"lucarne/signaling/peer/bwe"
)

// answered returns the video codecs that a connection of ours takes from an answer.
func answered(t *testing.T, lines ...string) []webrtc.RTPCodecParameters {
	t.Helper()
	var list []webrtc.RTPCodecParameters
	for _, line := range lines {
		var c webrtc.RTPCodecParameters
		payloadType, format, _ := strings.Cut(line, " ")
		n, err := strconv.Atoi(payloadType)
		if err != nil {
			t.Fatal(err)
		}
		name, fmtp, _ := strings.Cut(format, " ")
		c.PayloadType, c.MimeType, c.SDPFmtpLine = webrtc.PayloadType(n), "video/"+name, fmtp
		list = append(list, c)
	}
	return list
}

func TestNegotiated(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer []string
		want   string // codec payloadType/repair
		one    webrtc.PayloadType
	}{
		{"Chromium", []string{
			"96 VP8", "97 rtx apt=96",
			"102 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", "103 rtx apt=102",
			"104 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f", "105 rtx apt=104",
			"106 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f", "107 rtx apt=106",
			"112 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f", "113 rtx apt=112",
		}, "H264 102/103, H264-444 112/113, VP8 96/97", 96},
		{"Firefox without its plug-in", []string{"96 VP8 max-fs=12288;max-fr=60", "97 rtx apt=96"}, "VP8 96/97", 96},
		{"Firefox with it", []string{
			"96 VP8 max-fs=12288;max-fr=60", "97 rtx apt=96",
			"102 H264 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1", "103 rtx apt=102",
		}, "H264 102/103, VP8 96/97", 96},
		{"Safari, which prefers H.264", []string{
			"108 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c1f", "109 rtx apt=108",
			"102 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", "103 rtx apt=102",
			"96 VP8", "97 rtx apt=96",
		}, "H264 102/103, VP8 96/97", 108},
		{"High alone, without retransmission", []string{"110 H264 PROFILE-LEVEL-ID=640028; packetization-mode=1", "96 vp8", "97 rtx apt=96"}, "H264 110/0, VP8 96/97", 96},
		{"packetization-mode 0", []string{"102 H264 profile-level-id=42e01f", "103 rtx apt=102"}, "", 0},
		{"no profile of ours", []string{"102 H264 packetization-mode=1;profile-level-id=580c1f", "98 VP9", "99 AV1"}, "", 0},
		{"payload types that are none", []string{"200 VP8", "0 VP8", "96 VP8", "200 rtx apt=96"}, "VP8 96/0", 96},
	} {
		all, one := negotiated(answered(t, tt.answer...))
		var list []string
		for codec, way := range all {
			list = append(list, fmt.Sprintf("%s %d/%d", codec, way.payloadType, way.repair))
		}
		slices.Sort(list)
		if got := strings.Join(list, ", "); got != tt.want || one.PayloadType != tt.one {
			t.Errorf("%s: %s, %d for all; want %s, %d", tt.name, got, one.PayloadType, tt.want, tt.one)
		}
	}
}

func TestLargestPicture(t *testing.T) {
	all, _ := negotiated(answered(t, "96 VP8 max-fs=8160;max-fr=60", "102 H264 packetization-mode=1;profile-level-id=42e01f"))
	for _, tt := range []struct {
		size image.Point
		want []encode.Codec
	}{
		{image.Point{}, []encode.Codec{encode.H264, encode.VP8}},
		{image.Pt(1920, 1080), []encode.Codec{encode.H264, encode.VP8}},
		{image.Pt(1921, 1080), []encode.Codec{encode.H264}},
		{image.Pt(2560, 1440), []encode.Codec{encode.H264}},
	} {
		if got := all.codecs(tt.size); !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.size, got, tt.want)
		}
	}
}

// FuzzNegotiated: whatever a page says of its decoders, what is sent has payload types
// that a header can hold, and one that was said.
func FuzzNegotiated(f *testing.F) {
	f.Add(uint8(96), "VP8", "max-fs=12288;max-fr=60", uint8(97), "apt=96")
	f.Add(uint8(102), "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", uint8(103), "apt=102")
	f.Add(uint8(112), "h264", "packetization-mode=1; profile-level-id=F4", uint8(112), "apt=112")
	f.Add(uint8(255), "VP8", ";;=;max-fs=-1;max-fs", uint8(0), "apt=255")
	f.Fuzz(func(t *testing.T, payloadType uint8, name, fmtp string, repair uint8, apt string) {
		said := []webrtc.RTPCodecParameters{
			{PayloadType: webrtc.PayloadType(payloadType), RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: "video/" + name, SDPFmtpLine: fmtp}},
			{PayloadType: webrtc.PayloadType(repair), RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, SDPFmtpLine: apt}},
		}
		all, one := negotiated(said)
		if len(all) > 1 || (len(all) == 1) != (one.PayloadType != 0) {
			t.Fatalf("%d ways, %d for all", len(all), one.PayloadType)
		}
		newPath(bwe.Config{}).repair(all)
		for _, way := range all {
			if way.payloadType != payloadType || payloadType > 127 || way.repair > 127 || way.repair != 0 && way.repair != repair || way.macroblocks < 0 {
				t.Fatalf("%+v", way)
			}
		}
	})
}

// coded makes a frame of a codec.
func coded(n int, codec encode.Codec, key bool) encode.Packet {
	f := frame(n, 3000)
	f.Codec, f.Key = codec, key
	if codec != encode.VP8 {
		f.Data = append([]byte{0, 0, 0, 1, 0x65}, bytes.Repeat([]byte{byte(n) | 0x80}, 3000)...)
	}
	return f
}

// TestCodecChanges: the codec changes with a key frame and no other word, within the
// same stream.
func TestCodecChanges(t *testing.T) {
	p := open(t, func(_ *page, cfg *Config, _ *interceptor.Registry) {
		cfg.Register = offered(encode.H264, encode.VP8, encode.H264444)
	})
	if got, want := p.seat.get(func(s *fakeSeat) int { return len(s.codecs) }), 3; got != want {
		t.Fatalf("the seat was taken for %v, want all three codecs", p.seat.codecs)
	}
	var want []encode.Packet
	for n, codec := range []encode.Codec{encode.VP8, encode.VP8, encode.H264, encode.H264, encode.H264444, encode.VP8, encode.H264} {
		key := n == 0 || codec != want[n-1].Codec
		f := coded(n, codec, key)
		want = append(want, f)
		p.write(f)
	}
	p.await("frames", func() bool { return p.received() >= len(want) })
	frames, packets := p.got()
	for n, f := range want {
		if !bytes.Equal(frames[n], f.Data) {
			t.Errorf("frame %d, %s, arrived differently: %d bytes, want %d", n, f.Codec, len(frames[n]), len(f.Data))
		}
	}
	types := []uint8{}
	for i, packet := range packets {
		if packet.SSRC != packets[0].SSRC || i > 0 && packet.SequenceNumber != packets[i-1].SequenceNumber+1 {
			t.Errorf("packet %d: %v after %v", i, packet.Header, packets[i-1].Header)
		}
		if packet.Marker {
			types = append(types, packet.PayloadType)
		}
	}
	if want := []uint8{96, 96, 102, 102, 112, 96, 102}; !slices.Equal(types, want) {
		t.Errorf("payload types %v, want %v", types, want)
	}
	if got := p.seat.get(joins); got != 1 {
		t.Errorf("took a seat %d times, want once", got)
	}
	if p.seat.sink.WritePacket(coded(9, encode.VP8, false)) {
		t.Error("took a frame of another codec than the key frame's")
	}
}

// TestPictureTooLarge: a codec whose limit the pictures exceed is left for another,
// and come back to.
func TestPictureTooLarge(t *testing.T) {
	p := open(t, func(_ *page, cfg *Config, _ *interceptor.Registry) {
		cfg.Register = offered(encode.H264, encode.VP8)
	})
	limited := func(macroblocks int) {
		p.peer.video.mu.Lock()
		defer p.peer.video.mu.Unlock()
		p.peer.video.ways[encode.VP8].macroblocks = macroblocks
	}
	watching := func(want ...encode.Codec) func() bool {
		return func() bool {
			p.seat.mu.Lock()
			defer p.seat.mu.Unlock()
			return slices.Equal(p.seat.codecs, want)
		}
	}
	limited(100)
	large := coded(0, encode.VP8, true)
	large.Size = image.Pt(2560, 1440)
	if p.seat.sink.WritePacket(large) {
		t.Error("took a picture that the page does not decode")
	}
	p.await("a seat without VP8", watching(encode.H264))
	if f := coded(1, encode.H264, true); !p.seat.sink.WritePacket(f) {
		t.Error("refused a picture that the page decodes")
	}
	p.await("a seat for both", watching(encode.H264, encode.VP8))

	p.peer.video.mu.Lock()
	delete(p.peer.video.ways, encode.H264)
	p.peer.video.mu.Unlock()
	p.seat.sink.WritePacket(large)
	select {
	case err := <-p.ended:
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("Run = %v, want %v", err, ErrTooLarge)
		}
	case <-time.After(patience):
		t.Fatal("a peer that can show nothing runs on")
	}
}
