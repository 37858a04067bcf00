package peer

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"

	"lucarne/signaling/peer/bwe"
)

// path numbers the packets that leave for one viewer, retransmissions included,
// and learns from the feedback what the way there carries. It is the innermost
// interceptor.
type path struct {
	interceptor.NoOp

	// writing is held while a packet passes, so that numbers leave in their order.
	writing sync.Mutex
	next    uint16
	number  [2]byte // the extension of the packet that passes
	history history

	mu       sync.Mutex
	numbered bool   // transport-wide numbers were negotiated
	spared   uint64 // packets asked for again too soon
	resent   uint64 // packets asked for again and sent
	lost     uint64 // packets that were reported lost
	bwe      *bwe.Controller
	clock    receiverClock
	arrivals []bwe.Arrival
}

func newPath(cfg bwe.Config) *path {
	return &path{bwe: bwe.New(cfg), history: history{next: uint16(rand.Uint32())}}
}

// wireOverhead is what IPv4, UDP and SRTP put around an RTP packet, in bytes.
const wireOverhead = 20 + 8 + 16

// NewInterceptor implements interceptor.Factory for the one connection there is.
func (p *path) NewInterceptor(string) (interceptor.Interceptor, error) { return p, nil }

// BindLocalStream implements interceptor.Interceptor.
func (p *path) BindLocalStream(info *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	id := extensionID(info, sdp.TransportCCURI)
	p.mu.Lock()
	p.numbered = id != 0
	p.mu.Unlock()
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		p.writing.Lock()
		defer p.writing.Unlock()
		if seq, again := original(info, h, payload); !again {
			p.history.note(h.SequenceNumber, h.PayloadType)
		} else if p.resend(seq) {
			h, payload = p.history.restore(info, h, payload, seq)
		} else {
			return h.MarshalSize() + len(payload), nil
		}
		if id != 0 {
			number := p.next
			p.next++
			binary.BigEndian.PutUint16(p.number[:], number)
			if err := h.SetExtension(id, p.number[:]); err != nil {
				return 0, err
			}
			p.sent(number, h.MarshalSize()+len(payload)+wireOverhead)
		}
		return next.Write(h, payload, a)
	})
}

// repair makes retransmissions those of the payload type that they repeat.
func (p *path) repair(all ways) {
	p.writing.Lock()
	defer p.writing.Unlock()
	for _, way := range all {
		p.history.repair[way.payloadType] = way.repair
	}
}

// resend says whether a packet may be sent again now. The caller holds writing.
func (p *path) resend(seq uint16) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.history.again(seq, time.Now(), p.bwe.RTT()) {
		p.resent++
		return true
	}
	p.spared++
	return false
}

func (p *path) sent(seq uint16, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bwe.Sent(seq, bytes, time.Now())
}

// feedback takes a report on transport-wide numbers.
func (p *path) feedback(report *rtcp.TransportLayerCC) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arrivals = appendArrivals(p.arrivals[:0], report, p.clock.at(report.ReferenceTime))
	for _, a := range p.arrivals {
		if a.Lost {
			p.lost++
		}
	}
	if len(p.arrivals) > 0 {
		p.bwe.Feedback(time.Now(), p.arrivals)
	}
}

// loss takes a receiver report's fraction lost, 0 to 1; it counts only where
// there are no transport-wide numbers.
func (p *path) loss(fraction float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.numbered {
		p.bwe.Loss(time.Now(), fraction)
	}
}

func (p *path) estimate() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bwe.Estimate()
}

// feedbackDelay is how long a browser may take until it reports a packet
// (Chromium: 50 to 250 ms), and then some.
const feedbackDelay = 150 * time.Millisecond

// load is what a path has to carry and can. Where nothing is numbered nothing is
// known to be under way.
type load struct {
	flight, window int // bytes under way, and how many may be
	estimate, pace int // bits a second: in the long run, and of a burst
}

func (p *path) load() load {
	p.mu.Lock()
	defer p.mu.Unlock()
	bps := p.bwe.Estimate()
	return load{
		flight:   p.bwe.InFlight(time.Now()),
		window:   int(float64(bps) / 8 * (p.bwe.RTT() + feedbackDelay).Seconds()),
		estimate: bps,
		pace:     p.bwe.Pace(),
	}
}

// newest reports whether the newest packet is known to have arrived. Where
// packets are not numbered nobody will ever tell.
func (p *path) newest() (numbered, arrived bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.numbered, p.numbered && p.bwe.Arrived()
}

func (p *path) stats(s *Stats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Estimate, s.RTT, s.Queue = p.bwe.Estimate(), p.bwe.RTT(), p.bwe.Queue()
	s.Spared, s.Resent, s.Lost = p.spared, p.resent, p.lost
}

// receiverClock unwraps the reference time of feedback: 24 bits of 64 ms.
type receiverClock struct {
	last uint32
	now  int64 // unwrapped, in steps of 64 ms
	any  bool
}

func (c *receiverClock) at(reference uint32) time.Duration {
	if !c.any {
		c.any, c.now = true, int64(reference)
	} else {
		c.now += int64(int32((reference-c.last)<<8) >> 8) // sign extended from 24 bits
	}
	c.last = reference
	return time.Duration(c.now) * 64 * time.Millisecond
}

// maxArrivals bounds what one report may speak of.
const maxArrivals = 4096

// appendArrivals appends what a report says of each packet, in their order. A
// packet that has arrived without a time is left out.
func appendArrivals(list []bwe.Arrival, report *rtcp.TransportLayerCC, reference time.Duration) []bwe.Arrival {
	seq, left := report.BaseSequenceNumber, min(int(report.PacketStatusCount), maxArrivals)
	deltas := report.RecvDeltas
	add := func(symbol uint16) bool {
		if left == 0 {
			return false
		}
		switch symbol {
		case rtcp.TypeTCCPacketNotReceived:
			list = append(list, bwe.Arrival{Seq: seq, Lost: true})
		case rtcp.TypeTCCPacketReceivedSmallDelta, rtcp.TypeTCCPacketReceivedLargeDelta:
			if len(deltas) == 0 {
				return false
			}
			reference += time.Duration(deltas[0].Delta) * time.Microsecond
			deltas = deltas[1:]
			list = append(list, bwe.Arrival{Seq: seq, At: reference})
		}
		seq++
		left--
		return true
	}
	for _, chunk := range report.PacketChunks {
		switch chunk := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for range chunk.RunLength {
				if !add(chunk.PacketStatusSymbol) {
					return list
				}
			}
		case *rtcp.StatusVectorChunk:
			for _, symbol := range chunk.SymbolList {
				if !add(symbol) {
					return list
				}
			}
		}
	}
	return list
}
