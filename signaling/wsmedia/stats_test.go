package wsmedia

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"
)

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, _ := watching(t)
		p := picture(1000, true)
		p.Times.Damaged = p.Times.Encoded.Add(-3 * time.Millisecond)
		v.WritePacket(p)
		time.Sleep(2 * time.Millisecond) // in the queue
		receive(t, v)
		msg := acknowledge(1, time.Now(), 0)
		v.Acknowledge(msg)
		binary.BigEndian.PutUint32(msg[5:], 1<<32-1) // over an hour
		v.Acknowledge(msg)
		s := v.Stats()
		if s.Pictures != 1 || s.Bytes != 1000 || s.Sending.Sum != 2*time.Millisecond || s.Latency.Sum != 5*time.Millisecond {
			t.Errorf("got %+v, want one picture that waited 2 ms and is 5 ms old", s)
		}
		if s.Decoding.Count() != 2 || s.Decoding.Sum != 4*time.Millisecond+maxDecode {
			t.Errorf("decoding %+v, want 4 ms and %v", s.Decoding, maxDecode)
		}
		all := s
		all.Merge(s)
		if all.Pictures != 2 || all.Bytes != 2000 || all.Acknowledged != 4 || all.Latency.Count() != 2 || all.RTT != s.RTT {
			t.Errorf("twice %+v is %+v", s, all)
		}
	})
}
