package mediadev

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/pion/mediadevices/pkg/codec"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"lucarne/capture"
	"lucarne/encode"
)

// recorder is an encoder that notes what it is asked to do.
type recorder struct {
	opened []encode.Config
	frames []capture.Frame
	ops    []encode.Op
	bps    []int
	closed int
	drop   bool // the next frame gives no packet
}

func (r *recorder) backend() encode.Backend {
	return encode.Backend{Name: "recorder", Codec: encode.VP8, Open: func(cfg encode.Config) (encode.Encoder, error) {
		r.opened = append(r.opened, cfg)
		return r, nil
	}}
}

func (r *recorder) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	r.frames = append(r.frames, *f)
	r.ops = append(r.ops, op)
	if r.drop {
		r.drop = false
		return encode.Packet{}, nil
	}
	return encode.Packet{Data: []byte{byte(len(r.frames))}}, nil
}

func (r *recorder) SetBitrate(bps int) error { r.bps = append(r.bps, bps); return nil }
func (r *recorder) Close() error             { r.closed++; return nil }

// framed is an image that is a captured frame.
type framed struct {
	image.Image
	f capture.Frame
}

func (m framed) Frame(f *capture.Frame) { *f = m.f }

func list(images ...image.Image) video.Reader {
	return video.ReaderFunc(func() (image.Image, func(), error) {
		if len(images) == 0 {
			return nil, nil, io.EOF
		}
		img := images[0]
		images = images[1:]
		return img, func() {}, nil
	})
}

func build(t *testing.T, r *recorder, in video.Reader) codec.ReadCloser {
	t.Helper()
	b, err := New(r.backend(), encode.Config{BitrateBps: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	rc, err := b.BuildVideoEncoder(in, prop.Media{})
	if err != nil {
		t.Fatal(err)
	}
	return rc
}

func read(t *testing.T, rc codec.ReadCloser, n int) {
	t.Helper()
	for range n {
		_, release, err := rc.Read()
		if err != nil {
			t.Fatal(err)
		}
		release()
	}
}

func TestFramesAreNotCopied(t *testing.T) {
	pix := make([]byte, 4*16*8)
	part := image.Rect(2, 2, 4, 4)
	frame := func(seq uint64) image.Image {
		return framed{f: capture.Frame{Pix: pix, Stride: 64, Size: image.Pt(16, 8), Seq: seq, Damage: []image.Rectangle{part}}}
	}
	r := &recorder{}
	read(t, build(t, r, list(frame(7), frame(8), frame(10), frame(11))), 4)

	whole := image.Rect(0, 0, 16, 8)
	for i, want := range []image.Rectangle{whole, part, whole, part} {
		if got := r.frames[i].Damage; len(got) != 1 || got[0] != want {
			t.Errorf("frame %d: damage = %v, want %v", i, got, want)
		}
		if &r.frames[i].Pix[0] != &pix[0] {
			t.Errorf("frame %d: the pixels were copied", i)
		}
	}
}

func TestAnyImageIsConverted(t *testing.T) {
	img := image.NewNRGBA(image.Rect(5, 5, 8, 7))
	img.Set(6, 5, color.NRGBA{R: 10, G: 20, B: 30, A: 255})
	r := &recorder{}
	read(t, build(t, r, list(img)), 1)
	f := r.frames[0]
	if got, want := f.Size, image.Pt(3, 2); got != want {
		t.Fatalf("size = %v, want %v", got, want)
	}
	if got, want := f.Pix[4:7], []byte{30, 20, 10}; !slices.Equal(got, want) {
		t.Errorf("pixel = %v, want %v (B, G, R)", got, want)
	}
}

func TestControls(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 4, 4))
	r := &recorder{}
	rc := build(t, r, list(gray, gray, gray, image.NewGray(image.Rect(0, 0, 6, 4))))
	read(t, rc, 1)
	if err := rc.Controller().(codec.KeyFrameController).ForceKeyFrame(); err != nil {
		t.Fatal(err)
	}
	if err := rc.Controller().(codec.BitRateController).SetBitRate(2_000_000); err != nil {
		t.Fatal(err)
	}
	r.drop = true // the key frame is still owed afterwards
	read(t, rc, 1)
	if got, want := r.ops, []encode.Op{{}, {Key: true}, {Key: true}}; !slices.Equal(got, want) {
		t.Errorf("operations = %v, want %v", got, want)
	}
	if got, want := r.bps, []int{2_000_000}; !slices.Equal(got, want) {
		t.Errorf("bitrates = %v, want %v", got, want)
	}
	read(t, rc, 1)
	if got, want := r.opened[len(r.opened)-1], (encode.Config{Size: image.Pt(6, 4), BitrateBps: 2_000_000}); got != want {
		t.Errorf("after a change of size opened with %+v, want %+v", got, want)
	}
	if err := rc.Controller().(codec.BitRateController).SetBitRate(-1); err == nil {
		t.Error("a negative bitrate was taken")
	}
}

