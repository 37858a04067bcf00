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
	payloadType webrtc.PayloadType // its retransmissions have the next one
	fmtp        string
	payloader   func() rtp.Payloader
}

func formatOf(c encode.Codec) (format, bool) {
	switch c {
	case encode.VP8:
		return format{payloadType: 96, payloader: func() rtp.Payloader { return &codecs.VP8Payloader{} }}, true
	case encode.H264:
		return format{
			payloadType: 102,
			fmtp:        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
			payloader:   func() rtp.Payloader { return &codecs.H264Payloader{} },
		}, true
	}
	return format{}, false
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
	f, ok := formatOf(b.Codec)
	if !ok {
		return nil, fmt.Errorf("mediadev: %s: no RTP format for codec %q", b.Name, b.Codec)
	}
	return &Builder{backend: b, cfg: cfg, format: f}, nil
}

// RTPCodec returns the codec as a session description offers it, with the
// feedback that a sender here answers: nack, nack pli (RFC 4585), ccm fir
// (RFC 5104) and transport-cc.
func (b *Builder) RTPCodec() *codec.RTPCodec {
	return &codec.RTPCodec{
		RTPCodecParameters: webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType:    "video/" + string(b.backend.Codec),
				ClockRate:   clockRate,
				SDPFmtpLine: b.format.fmtp,
				RTCPFeedback: []webrtc.RTCPFeedback{
					{Type: webrtc.TypeRTCPFBNACK},
					{Type: webrtc.TypeRTCPFBNACK, Parameter: "pli"},
					{Type: webrtc.TypeRTCPFBCCM, Parameter: "fir"},
					{Type: webrtc.TypeRTCPFBTransportCC},
				},
			},
			PayloadType: b.format.payloadType,
		},
		Payloader: b.format.payloader(),
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

// Register returns what makes a media engine know the codecs of the backends,
// each once, in their order, with retransmission (RFC 4588) beside each.
func Register(backends []encode.Backend) func(*webrtc.MediaEngine) error {
	return func(me *webrtc.MediaEngine) error {
		var builders []codec.VideoEncoderBuilder
		var formats []format
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
			formats = append(formats, b.format)
		}
		mediadevices.NewCodecSelector(mediadevices.WithVideoEncoders(builders...)).Populate(me)
		for _, f := range formats {
			rtx := webrtc.RTPCodecParameters{
				RTPCodecCapability: webrtc.RTPCodecCapability{
					MimeType:    webrtc.MimeTypeRTX,
					ClockRate:   clockRate,
					SDPFmtpLine: fmt.Sprintf("apt=%d", f.payloadType),
				},
				PayloadType: f.payloadType + 1,
			}
			if err := me.RegisterCodec(rtx, webrtc.RTPCodecTypeVideo); err != nil {
				return fmt.Errorf("mediadev: register retransmission of %d: %w", f.payloadType, err)
			}
		}
		return nil
	}
}
