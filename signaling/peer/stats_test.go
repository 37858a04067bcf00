package peer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"lucarne/encode"
	"lucarne/signaling/peer/bwe"
)

func TestStatsOfFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := bind(&wire{}, bwe.Config{MinBps: 1e9, MaxBps: 1e9})
		f := frame(0, 1000)
		f.Times = encode.Times{Damaged: time.Now(), Grabbed: time.Now(), Encoded: time.Now().Add(time.Millisecond)}
		time.Sleep(5 * time.Millisecond)
		if !ready(v) || !v.WritePacket(f) {
			t.Fatal("refused")
		}
		v.flush()
		s := v.stats()
		if s.Frames != 1 || s.Bytes != uint64(len(f.Data)) || s.Sending.Sum != 4*time.Millisecond || s.Latency.Sum != 5*time.Millisecond {
			t.Errorf("got %+v, want one frame sent 4 ms after it was encoded and 5 ms after the damage", s)
		}
		all := s
		all.Merge(s)
		if all.Frames != 2 || all.Packets != 2*s.Packets || all.Latency.Count() != 2 {
			t.Errorf("twice %+v is %+v", s, all)
		}
	})
}

func TestStatsOfLoss(t *testing.T) {
	p := newPath(bwe.Config{})
	p.feedback(&rtcp.TransportLayerCC{
		PacketStatusCount: 5,
		PacketChunks:      []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketNotReceived, RunLength: 5}},
	})
	var s Stats
	if p.stats(&s); s.Lost != 5 {
		t.Errorf("%d packets lost, want 5", s.Lost)
	}
}
