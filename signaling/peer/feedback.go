package peer

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// rtcpReader is an RTPSender or RTPReceiver.
type rtcpReader interface {
	Read(b []byte) (int, interceptor.Attributes, error)
}

// readFeedback reads the RTCP about a stream until the connection is closed.
// Without it nothing of it is ever handled, retransmissions included.
func (p *Peer) readFeedback(stream rtcpReader) {
	buf := make([]byte, 1500)
	for {
		n, attributes, err := stream.Read(buf)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return
		}
		var packets []rtcp.Packet
		if err == nil {
			packets, err = attributes.GetRTCPPackets(buf[:n])
		}
		if err != nil {
			p.count.malformed.Add(1)
			continue
		}
		for _, packet := range packets {
			p.handleFeedback(packet)
		}
	}
}

func (p *Peer) handleFeedback(packet rtcp.Packet) {
	switch packet := packet.(type) {
	case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
		if p.video.idleSince(time.Now(), impatience) && p.excuse(time.Now()) {
			p.count.excused.Add(1)
			return
		}
		p.requestKey()
	case *rtcp.TransportLayerCC:
		p.path.feedback(packet)
		p.video.notice()
		p.tellBitrate()
	case *rtcp.ReceiverReport:
		for _, r := range packet.Reports {
			if r.SSRC == p.video.stream() {
				p.path.loss(float64(r.FractionLost) / 256)
				p.tellBitrate()
			}
		}
	}
}

// impatience is a little less than how long a browser waits for a frame before
// it asks for a key frame, whether or not there is anything to show (libwebrtc:
// 3 s, while packets have come in the last 5 s). Answered, it would be asked
// every 3 s for as long as the screen is still.
const impatience = 2500 * time.Millisecond

// excuse says whether a request that may come of impatience alone is left
// unanswered: the first one is. A decoder that does need a key frame asks again
// at once.
func (p *Peer) excuse(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := now.Sub(p.excused) > impatience
	p.excused = now
	return first
}

// repairFeedback opens the RTCP about the retransmissions; nil: there are none.
// A receiver addresses transport-wide feedback to the stream of the last packet
// that it got, and pion hands a sender only what is addressed to its media.
func (c *connection) repairFeedback() (*webrtc.RTPReceiver, error) {
	ssrc := c.sender.GetParameters().Encodings[0].RTX.SSRC
	if ssrc == 0 {
		return nil, nil
	}
	receiver, err := c.api.NewRTPReceiver(webrtc.RTPCodecTypeVideo, c.sender.Transport())
	if err == nil {
		err = receiver.Receive(webrtc.RTPReceiveParameters{
			Encodings: []webrtc.RTPDecodingParameters{{RTPCodingParameters: webrtc.RTPCodingParameters{SSRC: ssrc}}},
		})
	}
	if err != nil {
		return nil, fmt.Errorf("peer: open feedback on retransmissions: %w", err)
	}
	return receiver, nil
}
