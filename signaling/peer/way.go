package peer

import (
	"image"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/webrtc/v4"

	"lucarne/encode"
)

// payloads cuts the frames of one codec into what RTP packets carry.
type payloads interface {
	// begin takes a frame, which has to stay as it is until it has been cut up. It
	// reports whether it is one.
	begin(frame []byte) bool
	// next writes the next piece to buf and returns its size, and whether there is
	// more of the frame.
	next(buf *[maxPayload]byte) (size int, more bool)
}

// way is how one codec goes to this page.
type way struct {
	payloads    payloads
	payloadType uint8
	repair      uint8 // payload type of its retransmissions; 0: none of their own
	macroblocks int   // of the largest picture that the page decodes; 0: not told
}

// fits says whether the page decodes pictures of that size.
func (w *way) fits(size image.Point) bool {
	const side = 16 // of a macroblock, pixels
	return w.macroblocks == 0 || ((size.X+side-1)/side)*((size.Y+side-1)/side) <= w.macroblocks
}

// ways are those that an answer leaves.
type ways map[encode.Codec]*way

// negotiated returns the ways for the codecs that were negotiated, and which of them
// stands for the stream where there can be but one: one whose packets can be sent
// again as they should be.
func negotiated(codecs []webrtc.RTPCodecParameters) (all ways, one webrtc.RTPCodecParameters) {
	all = make(ways)
	ranks := make(map[encode.Codec]int)
	for _, c := range codecs {
		codec, rank := codecOf(c.RTPCodecCapability)
		if rank <= ranks[codec] || !valid(c.PayloadType) {
			continue
		}
		ranks[codec] = rank
		w := &way{payloadType: uint8(c.PayloadType), repair: repairOf(c.PayloadType, codecs)}
		if codec == encode.VP8 {
			w.payloads = &vp8{picture: uint16(1 + rand.IntN(0x7ffe))}
			most, _ := strconv.Atoi(parameter(c.SDPFmtpLine, "max-fs")) // RFC 7741 §6.1
			w.macroblocks = max(most, 0)
		} else {
			w.payloads = &h264{}
		}
		all[codec] = w
		if one.PayloadType == 0 || w.repair != 0 && repairOf(one.PayloadType, codecs) == 0 {
			one = c
		}
	}
	return all, one
}

// codecOf returns which codec of ours a negotiated one is, and how well it tells what
// is sent; 0: it is none. Decoders look at the stream rather than at its profile's
// name, so that one of 4:2:0 does for all. The level is not looked at: it says what a
// browser can do at least.
func codecOf(c webrtc.RTPCodecCapability) (codec encode.Codec, rank int) {
	switch {
	case strings.EqualFold(c.MimeType, webrtc.MimeTypeVP8):
		return encode.VP8, 1
	case !strings.EqualFold(c.MimeType, webrtc.MimeTypeH264) || parameter(c.SDPFmtpLine, "packetization-mode") != "1":
		return "", 0
	}
	profile := strings.ToLower(parameter(c.SDPFmtpLine, "profile-level-id"))
	if strings.HasPrefix(profile, "f4") {
		return encode.H264444, 1
	}
	for n, name := range [...]string{"64", "4d", "42", "42e0"} {
		if strings.HasPrefix(profile, name) {
			rank = n + 1
		}
	}
	return encode.H264, rank
}

// repairOf returns the payload type of a payload type's retransmissions (RFC 4588
// §8.6); 0: there is none.
func repairOf(payloadType webrtc.PayloadType, codecs []webrtc.RTPCodecParameters) uint8 {
	of := strconv.Itoa(int(payloadType))
	for _, c := range codecs {
		if strings.EqualFold(c.MimeType, webrtc.MimeTypeRTX) && parameter(c.SDPFmtpLine, "apt") == of && valid(c.PayloadType) {
			return uint8(c.PayloadType)
		}
	}
	return 0
}

// valid says whether a payload type is one that an RTP header can hold; 0 is audio's.
func valid(payloadType webrtc.PayloadType) bool { return payloadType > 0 && payloadType < 1<<7 }

// parameter returns the value of a format parameter (RFC 8866 §6.15), "" for none.
func parameter(fmtp, name string) string {
	for pair := range strings.SplitSeq(fmtp, ";") {
		if key, value, _ := strings.Cut(strings.TrimSpace(pair), "="); strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// codecs lists the codecs whose pictures of that size the page decodes.
func (w ways) codecs(size image.Point) []encode.Codec {
	var list []encode.Codec
	for codec, way := range w {
		if way.fits(size) {
			list = append(list, codec)
		}
	}
	slices.Sort(list)
	return list
}