func TestClose(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 4, 4))
	r := &recorder{}
	rc := build(t, r, list(gray, gray))
	read(t, rc, 1)
	for range 2 {
		if err := rc.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if r.closed != 1 {
		t.Errorf("closed %d times, want once", r.closed)
	}
	if _, _, err := rc.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("read after close: %v, want %v", err, io.EOF)
	}
}

func TestRegister(t *testing.T) {
	var me webrtc.MediaEngine
	vp8 := (&recorder{}).backend()
	if err := Register([]encode.Backend{vp8, vp8, {Name: "other", Codec: encode.H264}, {Name: "third", Codec: encode.H264444}})(&me); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&me)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96",
		"a=rtpmap:102 H264/90000", "a=rtpmap:103 rtx/90000", "a=fmtp:103 apt=102",
		"a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e034\r",
		"a=rtpmap:108 H264/90000", "a=rtpmap:109 rtx/90000", "a=fmtp:109 apt=108", "profile-level-id=640c34\r",
		"a=rtpmap:112 H264/90000", "a=rtpmap:113 rtx/90000", "a=fmtp:113 apt=112", "profile-level-id=f40034\r",
		"a=rtcp-fb:108 nack pli", "a=rtcp-fb:112 transport-cc",
		"a=rtcp-fb:96 nack\r", "a=rtcp-fb:96 nack pli", "a=rtcp-fb:96 ccm fir", "a=rtcp-fb:96 transport-cc",
	} {
		if got := strings.Count(offer.SDP, want); got != 1 {
			t.Errorf("%q stands %d times in the offer, want once:\n%s", want, got, offer.SDP)
		}
	}
}

// TestBuilderOfH264: both kinds of H.264 are one media type of RTP's, told apart by
// their profile, and their packets are what another's reader takes.
func TestBuilderOfH264(t *testing.T) {
	frame := slices.Concat([]byte{0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x34, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 1, 0x65}, bytes.Repeat([]byte{0x5a}, 5000))
	for codec, profile := range map[encode.Codec]string{encode.H264: "42e034", encode.H264444: "f40034"} {
		b, err := New(encode.Backend{Name: "x", Codec: codec}, encode.Config{})
		if err != nil {
			t.Fatal(err)
		}
		c := b.RTPCodec()
		if c.MimeType != webrtc.MimeTypeH264 || c.ClockRate != 90000 || !strings.HasSuffix(c.SDPFmtpLine, "packetization-mode=1;profile-level-id="+profile) {
			t.Errorf("%s: %+v", codec, c.RTPCodecParameters)
		}
		var reader codecs.H264Packet
		var got []byte
		for _, payload := range c.Payloader.Payload(1200, frame) {
			piece, err := reader.Unmarshal(payload)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, piece...)
		}
		if !bytes.Equal(got, frame) {
			t.Errorf("%s: %d bytes came out of %d", codec, len(got), len(frame))
		}
	}
}

func TestUnknownCodec(t *testing.T) {
	unknown := encode.Backend{Name: "x", Codec: "H261"}
	if _, err := New(unknown, encode.Config{}); err == nil {
		t.Error("New took a codec that RTP cannot carry")
	}
	if err := Register([]encode.Backend{unknown})(&webrtc.MediaEngine{}); err == nil {
		t.Error("Register took a codec that RTP cannot carry")
	}
}
