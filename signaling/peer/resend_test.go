package peer

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"

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
			header := &rtp.Header{Version: 2, SSRC: ssrc, SequenceNumber: seq}
			if _, err := way.Write(header, binary.BigEndian.AppendUint16(nil, seq), nil); err != nil {
				t.Fatal(err)
			}
		}
		send(media, 7)
		time.Sleep(roundTrip)
		p.bwe.Feedback(time.Now(), []bwe.Arrival{{Seq: 0, At: time.Second}})

		for _, test := range []struct {
			name  string
			ssrc  uint32
			seq   uint16
			later time.Duration
			want  bool
		}{
			{"missed for the first time", repair, 7, 0, true},
			{"on its way", repair, 7, roundTrip / 2, false},
			{"another packet", repair, 8, 0, true},
			{"media goes on", media, 7, 0, true},
			{"one in the same place", repair, 7 + sentKept, 0, true},
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
		if p.stats(&s); s.Spared != 2 {
			t.Errorf("%d packets spared, want 2", s.Spared)
		}
	})
}
