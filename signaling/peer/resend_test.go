package peer

import (
	"bytes"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"lucarne/encode"

	"lucarne/signaling/peer/bwe"
)

// TestAskedAgainTooSoon: a receiver that asks for the same packet more often than
// once a round trip does not get it each time.
func TestAskedAgainTooSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const media, repair, roundTrip = 1, 2, 40 * time.Millisecond
		var passed []uint32
		p := newPath(bwe.Config{})
		way := p.BindLocalStream(&interceptor.StreamInfo{
			SSRC: media, SSRCRetransmission: repair,
			RTPHeaderExtensions: []interceptor.RTPHeaderExtension{{URI: sdp.TransportCCURI, ID: 1}},
		}, interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) {
			passed = append(passed, h.SSRC)
			return len(payload), nil
		}))
		send := func(ssrc uint32, seq uint16) {
			t.Helper()
			header := &rtp.Header{Version: 2, SSRC: ssrc, SequenceNumber: seq, PayloadType: 96}
			if _, err := way.Write(header, binary.BigEndian.AppendUint16(nil, seq), nil); err != nil {
				t.Fatal(err)
			}
		}
		for seq := range uint16(7 + sentKept + 1) {
			send(media, seq)
		}
		time.Sleep(roundTrip)
		p.bwe.Feedback(time.Now(), []bwe.Arrival{{Seq: 7 + sentKept, At: time.Second}})

		for _, test := range []struct {
			name  string
			ssrc  uint32
			seq   uint16
			later time.Duration
			want  bool
		}{
			{"missed for the first time", repair, 9, 0, true},
			{"on its way", repair, 9, roundTrip / 2, false},
			{"another packet", repair, 8, 0, true},
			{"media goes on", media, 9 + sentKept, 0, true},
			{"one in the same place", repair, 9 + sentKept, 0, true},
			{"one that is kept no longer", repair, 9, 0, false},
			{"lost again", repair, 8, roundTrip, true},
			{"on its way again", repair, 8, roundTrip - 1, false},
		} {
			time.Sleep(test.later)
			before := len(passed)
			send(test.ssrc, test.seq)
			if got := len(passed) > before; got != test.want {
				t.Errorf("%s: sent %v, want %v", test.name, got, test.want)
			}
		}
		var s Stats
		if p.stats(&s); s.Spared != 3 || s.Resent != 4 {
			t.Errorf("%d packets spared, %d sent again; want 3, 4", s.Spared, s.Resent)
		}
	})
}

// TestRepairOfEachCodec: what is sent again has the payload type for what it repeats,
// whatever the stream has changed to since, by pion's own responder.
func TestRepairOfEachCodec(t *testing.T) {
	const media, repair = 1, 2
	p := newPath(bwe.Config{})
	p.repair(ways{
		encode.VP8:     {payloadType: 96, repair: 97},
		encode.H264:    {payloadType: 102, repair: 103},
		encode.H264444: {payloadType: 112}, // sent again as it was
	})
	factory, err := nack.NewResponderInterceptor(nack.ResponderSize(sentKept))
	if err != nil {
		t.Fatal(err)
	}
	responder, err := factory.NewInterceptor("")
	if err != nil {
		t.Fatal(err)
	}
	defer responder.Close()
	info := &interceptor.StreamInfo{
		SSRC: media, PayloadType: 96, SSRCRetransmission: repair, PayloadTypeRetransmission: 97,
		RTCPFeedback: []interceptor.RTCPFeedback{{Type: webrtc.TypeRTCPFBNACK}},
	}
	passed := make(chan rtp.Packet, 8)
	way := responder.BindLocalStream(info, p.BindLocalStream(info, interceptor.RTPWriterFunc(
		func(h *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) {
			passed <- rtp.Packet{Header: h.Clone(), Payload: bytes.Clone(payload)}
			return len(payload), nil
		})))
	types := []uint8{96, 102, 112, 96}
	for seq, payloadType := range types {
		header := &rtp.Header{Version: 2, SSRC: media, SequenceNumber: uint16(seq), PayloadType: payloadType, Timestamp: 7}
		if _, err := way.Write(header, []byte{9, 9, 9}, nil); err != nil {
			t.Fatal(err)
		}
		<-passed
	}
	var last *uint16 // retransmission's sequence number
	for range 2 {    // what the responder keeps stays as it is
		for seq, want := range []struct {
			ssrc        uint32
			payloadType uint8
			payload     []byte
		}{
			{repair, 97, []byte{0, 0, 9, 9, 9}},
			{repair, 103, []byte{0, 1, 9, 9, 9}},
			{media, 112, []byte{9, 9, 9}},
			{repair, 97, []byte{0, 3, 9, 9, 9}},
		} {
			lost, err := (&rtcp.TransportLayerNack{MediaSSRC: media, Nacks: []rtcp.NackPair{{PacketID: uint16(seq)}}}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			reader := responder.BindRTCPReader(interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
				return copy(b, lost), a, nil
			}))
			if _, _, err := reader.Read(make([]byte, 100), nil); err != nil {
				t.Fatal(err)
			}
			got := <-passed
			if got.SSRC != want.ssrc || got.PayloadType != want.payloadType || !bytes.Equal(got.Payload, want.payload) || got.Timestamp != 7 {
				t.Errorf("packet %d of type %d was sent again as %v %x, want stream %d, type %d, %x",
					seq, types[seq], got.Header, got.Payload, want.ssrc, want.payloadType, want.payload)
			}
			if want.ssrc == media {
				if got.SequenceNumber != uint16(seq) {
					t.Errorf("packet %d was sent again as %d", seq, got.SequenceNumber)
				}
				continue
			}
			if last != nil && got.SequenceNumber != *last+1 { // RFC 4588 §4
				t.Errorf("retransmission %d follows %d", got.SequenceNumber, *last)
			}
			last = &got.SequenceNumber
		}
	}
}
