// Package mediadev makes our encoders pion/mediadevices' video encoders, and so
// the source of a session description's codecs.
package mediadev

import (
	"fmt"

	"github.com/pion/mediadevices"
	"github.com/pion/mediadevices/pkg/codec"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"lucarne/capture"
	"lucarne/encode"
)

// format is how RTP carries a codec.
type format struct {
	mime        string
	payloadType webrtc.PayloadType // its retransmissions have the next one
	fmtp        string
	payloader   func() rtp.Payloader
}

// formatsOf lists the formats of a codec, that which tells most of it first: a
// browser decodes what it is sent, but takes only an offer of a profile that it names
// itself.
func formatsOf(c encode.Codec) []format {
	switch c {
	case encode.VP8:
		return []format{{mime: webrtc.MimeTypeVP8, payloadType: 96, payloader: func() rtp.Payloader { return &codecs.VP8Payloader{} }}}
	case encode.H264:
		return []format{
			h264(102, "42e0"), // Constrained Baseline
			h264(104, "4200"), // Baseline
			h264(106, "4d00"), // Main
			h264(108, "640c"), // Constrained High
			h264(110, "6400"), // High
		}
	case encode.H264444:
		return []format{h264(112, "f400")} // High 4:4:4 Predictive
	}
	return nil
}

// h264 returns H.264 in a profile, by profile_idc and constraint flags in hexadecimal,
// up to level 5.2, which has room for any screen at 60 frames/s (RFC 6184 §8.1).
func h264(payloadType webrtc.PayloadType, profile string) format {
	return format{
		mime:        webrtc.MimeTypeH264,
		payloadType: payloadType,
		fmtp:        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profile + "34",
		payloader:   func() rtp.Payloader { return &codecs.H264Payloader{} },
	}
}

const clockRate = 90000 // Hz, of every video format

// Builder is a codec.VideoEncoderBuilder that opens encoders of one Backend.
type Builder struct {
	backend encode.Backend
	cfg     encode.Config
	format  format
}

var _ codec.VideoEncoderBuilder = (*Builder)(nil)

// New returns a builder for a backend. cfg says how its encoders are opened;
// the size and the frame rate come from the video itself. A codec that RTP
// carries in a way unknown here is an error.
func New(b encode.Backend, cfg encode.Config) (*Builder, error) {
	formats := formatsOf(b.Codec)
	if len(formats) == 0 {
		return nil, fmt.Errorf("mediadev: %s: no RTP format for codec %q", b.Name, b.Codec)
	}
	return &Builder{backend: b, cfg: cfg, format: formats[0]}, nil
}

// RTPCodec returns the codec as a session description offers it first, with the
// feedback that a sender here answers: nack, nack pli (RFC 4585), ccm fir
// (RFC 5104) and transport-cc.
func (b *Builder) RTPCodec() *codec.RTPCodec {
	return &codec.RTPCodec{RTPCodecParameters: b.format.parameters(), Payloader: b.format.payloader()}
}

func (f format) parameters() webrtc.RTPCodecParameters {
	return webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType:    f.mime,
			ClockRate:   clockRate,
			SDPFmtpLine: f.fmtp,
			RTCPFeedback: []webrtc.RTCPFeedback{
				{Type: webrtc.TypeRTCPFBNACK},
				{Type: webrtc.TypeRTCPFBNACK, Parameter: "pli"},
				{Type: webrtc.TypeRTCPFBCCM, Parameter: "fir"},
				{Type: webrtc.TypeRTCPFBTransportCC},
			},
		},
		PayloadType: f.payloadType,
	}
}

// repair is how packets of the format are sent again (RFC 4588).
func (f format) repair() webrtc.RTPCodecParameters {
	return webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType:    webrtc.MimeTypeRTX,
			ClockRate:   clockRate,
			SDPFmtpLine: fmt.Sprintf("apt=%d", f.payloadType),
		},
		PayloadType: f.payloadType + 1,
	}
}

// BuildVideoEncoder opens an encoder on what r reads. The size is that of the
// pictures and may change; p gives the frame rate.
func (b *Builder) BuildVideoEncoder(r video.Reader, p prop.Media) (codec.ReadCloser, error) {
	cfg := b.cfg
	if p.FrameRate > 0 {
		cfg.MaxFPS = int(p.FrameRate + 0.5)
	}
	e := &encoder{open: b.backend.Open, cfg: cfg, reader: r}
	if p.Width > 0 && p.Height > 0 {
		// An encoder that cannot be opened is told here, where the next codec can
		// be tried instead.
		if err := e.fit(&capture.Frame{Size: sizeOf(p)}); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// Register returns what makes a media engine know the codecs of the backends, each
// once, in their order: by their builders, and in what other profiles of them
// browsers ask for, with retransmission beside each.
func Register(backends []encode.Backend) func(*webrtc.MediaEngine) error {
	return func(me *webrtc.MediaEngine) error {
		var builders []codec.VideoEncoderBuilder
		var further []webrtc.RTPCodecParameters
		seen := make(map[encode.Codec]bool)
		for _, backend := range backends {
			if seen[backend.Codec] {
				continue
			}
			seen[backend.Codec] = true
			b, err := New(backend, encode.Config{})
			if err != nil {
				return err
			}
			builders = append(builders, b)
			for n, f := range formatsOf(backend.Codec) {
				if n > 0 {
					further = append(further, f.parameters())
				}
				further = append(further, f.repair())
			}
		}
		mediadevices.NewCodecSelector(mediadevices.WithVideoEncoders(builders...)).Populate(me)
		for _, parameters := range further {
			if err := me.RegisterCodec(parameters, webrtc.RTPCodecTypeVideo); err != nil {
				return fmt.Errorf("mediadev: register payload type %d: %w", parameters.PayloadType, err)
			}
		}
		return nil
	}
}
