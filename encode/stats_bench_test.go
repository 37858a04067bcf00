package encode

import (
	"testing"
	"time"
)

func BenchmarkStatsNote(b *testing.B) {
	var s Stats
	began := time.Now()
	p := Packet{Data: make([]byte, 1000), Times: Times{Damaged: began, Grabbed: began.Add(time.Millisecond), Converted: began.Add(2 * time.Millisecond), Encoded: began.Add(9 * time.Millisecond)}}
	b.ReportAllocs()
	for b.Loop() {
		s.note(&p, KeyEncoder)
	}
}
