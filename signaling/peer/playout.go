package peer

import (
	"fmt"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

const playoutDelayURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

// playout is an interceptor that puts the playout delay on every packet.
type playout struct {
	interceptor.NoOp
	value []byte
}

// playoutDelay returns the interceptor for a least and a most delay.
func playoutDelay(least, most time.Duration) (*playout, error) {
	const step, limit = 10 * time.Millisecond, 1 << 12
	if least < 0 || most < least || most/step >= limit {
		return nil, fmt.Errorf("peer: playout delay from %v to %v", least, most)
	}
	value, err := rtp.PlayoutDelayExtension{MinDelay: uint16(least / step), MaxDelay: uint16(most / step)}.Marshal()
	if err != nil {
		return nil, fmt.Errorf("peer: playout delay: %w", err)
	}
	return &playout{value: value}, nil
}

// NewInterceptor implements interceptor.Factory for the one connection there is.
func (d *playout) NewInterceptor(string) (interceptor.Interceptor, error) { return d, nil }

// BindLocalStream implements interceptor.Interceptor.
func (d *playout) BindLocalStream(info *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	id := extensionID(info, playoutDelayURI)
	if id == 0 {
		return next
	}
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		if err := h.SetExtension(id, d.value); err != nil {
			return 0, err
		}
		return next.Write(h, payload, a)
	})
}

// extensionID returns the negotiated id of a header extension; 0: there is none.
func extensionID(info *interceptor.StreamInfo, uri string) uint8 {
	for _, e := range info.RTPHeaderExtensions {
		if e.URI == uri {
			return uint8(e.ID)
		}
	}
	return 0
}
